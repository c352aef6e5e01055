/**
 * The table of calls: place, list and hang up. Read first: `call.ts`.
 */
import { CALLS } from "../base/config"
import { count, Counter } from "../base/counters"
import { fail } from "../base/errors"
import { collect } from "../base/heap"
import { takeStrays } from "../ip/input"
import type { Interface } from "../link/interface"
import { SocketAddress } from "../socket/api"
import { runMediaClock } from "../rtp/clock"
import { Codec } from "../voice/g711"
import { Play } from "../voice/source"
import { IPV4_SRC } from "../wire/ipv4"
import { get16 } from "../wire/order"
import { UDP_DST_PORT, UDP_HEADER, UDP_LENGTH, udpChecksumHolds } from "../wire/udp"
import { Call, CallState } from "./call"

/**
 * The slots, made at boot. A call that has ended keeps its slot and its figures until a new call needs it. A new call takes the
 * slot that has been free for longest.
 */
export const calls: Call[] = []
for (let i = 0; i < CALLS; i++) {
    calls.push(new Call())
    collect()
}

/** RTCP comes at the port above the voice's (RFC 3550, 11). */
function hearRtcp(ifc: Interface, b: Buffer, ip: number, udp: number): boolean {
    const port = get16(b, udp + UDP_DST_PORT) - 1
    for (const c of calls) {
        const { session } = c
        const s = session.socket
        if (s?.ifc === ifc)
            if (s.port === port)
                if (s.remote === b.getAt(ip + IPV4_SRC, "i32")) {
                    const length = get16(b, udp + UDP_LENGTH)
                    if (udpChecksumHolds(b, ip, udp, length)) session.hear(b, udp + UDP_HEADER, udp + length)
                    else count(Counter.UdpBadChecksum)
                    return true
                }
    }
    return false
}

/** Start the processes of the calls. @param onEnd called for each call that was up and failed */
export function startTelephone(onEnd: (call: Call) => void): void {
    takeStrays(hearRtcp)
    runMediaClock.start()
    for (const call of calls) call.live.start(onEnd)
}

let last = 0

/**
 * Place a call; `answered` waits until it is up.
 * @param seconds `Infinity` until somebody hangs up
 * @param tuple which address it gets, as in `socket`
 * @throws SocketError `EBUSY`
 */
export function place(remote: SocketAddress, codec: Codec, play: Play, seconds: number, tuple: number): Call {
    const call = free()
    if (!call) fail("EBUSY", `${CALLS} calls are up; hang one up`)
    call.open(++last, remote, codec, play, seconds, tuple)
    return call
}

/** The slot for the next call; `undefined` if all are taken. */
export function free(): Call {
    let call: Call
    for (const c of calls) if (!c.isLive()) if ((call ? call.ended : Infinity) > c.ended) call = c
    return call
}

/** The live calls, and the ended ones that still have a slot, in the order of their numbers. */
export function listedCalls(): Call[] {
    const listed: Call[] = []
    for (const c of calls)
        if (c.state !== CallState.Free) {
            let at = listed.length
            while (at > 0) {
                if (listed[at - 1].id < c.id) break
                at--
            }
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
