/** Which frame is next: one that is nearly right, and octets of it altered now and then. */
import { judge } from "../oracle/ethernet.js"
import type { Random } from "../random.js"
import type { Verdict, World } from "../world.js"
import { Choices } from "./choices.js"
import { dhcpFrame } from "./dhcp.js"
import { arpFrame, icmpFrame, protocolFrame, udpFrame } from "./ip.js"
import { rtcpFrame, rtpFrame } from "./rtp.js"

/** How many of a hundred are of each kind. */
type Kinds = readonly (readonly [weight: number, kind: (choices: Choices) => Buffer | undefined])[]
const KINDS: Kinds = [
    [24, rtpFrame],
    [4, rtcpFrame],
    [15, udpFrame],
    [18, icmpFrame],
    [16, arpFrame],
    [17, dhcpFrame],
    [6, protocolFrame],
]
/** How many of a hundred batches have most of one kind, and the weight of that beside the hundred. */
const FOCUSED = 0.2
const FOCUS = 400
/** A frame with a tag is as long as this. */
const LONGEST = 1518
/** The length of an order: see `devs/fuzz/main.ts`. */
const ORDER = 4
/** Of the frames after which the world must be set up anew, which takes time, so many are taken. */
const ENDING = 0.04

export interface Next {
    frame: Buffer
    verdict: Verdict
}

export class Generator {
    private kinds: Kinds = KINDS

    constructor(private readonly random: Random) {}

    /** A batch begins: now and then most of it is of one kind, so that queues fill, limits are reached, and rows are long. */
    begin(): void {
        const { random } = this
        this.kinds = KINDS
        if (!random.chance(FOCUSED)) return
        const [, kind] = random.one(KINDS)
        this.kinds = [...KINDS, [FOCUS, kind]]
    }

    next(world: World): Next {
        while (true) {
            const frame = this.altered(this.made(new Choices(this.random, world)))
            if (frame.length === ORDER || frame.length > LONGEST) continue
            const verdict = judge(world, frame)
            if (verdict.avoid || (verdict.ends && !this.random.chance(ENDING))) continue
            return { frame, verdict }
        }
    }

    private made(choices: Choices): Buffer {
        return this.random.way(this.kinds)(choices) ?? arpFrame(choices)
    }

    /** Octets as nobody meant them. */
    private altered(frame: Buffer): Buffer {
        const { random } = this
        if (random.chance(0.85)) return frame
        const what = random.below(4)
        if (what === 0) return frame.subarray(0, random.below(frame.length + 1))
        if (what === 1) return Buffer.concat([frame, random.bytes(random.below(60))])
        const copy = Buffer.from(frame)
        for (let i = random.below(4); i >= 0; i--) {
            const at = random.below(random.chance(0.7) ? Math.min(copy.length, 80) : copy.length)
            if (what === 2) copy[at] ^= 1 << random.below(8)
            else copy[at] = random.below(256)
        }
        return copy
    }
}
