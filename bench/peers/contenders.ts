/** Those whose cost of a frame of voice is measured: the firmware in the simulator VM, and its peers. */
import { order } from "../frames.js"
import type { Figures, Peer } from "./peer.js"
import { type Running, type Turns, Vm } from "../vm/vm.js"

/** Frames in a block, which is what is timed: a collection of the VM in each, and no more than its heap takes. */
export const FRAMES = 48
export const TURNS = 96
/** Milliseconds for which the VM hears nothing, to begin with. */
const BARE_TIME = 150

export interface Contender {
    name: string
    /** Microseconds of each block. */
    receive(blocks: Buffer[][]): Promise<number[]>
    bareReceive(blocks: Buffer[][]): Promise<number[]>
    send(blocks: number): Promise<number[]>
    bareSend(blocks: number): Promise<number[]>
    check(on: boolean): Promise<void>
}

/** The firmware's modules in the simulator VM. */
export class Firmware implements Contender {
    name = "Tuplephone"
    /** How many orders it was given. */
    orders = 0
    /** Bytes that what was timed last allocated in a turn, by name. */
    readonly bytes = new Map<string, number[]>()
    /** Instructions that it took for a turn, by name; 0 without a meter. */
    readonly instructions = new Map<string, number[]>()
    private bareTime = BARE_TIME

    private constructor(readonly vm: Vm) {}

    /** @param program in `devs`, which takes orders as `bench/frame.ts` does */
    static async start(running: Running = {}, program = "bench/frame.ts"): Promise<Firmware> {
        const firmware = new Firmware(Vm.start(program, running))
        await firmware.vm.said()
        return firmware
    }

    /** Has an order carried out. @returns the blocks of each thing that it had timed, in microseconds for a turn, by name */
    async obey(text: string | Buffer): Promise<Map<string, number[]>> {
        this.bytes.clear()
        this.instructions.clear()
        this.orders++
        await this.vm.arrive([[order(text)]])
        const timed = new Map<string, number[]>()
        if (typeof text !== "string") return timed
        while (true) {
            const { what, blocks, bytes, instructions } = await this.vm.said()
            if (what.done) return timed
            timed.set(
                what.timed,
                blocks.map(b => b / what.turns)
            )
            this.bytes.set(
                what.timed,
                bytes.map(b => b / what.turns)
            )
            this.instructions.set(
                what.timed,
                instructions.map(n => n / what.turns)
            )
        }
    }

    async figures(): Promise<Figures> {
        this.orders++
        await this.vm.arrive([[order("figures 0 0")]])
        return (await this.vm.said()).what
    }

    async receive(blocks: Buffer[][]): Promise<number[]> {
        return (await this.vm.arrive(blocks)).microseconds.map(b => b / FRAMES)
    }

    async bareReceive(blocks: Buffer[][]): Promise<number[]> {
        return (await this.bare(blocks)).microseconds.map(b => b / FRAMES)
    }

    /** Chunks arrive and nobody hears them. */
    async bare(blocks: Buffer[][]): Promise<Turns> {
        while (true) {
            this.orders++
            await this.vm.arrive([[order(`bare ${this.bareTime} 0`)]])
            await this.vm.said()
            const turns = await this.vm.arrive(blocks)
            const tooLate = this.vm.hasSaid
            await this.vm.said()
            if (!tooLate) return turns
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
export function contenderOf(peer: Peer): Contender {
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
