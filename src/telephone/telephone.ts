import { CALLS } from "../config"
import { SocketError } from "../errors"
import { spawn } from "../socket/process"
import { SocketAddress } from "../socket/socket"
import { Codec } from "../voice/g711"
import { VoiceSource } from "../voice/source"
import { Call, CallState } from "./call"

/** The calls that have not ended. */
export const calls: Call[] = []
/** The calls that ended last, for their figures. */
export const endedCalls: Call[] = []
const ENDED_KEPT = 4

let last = 0

/**
 * Place a call.
 * @param seconds `Infinity` until somebody hangs up
 * @param tuple which address it gets, as in `socket`
 * @returns the call, which is up
 * @throws SocketError with the reason for which it is not
 */
export async function place(
    remote: SocketAddress,
    codec: Codec,
    source: VoiceSource,
    seconds: number,
    tuple: number
): Promise<Call> {
    if (calls.length >= CALLS) throw new SocketError("EBUSY", `${CALLS} calls are up; hang one up`)
    const call = new Call(++last, remote.address, remote.port, codec, source, seconds, tuple, retire)
    calls.push(call)
    spawn(call)
    await call.reached(CallState.Up)
    if (call.error) throw call.error
    return call
}

function retire(call: Call): void {
    calls.insert(calls.indexOf(call), -1)
    if (!call.session) return
    if (endedCalls.length >= ENDED_KEPT) endedCalls.shift()
    endedCalls.push(call)
}

/** End a call and wait until its address is given back. */
export async function hangup(call: Call): Promise<void> {
    call.hangup()
    await call.reached(CallState.Ended)
}

/** End all calls at once and wait for them. @returns how many there were */
export async function hangupAll(): Promise<number> {
    const up = calls.slice()
    for (const call of up) call.hangup()
    for (const call of up) await call.reached(CallState.Ended)
    return up.length
}
