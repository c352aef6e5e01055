/** A run: batches of frames, and after each the phone's counters and answers beside those that the oracle expects. */
import { isDeepStrictEqual } from "node:util"
import { sort, type Sent } from "./answers.js"
import { Generator } from "./generate/generator.js"
import { Voice, voiceFrame } from "./generate/rtp.js"
import { judge } from "./oracle/ethernet.js"
import { BROADCAST, advance, noteDhcp } from "./oracle/time.js"
import { Phone, onStream, type Left, type Told } from "./phone.js"
import { Random } from "./random.js"
import { Setup } from "./setup.js"
import { Site } from "./site.js"
import type { Verdict, World } from "./world.js"

/** Frames of a batch, and bytes, for the phone takes no more at a time. */
const FRAMES = 64
const BYTES = 9000
/** Frames of voice as it should be, for each frame that is tested. */
const VOICE = 0.08
/** Batches between looks at all that the phone knows. */
const LOOK = 32
/** Frames before the heap is measured for the first time, and between reports of progress. */
const FIRST = 1000
const PROGRESS = 20_000
/** Milliseconds that may pass at once: the media clock leaves out frames if it is later than 200. */
const STEP = 100
/** Bytes by which the heap may differ: what was thrown last, and the latest piece of what is allocated to have the rest collected. */
export const HEAP_MARGIN = 256

export interface Options {
    frames: number
    seed: number
    /** Frames from this one on, to the end of its batch, arrive one at a time. */
    alone?: number
    progress(text: string): void
}

export interface Report {
    frames: number
    voice: number
    /** Milliseconds of the phone's time. */
    time: number
    /** How often the phone had to be set up anew, and why. */
    endings: Record<string, number>
    counters: Record<string, number>
    heap: { before: number; after: number }
}

/** What the phone did, and what it had to do. */
export class Difference extends Error {
    constructor(
        /** Numbers of the first frame that it may be about, and of the last. */
        readonly first: number,
        readonly last: number,
        readonly frames: Buffer[],
        readonly expected: unknown,
        readonly real: unknown
    ) {
        super(`frames ${first} to ${last}`)
    }
}

interface Entry {
    frame: Buffer
    verdict: Verdict
}

class Expected {
    counters: Record<string, number> = {}
    answers: string[] = []

    add({ counters, answers }: Pick<Verdict, "counters" | "answers">): void {
        for (const [name, n] of Object.entries(counters)) this.count(name, n)
        this.answers.push(...answers)
    }

    /** What is expected has been compared. */
    clear(): void {
        this.counters = {}
        this.answers = []
    }

    count(name: string, n: number): void {
        if (n > 0) this.counters[name] = (this.counters[name] ?? 0) + n
    }
}

/** What follows a frame that changes much, by fibers and timers that it wakes: a lease of a second may be over when it is granted. */
const FOLLOWING = ["phyTx", "udpTx", "dhcpTx", "arpTx", "dhcpExpired"]

class Run {
    private readonly random: Random
    private readonly generator: Generator
    private readonly voice = new Voice()
    private readonly site = new Site()
    private readonly setup: Setup
    private world!: World
    private before!: Record<string, number>
    /** Answers of the LAN that are still to arrive. */
    private pending: Buffer[] = []
    private conflicts = false
    private orders = 0
    private batch = 0
    private done = 0
    /** The latest frames that have arrived, and the numbers of the first and the last of them. */
    private latest = { first: 0, last: 0, frames: [] as Buffer[] }
    private voices = 0
    /** Frames until all that the phone knows was compared last. */
    private looked = 0
    private readonly endings: Record<string, number> = {}
    private readonly total: Record<string, number> = {}

    constructor(
        private readonly phone: Phone,
        private readonly options: Options
    ) {
        this.random = new Random(options.seed)
        this.generator = new Generator(this.random)
        this.setup = new Setup(phone, this.site, new Random(options.seed ^ 0x5e7))
    }

    async run(): Promise<Report> {
        try {
            return await this.wholeRun()
        } catch (error) {
            // the phone has stopped, perhaps
            throw error instanceof Difference ? error : this.difference("a phone that goes on", (error as Error).message)
        }
    }

    private async wholeRun(): Promise<Report> {
        const { frames } = this.options
        // what is made once only is made now
        await this.setup.failOnce()
        await this.setUp()
        const began = this.world.now
        await this.upTo(Math.min(frames, FIRST))
        const idle = await this.tearDown()
        const before = await this.phone.collect()
        await this.setUp()
        await this.upTo(frames)
        const left = await this.tearDown()
        const time = left.now - began
        this.compareLeft(idle, left)
        const after = await this.phone.collect()
        if (after > before + HEAP_MARGIN) throw this.difference(`a heap of at most ${before + HEAP_MARGIN} bytes`, after)
        return { frames: this.done, voice: this.voices, time, endings: this.endings, counters: this.total, heap: { before, after } }
    }

    private sorted(sent: Buffer[]): Sent {
        try {
            return sort(this.world, sent)
        } catch (error) {
            throw this.difference("frames as a host may send them", (error as Error).message)
        }
    }

    private async upTo(frames: number): Promise<void> {
        while (this.done < frames) {
            const told = Math.floor(this.done / PROGRESS)
            await this.oneBatch(frames)
            if (Math.floor(this.done / PROGRESS) > told) this.options.progress(`${this.done} frames`)
        }
    }

    private async tearDown(): Promise<Told> {
        await this.look()
        return await this.setup.tearDown()
    }

    private difference(expected: unknown, real: unknown): Difference {
        const { first, last, frames } = this.latest
        return new Difference(first, last, frames, expected, real)
    }

    private async setUp(): Promise<void> {
        const { errors } = this.world ?? { errors: { second: 0, sent: 0 } }
        const told = await this.setup.setUp(this.conflicts)
        this.conflicts = false
        this.pending = []
        this.world = { ...told, errors }
        this.looked = this.done
        await this.recount()
    }

    /** From here on the counters are compared. */
    private async recount(): Promise<void> {
        const { counters, now } = await this.phone.counts()
        this.before = counters
        this.world.now = now
        this.orders = this.phone.orders
        this.phone.takeSent()
    }

    private async oneBatch(limit: number): Promise<void> {
        const expected = new Expected()
        await this.pass(expected)
        const { alone = Infinity } = this.options
        this.generator.begin()
        const entries: Entry[] = []
        let bytes = 0
        let made = 0
        /** Of those, how many have not arrived yet. */
        let tested = 0
        let ends: string | undefined
        const add = async (frame: Buffer, verdict: Verdict, isTested: boolean) => {
            entries.push({ frame, verdict })
            bytes += frame.length + 2
            for (const effect of verdict.effects) effect()
            expected.add(verdict)
            if (isTested) tested++
            else this.voices++
            if (this.done + tested > alone) {
                await this.deliver(entries.splice(0), expected, tested, verdict.ends)
                this.done += tested
                tested = 0
                expected.clear()
                if (!verdict.ends) await this.look()
            }
        }
        for (const frame of this.pending.splice(0)) await add(frame, judge(this.world, frame), false)
        while (made < FRAMES && bytes < BYTES && this.done + tested < limit && !ends) {
            made++
            const call = this.random.chance(VOICE) ? this.generator.choices(this.world).talking() : undefined
            if (call) {
                const frame = voiceFrame(this.world, call, this.voice.next(call, this.world.now))
                await add(frame, judge(this.world, frame), false)
            }
            const { frame, verdict } = this.generator.next(this.world)
            ends = verdict.ends
            await add(frame, verdict, true)
        }
        if (this.world.conflicts.size > 0) this.conflicts = true
        if (entries.length > 0) await this.deliver(entries, expected, tested, ends)
        this.done += tested
        this.batch++
        if (ends) {
            this.endings[ends] = (this.endings[ends] ?? 0) + 1
            await this.setUp()
        } else if (this.batch % LOOK === 0) await this.look()
    }

    /** Lets some time go on. */
    private async pass(expected: Expected): Promise<void> {
        let ms = this.random.way<() => number>([
            [30, () => this.random.below(40)],
            [5, () => 100],
            // so long that a peer is not heard any more
            [1, () => 4000],
            // so long that neighbours are forgotten
            [0.1, () => 66_000],
        ])()
        while (ms > 0) {
            const step = Math.min(ms, STEP)
            ms -= step
            const verdict = advance(this.world, this.world.now + step)
            await this.phone.step(step)
            const frames = this.phone.takeSent()
            const { answers, dhcp, voice } = this.sorted(frames)
            if (!isDeepStrictEqual(answers, verdict.answers)) throw this.difference(verdict.answers, answers)
            noteDhcp(this.world, dhcp)
            for (const frame of frames) {
                const answer = this.site.answerArp(frame)
                if (answer) this.pending.push(answer)
            }
            expected.add({ counters: verdict.counters, answers: [] })
            expected.count("phyTx", frames.length)
            expected.count("udpTx", voice)
            expected.count("dhcpTx", dhcp.length)
            // who waits longer hears them now
            if (ms > 0 && this.pending.length > 0) await this.answer(expected)
        }
    }

    /** Has the answers of the LAN arrive. */
    private async answer(expected: Expected): Promise<void> {
        const entries = this.pending.splice(0).map(frame => ({ frame, verdict: judge(this.world, frame) }))
        for (const { verdict } of entries) {
            for (const effect of verdict.effects) effect()
            expected.add(verdict)
        }
        await this.deliver(entries, expected, 0, undefined)
        expected.clear()
    }

    /** Has frames arrive, and compares what they did. */
    private async deliver(entries: Entry[], expected: Expected, tested: number, ends: string | undefined): Promise<void> {
        const frames = entries.map(e => e.frame)
        this.latest = { first: this.done, last: Math.max(this.done + tested - 1, 0), frames }
        const { now, counters, waiting } = await this.phone.counts(this.chunksOf(frames))
        if (now !== this.world.now) throw new Error(`the phone's time is ${now} instead of ${this.world.now}`)
        expected.count("phyRx", this.phone.orders - this.orders)
        this.orders = this.phone.orders
        const real: Record<string, number> = {}
        for (const [name, n] of Object.entries(counters)) {
            const grown = n - this.before[name]
            if (grown === 0) continue
            real[name] = grown
            this.total[name] = (this.total[name] ?? 0) + grown
        }
        this.before = counters
        const sent = this.sorted(this.phone.takeSent())
        // one that has waited for its server's MAC address
        noteDhcp(
            this.world,
            sent.dhcp.filter(({ destination }) => destination !== BROADCAST)
        )
        const is = { counters: real, answers: sent.answers, dhcp: sent.dhcp.length, waiting }
        const should = { counters: expected.counters, answers: expected.answers, waiting: this.world.plain.waiting }
        this.world.plain.waiting = []
        const compared = (c: Record<string, number>) =>
            Object.fromEntries(Object.entries(c).filter(([name]) => !ends || !FOLLOWING.includes(name)))
        const same =
            isDeepStrictEqual(compared(is.counters), compared(should.counters)) &&
            isDeepStrictEqual(is.waiting, should.waiting) &&
            (ends || isDeepStrictEqual(is.answers, should.answers))
        if (!same) throw this.difference(should, is)
    }

    /** As a stream carries them: each by itself, or cut anywhere. */
    private chunksOf(frames: Buffer[]): Buffer[] {
        const random = new Random((this.options.seed ^ Math.imul(this.batch, 0x9e3779b1)) | 0)
        const each = frames.map(onStream)
        if (random.chance(0.3)) return each
        const chunks: Buffer[] = []
        for (let rest = Buffer.concat(each); rest.length > 0; ) {
            const n = 1 + random.below(random.chance(0.5) ? 1460 : 200)
            chunks.push(rest.subarray(0, n))
            rest = rest.subarray(n)
        }
        return chunks
    }

    /** Compares all that the phone knows with the oracle's world. */
    private async look(): Promise<void> {
        const told = await this.phone.state()
        const known = ({ interfaces, leases, neighbours, calls }: World) => ({
            interfaces,
            leases: leases.map(l => ({ ...l, ...(l.state === 0 ? { server: 0, address: 0 } : {}) })),
            neighbours,
            calls,
        })
        const is = { ...known(told), plain: told.plainState }
        const should = { ...known(this.world), plain: "open" }
        if (!isDeepStrictEqual(is, should)) {
            // any of those since the last look
            this.latest.first = this.looked
            throw this.difference(different(should, is), different(is, should))
        }
        this.looked = this.done
        await this.recount()
    }

    private compareLeft(idle: Told, now: Told): void {
        const of = ({ left, neighbours }: Told): Left & { neighbours: number } => ({ ...left, neighbours: neighbours.length })
        if (!isDeepStrictEqual(of(idle), of(now))) throw this.difference(of(idle), of(now))
    }
}

/** The parts of a structure that are not in another one. */
function different(one: any, other: any): any {
    if (typeof one !== "object" || one === null || typeof other !== "object" || other === null) return one
    return Object.fromEntries(
        Object.keys(one)
            .filter(key => !isDeepStrictEqual(one[key], other[key]))
            .map(key => [key, different(one[key], other[key])])
    )
}

/** Boots a phone and tests it. @throws Difference */
export async function fuzz(options: Options): Promise<Report> {
    const phone = await Phone.boot(options.seed)
    try {
        return await new Run(phone, options).run()
    } finally {
        await phone.stop()
    }
}
