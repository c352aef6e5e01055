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
/** How often another call is silent, or none, in each batch; and the slots of calls. */
const SILENCE = 0.05
const CALLS = 8
/** A frame with a tag is as long as this. */
const LONGEST = 1518
/** The length of an order: see `devs/fuzz/main.ts`. */
const ORDER = 4
/**
 * Of the frames after which the world must be set up anew, which takes time, so many are taken: few of those that come
 * often, by `Verdict.ends`.
 */
const ENDING = 0.3
const OFTEN: Record<string, number> = { "a lease is granted": 0.02, "a lease is refused": 0.05 }

export interface Next {
    frame: Buffer
    verdict: Verdict
}

export class Generator {
    private kinds: Kinds = KINDS
    /** Slot of a call whose peer says nothing for a while: then it may be gone. */
    private silent: number | undefined

    constructor(private readonly random: Random) {}

    /** A batch begins: now and then most of it is of one kind, so that queues fill, limits are reached, and rows are long. */
    begin(): void {
        const { random } = this
        if (random.chance(SILENCE)) this.silent = random.chance(0.5) ? random.below(CALLS) : undefined
        this.kinds = KINDS
        if (!random.chance(FOCUSED)) return
        const [, kind] = random.one(KINDS)
        this.kinds = [...KINDS, [FOCUS, kind]]
    }

    next(world: World): Next {
        while (true) {
            const frame = this.altered(this.made(this.choices(world)))
            if (frame.length === ORDER || frame.length > LONGEST) continue
            const verdict = judge(world, frame)
            if (verdict.avoid || (verdict.ends && !this.random.chance(OFTEN[verdict.ends] ?? ENDING))) continue
            return { frame, verdict }
        }
    }

    choices(world: World): Choices {
        return new Choices(this.random, world, this.silent)
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
