/**
 * Figures of what arrives from one source: packets, losses, jitter. They lie in a Buffer of `RECEPTION_SIZE` bytes, all zero at
 * first: the fields of an object would take five times the heap. The constants are offsets in it.
 * Read first: RFC 3550, A.1, A.3 and A.8.
 */

/** Packets. */
export const RECEIVED = 0
/** Packets that arrived after one with a later sequence number. */
const REORDERED = 4
export const SSRC = 8
/** Extended sequence numbers of the first and of the latest packet. */
const FIRST = 12
export const LATEST = 16
/** Figures of earlier sources, and of this one before it began anew. */
const RECEIVED_BEFORE = 20
const LOST_BEFORE = 24
/** The sequence number that must follow if a jump was no stray packet, plus 1; 0 for none (RFC 3550, A.1 `bad_seq`). */
const SUSPECT = 28
export const TRANSIT = 32
/** 16 times the interarrival jitter, in timestamp units; 0 until two packets were not evenly spaced. */
export const JITTER = 36
/** Another source on probation (RFC 3550, A.1): its SSRC, what `RECEIVED` was when it was heard, and its packets in a row. */
const STRANGER = 40
const STRANGER_RECEIVED = 44
const STRANGER_ROW = 48
/** Of the last telephone event, its timestamp and when it was heard: see `events.ts`. */
export const EVENT = 52
export const EVENT_AT = 56
/** Frames of ours that were left out because the clock was too late. */
export const SKIPPED = 60
/** For `rtcp.ts`: the port of the other side's RTCP, 0 for the one above its voice's; and what of 256 packets of ours it missed. */
export const RTCP_PORT = 64
export const REMOTE_LOSS = 66
/** The payload type of telephone events, -1 if the other side takes none. */
export const EVENTS = 67
/** When the next report is due; milliseconds of a round trip and one more, 0 as long as they are not known. */
export const REPORT_AT = 68
export const ROUND_TRIP = 72
/** Of the other side's last report, the middle of its time as it lies in the packet, and when it came. */
export const SENDER_REPORT = 76
export const SENDER_REPORT_AT = 80
/** Packets that were expected, and received, when we reported last. */
export const EXPECTED_BEFORE = 84
export const REPORTED_BEFORE = 88
export const RECEPTION_SIZE = 92

/** Sequence numbers: a larger gap, or a larger step back, means that the source began anew (RFC 3550, A.1). */
const MAX_DROPOUT = 3000
const MAX_MISORDER = 100
const SEQUENCES = 65536
/** Packets in a row that make a stranger the source: one more than may come where one of the source is lost. */
const PROBATION = 3
/** A minute, in timestamp units. */
export const JITTER_MAX = 480000

/**
 * Count a packet.
 * @param ssrc as `i32` @param transit arrival less timestamp, in timestamp units, 32 bits
 * @returns whether it is of the source that is heard. Another one takes its place when `PROBATION` packets of it have followed one
 *   another, with none of the old source between them
 */
export function countPacket(r: Buffer, ssrc: number, sequence: number, transit: number): boolean {
    const latest = r.getAt(LATEST, "i32")
    const received = r.getAt(RECEIVED, "i32")
    if (received === 0) begin(r, ssrc, sequence)
    else if (ssrc !== r.getAt(SSRC, "i32")) {
        let row = r.getAt(STRANGER_ROW, "i32") + 1
        if (ssrc !== r.getAt(STRANGER, "i32")) row = 1
        if (received !== r.getAt(STRANGER_RECEIVED, "i32")) row = 1
        if (sequence + 1 !== r.getAt(SUSPECT, "i32")) row = 1
        if (row < PROBATION) {
            r.setAt(STRANGER, "i32", ssrc)
            r.setAt(STRANGER_RECEIVED, "i32", received)
            r.setAt(STRANGER_ROW, "i32", row)
            r.setAt(SUSPECT, "i32", ((sequence + 1) & 0xffff) + 1)
            return false
        }
        begin(r, ssrc, sequence)
    } else {
        const step = (sequence - latest) & 0xffff
        // the usual case first; a step of 0 is a duplicate, received, but nothing new
        if (step < MAX_DROPOUT) r.setAt(LATEST, "i32", latest + step)
        else if (step > SEQUENCES - MAX_MISORDER) r.setAt(REORDERED, "i32", r.getAt(REORDERED, "i32") + 1)
        else if (sequence + 1 === r.getAt(SUSPECT, "i32")) begin(r, ssrc, sequence)
        else {
            // the source began anew only if the next packet follows this one; else this one is astray
            r.setAt(SUSPECT, "i32", ((sequence + 1) & 0xffff) + 1)
            return true
        }
    }
    r.setAt(RECEIVED, "i32", received + 1)
    if (received > r.getAt(RECEIVED_BEFORE, "i32")) {
        let d = (transit - r.getAt(TRANSIT, "i32")) | 0
        if (d < 0) d = -d
        // a jump of more than a minute is no jitter, and must not overflow the sum
        if (d > JITTER_MAX) d = JITTER_MAX
        const jitter = r.getAt(JITTER, "i32")
        r.setAt(JITTER, "i32", jitter + d - ((jitter + 8) >> 4))
    }
    r.setAt(TRANSIT, "i32", transit)
    return true
}

/**
 * Count a packet of the source that is heard which is no voice: telephone-events and comfort noise have their place in its sequence
 * (RFC 4733, 2.1; RFC 3389), but timestamps of their own. @returns false if it is of another source
 */
export function countOther(r: Buffer, ssrc: number, sequence: number): boolean {
    if (r.getAt(RECEIVED, "i32") === 0) return false
    if (ssrc !== r.getAt(SSRC, "i32")) return false
    const jitter = r.getAt(JITTER, "i32")
    countPacket(r, ssrc, sequence, r.getAt(TRANSIT, "i32"))
    r.setAt(JITTER, "i32", jitter)
    return true
}

function begin(r: Buffer, ssrc: number, sequence: number): void {
    r.setAt(LOST_BEFORE, "i32", lostOf(r))
    r.setAt(RECEIVED_BEFORE, "i32", r.getAt(RECEIVED, "i32"))
    r.setAt(SSRC, "i32", ssrc)
    r.setAt(FIRST, "i32", sequence)
    r.setAt(LATEST, "i32", sequence)
    r.setAt(SUSPECT, "i32", 0)
    r.setAt(JITTER, "i32", 0)
}

export function receivedOf(r: Buffer): number {
    return r.getAt(RECEIVED, "i32")
}

export function reorderedOf(r: Buffer): number {
    return r.getAt(REORDERED, "i32")
}

/** Packets expected and not received; duplicates can make it negative (RFC 3550, 6.4.1). */
export function lostOf(r: Buffer): number {
    const received = r.getAt(RECEIVED, "i32")
    if (received === 0) return 0
    return expectedOf(r) - received
}

/** Packets expected of all sources, one after the other. */
export function expectedOf(r: Buffer): number {
    return r.getAt(LATEST, "i32") - r.getAt(FIRST, "i32") + 1 + r.getAt(LOST_BEFORE, "i32") + r.getAt(RECEIVED_BEFORE, "i32")
}

/** Interarrival jitter in milliseconds at 8 kHz. */
export function jitterOf(r: Buffer): number {
    return Math.round((r.getAt(JITTER, "i32") / 16 / 8) * 100) / 100
}
