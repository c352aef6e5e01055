/**
 * Frames that wait for the W5500, oldest first. `put` is the PHY's `transmit`: it copies the frame, and wakes the driver.
 * Buffers for frames of the usual length are made at boot and used again, so that a usual frame allocates nothing.
 * Read first: `Phy` in `phy.ts`. `driver.ts` takes the frames out.
 */
import * as ds from "@devicescript/core"
import { MACRAW_QUEUE, USUAL_FRAME } from "../../base/config"
import { HEADROOM, QUEUE_FULL, TAKEN } from "../phy"
import { PHASES } from "./registers"

/** Buffers kept for usual frames. If more wait, `put` allocates. */
const SPARE_BUFFERS = 8

export class FrameQueue {
    // The VM searches fields from the first on: what each frame needs comes first. The driver reads `frames[head]` in
    // place, because a call costs as much as six fields.
    count = 0
    head = 0
    /** A ring; room for the phases is before each frame. */
    frames: Buffer[] = []
    /** Usual buffers that hold no frame now. */
    private spare: Buffer[] = []
    /** The driver's fiber while it sleeps until there is a frame. */
    sleeper: ds.Fiber = undefined

    constructor() {
        for (let i = 0; i < MACRAW_QUEUE; i++) this.frames.push(undefined)
        for (let i = 0; i < SPARE_BUFFERS; i++) this.spare.push(Buffer.alloc(PHASES + USUAL_FRAME))
    }

    /** Copy a frame into the queue. See `Phy.transmit`. */
    put(b: Buffer): number {
        const count = this.count
        if (count === MACRAW_QUEUE) return QUEUE_FULL
        const length = b.length - HEADROOM
        const isUsual = length === USUAL_FRAME && this.spare.length > 0
        const copy = isUsual ? this.spare.pop() : Buffer.alloc(PHASES + length)
        // the driver writes the phases: it knows the frame's place in the chip's buffer when it sends
        copy.blitAt(PHASES, b, HEADROOM, length)
        this.frames[(this.head + count) & (MACRAW_QUEUE - 1)] = copy
        this.count = count + 1
        const sleeper = this.sleeper
        if (sleeper) {
            this.sleeper = undefined
            sleeper.resume(true)
        }
        return TAKEN
    }

    /** Take the oldest frame out, and keep its buffer if it is a usual one. */
    remove(): void {
        const head = this.head
        const b = this.frames[head]
        this.frames[head] = undefined
        this.head = (head + 1) & (MACRAW_QUEUE - 1)
        this.count--
        if (b.length === PHASES + USUAL_FRAME && this.spare.length < SPARE_BUFFERS) this.spare.push(b)
    }
}
