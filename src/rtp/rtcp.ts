/**
 * RTCP: what a session tells the other side of itself and of what it hears, every five seconds and at its end, and what it hears of that.
 * Read first: RFC 3550, 6.1 to 6.6 and A.7; RFC 3611 is not done.
 */
import * as ds from "@devicescript/core"
import { count, Counter } from "../base/counters"
import { formatAddress } from "../wire/address"
import { get16, htonl } from "../wire/order"
import { RTP_SSRC, RTP_TIMESTAMP } from "../wire/rtp"
import {
    EXPECTED_BEFORE,
    JITTER,
    LATEST,
    RECEIVED,
    REMOTE_LOSS,
    REPORT_AT,
    REPORTED_BEFORE,
    ROUND_TRIP,
    SENDER_REPORT,
    SENDER_REPORT_AT,
    SSRC,
    expectedOf,
    lostOf,
} from "./reception"

/** Packet types (12.1), and the shortest packet there is. */
const SR = 200
const RR = 201
const HEADER = 8
/** Template: a sender report with a block (6.4.1), an SDES chunk up to the length of its CNAME (6.5), BYE (6.6). A compound begins with a report (6.1). */
const COMPOUND: Buffer = hex`
    81c8000c 00000000 0000000000000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000
    81ca0000 00000000 0100
    81cb0001 00000000`
const SR_SSRC = 4
const SR_NTP = 8
const SR_RTP_TIMESTAMP = 16
const SR_PACKETS = 20
const SR_OCTETS = 24
/** A report block, and in it. */
const BLOCK = 28
const BLOCK_LENGTH = 24
const LOST = 4
const HIGHEST = 8
const BLOCK_JITTER = 12
const LAST_REPORT = 16
const DELAY = 20
const SR_LENGTH = BLOCK + BLOCK_LENGTH
const SDES_LENGTH = SR_LENGTH + 2
const SDES_SSRC = SR_LENGTH + 4
const CNAME_LENGTH = SR_LENGTH + 9
const CNAME = SR_LENGTH + 10
const BYE_SSRC = 4
const BYE_LENGTH = 8
const LOST_MAX = 0x7fffff

/** Milliseconds between two reports: five seconds, divided by e - 3/2, and more or less by half (6.2, 6.3.1). */
const INTERVAL = 5000 / 1.21828
/** NTP's middle 32 bits count so many in a millisecond. */
const NTP_MS = 65.536

/** When the next report is due. @param share of an interval: the first is due after half of one (6.2) */
export function scheduleReport(r: Buffer, share: number): void {
    r.setAt(REPORT_AT, "u32", ds.millis() + share * INTERVAL * (0.5 + Math.random()))
}

/** The middle of an NTP timestamp: there is no wall clock, so it is the time since the phone has started (6.4.1). */
function now(): number {
    return (ds.millis() * NTP_MS) | 0
}

/**
 * Make a compound: SR, SDES, and BYE if it ends the session. The CNAME is the session's address (6.5.1), which every packet tells anyway.
 * @param b has an RTP packet of the session at `rtp`: the next one that would be sent
 * @param r what the session has received, see `reception.ts`
 * @param packets sent, of `payload` octets each
 */
export function reportOf(b: Buffer, rtp: number, r: Buffer, packets: number, payload: number, address: number, isOver: boolean): Buffer {
    const name = Buffer.from(formatAddress(address))
    // one to four null octets end the chunk at a multiple of four
    const bye = (CNAME + name.length + 4) & ~3
    const c = Buffer.alloc(isOver ? bye + BYE_LENGTH : bye)
    c.blitAt(0, COMPOUND, 0, CNAME)
    const ssrc = b.getAt(rtp + RTP_SSRC, "i32")
    c.setAt(SR_SSRC, "i32", ssrc)
    c.setAt(SDES_SSRC, "i32", ssrc)
    if (isOver) {
        c.blitAt(bye, COMPOUND, CNAME, BYE_LENGTH)
        c.setAt(bye + BYE_SSRC, "i32", ssrc)
    }
    c.setAt(SR_NTP + 2, "i32", htonl(now()))
    c.blitAt(SR_RTP_TIMESTAMP, b, rtp + RTP_TIMESTAMP, 4)
    c.setAt(SR_PACKETS, "i32", htonl(packets))
    c.setAt(SR_OCTETS, "i32", htonl(packets * payload))
    // length in words, less one (6.4.1)
    c[SDES_LENGTH + 1] = ((bye - SR_LENGTH) >> 2) - 1
    c[CNAME_LENGTH] = name.length
    c.blitAt(CNAME, name, 0, name.length)
    writeBlock(c, r)
    return c
}

/** Write what is to be said of the source that is heard (6.4.1, A.3); that of none has only zeros. */
function writeBlock(c: Buffer, r: Buffer): void {
    const received = r.getAt(RECEIVED, "i32")
    if (received === 0) return
    const lost = Math.min(Math.max(lostOf(r), 0), LOST_MAX)
    const expected = expectedOf(r)
    const recently = expected - r.getAt(EXPECTED_BEFORE, "i32")
    const missing = recently - (received - r.getAt(REPORTED_BEFORE, "i32"))
    r.setAt(EXPECTED_BEFORE, "i32", expected)
    r.setAt(REPORTED_BEFORE, "i32", received)
    c.setAt(BLOCK, "i32", r.getAt(SSRC, "i32"))
    c.setAt(BLOCK + LOST, "i32", htonl(lost))
    if (missing > 0) c[BLOCK + LOST] = (missing * 256) / recently
    c.setAt(BLOCK + HIGHEST, "i32", htonl(r.getAt(LATEST, "i32")))
    c.setAt(BLOCK + BLOCK_JITTER, "i32", htonl(r.getAt(JITTER, "i32") >> 4))
    const last = r.getAt(SENDER_REPORT, "i32")
    if (last === 0) return
    c.setAt(BLOCK + LAST_REPORT, "i32", last)
    c.setAt(BLOCK + DELAY, "i32", htonl((now() - r.getAt(SENDER_REPORT_AT, "i32")) | 0))
}

/**
 * A compound of the other side, or, of reduced size, a packet alone (RFC 5506).
 * @param r what the session has received @param ssrc ours, as it lies in a packet
 */
export function hearReport(r: Buffer, ssrc: number, b: Buffer, at: number, end: number): void {
    while (at < end) {
        const next = at + 4 + 4 * get16(b, at + 2)
        // version 2, and lengths that hold (A.2)
        if (at + HEADER > end ? true : next > end ? true : b[at] >> 6 !== 2) return count(Counter.RtpBad)
        const type = b[at + 1]
        let block = at + HEADER
        if (type === SR) {
            block = at + BLOCK
            // their own words, sent back, are none of another
            if (block <= next)
                if (b.getAt(at + SR_SSRC, "i32") !== ssrc) {
                    r.blitAt(SENDER_REPORT, b, at + SR_NTP + 2, 4)
                    r.setAt(SENDER_REPORT_AT, "i32", now())
                }
        }
        if (type === SR || type === RR)
            for (let n = b[at] & 31; n > 0; n--) {
                if (block + BLOCK_LENGTH > next) break
                if (b.getAt(block, "i32") === ssrc) hearBlock(r, b, block)
                block += BLOCK_LENGTH
            }
        at = next
    }
}

/** What the other side says of us: of each 256 packets how many it missed; and the time that a report and the answer to it took (6.4.1). */
function hearBlock(r: Buffer, b: Buffer, block: number): void {
    r[REMOTE_LOSS] = b[block + LOST]
    const sent = htonl(b.getAt(block + LAST_REPORT, "i32"))
    if (sent === 0) return
    const trip = ((now() - sent) | 0) - htonl(b.getAt(block + DELAY, "i32"))
    if (trip >= 0) r.setAt(ROUND_TRIP, "u32", trip / NTP_MS + 1)
}
