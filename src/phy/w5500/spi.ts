/**
 * What the driver needs from the bus. `board.ts` is the bus of a board; tests and the simulator have models of the chip.
 * Read first: the W5500's datasheet, 2.1 to 2.3.
 */

/** A chip on an SPI bus (mode 0, most significant bit first), with its reset and interrupt lines. One fiber at a time uses it. */
export interface SpiDevice {
    /** Whether `interrupt` knows the chip's interrupt line. */
    hasInterrupt: boolean
    /** Where the chip is, for people. */
    label: string
    /** Select the chip, clock `b` out, release the chip. `b` keeps its octets. @throws if the bus does not work */
    write(b: Buffer): Promise<void>
    /** Like `write`, but the octets that the chip sends meanwhile replace those of `b`. @throws if the bus does not work */
    exchange(b: Buffer): Promise<void>
    /** Set the reset line, which is active low. */
    reset(high: boolean): void
    /** Whether the chip asks for attention: its interrupt line is low. */
    interrupt(): boolean
}
