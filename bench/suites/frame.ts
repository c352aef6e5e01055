/**
 * Cost of a frame of voice in the VM, and in two other interpreters that do the same with the same frames: MicroPython
 * and QuickJS, both as WebAssembly as our simulator is. Each has its floor, which is what its runtime needs to hand a
 * frame over with nobody who looks at it, and what is compared is the cost above that. The others are at an advantage:
 * theirs is one function for each direction and no more than these frames need, ours is the firmware as it is.
 */
import { type Contender, contenderOf, Firmware, FRAMES } from "../peers/contenders.js"
import { CALLS, frameFor, unchecked, Voice } from "../frames.js"
import { startMicroPython } from "../peers/micropython.js"
import { measureParts, partRows, type Parts } from "../vm/parts.js"
import type { Peer } from "../peers/peer.js"
import { startQuickJs } from "../peers/quickjs.js"
import { atMost, median, type Options, type Row, rowAgainst, rowOf, type Suite } from "../suite.js"
import { verify } from "../peers/verify.js"
import { FULL as FULL_COUNT, QUICK as QUICK_COUNT, type StreamCost, streamCost } from "../vm/instructions.js"

/** For one frame out and one in. */
const INSTRUCTIONS = 120_000

/** How much is measured. One slice is so many blocks of each contender, so that all see the machine in the same mood. */
interface Amount {
    slices: number
    blocks: number
    /** Blocks before the first run, in which the host's compiler gets ready. */
    warmUp: number
}

const FULL: Amount = { slices: 9, blocks: 8, warmUp: 60 }
const QUICK: Amount = { slices: 1, blocks: 2, warmUp: 1 }

/** Microseconds for a frame: on the floor, and above it. */
interface Cost {
    floor: number
    above: number
}

type Direction = "transmit" | "receive"

/** What is measured: with a UDP checksum or without. The firmware's own calls send without. */
const KINDS: { direction: Direction; check: boolean }[] = [
    { direction: "transmit", check: false },
    { direction: "transmit", check: true },
    { direction: "receive", check: false },
    { direction: "receive", check: true },
]

const titleOf = (kind: (typeof KINDS)[number]) => `${kind.direction}, ${kind.check ? "UDP checksum" : "no checksum"}`

/** The costs of one run, by kind and contender. */
async function measure(contenders: Contender[], amount: Amount, voices: Voice[]): Promise<Map<string, Cost>> {
    const costs = new Map<string, Cost>()
    for (const kind of KINDS) {
        const slices = new Map<string, Cost[]>()
        for (let slice = 0; slice < amount.slices; slice++) {
            // their sequence numbers go on and on, as those of a call do
            const blocks = Array.from({ length: amount.blocks }, () =>
                Array.from({ length: FRAMES }, (_, i) => {
                    const frame = frameFor(i % CALLS, voices[i % CALLS]!.packet())
                    return kind.check ? frame : unchecked(frame)
                })
            )
            for (const c of contenders) {
                let floor: number[]
                let all: number[]
                if (kind.direction === "receive") {
                    floor = await c.bareReceive(blocks)
                    all = await c.receive(blocks)
                } else {
                    await c.check(kind.check)
                    floor = await c.bareSend(amount.blocks)
                    all = await c.send(amount.blocks)
                    await c.check(false)
                }
                const cost = { floor: median(floor), above: median(all) - median(floor) }
                slices.set(c.name, [...(slices.get(c.name) ?? []), cost])
            }
        }
        for (const [name, of] of slices)
            costs.set(`${titleOf(kind)}, ${name}`, { floor: median(of.map(c => c.floor)), above: median(of.map(c => c.above)) })
    }
    return costs
}

async function run(options: Options): Promise<Row[]> {
    const amount = options.quick ? QUICK : FULL
    options.progress("frame: compiling the firmware's modules for the VM ...")
    const firmware = await Firmware.start()
    const peers: Peer[] = []
    try {
        peers.push(await startMicroPython(), await startQuickJs())
        await verify(firmware, peers, text => options.progress(`frame: ${text}`))
        const contenders = [firmware, ...peers.map(contenderOf)]
        const voices = Array.from({ length: CALLS }, (_, call) => new Voice(call, 100))
        options.progress("frame: warming up ...")
        await measure(contenders, { ...amount, slices: 1, blocks: amount.warmUp }, voices)
        const runs: Map<string, Cost>[] = []
        const parts: Parts[] = []
        for (let i = 1; i <= options.runs; i++) {
            options.progress(`frame: run ${i} of ${options.runs} ...`)
            runs.push(await measure(contenders, amount, voices))
            parts.push(await measureParts(firmware, amount, voices))
        }
        options.progress("frame: counting instructions ...")
        const counted = await streamCost(options.quick ? QUICK_COUNT : FULL_COUNT)
        return [...instructionRows(counted), ...costRows(contenders, runs), ...partRows(parts)]
    } finally {
        for (const peer of peers) peer.stop()
        await firmware.vm.stop()
    }
}

/** Counted, not timed: once is enough. */
function instructionRows(c: StreamCost): Row[] {
    const row = (name: string, count: number) => rowOf(name, "instr.", [count])
    const both = c.floorOut + c.outCollected + c.floorIn + c.inCollected
    return [
        { ...row("a frame out and one in, stream, floors and collector", both), budget: atMost(INSTRUCTIONS, both, "instructions") },
        row("counted: transmit, no checksum", c.out),
        row("counted: transmit, UDP checksum", c.outChecked),
        row("counted: transmit, with the collector", c.outCollected),
        row("counted: floor of transmit", c.floorOut),
        row("counted: receive, no checksum", c.in),
        row("counted: receive, UDP checksum", c.inChecked),
        row("counted: receive, with the collector", c.inCollected),
        row("counted: floor of receive", c.floorIn),
    ]
}

/** The floors, and what each contender needs above its own. */
function costRows(contenders: Contender[], runs: Map<string, Cost>[]): Row[] {
    const rows: Row[] = []
    const above = (name: string) => runs.map(r => r.get(name)!.above)
    const [ours, python] = contenders
    for (const kind of KINDS) {
        const title = titleOf(kind)
        const base = `${title}, ${python!.name}`
        for (const c of contenders) {
            const name = `${title}, ${c.name}`
            if (c !== ours) {
                rows.push(rowOf(name, "us", above(name)))
                continue
            }
            rows.push(rowAgainst(name, "us", above(name), base, above(base)))
        }
    }
    for (const direction of ["transmit", "receive"] as const)
        for (const c of contenders)
            rows.push(
                rowOf(
                    `floor of ${direction}, ${c.name}`,
                    "us",
                    runs.map(r => r.get(`${titleOf({ direction, check: false })}, ${c.name}`)!.floor)
                )
            )
    return rows
}

export const suite: Suite = { name: "frame", title: "Cost of a frame of voice in the VM, above the floor", run }
