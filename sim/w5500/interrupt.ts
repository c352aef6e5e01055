/**
 * The line INTn: low while there is an interrupt that is not masked. With INTLEVEL it goes high when the host has dealt
 * with one interrupt, and stays so for a while before it tells of the next.
 * @see W5500 datasheet 4.1, INTLEVEL
 */
import type { Clock } from "./clock.js"

/** Of the chip's PLL, 150 MHz, in nanoseconds. */
const PLL_PERIOD = 1000 / 150

export class InterruptLine {
    asserted = false
    private pending = 0
    private silentUntil = 0
    private unwake = (): void => {}

    /** @param changed told the new state of `asserted` */
    constructor(
        private readonly clock: Clock,
        private readonly changed: (asserted: boolean) => void
    ) {}

    /** @param pending a bit for each interrupt that is not masked; @param level INTLEVEL */
    update(pending: number, level: number): void {
        const done = this.pending & ~pending
        this.pending = pending
        if (done && this.asserted && level > 0) {
            this.silentUntil = this.clock.now() + Math.round((level + 1) * PLL_PERIOD * 4)
            this.unwake()
            this.unwake = this.clock.wake(this.silentUntil, () => this.settle())
        }
        this.settle()
    }

    /** Brings it to the present time. */
    settle(): void {
        const asserted = this.pending !== 0 && this.clock.now() >= this.silentUntil
        if (asserted === this.asserted) return
        this.asserted = asserted
        this.changed(asserted)
    }

    reset(): void {
        this.unwake()
        this.silentUntil = 0
        this.update(0, 0)
    }
}
