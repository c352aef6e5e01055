/**
 * Telephone events that are heard: the digits of the other side's keypad.
 * Read first: RFC 4733, 2.3 (the payload) and 2.5.2 (who hears), 3.2 (the digits).
 */
import * as ds from "@devicescript/core"
import { count, Counter } from "../base/counters"
import { Receiver } from "../socket/socket"
import { RTP_TIMESTAMP } from "../wire/rtp"
import { EVENT, EVENT_AT } from "./reception"

/** In the order of their numbers. */
export const DIGITS = "0123456789*#ABCD"
/** Octets of a payload: the number, end and volume, how long it has lasted. */
export const EVENT_LENGTH = 4
/** Milliseconds between two that are heard: what comes faster is no keypad (ITU-T Q.24), and nobody is to be told of each. */
const SHORTEST = 40

/** Is told of each digit that the other side sends. */
type Listener = (session: Receiver, digit: string) => void
let listener: Listener

export function listenForDigits(that: Listener): void {
    listener = that
}

/**
 * An event is there: each comes several times, and counts once.
 * @param r figures of the session, see `reception.ts` @param payload where it begins, of `length` octets
 */
export function hearEvent(session: Receiver, r: Buffer, b: Buffer, rtp: number, payload: number, length: number): void {
    if (length < EVENT_LENGTH) return count(Counter.RtpBad)
    // 0 is that of none
    const timestamp = ~b.getAt(rtp + RTP_TIMESTAMP, "i32")
    if (timestamp === r.getAt(EVENT, "i32")) return
    const now = ds.millis()
    if (now < r.getAt(EVENT_AT, "u32") + SHORTEST) return count(Counter.RtpBad)
    r.setAt(EVENT, "i32", timestamp)
    r.setAt(EVENT_AT, "u32", now)
    const digit = DIGITS[b[payload]]
    // others are of modems and lines
    if (digit) if (listener) listener(session, digit)
}
