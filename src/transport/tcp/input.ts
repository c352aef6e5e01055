/**
 * TCP in: a segment, and what it does in each state.
 * @see RFC 9293, 3.10.7; RFC 5961; RFC 5681, 3.2; RFC 5827
 */
import * as ds from "@devicescript/core"
import { TCP_ACK_DELAY, TCP_BUFFER, TCP_CHALLENGE_INTERVAL, TCP_PROBE_ATTEMPTS, TCP_REORDERING } from "../../base/config"
import { count, Counter } from "../../base/counters"
import { deadlineOf, setTimer } from "../../base/timers"
import { allocate, sendBack } from "../../ip/output"
import { mayAnswer } from "../../ip/icmp"
import { Interface, isSource, keyOf } from "../../link/interface"
import { checksumHolds, sum } from "../../wire/checksum"
import { IPV4_SRC, pseudoSum } from "../../wire/ipv4"
import { htonl } from "../../wire/order"
import {
    ACK,
    FIN,
    RST,
    SYN,
    TCP_ACKNOWLEDGMENT,
    TCP_DST_PORT,
    TCP_FLAGS,
    TCP_HEADER,
    TCP_OFFSET,
    TCP_SEQUENCE,
    TCP_WINDOW,
    mssOption,
} from "../../wire/tcp"
import {
    ATTACHED,
    Connection,
    LOST,
    MSS,
    PASSIVE,
    PROTOCOL_TCP,
    State,
    changed,
    connections,
    finish,
    hasRoom,
    mayReceive,
    takeConnection,
} from "./connection"
import { closeSending, reset, waitForFin, waitOut } from "./close"
import { begin, establish } from "./open"
import { TX_TCP, acknowledge, segment, transmit, writeTcp } from "./output"
import { arm, measure, resetRto } from "./retransmission"
import { intoRing } from "./ring"

/** What `keyOf` puts before a port. */
const TCP_KEY = keyOf(PROTOCOL_TCP, 0)
/** The segment size of a peer that says none (RFC 9293, 3.7.1). */
const MSS_DEFAULT = 536
/** The least segment size that a peer may ask for: smaller ones would cost more than they carry. */
const MSS_LEAST = 64
/** The largest window that can be told without scaling: an ACK that is older is none (RFC 5961, 5.2). */
const OLD_ACK = -65535

/** Fields of the segment that is being taken, which begins at `head` of `packet`; its data are `size` octets from `data` on. */
let packet: Buffer
let head = 0
let seq = 0
let ack = 0
let flags = 0
let window = 0
let data = 0
let size = 0

/** Take a segment to one of our addresses. */
export function tcpInput(ifc: Interface, b: Buffer, ip: number, at: number, length: number): void {
    const header = (b[at + TCP_OFFSET] >> 4) * 4
    if (header < TCP_HEADER) return count(Counter.TcpBad)
    if (header > length) return count(Counter.TcpBad)
    if (!checksumHolds(pseudoSum(b, ip, PROTOCOL_TCP, length) + sum(b, at, length))) return count(Counter.TcpBadChecksum)
    const remotePort = (b[at] << 8) | b[at + 1]
    if (remotePort === 0) return count(Counter.TcpBad)
    count(Counter.TcpRx)
    packet = b
    head = at
    seq = htonl(b.getAt(at + TCP_SEQUENCE, "i32"))
    ack = htonl(b.getAt(at + TCP_ACKNOWLEDGMENT, "i32"))
    flags = b[at + TCP_FLAGS]
    window = (b[at + TCP_WINDOW] << 8) | b[at + TCP_WINDOW + 1]
    data = at + header
    size = length - header

    const remote = b.getAt(ip + IPV4_SRC, "i32")
    // what `keyOf` makes of the port
    const key = TCP_KEY | (b[at + TCP_DST_PORT] << 8) | b[at + TCP_DST_PORT + 1]
    let listener: Connection
    let e = ifc.endpoints
    while (e) {
        if ((e.port & ~PASSIVE) === key) {
            const c = e as Connection
            if (c.remotePort === remotePort) {
                if (c.remote === remote) {
                    if (c.state !== State.SynSent) return arrive(c)
                    return arriveInSynSent(c) ? undefined : refuse(ifc, b, ip)
                }
            } else if (c.state === State.Listen) listener = c
        }
        e = e.next
    }
    // whom there is a connection with was looked at then
    if (!isSource(ifc, remote)) return count(Counter.IpBadSource)
    if (listener) if ((flags & (SYN | ACK | RST)) === SYN) return accept(listener, remote, remotePort)
    refuse(ifc, b, ip)
}

/** A segment that belongs to no connection: its sender learns that (RFC 9293, 3.5.3), by the way that it came. */
function refuse(ifc: Interface, b: Buffer, ip: number): void {
    if ((flags & RST) !== 0) return
    count(Counter.TcpRefused)
    if (!mayAnswer()) return
    const f = allocate(ifc, PROTOCOL_TCP, 0, b.getAt(ip + IPV4_SRC, "i32"), TCP_HEADER)
    f.setAt(TX_TCP, "u16", b.getAt(head + TCP_DST_PORT, "u16"))
    f.setAt(TX_TCP + TCP_DST_PORT, "u16", b.getAt(head, "u16"))
    if ((flags & ACK) !== 0) f.setAt(TX_TCP + TCP_SEQUENCE, "i32", b.getAt(head + TCP_ACKNOWLEDGMENT, "i32"))
    else f.setAt(TX_TCP + TCP_ACKNOWLEDGMENT, "i32", htonl((seq + lengthOf()) | 0))
    writeTcp(f, (flags & ACK) === 0 ? RST | ACK : RST, 0)
    sendBack(ifc, f, b, ip)
}

/** Sequence numbers that the segment takes: SYN and FIN have one each. */
function lengthOf(): number {
    return size + ((flags >> 1) & 1) + (flags & 1)
}

/** A SYN to a listener. */
function accept(listener: Connection, remote: number, remotePort: number): void {
    let waiting = 0
    for (const k of connections) if (k.listener === listener) waiting++
    let c: Connection
    if (waiting < listener.backlog) if (hasRoom()) c = takeConnection(listener.ifc, listener.port | PASSIVE)
    if (!c) return count(Counter.TcpNoRoom)
    c.listener = listener
    c.flags = listener.flags & ~ATTACHED
    c.tos = listener.tos
    c.remote = remote
    c.remotePort = remotePort
    c.ifc.add(c)
    takeSyn(c)
    begin(c, SYN | ACK, State.SynReceived)
}

/** What a SYN says. */
function takeSyn(c: Connection): void {
    c.rcvNxt = (seq + 1) | 0
    c.rcvAdv = c.rcvNxt
    c.mss = Math.max(MSS_LEAST, Math.min(MSS, mssOption(packet, head, data) || MSS_DEFAULT))
}

/** @returns whether the segment may be for this connection; if not, it is to be refused */
function arriveInSynSent(c: Connection): boolean {
    const acks = (flags & ACK) !== 0
    if (acks) if (ack !== c.sndNxt) return false
    if ((flags & RST) !== 0) {
        if (acks) finish(c, "ECONNREFUSED")
    } else if ((flags & SYN) !== 0) {
        takeSyn(c)
        if (acks) {
            establish(c, seq, window)
            acknowledge(c)
        } else {
            // both have called at once (RFC 9293, figure 8)
            c.state = State.SynReceived
            segment(c, SYN | ACK, c.sndUna, 0)
        }
    }
    return true
}

function arrive(c: Connection): void {
    // octets of the segment that were received before; negative: beyond the next one
    let old = (c.rcvNxt - seq) | 0
    if ((flags & SYN) !== 0)
        if (c.state === State.SynReceived) {
            // the same SYN once more, with an ACK if both have called
            if (old === 1) {
                seq = c.rcvNxt
                old = 0
                flags &= ~SYN
                if ((flags & ACK) === 0) return segment(c, SYN | ACK, c.sndUna, 0)
            }
        }
    // RFC 9293, 3.10.7.4, first: the segment must have something in the window, or stand at its edge
    let sound = old === 0
    if (old < 0) sound = -old < ((c.rcvAdv - c.rcvNxt) | 0)
    if (old > 0) sound = old < lengthOf()
    if ((flags & RST) !== 0) {
        // RFC 5961, 3.2: only the next sequence number resets; RFC 1337: and not what is over
        if (!sound) count(Counter.TcpOutside)
        else if (old !== 0) challenge(c)
        else if (c.state !== State.TimeWait) finish(c, c.state === State.SynReceived ? "ECONNREFUSED" : "ECONNRESET")
        return
    }
    if (!sound) {
        count(Counter.TcpOutside)
        // a FIN or data once more: their ACK was lost
        if (size + (flags & FIN) === 0) return challenge(c)
        if (c.state === State.TimeWait) waitOut(c)
        return acknowledge(c)
    }
    // RFC 5961, 4.2
    if ((flags & SYN) !== 0) return challenge(c)
    if ((flags & ACK) === 0) return
    c.received++
    c.heardAt = ds.millis()
    if (c.state === State.SynReceived) {
        if (ack !== c.sndMax) return segment(c, RST, ack, 0)
        establish(c, seq, window)
        // its socket was closed meanwhile
        if (isOrphan(c)) closeSending(c)
    }
    if (!takeAck(c)) return
    if (size + (flags & FIN) > 0) takeData(c, old)
    // most have nothing to send, nor an end to tell
    if (c.txCount > 0 ? true : c.state >= State.FinWait1) transmit(c, false)
}

/** Answer what must not be believed, but seldom (RFC 5961, 7). */
function challenge(c: Connection): void {
    const now = ds.millis()
    if (now - c.challengedAt < TCP_CHALLENGE_INTERVAL) return
    c.challengedAt = now
    acknowledge(c)
}

/** RFC 9293, 3.10.7.4, fifth. @returns whether the segment is worth reading on */
function takeAck(c: Connection): boolean {
    const acked = (ack - c.sndUna) | 0
    if (acked < OLD_ACK) {
        challenge(c)
        return false
    }
    if (((ack - c.sndMax) | 0) > 0) {
        challenge(c)
        return false
    }
    if (acked < 0) return true
    const before = c.sndWnd
    if (((seq - c.sndWl1) | 0) >= 0) {
        c.sndWnd = window
        c.sndWl1 = seq
        if (window > c.widest) c.widest = window
        // while it was closed, nothing was lost
        if (before === 0) if (window !== 0) resetRto(c)
    }
    if (acked === 0) {
        if (before === 0) {
            // the octet that probed the window is gone; whoever says so is there
            c.sndNxt = c.sndUna
            c.attempts = Math.min(c.attempts, TCP_PROBE_ATTEMPTS)
        } else if (size + (flags & FIN) === 0)
            if (window === before) if (((c.sndMax - ack) | 0) > c.mss) if ((c.flags & LOST) === 0) suspectLoss(c)
        // a question whether the peer is there was answered
        if (ack === c.sndMax)
            if (c.txCount === 0)
                if (c.attempts > 0) {
                    c.attempts = 0
                    arm(c)
                }
        return true
    }
    if (c.timedAt !== 0)
        if (((ack - c.timedTo) | 0) >= 0) {
            measure(c, ds.millis() - c.timedAt)
            c.timedAt = 0
        }
    const octets = Math.min(acked, c.txCount)
    c.txFirst = (c.txFirst + octets) % TCP_BUFFER
    c.txCount -= octets
    c.sndUna = ack
    if (((c.sndNxt - ack) | 0) < 0) c.sndNxt = ack
    if (before === 0) c.sndNxt = ack
    c.attempts = 0
    c.flags &= ~LOST
    // what is beyond the data is our FIN
    if (acked > octets) {
        if (c.state === State.LastAck) {
            finish(c)
            return false
        }
        if (c.state === State.Closing) waitOut(c)
        else waitForFin(c)
    }
    arm(c)
    changed.notify(true)
    return true
}

/** Whether nobody will read what arrives. */
function isOrphan(c: Connection): boolean {
    return (c.flags & ATTACHED) === 0 ? !c.listener : false
}

/**
 * The same ACK once more: the peer has received something beyond a hole, or twice. With two segments on their way there is one such ACK, not
 * three (RFC 5827, 3.1). So it is given a moment in which the hole may fill.
 */
function suspectLoss(c: Connection): void {
    c.flags |= LOST
    setTimer(c.timer, ds.millis() + TCP_REORDERING)
}

/** RFC 9293, 3.10.7.4, seventh and eighth. @param old octets that were received before; negative: of a hole before it */
function takeData(c: Connection, old: number): void {
    if (!mayReceive(c)) return
    const from = Math.max(old, 0)
    const hole = from - old
    let n = size - from
    let fin = flags & FIN
    // the peer must not think that anybody reads that (RFC 9293, 3.6.1)
    if (n > 0) if (isOrphan(c)) return reset(c)
    const holed = c.heldTo !== c.heldFrom
    const room = TCP_BUFFER - c.rxCount - hole
    if (n > room) {
        n = room
        fin = 0
    }
    if (n > 0) {
        intoRing(c.rx, c.rxFirst + c.rxCount + hole, packet, data + from, n)
        if (hole === 0) advance(c, n)
        else hold(c, (c.rcvNxt + hole) | 0, (c.rcvNxt + hole + n) | 0)
        changed.notify(true)
    }
    if (fin !== 0)
        if (((seq + size) | 0) === c.rcvNxt) {
            c.rcvNxt = (c.rcvNxt + 1) | 0
            if (c.state === State.Established) c.state = State.CloseWait
            else if (c.state === State.FinWait1) c.state = State.Closing
            else waitOut(c)
            changed.notify(true)
            return acknowledge(c)
        }
    // a hole, the end of one, and what did not fit are answered at once (RFC 5681, 4.2); two segments when somebody reads them, which
    // tells the peer of the room in the same ACK
    if (((seq + size) | 0) !== c.rcvNxt ? true : holed) return acknowledge(c)
    const timer = c.timer + 1
    if (deadlineOf(timer) === Infinity) setTimer(timer, ds.millis() + TCP_ACK_DELAY)
}

/** The next `n` octets are there, and what lay beyond them. */
function advance(c: Connection, n: number): void {
    let next = (c.rcvNxt + n) | 0
    if (c.heldTo !== c.heldFrom)
        if (((c.heldFrom - next) | 0) <= 0) {
            if (((c.heldTo - next) | 0) > 0) next = c.heldTo
            c.heldTo = c.heldFrom
        }
    c.rxCount += (next - c.rcvNxt) | 0
    c.rcvNxt = next
}

/** Remember what lies beyond a hole, if it is the first piece, or what follows it. */
function hold(c: Connection, from: number, to: number): void {
    if (c.heldTo === c.heldFrom) c.heldFrom = from
    else if (from !== c.heldTo) return
    c.heldTo = to
}
