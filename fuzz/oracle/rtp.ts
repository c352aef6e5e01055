/** The oracle for RTP in a call (RFC 3550, 5.1, 5.3.1, A.1 and A.8). */
import type { Call, Reception, Verdict, World } from "../world.js"

const HEADER = 12
/** Sequence numbers (RFC 3550, A.1). */
const MAX_DROPOUT = 3000
const MAX_MISORDER = 100
const SEQUENCES = 65536
/** Packets in a row that make another source the one that is heard. */
const PROBATION = 3
/** A minute of samples: a greater jump is no jitter. */
const JITTER_MAX = 480_000
const SAMPLES_PER_MS = 8

/** Payload type, octets of a payload, and milliseconds between two of telephone events (RFC 4733). */
const TELEPHONE_EVENT = 101
const COMFORT_NOISE = 13
const EVENT_LENGTH = 4
const EVENT_SHORTEST = 40

/** Octets of the payload, if a packet is RTP: version 2, and as long as its CSRC list, its extension and its padding say (RFC 3550, A.1); -1 if not. */
function payloadLength(b: Buffer): number {
    if (b.length < HEADER || b[0] >> 6 !== 2) return -1
    let header = HEADER + 4 * (b[0] & 15)
    if (b[0] & 0x10) {
        if (b.length < header + 4) return -1
        header += 4 + 4 * b.readUInt16BE(header + 2)
    }
    if (header > b.length) return -1
    if (!(b[0] & 0x20)) return b.length - header
    const padding = b[b.length - 1]
    return b.length > header && padding > 0 ? Math.max(-1, b.length - header - padding) : -1
}

/** Packets one behind the other, of version 2, each as long as it says (RFC 3550, A.2; RFC 5506). */
export function judgeRtcp(b: Buffer, verdict: Verdict): void {
    for (let at = 0; at < b.length; ) {
        if (b.length - at < 8 || b[at] >> 6 !== 2) return verdict.count("rtpBad")
        at += 4 * (b.readUInt16BE(at + 2) + 1)
        if (at > b.length) return verdict.count("rtpBad")
    }
}

export function judgeRtp(world: World, call: Call, b: Buffer, verdict: Verdict): void {
    const length = payloadLength(b)
    if (length < 0) return verdict.count("rtpBad")
    const type = b[1] & 0x7f
    const sequence = b.readUInt16BE(2)
    const ssrc = b.readUInt32BE(8)
    const r = { ...call.reception }
    const transit = (world.now * SAMPLES_PER_MS - b.readUInt32BE(4)) | 0
    if (type === call.payloadType) {
        if (!receive(r, ssrc, sequence, transit)) verdict.count("rtpForeign")
    } else {
        const isControl = type >= 64 && type <= 95
        if (isControl) judgeRtcp(b, verdict)
        else if (type === TELEPHONE_EVENT) {
            if (!hearEvent(r, b.readUInt32BE(4), length, world.now)) verdict.count("rtpBad")
        } else if (type !== COMFORT_NOISE) verdict.count("rtpForeign")
        // what is no voice has its place in the sequence of its source, but not RTCP (RFC 5761, 4)
        if (!isControl && r.received > 0 && r.ssrc === ssrc) {
            const { jitter } = r
            receive(r, ssrc, sequence, r.transit)
            r.jitter = jitter
        }
    }
    verdict.effects.push(() => void (call.reception = r))
}

/** @returns whether the packet is a telephone event, and none that is too soon */
function hearEvent(r: Reception, timestamp: number, length: number, now: number): boolean {
    if (length < EVENT_LENGTH) return false
    if (timestamp === r.event) return true
    if (now < r.eventAt + EVENT_SHORTEST) return false
    Object.assign(r, { event: timestamp, eventAt: now })
    return true
}

/** @returns whether the packet is of the source that is heard */
function receive(r: Reception, ssrc: number, sequence: number, transit: number): boolean {
    const next = (sequence + 1) % SEQUENCES
    const before = r.received
    if (before === 0) begin(r, ssrc, sequence)
    else if (ssrc !== r.ssrc) {
        const follows = ssrc === r.stranger && before === r.strangerReceived && sequence === r.suspect
        const row = follows ? r.strangerRow + 1 : 1
        if (row < PROBATION) {
            Object.assign(r, { stranger: ssrc, strangerReceived: before, strangerRow: row, suspect: next })
            return false
        }
        begin(r, ssrc, sequence)
    } else {
        const step = (((sequence - r.latest) % SEQUENCES) + SEQUENCES) % SEQUENCES
        if (step < MAX_DROPOUT) r.latest += step
        else if (step > SEQUENCES - MAX_MISORDER) r.reordered++
        else if (sequence === r.suspect) begin(r, ssrc, sequence)
        else {
            r.suspect = next
            return true
        }
    }
    r.received++
    // RFC 3550, A.8, in the form that keeps 16 times the jitter
    if (before > r.receivedBefore) {
        const d = Math.min(Math.abs((transit - r.transit) | 0), JITTER_MAX)
        r.jitter += d - ((r.jitter + 8) >> 4)
    }
    r.transit = transit
    return true
}

function begin(r: Reception, ssrc: number, sequence: number): void {
    r.lostBefore = lostOf(r)
    r.receivedBefore = r.received
    Object.assign(r, { ssrc, first: sequence, latest: sequence, suspect: -1, jitter: 0 })
}

function lostOf(r: Reception): number {
    if (r.received === 0) return 0
    return r.lostBefore + r.latest - r.first + 1 - (r.received - r.receivedBefore)
}
