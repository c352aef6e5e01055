/** The firmware in the VM, whose time goes on by steps: `devs/fuzz/main.ts` is its program, and takes the orders. */
import { Vm, type Stepped } from "../bench/vm/vm.js"
import type { Call, Reception, World } from "./world.js"

/** As in `devs/fuzz/main.ts`. */
enum Order {
    Counts = 2,
    State,
    Call,
    HangUp,
    Renew,
    Seek,
    GiveUp,
    Open,
    Close,
    Collect,
    CommonMac,
}

/** States of a call. */
const UP = 3

/** The phone's milliseconds when it begins: how long it took to boot does not matter then. */
const BOOT = 600_000

export interface Counts {
    now: number
    counters: Record<string, number>
    waiting: [number, number, number][]
}

/** What is in the phone's tables. */
export type Left = Record<"sockets" | "interfaces" | "leases" | "endpoints" | "addresses" | "fresh", number>

export interface Told extends World {
    /** The calls that are up, of those placed. */
    up: number
    live: number
    plainState: "open" | "failed" | "closed"
    /** Of each lease: its seconds, and milliseconds until T1 and T2. */
    times: (number | null)[][]
    left: Left
}

/** A number that the VM has read in its own order of octets. */
function swapped(n: number): number {
    const b = Buffer.alloc(4)
    b.writeInt32LE(n | 0)
    return b.readUInt32BE()
}

function macOf(high: number, low: number): string {
    const b = Buffer.alloc(6)
    b.writeInt32LE(high | 0)
    b.writeUInt16LE(low, 4)
    return b.toString("hex")
}

/** A frame behind its length, as it lies on the stream. */
export function onStream(frame: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from([frame.length >> 8, frame.length & 255]), frame])
}

function receptionOf(hex: string): Reception {
    const b = Buffer.from(hex, "hex")
    const at = (i: number) => b.readInt32LE(4 * i)
    return {
        received: at(0),
        reordered: at(1),
        ssrc: b.readUInt32BE(8),
        first: at(3),
        latest: at(4),
        receivedBefore: at(5),
        lostBefore: at(6),
        suspect: at(7) - 1,
        transit: at(8),
        jitter: at(9),
        stranger: b.readUInt32BE(40),
        strangerReceived: at(11),
        strangerRow: at(12),
        // kept with all bits the other way, so that 0 is that of none
        event: ~b.readInt32BE(52) >>> 0,
        eventAt: b.readUInt32LE(56),
    }
}

export class Phone {
    private sent: Buffer[] = []
    /** Orders given: each is a frame of the PHY, too. */
    orders = 0
    private live = 0

    private constructor(
        private readonly vm: Vm,
        private readonly names: string[]
    ) {}

    static async boot(seed: number): Promise<Phone> {
        const vm = Vm.start("fuzz/main.ts", { stepped: true })
        try {
            const { said } = await vm.ready()
            const phone = new Phone(vm, (JSON.parse(said[0]).names as string).trimEnd().split(" "))
            const { now } = await phone.counts()
            await phone.step(Math.max(BOOT - now, 0))
            vm.seed(seed)
            // with a transaction identifier that comes from the seed
            await phone.seek(0)
            return phone
        } catch (error) {
            await vm.stop()
            throw error
        }
    }

    async stop(): Promise<void> {
        await this.vm.stop()
    }

    /** What it has sent since somebody asked: frames without their length. */
    takeSent(): Buffer[] {
        const { sent } = this
        this.sent = []
        return sent
    }

    /** Lets time go on. */
    async step(ms: number, chunks: Uint8Array[] = []): Promise<void> {
        this.take(await this.vm.step(ms, chunks))
    }

    private take({ frames, live }: Stepped): void {
        for (const frame of frames) {
            const b = Buffer.from(frame)
            if (b.length < 2 || b.readUInt16BE(0) !== b.length - 2) throw new Error(`the phone sends ${b.toString("hex")}`)
            this.sent.push(b.subarray(2))
        }
        this.live = live
    }

    private async order(what: Order, args: number[] = [], words = 0, chunks: Uint8Array[] = []): Promise<any[]> {
        this.orders++
        const frame = Buffer.alloc(4)
        frame.set([what, ...args])
        const stepped = await this.vm.step(0, [...chunks, onStream(frame)], words)
        this.take(stepped)
        if (stepped.said.length !== words) throw new Error(`the phone does not answer order ${Order[what]}`)
        return stepped.said.map(text => JSON.parse(text))
    }

    /** Has chunks arrive, and tells what was counted until then, and what the socket without a target has heard. */
    async counts(chunks: Uint8Array[] = []): Promise<Counts> {
        const [{ now, counters, waiting }] = await this.order(Order.Counts, [], 1, chunks)
        const triples: [number, number, number][] = []
        for (let i = 0; i < waiting.length; i += 3) triples.push([swapped(waiting[i]), waiting[i + 1], waiting[i + 2]])
        return { now, counters: Object.fromEntries(this.names.map((name, i) => [name, counters[i]])), waiting: triples }
    }

    async state(): Promise<Told> {
        const [first, rest] = await this.order(Order.State, [], 2)
        const interfaces = (first.interfaces as number[][]).map(([address, mask, router, high], slot) => ({
            slot,
            address: swapped(address),
            mask: swapped(mask),
            router: swapped(router),
            mac: macOf(high, first.macLow),
        }))
        const calls: Call[] = []
        ;(rest.calls as number[][]).forEach(([, state, local, port, remote, remotePort, payloadType], slot) => {
            const heard: number[] = rest.heard[slot]
            const owner = interfaces.find(i => i.address === swapped(local))
            if (state !== UP || heard.length === 0 || !owner) return
            const [rx, rxSeen, heardAt] = heard
            calls.push({
                slot,
                interface: owner.slot,
                port,
                remote: swapped(remote),
                remotePort,
                payloadType,
                reception: receptionOf(rest.receptions[slot]),
                rx,
                rxSeen,
                heardAt,
            })
        })
        return {
            now: first.now,
            mac: "025400000001",
            interfaces,
            leases: (first.leases as number[][]).map(([state, xid, server, address], slot) => ({
                slot,
                state,
                xid: swapped(xid),
                server: swapped(server),
                address: swapped(address),
            })),
            neighbours: (rest.neighbours as number[][]).map(([address, high, low, known, attempts, due, slot]) => ({
                address: swapped(address),
                mac: macOf(high, low),
                known: known !== 0,
                attempts,
                due,
                interface: slot,
            })),
            calls,
            plain: { port: 7000, waiting: [] },
            errors: { second: 0, sent: 0 },
            conflicts: new Map(),
            up: calls.length,
            live: (rest.calls as number[][]).filter(([, state]) => state > 0 && state < 5).length,
            plainState: rest.plain,
            times: first.times,
            left: rest.left,
        }
    }

    /** @param peer last octet of its address @param payloadType 0 PCMU, 8 PCMA @param play 0 tone, 1 speech, 2 echo @param tuple 0 common, 1 static, 2 DHCP */
    async call(peer: number, payloadType: number, play: number, tuple: number): Promise<void> {
        await this.order(Order.Call, [peer, payloadType | (play << 4), tuple])
    }

    /** Orders that say nothing, or only when they are done. */
    hangUp = () => this.order(Order.HangUp)
    renew = (slot: number) => this.order(Order.Renew, [slot])
    seek = (slot: number) => this.order(Order.Seek, [slot])
    giveUp = (slot: number) => this.order(Order.GiveUp, [slot])
    open = () => this.order(Order.Open)
    close = () => this.order(Order.Close)
    commonMac = () => this.order(Order.CommonMac)

    /** Bytes in use after a collection. */
    async collect(): Promise<number> {
        await this.order(Order.Collect, [], 1)
        return this.live
    }
}
