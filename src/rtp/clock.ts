/**
 * The media clock: every 20 ms each session that talks sends a frame. One fiber serves all: it wakes once, not once for each call,
 * and frames that leave together share transfers of the SPI bus.
 * Read first: `sendFrame` in `session.ts`.
 */
import * as ds from "@devicescript/core"
import { LATE_MAX, PTIME, SAMPLES_PER_FRAME } from "../base/config"
import { REPORT_AT, SKIPPED } from "./reception"
import { Session, sendFrame } from "./session"

/** The sessions that talk. */
const talking: Session[] = []
let clock: ds.Fiber

/** Have a session send a frame each 20 ms. The running fiber is woken when `frames` are sent, or the session has failed. */
export function talk(s: Session, frames: number): void {
    s.left = frames
    s.talker = ds.Fiber.self()
    talking.push(s)
    if (clock.suspended) clock.resume(true)
}

/** Let a session send nothing more. */
export function hush(s: Session): void {
    s.talker = undefined
    const at = talking.indexOf(s)
    if (at >= 0) talking.insert(at, -1)
}

/** Has 20 ms of voice to move each 20 ms as well, and says whether it goes on. */
type Tick = () => boolean
let tick: Tick
let isTicking = false

/** Have it called, until it says no. */
export function tickBy(that: Tick): void {
    tick = that
    isTicking = true
    if (clock.suspended) clock.resume(true)
}

/** Milliseconds between two looks at whose report is due; a power of two. */
const LOOK = 512

/** Send the reports that are due (RFC 3550, 6.3). */
function report(): void {
    const now = ds.millis()
    for (const s of talking) if (now >= s.reception.getAt(REPORT_AT, "u32")) s.report(false)
}

/** Boot starts this fiber. All in one function, whose activation stays where it is made. */
export async function runMediaClock() {
    clock = ds.Fiber.self()
    for (;;) {
        while (isTicking ? false : talking.length === 0) await ds.suspend<any>(undefined)
        // tick n is at t0 + 20n ms, whenever the one before it was
        let next = ds.millis()
        while (talking.length > 0 ? true : isTicking) {
            const late = ds.millis() - next
            if (late < 0) await ds.sleep(-late)
            else {
                if (late > LATE_MAX) {
                    // as many whole frames are left out as the clock is late
                    const frames = (late / PTIME) | 0
                    for (const s of talking) {
                        // the timestamp goes on; the sequence number does not, since nothing was lost
                        s.add(frames * SAMPLES_PER_FRAME)
                        s.reception.setAt(SKIPPED, "u32", s.reception.getAt(SKIPPED, "u32") + frames)
                    }
                    next += frames * PTIME
                }
                // from the last on, since one that ends is taken out
                for (let i = talking.length - 1; i >= 0; i--) {
                    const s = talking[i]
                    try {
                        if (s.left > 0) sendFrame(s)
                        s.left = s.left - 1
                    } catch (e) {
                        s.error = e
                        s.left = 0
                    }
                    if (s.left <= 0) {
                        s.stop()
                        hush(s)
                    }
                }
                if (isTicking) isTicking = tick()
                if ((next & (LOOK - 1)) < PTIME) report()
                next += PTIME
                if (late >= PTIME) await ds.sleep(0)
            }
        }
    }
}
