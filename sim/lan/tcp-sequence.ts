/** Sequence numbers of TCP: 32 bits that wrap, and where those of a connection begin. @see RFC 9293 3.4, RFC 6528 */
import { createHash, randomBytes } from "node:crypto"

/** Ticks of 4 us in a millisecond (RFC 9293 3.4.1). */
const TICKS_PER_MS = 250
const secret = randomBytes(16)

/** The sequence number `count` after this one. */
export function after(sequence: number, count: number): number {
    return (sequence + count) >>> 0
}

/** How far it is from one sequence number to another; negative when `to` comes first. */
export function distance(from: number, to: number): number {
    return (to - from) | 0
}

/** The initial sequence number: a clock, so that old segments do not fit, and a hash, so that nobody can guess it. @param connection its addresses and ports */
export function initialSequence(connection: string): number {
    const hash = createHash("sha256").update(secret).update(connection).digest().readUInt32BE(0)
    return after(hash, Math.floor((performance.timeOrigin + performance.now()) * TICKS_PER_MS) % 2 ** 32)
}
