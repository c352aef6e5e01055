/**
 * Connections: what TCP knows of each, in a table of fixed size. `output.ts` sends segments, `retransmission.ts` has what comes with
 * time, `input.ts` takes segments, `calls.ts` is what a socket asks for.
 * Read first: RFC 9293, 3.3.
 */
import * as ds from "@devicescript/core"
import { ARP_ATTEMPTS, HEARD, TCP_BUFFER, TCP_CONNECTIONS } from "../../base/config"
import { count, Counter } from "../../base/counters"
import { Signal } from "../../base/signal"
import { deadlineOf, setTimer } from "../../base/timers"
import { nextHop } from "../../ip/output"
import type { Interface } from "../../link/interface"
import type { Neighbour } from "../../link/neighbours"
import { UNREACHABLE_PROTOCOL } from "../../wire/icmp"
import type { Endpoint } from "../endpoint"

/** IANA, Protocol Numbers. */
export const PROTOCOL_TCP = 6
/** In the key of a connection that a listener has made: it does not keep others from the port. */
export const PASSIVE = 1 << 24

/** Octets of data in a segment at most: no link on the way, and no host, takes less than a packet with as many (RFC 9293, 3.7.1). */
export const MSS = TCP_BUFFER / 2
/** "Fragmentation needed and DF set" (RFC 792). */
const TOO_BIG = 4

/**
 * RFC 9293, 3.3.2, in an order that comparisons use: up to `CloseWait` we may send more, from `FinWait1` to `LastAck` our FIN waits
 * to be acknowledged, from `FinWait2` on it is.
 */
export enum State {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    CloseWait,
    FinWait1,
    Closing,
    LastAck,
    FinWait2,
    TimeWait,
}

/** Announces that something has changed: data, room, a state, an error. */
export const changed = new Signal()

/** Of `flags`: a socket has it; without one nobody reads what arrives. */
export const ATTACHED = 1
/**
 * Something was lost: one segment may be on its way, else two. With a buffer of two that is all of RFC 5681, 3.1 and 3.2: `ssthresh` is
 * always two segments, and one that is acknowledged after a time-out makes `cwnd` two again.
 */
export const LOST = 2
/** Options of its socket, by the bits that those have there. */
export const KEEP_ALIVE = 1 << 5
export const NO_DELAY = 1 << 6

/** The transmission control block (RFC 9293, 3.3.1). Sequence numbers are integers of 32 bits, which wrap. */
export class Connection implements Endpoint {
    // fields are searched from the first on: what each segment needs comes first
    next: Endpoint = undefined
    /** As `keyOf` has it, with `PASSIVE` if a listener has made it. */
    port = 0
    remotePort = 0
    remote = 0
    state = State.Closed
    rcvNxt = 0
    /** End of the window that the peer was told. */
    rcvAdv = 0
    sndUna = 0
    /** End of all that was ever sent: after a time-out `sndNxt` goes back. */
    sndMax = 0
    sndWnd = 0
    /** The sequence number of the segment that told the window, and the widest that was told. */
    sndWl1 = 0
    widest = 0
    flags = 0
    rxCount = 0
    txCount = 0
    /** The first of its two timers, which is for what waits for an answer; the other is for an ACK that is held back. */
    timer = 0
    /** What was acknowledged last. */
    rcvAcked = 0
    sndNxt = 0
    /** How often in a row what waits for an answer was sent again. */
    attempts = 0
    /** Segments, for people. */
    received = 0
    sent = 0
    /** When the peer was heard. */
    heardAt = 0
    /** What is in the ring beyond a hole: sequence numbers of its begin and end, equal if there is nothing. */
    heldFrom = 0
    heldTo = 0
    /** The frame of a segment without data or options, all but what changes from one to the next; `undefined` if it is to be made anew. */
    frame: Buffer = undefined
    /** `undefined` once it is gone. */
    ifc: Interface = undefined
    /** Data before `rcvNxt` that nobody has read, and data from `sndUna` on: rings of `TCP_BUFFER` octets. */
    rx: Buffer = undefined
    rxFirst = 0
    tx: Buffer = undefined
    txFirst = 0
    mss = MSS
    /** When the segment was sent that is timed, 0 if none is, and its end. */
    timedAt = 0
    timedTo = 0
    /** RFC 6298, in milliseconds; `srtt` is 0 before the first measurement. */
    rto = 0
    srtt = 0
    rttvar = 0
    /** When something was answered that deserves no more than an ACK. */
    challengedAt = -1000
    retransmitted = 0
    tos = 0
    // the others take no room in the heap until they are set, and few are
    /** Of a listener: how many may wait for `accept`. */
    backlog: number
    /** Of one that waits for it: its listener. */
    listener: Connection
    /** POSIX code: why it has ended. */
    error: string
    /** What was said of it meanwhile, which is believed if it ends (RFC 1122, 4.2.3.9). */
    hint: string
    onPacket: (b: Buffer, at: number, length: number, ip: number) => void

    onError(code: string): void {
        finish(this, code)
    }

    onUnreachable(code: number, dst: number, dstPort: number, source: number): void {
        const c = connectionOf(this.ifc, this.port, dst, dstPort)
        if (!c) return
        if (code === TOO_BIG) return
        c.hint = code < UNREACHABLE_PROTOCOL ? "EHOSTUNREACH" : "ECONNREFUSED"
        // once there was an answer, it is a hint alone (RFC 5927, 4)
        if (c.state > State.SynSent) return count(Counter.IcmpUnbelieved)
        if (source !== dst) if (source !== this.ifc.router()) return count(Counter.IcmpUnbelieved)
        finish(c, c.hint)
    }

    onWay(): void {
        this.frame = undefined
    }

    hears(n: Neighbour): boolean {
        return this.isBehind(n) ? ds.millis() - this.heardAt < HEARD : false
    }

    onNeighbour(n: Neighbour): void {
        this.frame = undefined
        if (n.known) return
        if (n.attempts < ARP_ATTEMPTS) return
        if (!this.isBehind(n)) return
        this.hint = "EHOSTUNREACH"
        if (this.state === State.SynSent) finish(this, this.hint)
    }

    private isBehind(n: Neighbour): boolean {
        return this.remotePort === 0 ? false : nextHop(this.ifc, this.remote) === n.address
    }
}

/** By slot. Each is made anew, so that nothing of the one before is left. */
export const connections: Connection[] = [new Connection()]
/** The buffers that no connection has. They are made at boot: a heap in use may have no piece of that length, and to ask for one ends the program. */
const rings: Buffer[] = []
/** The first of all timers: two for each slot. */
export let timers = 0
let onFree: (ifc: Interface) => void

/** @param streams how many may have buffers @param free is told of each connection that is gone */
export function startConnections(firstTimer: number, streams: number, free: (ifc: Interface) => void): void {
    timers = firstTimer
    onFree = free
    for (let i = 0; i < 2 * streams; i++) rings.push(Buffer.alloc(TCP_BUFFER))
}

/** The connection with this peer, or `undefined`. @param key of the port, with or without `PASSIVE` */
export function connectionOf(ifc: Interface, key: number, remote: number, remotePort: number): Connection {
    return connections.find(c => {
        if (c.remotePort !== remotePort) return false
        if (c.remote !== remote) return false
        return c.ifc === ifc ? ((c.port ^ key) & ~PASSIVE) === 0 : false
    })
}

/** An entry of the table. One that only waits for its time to be up gives way, if its address is needed for another one anyway. @returns `undefined` if all are in use */
export function takeConnection(ifc: Interface, key: number): Connection {
    let slot = 0
    let old: Connection
    while (slot < connections.length) {
        const c = connections[slot]
        if (!c.ifc) break
        if (c.state === State.TimeWait)
            if (c.ifc === ifc ? true : c.ifc.isCommon()) if (old ? deadlineOf(c.timer) < deadlineOf(old.timer) : true) old = c
        slot++
    }
    if (slot === TCP_CONNECTIONS) {
        if (!old) return undefined
        finish(old)
        slot = (old.timer - timers) >> 1
    }
    const c = new Connection()
    c.timer = timers + 2 * slot
    c.port = key
    c.ifc = ifc
    return (connections[slot] = c)
}

/** Whether one more may have buffers. A half-open one that has not answered for long gives way. */
export function hasRoom(): boolean {
    let n = 2
    let old: Connection
    for (const c of connections)
        if (!c.tx)
            if (c.state === State.SynReceived) {
                n += 2
                if (c.attempts > 0) old = c
            }
    if (n <= rings.length) return true
    if (old) finish(old)
    return old !== undefined
}

/** Give a connection its buffers; `hasRoom` was asked. */
export function takeBuffers(c: Connection): void {
    c.tx = rings.pop()
    c.rx = rings.pop()
}

/** All that was sent is acknowledged, or lost. */
export function dropTx(c: Connection): void {
    if (c.tx) rings.push(c.tx)
    c.tx = undefined
}

/** Nobody reads any more. */
export function dropRx(c: Connection): void {
    if (c.rx) rings.push(c.rx)
    c.rx = undefined
}

/** The end of a connection. What was received can still be read. @param code POSIX, if it is an error */
export function finish(c: Connection, code?: string): void {
    setTimer(c.timer, Infinity)
    setTimer(c.timer + 1, Infinity)
    c.state = State.Closed
    if (code) c.error = code
    dropTx(c)
    c.ifc.remove(c)
    if ((c.flags & ATTACHED) === 0) free(c)
    changed.notify(true)
}

/** Whether the peer may still send data. */
export function mayReceive(c: Connection): boolean {
    if (c.state === State.Established) return true
    return c.state === State.FinWait1 ? true : c.state === State.FinWait2
}

/** Nobody needs it any more. */
export function free(c: Connection): void {
    const ifc = c.ifc
    c.ifc = undefined
    dropRx(c)
    c.listener = undefined
    onFree(ifc)
}
