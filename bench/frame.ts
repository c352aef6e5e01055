/**
 * Cost of a frame of voice in the VM, and in two other interpreters that do the same with the same frames: MicroPython
 * and QuickJS, both as WebAssembly as our simulator is. Each has its floor, which is what its runtime needs to hand a
 * frame over with nobody who looks at it, and what is compared is the cost above that. The others are at an advantage:
 * theirs is one function for each direction and no more than these frames need, ours is the firmware as it is.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { PROJECT } from "../sim/firmware.js"
import { macToBytes } from "../sim/lan/ethernet.js"
import { addressToBytes } from "../sim/lan/ipv4.js"
import { addressOfCall, CALLS, frameFor, MAC, order, PEER, PEER_PORT, PORT, unchecked, Voice } from "./frames.js"
import { startMicroPython } from "./micropython.js"
import type { Figures, Peer } from "./peer.js"
import { startQuickJs } from "./quickjs.js"
import { everyKind, REFUSED } from "./script.js"
import { type Options, type Row, rowAgainst, rowOf, type Suite } from "./suite.js"
import { Vm } from "./vm.js"

const VOICE_FRAME = 216
/** Frames in a block, which is what is timed: a collection of the VM in each, and no more than its heap takes. */
const FRAMES = 48
const TURNS = 96
/** Milliseconds for which the VM hears nothing, to begin with. */
const BARE_TIME = 150

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

interface Contender {
    name: string
    /** Microseconds of each block. */
    receive(blocks: Buffer[][]): Promise<number[]>
    bareReceive(blocks: Buffer[][]): Promise<number[]>
    send(blocks: number): Promise<number[]>
    bareSend(blocks: number): Promise<number[]>
    check(on: boolean): Promise<void>
}

const median = (values: number[]) => rowOf("", "", values).value

/** The firmware's modules in the simulator VM. */
export class Firmware implements Contender {
    name = "Tuplephone"
    /** How many orders it was given. */
    orders = 0
    private bareTime = BARE_TIME

    private constructor(readonly vm: Vm) {}

    static async start(): Promise<Firmware> {
        const firmware = new Firmware(Vm.start("frame.ts"))
        await firmware.vm.said()
        return firmware
    }

    /** Has an order carried out. @returns the blocks of each thing that it had timed, in microseconds for a turn, by name */
    async obey(text: string | Buffer): Promise<Map<string, number[]>> {
        this.orders++
        await this.vm.arrive([[order(text)]])
        const timed = new Map<string, number[]>()
        if (typeof text !== "string") return timed
        while (true) {
            const { what, blocks } = await this.vm.said()
            if (what.done) return timed
            timed.set(what.timed, blocks.map(b => b / what.turns))
        }
    }

    async figures(): Promise<Figures> {
        this.orders++
        await this.vm.arrive([[order("figures 0 0")]])
        return (await this.vm.said()).what
    }

    async receive(blocks: Buffer[][]): Promise<number[]> {
        return (await this.vm.arrive(blocks)).map(b => b / FRAMES)
    }

    async bareReceive(blocks: Buffer[][]): Promise<number[]> {
        while (true) {
            this.orders++
            await this.vm.arrive([[order(`bare ${this.bareTime} 0`)]])
            await this.vm.said()
            const times = await this.vm.arrive(blocks)
            const tooLate = this.vm.hasSaid
            await this.vm.said()
            if (!tooLate) return times.map(b => b / FRAMES)
            this.bareTime *= 2
        }
    }

    async send(blocks: number): Promise<number[]> {
        return (await this.obey(`transmit ${TURNS} ${blocks}`)).get("transmit")!
    }

    async bareSend(blocks: number): Promise<number[]> {
        return (await this.obey(`write ${TURNS} ${blocks}`)).get("write")!
    }

    async check(on: boolean): Promise<void> {
        await this.obey(`check ${on ? 1 : 0} 0`)
    }
}

/** A peer as a contender. */
function contender(peer: Peer): Contender {
    const eachLoaded = (blocks: Buffer[][], time: () => number) =>
        blocks.map(chunks => {
            peer.load(chunks)
            return time() / FRAMES
        })
    const times = (blocks: number, time: () => number) => Array.from({ length: blocks }, () => time() / TURNS)
    return {
        name: peer.name,
        receive: async blocks => eachLoaded(blocks, peer.timeReceive),
        bareReceive: async blocks => eachLoaded(blocks, peer.timeBareReceive),
        send: async blocks => times(blocks, () => peer.timeSend(TURNS)),
        bareSend: async blocks => times(blocks, () => peer.timeBareSend(TURNS)),
        check: async on => peer.check(on),
    }
}

/** The speech in the firmware's flash. */
function speech(): Buffer {
    const digits = /hex`([^`]*)`/.exec(readFileSync(join(PROJECT, "src/voice/speech.ts"), "utf8"))
    if (!digits) throw new Error("there is no speech in src/voice/speech.ts")
    return Buffer.from(digits[1]!.replace(/\s/g, ""), "hex")
}

function same(what: string, name: string, actual: unknown, expected: unknown): void {
    if (isDeepStrictEqual(actual, expected)) return
    throw new Error(`${name} and the firmware differ in ${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
}

/**
 * See that all do the same: what they send, octet by octet, and their figures after frames of every kind.
 * @throws if not
 */
export async function verify(firmware: Firmware, peers: Peer[], progress: (text: string) => void): Promise<void> {
    const sound = speech()
    // once around the speech, and a bit
    const frames = CALLS * (sound.length / (VOICE_FRAME - 56) + 3)
    const before = await firmware.figures()
    firmware.orders = 0
    const sent = await firmware.vm.capture(async () => {
        await firmware.obey(`send ${frames} 0`)
        await firmware.check(true)
        await firmware.obey(`send ${2 * CALLS} 0`)
        await firmware.check(false)
    })
    const plan = {
        mac: macToBytes(MAC),
        speech: sound,
        calls: Array.from({ length: CALLS }, (_, call) => ({
            address: addressToBytes(addressOfCall(call)),
            port: PORT,
            remote: addressToBytes(PEER),
            remotePort: PEER_PORT,
            first: sent[call]!,
        })),
    }
    for (const peer of peers) {
        peer.reset(plan)
        const theirs = peer.send(frames)
        peer.check(true)
        theirs.push(...peer.send(2 * CALLS))
        peer.check(false)
        same("the number of frames sent", peer.name, theirs.length, sent.length)
        theirs.forEach((f, i) => same(`frame ${i} sent`, peer.name, Buffer.from(f).toString("hex"), Buffer.from(sent[i]!).toString("hex")))
    }

    const arrivals = everyKind()
    await firmware.vm.arrive(
        arrivals.map(a => [a.chunk]),
        arrivals.map(a => a.clock)
    )
    const after = await firmware.figures()
    const complaints = after.counters.icmpTx!
    after.calls[REFUSED]!.ifcTx! -= complaints
    for (const peer of peers) {
        for (const { chunk, clock } of arrivals) peer.receive(chunk, clock)
        const { calls, counters } = peer.figures()
        after.calls.forEach((figures, call) => same(`the figures of call ${call}`, peer.name, calls[call], figures))
        for (const [name, count] of Object.entries(counters)) {
            // the firmware also heard our orders
            const extra = name === "phyRx" ? firmware.orders : name === "phyTx" ? complaints : 0
            same(`the counter ${name}`, peer.name, count, after.counters[name]! - before.counters[name]! - extra)
        }
    }
    progress(`${sent.length} frames sent and ${arrivals.length} received alike by ${["the firmware", ...peers.map(p => p.name)].join(", ")}`)
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

/** Parts of the firmware's work: what was timed, and what is part of that and not of this. */
const PARTS: [title: string, timed: string, without: string][] = [
    ["receive: stream", "chunk", "receive"],
    ["receive: Ethernet, IPv4, UDP header", "below the socket", "call"],
    ["  of it: address to interface", "interfaceOf", "loop"],
    ["receive: socket", "onDatagram", "onPayload, udpChecksumHolds"],
    ["receive: UDP checksum", "udpChecksumHolds", "loop"],
    ["receive: RTP", "onPayload", "loop"],
    ["  of it: statistics", "countPacket", "loop"],
    ["transmit: RTP and speech", "sendFrame", "socket.transmit"],
    ["  of it: speech", "writeSpeech", "loop"],
    ["transmit: socket", "socket.transmit", "phy.transmit"],
    ["transmit: PHY", "phy.transmit", "write"],
]

/** @param chunk what a frame with a UDP checksum costs above the floor */
async function measureParts(firmware: Firmware, amount: Amount, voices: Voice[], chunk: number): Promise<Map<string, number>> {
    const timed = new Map<string, number>()
    await firmware.obey(frameFor(0, voices[0]!.packet()))
    for (const [name, blocks] of await firmware.obey(`parts ${TURNS} ${amount.blocks * 2}`)) timed.set(name, median(blocks))
    return timed.set("chunk", chunk + timed.get("loop")!)
}

async function run(options: Options): Promise<Row[]> {
    const amount = options.quick ? QUICK : FULL
    options.progress("frame: compiling the firmware's modules for the VM ...")
    const firmware = await Firmware.start()
    const peers: Peer[] = []
    try {
        peers.push(await startMicroPython(), await startQuickJs())
        await verify(firmware, peers, text => options.progress(`frame: ${text}`))
        const contenders = [firmware, ...peers.map(contender)]
        const voices = Array.from({ length: CALLS }, (_, call) => new Voice(call, 100))
        options.progress("frame: warming up ...")
        await measure(contenders, { ...amount, slices: 1, blocks: amount.warmUp }, voices)
        const runs: Map<string, Cost>[] = []
        const parts: Map<string, number>[] = []
        for (let i = 1; i <= options.runs; i++) {
            options.progress(`frame: run ${i} of ${options.runs} ...`)
            const costs = await measure(contenders, amount, voices)
            runs.push(costs)
            parts.push(await measureParts(firmware, amount, voices, costs.get(`receive, UDP checksum, ${firmware.name}`)!.above))
        }
        return [...costRows(contenders, runs), ...partRows(parts)]
    } finally {
        for (const peer of peers) peer.stop()
        await firmware.vm.stop()
    }
}

/** The floors, and what each contender needs above its own; the firmware must keep up with MicroPython. */
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
            const row = rowAgainst(name, "us", above(name), base, above(base))
            const met = row.ratio! <= 1
            if (!kind.check) row.budget = { text: "at most MicroPython's, better half", met, ...(met ? {} : { missedBy: `${row.ratio!.toFixed(2)} times` }) }
            rows.push(row)
        }
    }
    for (const direction of ["transmit", "receive"] as const)
        for (const c of contenders)
            rows.push(rowOf(`floor of ${direction}, ${c.name}`, "us", runs.map(r => r.get(`${titleOf({ direction, check: false })}, ${c.name}`)!.floor)))
    return rows
}

function partRows(parts: Map<string, number>[]): Row[] {
    const value = (run: Map<string, number>, names: string) => names.split(", ").reduce((sum, name) => sum + run.get(name)!, 0)
    return PARTS.map(([title, timed, without]) => rowOf(title, "us", parts.map(run => value(run, timed) - value(run, without))))
}

export const suite: Suite = { name: "frame", title: "Cost of a frame of voice in the VM, above the floor", run }
