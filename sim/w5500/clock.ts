/** Time for the model, so that tests can have their own. */

export interface Clock {
    /** Nanoseconds from some moment on. */
    now(): number
    /** Calls `action` once, when `at` has come; returns what takes that back. */
    wake(at: number, action: () => void): () => void
}

/** What a timer, which counts in milliseconds, may be late; the rest of the time is waited for turn by turn. */
const TIMER_SLACK = 1e6

/**
 * The machine's. A frame takes microseconds, which timers are too coarse for: near the end it looks at each turn of the
 * event loop.
 */
export const realClock: Clock = {
    now: () => Math.round(performance.now() * 1e6),
    wake(at, action) {
        let immediate: NodeJS.Immediate | undefined
        const look = (): void => {
            if (realClock.now() >= at) action()
            else immediate = setImmediate(look)
        }
        const early = at - realClock.now() - TIMER_SLACK
        const timer = early > 0 ? setTimeout(look, early / 1e6) : undefined
        if (!timer) immediate = setImmediate(look)
        return () => {
            clearTimeout(timer)
            clearImmediate(immediate)
        }
    },
}

/** Bits of the SPI bus in a second, as the firmware sets it. */
const SPI_HZ = 20e6

/**
 * A clock, the machine's if none is given, but never before the end of what the bus has carried: transactions that come in one piece of a
 * stream were one after the other on a bus, and what the chip does goes on meanwhile.
 */
export class BusClock implements Clock {
    private busyUntil = 0

    constructor(
        private readonly clock: Clock = realClock,
        private readonly hz = SPI_HZ
    ) {}

    now(): number {
        return Math.max(this.clock.now(), this.busyUntil)
    }

    wake(at: number, action: () => void): () => void {
        return this.clock.wake(at, action)
    }

    /** A transaction takes place: it is now as late as its end. */
    carry(bytes: number): void {
        this.busyUntil = this.now() + (bytes * 8 * 1e9) / this.hz
    }
}
