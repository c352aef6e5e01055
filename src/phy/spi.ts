/** A chip on an SPI bus (mode 0, most significant bit first), with its lines. One fiber at a time uses it. */
export interface SpiDevice {
    /** Whether `interrupt` knows the chip's interrupt line. */
    hasInterrupt: boolean
    /** Where it is, for people. */
    description: string
    /** Select the chip, clock `b` out, let it go. @throws if the bus does not work */
    write(b: Buffer): Promise<void>
    /** As `write`; what the chip says meanwhile replaces the bytes of `b`. @throws if the bus does not work */
    exchange(b: Buffer): Promise<void>
    /** Set the reset line, active low. */
    reset(high: boolean): void
    /** Whether the chip asks for attention. */
    interrupt(): boolean
}
