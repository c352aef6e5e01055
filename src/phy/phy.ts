/**
 * What a physical layer is: it sends Ethernet frames and hands up those that arrive. There is one PHY under all interfaces.
 * Read first: the interface `Phy` below. `stream.ts` and `w5500/driver.ts` implement it, `boot.ts` chooses.
 */
import { received } from "../base/counters"
import { internalError } from "../base/errors"

/** Octets before the frame in each transmit buffer: its length, big-endian, as the stream carries it. */
export const HEADROOM = 2

/** `transmit` returns this if it took the frame. */
export const TAKEN = 0
/** `transmit` returns this if its queue is full, as the runtime's `_socketWrite` does. */
export const QUEUE_FULL = -1

/**
 * Takes a received frame. The bytes are valid only until the handler returns.
 * @param length bytes, without the frame check sequence
 */
export type FrameHandler = (b: Buffer, offset: number, length: number) => void

/** A physical layer. */
export interface Phy {
    /** Hardware address: first four octets as `i32`, last two as `u16`, as `getAt` reads them. */
    macHigh: number
    macLow: number
    /** Whether frames can be sent now. */
    up: boolean
    /** What the PHY is connected to, for people. */
    label: string
    /** KB of the heap that its buffers take beyond the stream's. */
    heap: number
    /** Start. From then on call `receive` for each frame, and `link` when `up` has changed. */
    start(receive: FrameHandler, link: (up: boolean) => void): void
    /**
     * Send the frame in the buffer: its length in the headroom, then its bytes up to the buffer's end. Call it only while the
     * link is up. The PHY copies the frame, so the caller may reuse the buffer at once. This is the hot path: the caller
     * counts. It is a function and needs no `this`, so that the caller can keep it in a variable.
     * @returns `TAKEN`, `QUEUE_FULL`, or another number if the link is gone
     */
    transmit: (b: Buffer) => number
    /** The caller's answer when `transmit` returned that the link is gone. */
    lost(): void
    /**
     * Take frames to every MAC address, or only to the PHY's own. Interfaces with a MAC address of their own need the former.
     * The change holds before the next frame is sent, so that the answer to that frame arrives.
     * @returns false if the PHY cannot do it
     */
    promiscuous(on: boolean): boolean
}

let said: string
/**
 * Log what is wrong with the link, once until it is well. A phone without a LAN tries again and again, and on a board a log
 * line on a UART can stop everything for 10 ms for each 64 bytes.
 * @param message `undefined` when the link is well
 */
export function complain(message: string): void {
    if (message) if (message !== said) console.log(`phy: ${message}`)
    said = message
}

/** Where an exception is from that a frame has caused. */
export const RECEIVING = "while receiving"

/** Hand a frame up, and count it. */
export function handUp(receive: FrameHandler, b: Buffer, offset: number, length: number): void {
    received.frames = received.frames + 1
    try {
        receive(b, offset, length)
    } catch (e) {
        internalError(RECEIVING, e)
    }
}
