import { counters } from "../counters"

/** Octets before the frame in each transmit buffer: its length, big-endian, as the stream carries it. */
export const HEADROOM = 2

/** What `transmit` gives for a frame that it took. */
export const TAKEN = 0
/** ... if as many frames wait as may: the runtime's `_socketWrite` gives it too. */
export const QUEUE_FULL = -1

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
    /** Whether frames can be sent now. */
    up: boolean
    /** What it is connected to, for people. */
    description: string
    /** Start, and call `receive` for each frame and `link` whenever `up` has changed. */
    start(receive: FrameHandler, link: (up: boolean) => void): void
    /**
     * Send the frame that fills the buffer behind the headroom, in which its length is written; only while the link is
     * up. It is copied: the buffer can be used at once again. The hot path, so nothing is counted here: who sends does.
     * @returns `TAKEN`, `QUEUE_FULL`, or another number if the link is gone
     */
    transmit: (b: Buffer) => number
    /** `transmit` has told that the link is gone. */
    lost(): void
    /**
     * Take frames to other addresses than its own too, as interfaces with MAC addresses of their own need it, from the
     * next frame on that is sent.
     * @returns false if it cannot
     */
    promiscuous(on: boolean): boolean
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
