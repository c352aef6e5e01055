import { CALLS } from "../config"
import { SocketError } from "../errors"
import { collect } from "../heap"
import { SocketAddress } from "../socket/socket"
import { Codec } from "../voice/g711"
import { Play } from "../voice/source"
import { Call, CallState } from "./call"

/**
 * The calls, made at boot. One that has ended keeps its slot, and its figures, until a new call needs it: the slot that
 * was free for longest is taken.
 */
export const calls: Call[] = []
for (let i = 0; i < CALLS; i++) {
    calls.push(new Call())
    collect()
}

/** Start the processes of the calls. */
export function startTelephone(): void {
    for (const call of calls) call.live.start()
}

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
    play: Play,
    seconds: number,
    tuple: number
): Promise<Call> {
    let call: Call
    for (const c of calls) if (!c.isLive() && (!call || c.endedAt() < call.endedAt())) call = c
    if (!call) throw new SocketError("EBUSY", `${CALLS} calls are up; hang one up`)
    call.open(++last, remote, codec, play, seconds, tuple)
    await call.reached(CallState.Up)
    if (call.error) throw call.error
    if (call.state !== CallState.Up) throw new SocketError("ECANCELED", "the call was hung up before it was up")
    return call
}

/** The calls that have not ended, and those that have and are remembered, in the order of their numbers. */
export function listedCalls(): Call[] {
    const listed: Call[] = []
    for (const c of calls)
        if (c.state !== CallState.Free) {
            let at = listed.length
            while (at > 0 && listed[at - 1].id > c.id) at--
            listed.insert(at, 1)
            listed[at] = c
        }
    return listed
}

/** End a call and wait until its address is given back. */
export async function hangup(call: Call): Promise<void> {
    call.hangup()
    await call.reached(CallState.Ended)
}

/** End all calls at once and wait for them. @returns how many there were */
export async function hangupAll(): Promise<number> {
    const live = calls.filter(c => c.isLive())
    for (const call of live) call.hangup()
    for (const call of live) await call.reached(CallState.Ended)
    return live.length
}
