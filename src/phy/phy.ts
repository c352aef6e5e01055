import { counters } from "../counters"

/**
 * Called for each received frame. The bytes are valid only until the handler returns.
 * @param length bytes, without the frame check sequence
 */
export type FrameHandler = (b: Buffer, offset: number, length: number) => void

/** The one physical layer under all addresses: Ethernet frames in and out. */
export interface Phy {
    /** Hardware address: first four octets as `i32`, last two as `u16`, as `getAt` reads them. */
    macHigh: number
    macLow: number
    /** Bytes before the frame in a transmit buffer that are the PHY's own. */
    headroom: number
    /** Whether frames can be sent now. */
    up: boolean
    /** What it is connected to, for people. */
    description: string
    /** Start, and call `receive` for each frame and `link` whenever `up` has changed. */
    start(receive: FrameHandler, link: (up: boolean) => void): void
    /** Write what the PHY itself puts before the frame that fills the buffer: once, however often it is sent. */
    prepare(b: Buffer): void
    /**
     * Send the prepared frame that fills the buffer behind the headroom. It is copied: the buffer can be used at once again.
     * @returns whether it was accepted; if not, the reason is counted and the frame is gone
     */
    transmit(b: Buffer): boolean
}

/** An exception that a frame caused: nothing that a frame holds may stop the firmware. */
export function internalError(e: Error): void {
    counters.internalErrors++
    console.log(`internal error while receiving: ${e.message}`)
}

/** Hand a frame up. */
export function handUp(receive: FrameHandler, b: Buffer, offset: number, length: number): void {
    counters.phyRx++
    try {
        receive(b, offset, length)
    } catch (e) {
        internalError(e as Error)
    }
}
