/**
 * TCP out: a segment, and which ones the windows allow now.
 * @see RFC 9293, 3.7.4 and 3.8.6; RFC 5681, 3.1
 */
import * as ds from "@devicescript/core"
import { TCP_BUFFER } from "../../base/config"
import { count, Counter } from "../../base/counters"
import { setTimer } from "../../base/timers"
import { allocate, neighbourFor, output } from "../../ip/output"
import { TX_IP, TX_MAC, transmitted } from "../../link/ethernet"
import { HEADROOM } from "../../phy/phy"
import { checksumOf, sum } from "../../wire/checksum"
import { setMac } from "../../wire/ethernet"
import { IPV4_HEADER, IPV4_SRC, setIpv4Length } from "../../wire/ipv4"
import { htonl, put16 } from "../../wire/order"
import {
    ACK,
    FIN,
    MSS_KIND_LENGTH,
    MSS_OPTION_LENGTH,
    PSH,
    SYN,
    TCP_ACKNOWLEDGMENT,
    TCP_CHECKSUM,
    TCP_DST_PORT,
    TCP_FLAGS,
    TCP_HEADER,
    TCP_OFFSET,
    TCP_SEQUENCE,
    TCP_WINDOW,
} from "../../wire/tcp"
import { Connection, LOST, MSS, NO_DELAY, PROTOCOL_TCP, State } from "./connection"
import { arm } from "./retransmission"
import { outOfRing } from "./ring"

/** Offsets of the TCP header in a transmit buffer, and of what is behind it. */
export const TX_TCP = TX_IP + IPV4_HEADER
const TX_DATA = TX_TCP + TCP_HEADER

/** The frame of a full segment, for all connections: it is the PHY's before the next one is written. */
let full: Buffer

/** Make what lasts, at boot. */
export function startOutput(): void {
    full = Buffer.alloc(TX_DATA + MSS)
}

/** Write a frame for the segments of a connection. It stays, unless it has to wait for the neighbour: then it must not be written to. */
function prepare(c: Connection): Buffer {
    const b = allocate(c.ifc, PROTOCOL_TCP, c.tos, c.remote, TCP_HEADER)
    put16(b, TX_TCP, c.port)
    put16(b, TX_TCP + TCP_DST_PORT, c.remotePort)
    const n = neighbourFor(c.ifc, c.remote)
    if (n?.known) {
        setMac(b, TX_MAC, n.macHigh, n.macLow)
        c.frame = b
    }
    return b
}

/** Send one segment. @param n octets of data from `seq` on */
export function segment(c: Connection, flags: number, seq: number, n: number): void {
    let frame = c.frame
    if (!frame) frame = prepare(c)
    const next = c.rcvNxt
    frame.setAt(TX_TCP + TCP_SEQUENCE, "i32", htonl(seq))
    if ((flags & ACK) !== 0) {
        frame.setAt(TX_TCP + TCP_ACKNOWLEDGMENT, "i32", htonl(next))
        if (c.rcvAcked !== next) {
            c.rcvAcked = next
            setTimer(c.timer + 1, Infinity)
        }
    }
    // the right edge never goes back, and moves for a segment's worth alone (RFC 9293, 3.8.6.2.2)
    let window = (c.rcvAdv - next) | 0
    // a FIN may stand behind it
    if (window < 0) window = 0
    const room = TCP_BUFFER - c.rxCount
    if (room - window >= MSS) window = room
    c.rcvAdv = (next + window) | 0
    frame[TX_TCP + TCP_WINDOW] = window >> 8
    frame[TX_TCP + TCP_WINDOW + 1] = window
    const options = (flags & SYN) === 0 ? 0 : MSS_OPTION_LENGTH
    let b = frame
    if (n + options > 0) {
        b = full
        if (n !== MSS ? true : !c.frame) b = Buffer.alloc(TX_DATA + options + n)
        b.blitAt(0, frame, 0, TX_DATA)
        put16(b, 0, b.length - HEADROOM)
        setIpv4Length(b, TX_IP, IPV4_HEADER, b.length - TX_TCP)
        if (options !== 0) {
            put16(b, TX_DATA, MSS_KIND_LENGTH)
            put16(b, TX_DATA + 2, MSS)
        }
        if (n > 0) outOfRing(c.tx, c.txFirst + ((seq - c.sndUna) | 0), b, TX_DATA, n)
    }
    c.sent++
    writeTcp(b, flags, options)
    if (!c.frame) output(c.ifc, b, c.remote)
    else if (transmitted(b)) c.ifc.tx++
}

/** Fill in what is written last: length of the header, flags, checksum. */
export function writeTcp(b: Buffer, flags: number, options: number): void {
    const length = b.length - TX_TCP
    b[TX_TCP + TCP_OFFSET] = (TCP_HEADER + options) << 2
    b[TX_TCP + TCP_FLAGS] = flags
    b.setAt(TX_TCP + TCP_CHECKSUM, "u16", 0)
    // the addresses of the pseudo-header lie before the segment
    const from = TX_IP + IPV4_SRC
    const s = sum(b, from, b.length - from) + (PROTOCOL_TCP << 8) + (length >> 8) + ((length & 255) << 8)
    b.setAt(TX_TCP + TCP_CHECKSUM, "u16", checksumOf(s))
    count(Counter.TcpTx)
}

/**
 * Tell the peer what was received, and the window. The ACK stands behind all that was ever sent: a peer that has all of it would drop one that
 * is older. But the octet that has probed a closed window lies outside of it, and an ACK behind it would too.
 */
export function acknowledge(c: Connection): void {
    segment(c, ACK, c.sndWnd === 0 ? c.sndUna : c.sndMax, 0)
}

/** Send what may be sent now. @param probe whether an octet may go against a closed window (RFC 9293, 3.8.6.1) */
export function transmit(c: Connection, probe: boolean): void {
    if (!c.tx) return
    // a FIN follows the data that were there when the socket was closed
    const closing = c.state >= State.FinWait1 ? c.state <= State.LastAck : false
    while (true) {
        const offset = (c.sndNxt - c.sndUna) | 0
        const left = c.txCount - offset
        // our FIN has gone
        if (left < 0) break
        let room = Math.min(c.sndWnd, (c.flags & LOST) === 0 ? 2 * c.mss : c.mss) - offset
        if (probe) room = Math.max(room, 1)
        let n = Math.min(Math.min(left, room), c.mss)
        const last = n === left ? closing : false
        if (!last) {
            if (n <= 0) break
            // Nagle's algorithm, and no silly window (RFC 9293, 3.7.4 and 3.8.6.2.1)
            if (n < c.mss)
                if (!probe) {
                    if (n < left) {
                        if (2 * n < c.widest) break
                    } else if (offset > 0) if ((c.flags & NO_DELAY) === 0) break
                }
        }
        probe = false
        const seq = c.sndNxt
        segment(c, (n === left ? (n > 0 ? PSH : 0) : 0) | (last ? FIN | ACK : ACK), seq, n)
        if (last) n++
        c.sndNxt = (seq + n) | 0
        if (((c.sndNxt - c.sndMax) | 0) > 0) {
            if (c.timedAt === 0) {
                c.timedAt = ds.millis()
                c.timedTo = c.sndNxt
            }
            // nothing waited for an answer: its time begins
            const idle = c.sndMax === c.sndUna
            c.sndMax = c.sndNxt
            if (idle) arm(c)
        } else retransmitted(c)
        if (last) break
    }
    // what could not be sent at all is tried again, against a closed window too
    if (c.sndMax === c.sndUna) if (c.txCount > 0) if (c.attempts === 0) arm(c)
}

export function retransmitted(c: Connection): void {
    c.retransmitted++
    count(Counter.TcpRetransmitted)
}
