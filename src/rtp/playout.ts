/**
 * The jitter buffer of the one who listens: packets go in as they come, 20 ms of voice come out each 20 ms. What is missing then is made
 * of what was heard before it. How long voice waits follows from how late packets come: one that is too late is played all the same, and
 * what comes after it waits as long; when all of them are early, one sample of each 20 ms is left out.
 * Read first: RFC 3550, 6.4.1 (jitter); ITU-T G.711 Appendix I, of which this is a simpler form: one pitch, no overlap.
 */
import { PLAYOUT_FIRST, PLAYOUT_FUTURE, PLAYOUT_PAST, SAMPLES_PER_FRAME } from "../base/config"
import { count, Counter } from "../base/counters"
import { htonl } from "../wire/order"
import { RTP_TIMESTAMP } from "../wire/rtp"
import type { Ear } from "./session"
import { Codec, silenceOf } from "../voice/g711"

const LINE = PLAYOUT_PAST + PLAYOUT_FUTURE + SAMPLES_PER_FRAME
/** Whether samples are there is known of eight at a time. */
const CELL = 8
const CELLS = LINE / CELL
/** Samples by which one that comes too late is one of the source before it began anew. */
const LONG_AGO = 8000
/** Frames in which the earliest and the latest are looked for: two seconds. */
const WINDOW = 100
/**
 * Samples for which the latest packet of a window should wait; it waits longer below `LOW`, and less above `HIGH`. Between the two is more than a
 * frame: packets that come when a frame is read come before it in one window and behind it in the next.
 */
const GOAL = 80
const LOW = 16
const HIGH = GOAL + SAMPLES_PER_FRAME + 40
/** More than any waits. */
const NONE = LINE

/** Samples of a period of the voice, 62 to 250 Hz; and of the piece that is compared with what was before it. */
const LAG_MIN = 32
const LAG_MAX = 128
const PIECE = 160
/** Samples between two that are compared, and between two periods that are tried. */
const STEP = 8
const LAG_STEP = 4
/** Samples that are made at most: 60 ms, as in G.711 Appendix I. */
const MADE_MAX = 480
/** Of what is made, the first 10 ms are so many steps of the codec quieter, 3 dB, and the others 9 dB: the longer, the less like what was said. */
const SOFT = 80
const QUIETER = 8
const QUIET = 24

/** A jitter buffer. `begin` uses it again. */
export class Playout implements Ear {
    /** Samples as the codec has them: the past, and what waits; and for each cell whether it is there. Both move on together. */
    line = Buffer.alloc(LINE)
    cells = Buffer.alloc(CELLS)
    /** What `pitchOf` compares. */
    piece = Buffer.alloc((PIECE + LAG_MAX) / LAG_STEP)
    /** The timestamp of the first sample of `line`. */
    origin: number
    /** In `line`: what is played next, and what is behind the last that was received. */
    at: number
    end: number
    /** For how many samples the latest packet of this window has waited, and for how many frames it has lasted. */
    least: number
    frames: number
    /** Samples that are to be left out; to be played twice, if negative. */
    owed: number
    /** Samples that were made in a row, and the period of which they are. */
    made: number
    lag: number
    /** What turns a sample into its sign and magnitude. */
    mask: number
    silence: number
    /** Who else hears the source. */
    also: Ear

    /** Begin with a source in this codec. */
    begin(codec: Codec): void {
        this.silence = silenceOf(codec)
        this.mask = codec === Codec.PCMU ? 0x7f : 0x55
        this.line.fillAt(0, LINE, this.silence)
        this.cells.fillAt(0, CELLS, 0)
        this.at = PLAYOUT_PAST
        this.origin = 0
        // nothing has come
        this.end = -Infinity
        this.least = NONE
        this.frames = 0
        this.owed = 0
        this.made = MADE_MAX
    }

    /** Take a packet of voice. @param payload where its voice begins, of `length` octets */
    hear(b: Buffer, rtp: number, payload: number, length: number): void {
        if (this.also) this.also.hear(b, rtp, payload, length)
        const timestamp = htonl(b.getAt(rtp + RTP_TIMESTAMP, "i32"))
        let x = (timestamp - this.origin) | 0
        let wait = x - this.at
        let first = PLAYOUT_FIRST
        let isNext = this.end > -Infinity
        if (wait < 0)
            if (isNext)
                if (wait > -LONG_AGO) {
                    // what came after it, or the same, was played
                    if (x < this.end) return count(Counter.RtpLate)
                    first = 0
                }
        if (wait < 0) isNext = false
        if (wait + length > PLAYOUT_FUTURE) isNext = false
        if (!isNext) {
            // it is played from here on, and nothing of what waits
            x = (this.at + first + CELL - 1) & -CELL
            wait = x - this.at
            if (wait + length > PLAYOUT_FUTURE) return count(Counter.RtpBad)
            this.origin = (timestamp - x) | 0
            const cell = (this.at + CELL - 1) >> 3
            this.cells.fillAt(cell, CELLS - cell, 0)
            this.end = x
        }
        if (wait < this.least) this.least = wait
        this.line.blitAt(x, b, payload, length)
        this.cells.fillAt(x >> 3, length >> 3, 1)
        if (x + length > this.end) this.end = x + length
    }

    /** Of who else hears it. */
    echo(b: Buffer, at: number): void {
        this.also.echo(b, at)
    }

    /** Write the next 20 ms. */
    read(b: Buffer, to: number): void {
        const { line, cells } = this
        let at = this.at
        const last = (at + SAMPLES_PER_FRAME + CELL - 1) >> 3
        let cell = cells.indexOf(0, at >> 3, last)
        if (cell < 0) this.made = 0
        while (cell >= 0) {
            let next = cells.indexOf(1, cell, last)
            if (next < 0) next = last
            make(this, cell * CELL, next * CELL)
            cells.fillAt(cell, next - cell, 1)
            if (next < last) this.made = 0
            cell = cells.indexOf(0, next, last)
        }
        b.blitAt(to, line, at, SAMPLES_PER_FRAME)
        at += SAMPLES_PER_FRAME
        if (this.owed > 0) {
            this.owed--
            at++
        } else if (this.owed < 0) {
            this.owed++
            at--
        }
        this.frames++
        if (this.frames === WINDOW) {
            if (this.least < LOW) this.owed = this.least - GOAL
            else if (this.least < NONE) if (this.least > HIGH) this.owed = Math.min(this.least - (GOAL + SAMPLES_PER_FRAME), WINDOW)
            this.least = NONE
            this.frames = 0
        }
        const moved = (at - PLAYOUT_PAST) & -CELL
        line.blitAt(0, line, moved, LINE - moved)
        cells.blitAt(0, cells, moved >> 3, CELLS - (moved >> 3))
        cells.fillAt(CELLS - (moved >> 3), moved >> 3, 0)
        this.at = at - moved
        this.end = this.end - moved
        this.origin = (this.origin + moved) | 0
    }
}

/** Make up for samples that are missing. */
function make(p: Playout, from: number, to: number): void {
    const { line, mask } = p
    if (p.made >= MADE_MAX) return line.fillAt(from, to - from, p.silence)
    if (p.made === 0) p.lag = pitchOf(p, from)
    const { lag } = p
    for (let x = from; x < to; x += lag) line.blitAt(x, line, x - lag, Math.min(lag, to - x))
    const soft = from + SOFT - p.made
    for (let i = from; i < to; i++) {
        const sample = line[i] ^ mask
        const less = i < soft ? QUIETER : QUIET
        line[i] = ((sample & 0x7f) > less ? sample - less : sample & 0x80) ^ mask
    }
    p.made = p.made + to - from
}

/** The period of the voice that ends there: the one after which it is most like itself. The codec's steps do for that as well as what they stand for. */
function pitchOf(p: Playout, end: number): number {
    const { line, piece, mask } = p
    let from = end - PIECE - LAG_MAX
    for (let i = 0; i < piece.length; i++) {
        const sample = line[from] ^ mask
        piece[i] = sample > 127 ? sample : 128 - sample
        from += LAG_STEP
    }
    let best = Infinity
    let lag = LAG_MAX
    for (let l = LAG_MIN / LAG_STEP; l <= LAG_MAX / LAG_STEP; l++) {
        let sum = 0
        for (let i = LAG_MAX / LAG_STEP; i < piece.length; i += STEP / LAG_STEP) {
            const d = piece[i] - piece[i - l]
            sum += d < 0 ? -d : d
            if (sum >= best) break
        }
        if (sum < best) {
            best = sum
            lag = l * LAG_STEP
        }
    }
    return lag
}
