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

// There is one controller, so its queue is the module's. The driver reads `frames[head]` in place, because a call costs as much
// as ten variables.

/** How many wait. */
export let waiting: number
export let head = 0
/** A ring; room for the phases is before each frame. */
export let frames: Buffer[]
/** Usual buffers that hold no frame now. */
export let spare: Buffer[]
/** The driver's fiber while it sleeps until there is a frame. */
export let sleeper: ds.Fiber

/** Begin with an empty queue: at boot. */
export function makeQueue(): void {
    waiting = 0
    sleeper = undefined
    frames = []
    spare = []
    for (let i = 0; i < MACRAW_QUEUE; i++) frames.push(undefined)
    for (let i = 0; i < SPARE_BUFFERS; i++) spare.push(Buffer.alloc(PHASES + USUAL_FRAME))
}

/** Copy a frame into the queue. See `Phy.transmit`. */
export function put(b: Buffer): number {
    if (waiting === MACRAW_QUEUE) return QUEUE_FULL
    const length = b.length - HEADROOM
    let copy: Buffer
    if (length === USUAL_FRAME)
        if (spare.length > 0) {
            const last = spare.length - 1
            copy = spare[last]
            spare.insert(last, -1)
        }
    if (!copy) copy = Buffer.alloc(PHASES + length)
    // the driver writes the phases: it knows the frame's place in the chip's buffer when it sends
    copy.blitAt(PHASES, b, HEADROOM, length)
    frames[(head + waiting) & (MACRAW_QUEUE - 1)] = copy
    waiting++
    const fiber = sleeper
    if (fiber) {
        sleeper = undefined
        fiber.resume(true)
    }
    return TAKEN
}

/** Take the oldest frame out, and keep its buffer if it is a usual one. */
export function remove(): void {
    const b = frames[head]
    frames[head] = undefined
    head = (head + 1) & (MACRAW_QUEUE - 1)
    waiting--
    if (b.length === PHASES + USUAL_FRAME) if (spare.length < SPARE_BUFFERS) spare.push(b)
}

/** The driver's fiber sleeps, or, `undefined`, it is awake. */
export function setSleeper(fiber: ds.Fiber): void {
    sleeper = fiber
}
