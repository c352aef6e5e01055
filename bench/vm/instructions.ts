/**
 * What a frame of voice costs in the VM, in WebAssembly instructions (`meter.cjs`). The figures are the same on every machine,
 * busy or not, to half a percent; where the heap has its free blocks makes the rest. The collector is not in them, which
 * falls into one block or another by chance; to allocate is.
 */
import { CALLS, frameFor, order, unchecked, Voice } from "../frames.js"
import { Firmware } from "../peers/contenders.js"
import { median } from "../suite.js"
import { Vm } from "./vm.js"

/** Over the stream: the floors, which are what the runtime needs to hand a frame over, and what is above them. */
export interface StreamCost {
    floorOut: number
    floorIn: number
    out: number
    outChecked: number
    in: number
    inChecked: number
    /** As `out` and `in`, with the collector's share: a mean of many, since it falls into one block or another. */
    outCollected: number
    inCollected: number
    /** Bytes of the heap for a frame; that of a frame received has the chunk in which it came. */
    bytesOut: number
    bytesIn: number
}

/** Over the W5500, driver and stack and no chip; `Alone` is a frame with no other in its round of 20 ms, not one of eight. */
export interface W5500Cost {
    out: number
    in: number
    outAlone: number
    inAlone: number
}

/** How much is counted. */
export interface Counting {
    /** What is counted and thrown away: the heap comes to its usual state. */
    warmUp: number
    blocks: number
}

export const FULL: Counting = { warmUp: 8, blocks: 24 }
export const QUICK: Counting = { warmUp: 1, blocks: 4 }
/** Enough for a test. */
export const SHORT: Counting = { warmUp: 2, blocks: 8 }

/** Frames in a block: what they allocate does not need the collector. */
const SENT = 32
const RECEIVED = 8
/** Frames in a block that has the collector's work in it. */
const MANY = 48

function mean(counts: number[]): number {
    return counts.reduce((sum, n) => sum + n, 0) / counts.length
}

/** A firmware whose heap is settled before each block. */
class Counted {
    private readonly voices = Array.from({ length: CALLS }, (_, call) => new Voice(call, 100))

    constructor(
        private readonly firmware: Firmware,
        private readonly counting: Counting
    ) {}

    /** Instructions and bytes for a frame. @param work `write` or `transmit` */
    async sent(work: string): Promise<[instructions: number, bytes: number]> {
        const { warmUp, blocks } = this.counting
        await this.firmware.obey(`${work} ${SENT} ${warmUp + blocks}`)
        const usual = (counts: Map<string, number[]>) => median(counts.get(work)!.slice(warmUp))
        return [usual(this.firmware.instructions), usual(this.firmware.bytes)]
    }

    async received(check: boolean): Promise<[instructions: number, bytes: number]> {
        const settle = [order("settle 0 0")]
        const turns = this.blocks(check, RECEIVED).flatMap(block => [settle, block])
        const { instructions, bytes } = await this.firmware.vm.arrive(turns)
        for (let i = 0; i < turns.length; i += 2) await this.firmware.vm.said()
        const usual = (counts: number[]) => median(counts.filter((_, i) => i % 2 === 1).slice(this.counting.warmUp)) / RECEIVED
        return [usual(instructions), usual(bytes)]
    }

    /** Instructions for a chunk that nobody hears. */
    async unheard(): Promise<number> {
        return median((await this.firmware.bare(this.blocks(false, RECEIVED))).instructions.slice(this.counting.warmUp)) / RECEIVED
    }

    /** Instructions for a frame, the collector's among them. */
    async collected(): Promise<[out: number, received: number]> {
        const { warmUp, blocks } = this.counting
        await this.firmware.obey(`transmit ${MANY} ${warmUp + blocks}`)
        const out = mean(this.firmware.instructions.get("transmit")!.slice(warmUp))
        const { instructions } = await this.firmware.vm.arrive(this.blocks(false, MANY))
        return [out, mean(instructions.slice(warmUp)) / MANY]
    }

    private blocks(check: boolean, length: number): Buffer[][] {
        const { warmUp, blocks } = this.counting
        return Array.from({ length: warmUp + blocks }, () =>
            Array.from({ length }, (_, i) => {
                const frame = frameFor(i % CALLS, this.voices[i % CALLS]!.packet())
                return check ? frame : unchecked(frame)
            })
        )
    }
}

export async function streamCost(counting: Counting): Promise<StreamCost> {
    const firmware = await Firmware.start({ metered: true })
    try {
        const counted = new Counted(firmware, counting)
        await firmware.obey("calm 1 0")
        const [floorOut] = await counted.sent("write")
        const floorIn = await counted.unheard()
        const [out, bytesOut] = await counted.sent("transmit")
        await firmware.check(true)
        const [outChecked] = await counted.sent("transmit")
        await firmware.check(false)
        const [plain, bytesIn] = await counted.received(false)
        const [checked] = await counted.received(true)
        await firmware.obey("calm 0 0")
        const [outCollected, inCollected] = await counted.collected()
        return {
            ...{ floorOut, out: out - floorOut, outChecked: outChecked - floorOut, outCollected: outCollected - floorOut, bytesOut },
            ...{ floorIn, in: plain - floorIn, inChecked: checked - floorIn, inCollected: inCollected - floorIn, bytesIn },
        }
    } finally {
        await firmware.vm.stop()
    }
}

/** An order to `devs/bench/w5500.ts`. */
function roundOf(out: number, arriving: Buffer[]): Buffer {
    const received = arriving.map(frame => {
        const copy = unchecked(frame)
        // in the chip's buffer a length counts its own two bytes
        copy.writeUInt16BE(copy.length)
        return copy
    })
    return Buffer.concat([Buffer.from([out]), ...received])
}

/** @param driverAlone without the stack above it */
export async function w5500Cost({ warmUp, blocks }: Counting, driverAlone = false): Promise<W5500Cost> {
    const vm = Vm.start("bench/w5500.ts", { metered: true })
    try {
        await vm.said()
        await vm.arrive([[Buffer.from([driverAlone ? 1 : 0])]])
        await vm.said()
        const voices = Array.from({ length: CALLS }, (_, call) => new Voice(call, 100))
        const rounds = async (frames: number, inAsWell: boolean) => {
            const counts: number[] = []
            const received = inAsWell ? frames : 0
            for (let i = 0; i < warmUp + blocks; i++) {
                await vm.arrive([
                    [
                        roundOf(
                            frames,
                            voices.slice(0, received).map((voice, call) => frameFor(call, voice.packet()))
                        ),
                    ],
                ])
                const { what, instructions } = await vm.said()
                if (what.sent !== frames || what.received !== received)
                    throw new Error(`of ${frames} frames out and ${received} in, ${what.sent} were sent and ${what.received} received`)
                counts.push(instructions[0]!)
            }
            return median(counts.slice(warmUp)) / frames
        }
        const [out, both] = [await rounds(CALLS, false), await rounds(CALLS, true)]
        const [outAlone, bothAlone] = [await rounds(1, false), await rounds(1, true)]
        return { out, in: both - out, outAlone, inAlone: bothAlone - outAlone }
    } finally {
        await vm.stop()
    }
}
