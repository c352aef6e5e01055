/**
 * What a full segment of TCP costs in the VM, in WebAssembly instructions, as `instructions.ts` has them for a frame of voice. The
 * peer is here, and says what the firmware waits for. Read first: `devs/bench/segments.ts`.
 */
import { MAC, onStream, order, PEER } from "../frames.js"
import { buildEthernet, ETHERTYPE_IPV4, parseEthernet } from "../../sim/lan/ethernet.js"
import { buildIpv4, parseIpv4, PROTOCOL_TCP } from "../../sim/lan/ipv4.js"
import { ACK, buildTcp, parseTcp, PSH, SYN } from "../../sim/lan/tcp.js"
import { Firmware } from "../peers/contenders.js"
import { median } from "../suite.js"
import type { Counting } from "./instructions.js"

/** Octets of data in a full segment, as `src/transport/tcp/connection.ts` has it. */
export const MSS = 536
const PEER_MAC = "02:00:0a:4d:00:01"
const PORT = 9
const WINDOW = 16_384
/** Turns of the VM's loop in which a chunk is dealt with by all fibers. */
const TURNS = 3
/** Turns of a loop in a block. */
const LOOPS = 16

/** Above the floors, which are what the runtime needs to hand a frame over; of a segment unless it says otherwise. */
export interface SegmentCost {
    /** From the chunk through `recv`, with the ACK that the firmware sends: two that come at once. */
    bothIn: number
    /** How many ACKs that were. */
    bothAcks: number
    /** From `send` to the PHY: alone, and two at once. */
    out: number
    bothOut: number
    /** An ACK that comes in for a segment, and one that is sent. */
    ackIn: number
    ackOut: number
    /** `sum` over a segment, and over one without data. */
    sum: number
    sumOfNone: number
}

/** The peer: its next sequence number, and what it has heard. */
class Peer {
    private local = ""
    private port = 0
    private next = 1000
    private heardTo = 0

    /** Answer the SYN among the frames that the firmware has sent. */
    answer(frames: Uint8Array[]): Buffer {
        for (const frame of frames) {
            const ethernet = parseEthernet(Buffer.from(frame.subarray(2)))
            const ip = ethernet?.etherType === ETHERTYPE_IPV4 ? parseIpv4(ethernet.payload) : undefined
            const tcp = ip?.protocol === PROTOCOL_TCP ? parseTcp(ip) : undefined
            if (!ip || !tcp || tcp.flags !== SYN) continue
            this.local = ip.source
            this.port = tcp.sourcePort
            this.heardTo = tcp.sequence + 1
            const chunk = this.segment(SYN | ACK, Buffer.alloc(0), 1460)
            this.next++
            return chunk
        }

        throw new Error("the firmware has sent no SYN")
    }

    data(): Buffer {
        const chunk = this.segment(PSH | ACK, Buffer.alloc(MSS, "voice"))
        this.next += MSS
        return chunk
    }

    /** @param segments that were heard meanwhile */
    ack(segments: number): Buffer {
        this.heardTo += segments * MSS
        return this.segment(ACK, Buffer.alloc(0))
    }

    private segment(flags: number, payload: Buffer, mss?: number): Buffer {
        const numbers = { sequence: this.next >>> 0, acknowledgment: this.heardTo >>> 0, window: WINDOW, mss }
        const tcp = buildTcp(PEER, this.local, { sourcePort: PORT, destinationPort: this.port, flags, ...numbers, payload })
        const packet = buildIpv4({ source: PEER, destination: this.local, protocol: PROTOCOL_TCP, payload: tcp })
        return onStream(buildEthernet({ destination: MAC, source: PEER_MAC, etherType: ETHERTYPE_IPV4, payload: packet }))
    }
}

/** A firmware with one connection, whose heap is settled before each count. */
class Counted {
    readonly peer = new Peer()

    constructor(
        readonly firmware: Firmware,
        private readonly counting: Counting
    ) {}

    async open(): Promise<void> {
        const { vm } = this.firmware
        const frames = await vm.capture(async () => void (await vm.arrive([[order("open 0 0")], ...after()])))
        await vm.arrive([[this.peer.answer(frames)]])
        await vm.said()
    }

    /** Instructions for what the chunks of a round need, in a turn and those behind it. @param heard whether somebody hears them */
    async received(chunksOf: () => Buffer[], heard = true): Promise<number> {
        const { warmUp, blocks } = this.counting
        // an order that is heard all the same has an answer, which nobody waits for
        const settle = heard ? [order("settle 0 0")] : []
        const turns = Array.from({ length: warmUp + blocks }, () => [settle, chunksOf(), ...after()]).flat()
        const { vm } = this.firmware
        const { instructions } = heard ? await vm.arrive(turns) : await this.firmware.bare(turns)
        if (heard) for (let i = 0; i < warmUp + blocks; i++) await vm.said()
        return this.usual(instructions)
    }

    /** Instructions for segments that are sent at once, and for the ACK that comes in for them. */
    async sent(segments: number): Promise<[sent: number, ack: number]> {
        const { warmUp, blocks } = this.counting
        const turns = Array.from({ length: warmUp + blocks }, () => [[order(`send ${segments} 0`)], [this.peer.ack(segments)], ...after()])
        const { vm } = this.firmware
        const { instructions } = await vm.arrive(turns.flat())
        const counts: number[] = []
        for (let i = 0; i < warmUp + blocks; i++) counts.push((await vm.said()).instructions[0]!)
        return [median(counts.slice(warmUp)), this.usual(instructions)]
    }

    /** What the firmware has heard, sent and sent again. */
    async figures(): Promise<{ heard: number; sent: number; retransmitted: number }> {
        await this.firmware.vm.arrive([[order("figures 0 0")]])
        return (await this.firmware.vm.said()).what
    }

    /** Of rounds whose first turn is not counted. */
    private usual(instructions: number[]): number {
        const counts: number[] = []
        for (let i = 0; i < instructions.length; i += 1 + TURNS)
            counts.push(instructions.slice(i + 1, i + 1 + TURNS).reduce((sum, n) => sum + n, 0))
        return median(counts.slice(this.counting.warmUp))
    }
}

/** Turns in which nothing comes, behind that of the chunks. */
function after(): Buffer[][] {
    return Array.from({ length: TURNS - 1 }, () => [])
}

export async function segmentCost(counting: Counting): Promise<SegmentCost> {
    const firmware = await Firmware.start({ metered: true }, "bench/segments.ts")
    try {
        const counted = new Counted(firmware, counting)
        const { peer } = counted
        const rounds = counting.warmUp + counting.blocks
        await counted.open()
        // the sequence numbers go on only when somebody hears them
        const [segment, ack] = [peer.data(), peer.ack(0)]
        await firmware.vm.arrive([[segment], ...after()])
        const floorOfBoth = await counted.received(() => [segment, segment], false)
        const floorOfAck = await counted.received(() => [ack], false)

        const before = await counted.figures()
        const both = await counted.received(() => [peer.data(), peer.data()])
        const last = await counted.figures()
        if (last.heard - before.heard !== 2 * rounds * MSS) throw new Error(`${last.heard - before.heard} octets were heard`)

        await firmware.obey("calm 1 0")
        await firmware.obey(`parts ${LOOPS} ${rounds}`)
        const part = (name: string) => median(firmware.instructions.get(name)!.slice(counting.warmUp))
        const loop = part("loop")
        const write = part("write")
        const figures = { ackOut: part("acknowledge") - loop, sum: part("sum") - loop, sumOfNone: part("sum of none") - loop }

        const [out, ackIn] = await counted.sent(1)
        const [bothOut] = await counted.sent(2)
        const { retransmitted } = await counted.figures()
        if (retransmitted > 0) throw new Error(`${retransmitted} segments were sent again`)
        return {
            bothIn: both - floorOfBoth,
            bothAcks: (last.sent - before.sent) / rounds,
            out: out - write,
            bothOut: bothOut - 2 * write,
            ackIn: ackIn - floorOfAck,
            ...figures,
        }
    } finally {
        await firmware.vm.stop()
    }
}
