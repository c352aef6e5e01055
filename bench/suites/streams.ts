/** What streams (TCP) cost: instructions for a full segment, against a received frame of voice, and the heap that connections need. */
import { fileURLToPath } from "node:url"
import { EmbeddedLan, LAN } from "../../sim/lan/lan.js"
import { Rig, until } from "../../test/support/rig.js"
import { onStream } from "../frames.js"
import { atMost, rowOf, type Options, type Row, type Suite } from "../suite.js"
import { FULL, QUICK, streamCost } from "../vm/instructions.js"
import { MSS, segmentCost, type SegmentCost } from "../vm/segments.js"
import { Vm } from "../vm/vm.js"
import type { Told } from "./heap.js"

/** Received frames of voice that so many octets, which a full Ethernet frame holds, may cost, checksum apart. */
const VOICE_FRAMES = 3
const OCTETS = 1460
const PROBE = fileURLToPath(new URL("../vm/heap-probe.cjs", import.meta.url))
/** Milliseconds of the VM's clock in which `devs/bench/streams.ts` has said all. */
const PATIENCE = 10_000
const COLLECTIONS = 3
/** Far more than is sent before the command is cancelled. */
const ENDLESS = 1_000_000_000

/** Counted, not timed: once is enough. @param voice instructions for a received frame of voice */
function instructionRows(c: SegmentCost, voice: number): Row[] {
    const row = (name: string, count: number) => rowOf(name, "instr.", [count])
    const data = ((c.bothIn - 2 * c.sum - c.bothAcks * c.sumOfNone) * OCTETS) / (2 * MSS)
    return [
        row("a received frame of voice", voice),
        {
            ...row("1,460 octets received, with ACKs, no checksum", data),
            ...{ ratio: data / voice, against: "a received frame of voice" },
            budget: atMost(VOICE_FRAMES * voice, data, "instructions"),
        },
        row("receive: two segments at once, with their ACK", c.bothIn),
        rowOf("  ACKs that are sent for them", "ACKs", [c.bothAcks]),
        row("  of it: an ACK that is sent", c.ackOut),
        row("send: a segment", c.out),
        row("send: two at once", c.bothOut),
        row("receive: an ACK", c.ackIn),
        row("checksum of a segment", c.sum),
        row("checksum of an ACK", c.sumOfNone),
    ]
}

/** Bytes that a collection leaves, by what the program has: see `devs/bench/streams.ts`. */
async function heapOfProgram(): Promise<Map<string, number>> {
    const lan = await EmbeddedLan.start()
    const vm = Vm.start("bench/streams.ts", { stepped: true })
    try {
        const live = new Map<string, number>()
        const arriving: Buffer[] = []
        const port = lan.switch.plug("vm", frame => void arriving.push(onStream(frame)))
        let { frames } = await vm.ready()
        for (let ms = 0; ms < PATIENCE && !live.has("open"); ms++) {
            for (const frame of frames) lan.switch.receive(Buffer.from(frame.subarray(2)), port)
            const step = await vm.step(1, arriving.splice(0))
            for (const text of step.said) live.set(JSON.parse(text).what, step.live)
            frames = step.frames
        }
        return live
    } finally {
        await vm.stop()
        await lan.stop()
    }
}

/** The same for the image of the phone with streams, before it has connections, and with two that send all the time. */
async function heapOfImage(): Promise<[before: number, open: number]> {
    const rig = await Rig.start({ program: "streams", preload: [PROBE] })
    try {
        let told: Told | undefined
        rig.phone.on("log", line => {
            if (line.startsWith("heap: ")) told = JSON.parse(line.slice("heap: ".length))
        })
        const live = async () => {
            const { collections } = await until("the heap's figures", () => told)
            await until("collections", async () => {
                await rig.calls()
                return told!.collections >= collections + COLLECTIONS
            })
            return told!.live
        }
        const before = await live()
        const cancel = new AbortController()
        const ends = [LAN.echo1, LAN.echo2].map(({ address }) =>
            rig.phone.execute(`stream ${address}:9 --tuple common --bytes ${ENDLESS}`, () => {}, cancel.signal)
        )
        await until("both are connected", async () => {
            const rows = await rig.json<{ state: string }[]>("netstat -j")
            return rows.filter(({ state }) => state === "established").length === ends.length
        })
        const open = await live()
        cancel.abort()
        await Promise.all(ends)
        return [before, open]
    } finally {
        await rig.stop()
    }
}

export const suite: Suite = {
    name: "streams",
    title: "Streams (TCP): segments of 536 octets above the floor, and the heap after a collection",
    async run({ runs, quick, progress }: Options): Promise<Row[]> {
        const amount = quick ? QUICK : FULL
        progress("streams: counting instructions ...")
        const rows = instructionRows(await segmentCost(amount), (await streamCost(amount)).in)
        progress("streams: heap of a program without a telephone ...")
        const program = await heapOfProgram()
        for (const [what, key] of [
            ["no streams yet", "stack"],
            ["buffers of four", "buffers"],
            ["four open", "open"],
        ] as const)
            rows.push(rowOf(`heap, no telephone: ${what}`, "B", [program.get(key)!]))
        const images: [number, number][] = []
        for (let i = 1; i <= runs; i++) {
            progress(`run ${i} of ${runs}: heap of the phone with streams`)
            images.push(await heapOfImage())
        }
        rows.push(
            rowOf(
                "heap, phone: buffers of two",
                "B",
                images.map(([before]) => before)
            ),
            rowOf(
                "heap, phone: two open",
                "B",
                images.map(([, open]) => open)
            )
        )
        return rows
    },
}
