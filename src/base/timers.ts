/**
 * One clock for all protocols: deadlines in a table of fixed size, and one fiber that sleeps until the soonest. Who needs a
 * deadline reserves a timer at boot, with the handler that is called when it is due; nothing is driven by a tick, or by who
 * waits. The network's PHYs and the calls' 20 ms have clocks of their own.
 */
import * as ds from "@devicescript/core"
import { TIMERS } from "./config"
import { internalError } from "./errors"

/** Called once for each deadline, with the timer's number and the time. It must not wait. */
export type TimerHandler = (timer: number, now: number) => void

/** Milliseconds of `ds.millis()`; `Infinity` for a timer that is not set. */
const deadlines = Buffer.alloc(8 * TIMERS)
const handlers: TimerHandler[] = []
/** Milliseconds of one sleep: the runtime's scheduler compares 32 bits. */
export const LONGEST = 1e9
/** No deadline is before it. */
let soonest = Infinity
let clock: ds.Fiber

/** Reserve `count` timers, one after the other, which are not set. @returns the number of the first */
export function reserveTimers(count: number, handler: TimerHandler): number {
    const first = handlers.length
    for (let i = 0; i < count; i++) {
        handlers.push(handler)
        setTimer(first + i, Infinity)
    }
    return first
}

/** @returns `Infinity` if the timer is not set */
export function deadlineOf(timer: number): number {
    return deadlines.getAt(8 * timer, "f64")
}

/** Set a timer, which may be set already. @param when `ds.millis()`; `Infinity` ends it */
export function setTimer(timer: number, when: number): void {
    deadlines.setAt(8 * timer, "f64", when)
    if (when >= soonest) return
    soonest = when
    if (clock?.suspended) clock.resume(true)
}

/** Call the handlers of all that is due at `now`. A handler may set any timer, also its own. */
export function runTimers(now: number): void {
    soonest = Infinity
    for (let timer = 0; timer < handlers.length; timer++) {
        // what `deadlineOf` does, without a call for each
        const due = deadlines.getAt(8 * timer, "f64")
        if (due > now) {
            if (due < soonest) soonest = due
            continue
        }
        setTimer(timer, Infinity)
        try {
            const handler = handlers[timer]
            handler(timer, now)
        } catch (e) {
            // the others go on
            internalError("of a timer", e)
        }
    }
}

/** Boot starts this fiber. All in one function, whose activation stays where it is made. */
export async function runTimerClock() {
    clock = ds.Fiber.self()
    for (;;) {
        const wait = soonest - ds.millis()
        // a deadline that a handler has set for now waits for the others' turn
        if (wait > 0) await ds.suspend<any>(Math.ceil(Math.min(wait, LONGEST)))
        else await ds.sleep(0)
        runTimers(ds.millis())
    }
}
