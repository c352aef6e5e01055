import { CALLS } from "../config"
import { SocketError } from "../errors"
import { closeAll } from "../socket/socket"
import { spawn } from "../socket/process"
import { Call, CallOptions, CallState } from "./call"

/** The calls that have not ended. */
export const calls: Call[] = []
/** The calls that ended last, for their figures. */
export const endedCalls: Call[] = []
const ENDED_KEPT = 4

let last = 0

/**
 * Place a call.
 * @returns the call, which is up
 * @throws SocketError with the reason for which it is not
 */
export async function place(options: CallOptions): Promise<Call> {
    if (calls.length >= CALLS) throw new SocketError("EBUSY", `${CALLS} calls are up; hang one up`)
    const call = new Call(++last, options)
    calls.push(call)
    spawn(
        async () => await call.run(),
        async process => {
            await closeAll(process)
            retire(call)
        }
    )
    await call.reached(CallState.Up)
    if (call.error) throw call.error
    return call
}

function retire(call: Call): void {
    calls.insert(calls.indexOf(call), -1)
    // its socket and its source are gone; only the figures stay
    call.options.source = undefined
    if (!call.session) return
    endedCalls.push(call)
    if (endedCalls.length > ENDED_KEPT) endedCalls.shift()
}

/** End a call and wait until its address is given back. */
export async function hangup(call: Call): Promise<void> {
    call.hangup()
    await call.reached(CallState.Ended)
}

/** End all calls at once and wait for them. */
export async function hangupAll(): Promise<number> {
    const up = calls.slice()
    for (const call of up) call.hangup()
    for (const call of up) await call.reached(CallState.Ended)
    return up.length
}
