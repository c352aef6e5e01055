/** The VM's heap of 64 KB: what calls leave of it, what they keep in it, and how fast they fill it. */
import { fileURLToPath } from "node:url"
import { Rig, sleep, until } from "../../test/support/rig.js"
import { SipPeer, sdp } from "../../test/support/sip-peer.js"
import { rowOf, type Budget, type Options, type Row, type Suite } from "../suite.js"

const COUNTS = [1, 4, 8]
/** KB that a full house may keep in use. Of 64 KB a board has about 57 for the program: so many must be left over. */
const IN_USE_BUDGET = 32
const BALLAST_BUDGET = 16
/** The same while all of them are signalled; 18 is what is wanted. */
const SIGNALLED_BUDGET = 8
/** KB; what `ballast` takes. */
const BALLAST_MAX = 48
/** Where the search begins. */
const GUESS = 30
/** Seconds of talking, in each try and in each measurement. */
const SECONDS = 2
const FRAMES_PER_SECOND = 50
const TARGETS = ["10.77.0.2:4000", "10.77.0.3:4000"]
const PROBE = fileURLToPath(new URL("../vm/heap-probe.cjs", import.meta.url))
const KB = 1024

/** What `bench/vm/heap-probe.cjs` tells. */
export interface Told {
    collections: number
    allocations: number
    bytes: number
    live: number
}

/** Places calls. @returns what ends them */
type Place = (rig: Rig, count: number) => Promise<() => Promise<unknown>>

/** To an address and port. */
const placePlain: Place = async (rig, count) => {
    for (let i = 0; i < count; i++) await rig.call(TARGETS[i % TARGETS.length], "--play speech")
    return () => rig.run("hangup all")
}

/** By SIP, one after the other. */
const placeSignalled: Place = async (rig, count) => {
    const peer = new SipPeer(rig)
    for (let i = 0; i < count; i++) {
        const { done } = await peer.called(sdp(), "", `peer${i}`)
        await done
    }
    return async () => {
        const ended = rig.run("hangup all")
        for (let i = 0; i < count; i++) peer.respond(await peer.request("BYE"), "200 OK")
        await ended
        peer.stop()
    }
}

/** Places calls, waits until each was heard for some seconds, does something else if wanted, and ends them. */
async function withCalls(rig: Rig, count: number, seconds: number, place = placePlain, during?: () => Promise<void>): Promise<void> {
    const end = await place(rig, count)
    await during?.()
    const frames = seconds * FRAMES_PER_SECOND
    const up = async () => (await rig.calls()).filter(c => c.state === "up")
    await until(
        `${count} calls are heard`,
        async () => (await up()).filter(c => c.rxFrames >= frames).length === count,
        10_000 + seconds * 1000
    )
    await end()
    await rig.idle()
}

/** Whether a phone that was just booted has room for these calls with so much of its heap held back. */
export async function hasRoom(count: number, ballast: number, seconds: number, place = placePlain): Promise<boolean> {
    const rig = await Rig.start()
    try {
        await rig.run(`ballast ${ballast} --whole`)
        await withCalls(rig, count, seconds, place)
        return true
    } catch (error) {
        if (/OutOfMemory/.test((error as Error).message)) return false
        throw error
    } finally {
        await rig.stop()
    }
}

/**
 * The greatest whole number up to `most` for which something holds, if what holds for a number holds for each smaller one.
 * Steps away from a guess that is near it, each twice as far as the one before.
 * @returns -1 if it holds for none
 */
export async function greatest(guess: number, most: number, holds: (n: number) => Promise<boolean>): Promise<number> {
    let good = -1
    let bad = most + 1
    let at = guess
    for (let step = 1; bad - good > 1; step *= 2) {
        if (await holds(at)) good = at
        else bad = at
        if (bad > most) at = Math.min(good + step, most)
        else if (good < 0) at = Math.max(bad - step, 0)
        else at = (good + bad) >> 1
    }
    return good
}

/** Bytes, allocations and collections in each second with so many calls up, and what a collection leaves, at most. */
async function traffic(rig: Rig, count: number, seconds: number): Promise<Told> {
    const told: Told[] = []
    const listener = (line: string) => {
        if (line.startsWith("heap: ")) told.push(JSON.parse(line.slice("heap: ".length)))
    }
    await withCalls(rig, count, seconds, placePlain, async () => {
        rig.phone.on("log", listener)
        await sleep(seconds * 1000)
        await until("the heap's figures", () => told.length > 1)
        rig.phone.off("log", listener)
    })
    // the probe tells every half second
    const perSecond = 2 / (told.length - 1)
    const rate = (of: (t: Told) => number) => (of(told.at(-1)!) - of(told[0])) * perSecond
    return {
        collections: rate(t => t.collections),
        allocations: rate(t => t.allocations),
        bytes: rate(t => t.bytes),
        live: Math.max(...told.map(t => t.live)),
    }
}

function nameOf(count: number): string {
    return count === 1 ? "1 call" : `${count} calls`
}

/** Budgets that each run must keep. */
function atLeast({ least }: Row, limit: number): Budget {
    return { text: `at least ${limit} KB in each run`, met: least >= limit, missedBy: least >= limit ? undefined : `${limit - least} KB` }
}

function atMost({ greatest }: Row, limit: number): Budget {
    const over = greatest - limit
    return { text: `at most ${limit} KB in each run`, met: over <= 0, missedBy: over <= 0 ? undefined : `${over.toFixed(1)} KB` }
}

function rows(ballast: Map<number, number[]>, signalled: number[], figures: Map<number, Told[]>): Row[] {
    const full = Math.max(...ballast.keys())
    const all: Row[] = []
    for (const [count, values] of ballast) {
        const row = rowOf(`held back beside ${nameOf(count)}`, "KB", values)
        if (count === full) row.budget = atLeast(row, BALLAST_BUDGET)
        all.push(row)
    }
    const row = rowOf(`held back beside ${nameOf(full)}, signalled`, "KB", signalled)
    all.push({ ...row, budget: atLeast(row, SIGNALLED_BUDGET) })
    const add = (what: string, unit: string, of: (t: Told, count: number) => number) => {
        for (const [count, told] of figures)
            all.push(
                rowOf(
                    `${what}, ${nameOf(count)}`,
                    unit,
                    told.map(t => of(t, count))
                )
            )
    }
    add("in use after a collection", "KB", t => t.live / KB)
    all.at(-1)!.budget = atMost(all.at(-1)!, IN_USE_BUDGET)
    add("collections", "1/s", t => t.collections)
    add("allocated", "KB/s", t => t.bytes / KB)
    add("allocated per frame out and back", "bytes", (t, count) => t.bytes / (count * FRAMES_PER_SECOND))
    add("allocations", "1/s", t => t.allocations)
    return all
}

/** @param seconds of talking in each measurement @param counts of calls at once, rising @param most KB to hold back */
export function heapSuite(seconds = SECONDS, counts = COUNTS, guess = GUESS, most = BALLAST_MAX): Suite {
    return {
        name: "heap",
        title: "The VM's heap of 64 KB: in one block held back after boot, in use, allocated",
        async run({ runs, progress, quick }: Options): Promise<Row[]> {
            // only whether the budget is kept, not by how much
            if (quick && most > BALLAST_BUDGET)
                return await heapSuite(1, counts, BALLAST_BUDGET, BALLAST_BUDGET).run({ runs, progress, quick })
            const ballast = new Map(counts.map(count => [count, [] as number[]]))
            const signalled: number[] = []
            const figures = new Map(counts.map(count => [count, [] as Told[]]))
            for (let i = 1; i <= runs; i++) {
                let near = guess
                for (const [count, values] of ballast) {
                    progress(`run ${i} of ${runs}: the most to hold back beside ${nameOf(count)}`)
                    near = await greatest(values.at(-1) ?? near, most, kb => hasRoom(count, kb, seconds))
                    values.push(near)
                }
                const full = Math.max(...counts)
                progress(`run ${i} of ${runs}: the most to hold back beside ${nameOf(full)} that are signalled`)
                signalled.push(await greatest(signalled.at(-1) ?? SIGNALLED_BUDGET, most, kb => hasRoom(full, kb, seconds, placeSignalled)))
                progress(`run ${i} of ${runs}: what the calls allocate`)
                const rig = await Rig.start({ preload: [PROBE] })
                try {
                    for (const [count, list] of figures) list.push(await traffic(rig, count, seconds))
                } finally {
                    await rig.stop()
                }
            }
            return rows(ballast, signalled, figures)
        },
    }
}

export const suite = heapSuite()
