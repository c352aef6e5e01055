/** The rig of the end-to-end tests: the embedded LAN and one phone on it, booted once for a test file. */
import assert from "node:assert/strict"
import { createHash, randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { ARP_REPLY, arpRequest } from "../../sim/lan/arp.js"
import { ETHERTYPE_IPV4, buildEthernet } from "../../sim/lan/ethernet.js"
import { PROTOCOL_UDP, buildIpv4 } from "../../sim/lan/ipv4.js"
import { EmbeddedLan, LAN, type LanOptions } from "../../sim/lan/lan.js"
import { buildUdp } from "../../sim/lan/udp.js"
import { buildFirmware, type PhyKind, type Program } from "../../sim/firmware.js"
import { Phone } from "../../sim/phone.js"
import { Random } from "../../fuzz/random.js"
import { arpOf, udpOf, type ReceivedUdp } from "./ethernet-client.js"

/** Over which PHY the tests run. */
export const PHY = (process.env.TUPLEPHONE_PHY ?? "stream") as PhyKind
/** KB of the heap that are held back while calls run: the buffers and the queue of the W5500's driver take 4 of them. */
export const BALLAST = PHY === "w5500" ? 8 : 12
/** The VM's part of simulated time, if this process has it. */
const CLOCK = process.env.TUPLEPHONE_CLOCK === undefined ? [] : [fileURLToPath(new URL("time/vm.cjs", import.meta.url))]
const POLL_MS = 20
const WAIT_MS = 10_000
const SETTLE_ATTEMPTS = 20

export interface Interface {
    name: string
    address: string | null
    prefix: number
    mac: string
    gateway: string | null
    source: string
    leaseSeconds: number | null
    expiresIn: number | null
    sockets: number
    dscp: number
}

export interface Call {
    id: number
    state: string
    local: string | null
    remote: string
    codec: string
    txFrames: number
    rxFrames: number
    lost: number
    jitterMs: number
    seconds: number
    /** Frames that were left out. */
    skipped: number
    /** Why it ended, if nobody hung it up. */
    error: string | null
    direction: "in" | "out"
    /** How it ended, if that was no error. */
    reason: string | null
    /** Who holds it. */
    hold: "none" | "local" | "remote" | "both"
    /** The URI of the other side, if the call is signalled. */
    peer: string | null
}

/** A row of `netstat -j`, as far as tests look at it. */
export interface SocketRow {
    sd: number
    type: string
    local: string | null
    remote: string | null
    process: number
}

export type Stats = Record<string, number>

/** Counters that grow when all is well; every other one counts something that was dropped, refused or went wrong. */
const TRAFFIC = new Set([
    "phyRx",
    "phyTx",
    "arpRx",
    "arpTx",
    "icmpRx",
    "icmpTx",
    "udpRx",
    "udpTx",
    "dhcpRx",
    "dhcpTx",
    "ipReassembled",
    // no drop: strangers that asked for us a minute ago, and answer no longer when the cache confirms them
    "arpFailed",
])

/** A datagram that crossed the LAN. */
export interface Seen extends ReceivedUdp {
    /** `performance.now()` at the switch. */
    at: number
    port: string
}

/** Waits for a condition; fails with `what` after `timeout` ms. @returns what the condition gave */
export async function until<T>(what: string, condition: () => T | Promise<T>, timeout = WAIT_MS): Promise<NonNullable<T>> {
    for (const end = Date.now() + timeout; ; await sleep(POLL_MS)) {
        const value = await condition()
        if (value) return value
        assert.ok(Date.now() < end, `timed out after ${timeout} ms: ${what}`)
    }
}

export function sleep(ms: number): Promise<void> {
    return new Promise(resolve => setTimeout(resolve, ms))
}

/** Numbers that come out the same in each run from the same seed. */
export function seededRandom(seed: number): () => number {
    const random = new Random(seed)
    return () => random.fraction()
}

export class Rig {
    /** What the firmware wrote. */
    readonly log: string[] = []
    mac = ""
    /** The common address. */
    address = ""

    private constructor(
        readonly lan: EmbeddedLan,
        readonly phone: Phone
    ) {
        phone.on("log", line => this.log.push(line))
    }

    /** Boots LAN and phone. Resolves when the phone has its common address, or, `withoutServer`, at once. */
    static async start(
        options: LanOptions & {
            withoutServer?: boolean
            ready?: boolean
            preload?: string[]
            phy?: PhyKind
            program?: Program
            settings?: Record<string, string>
        } = {}
    ): Promise<Rig> {
        const phy = options.phy ?? PHY
        const image = await buildFirmware(() => {}, options.program ?? phy)
        const lan = await EmbeddedLan.start(options)
        if (options.withoutServer) lan.dhcp.enabled = false
        let phone: Phone | undefined
        try {
            // a phone of its own for each run, so that test files can run at the same time
            const deviceId = createHash("sha256").update(randomBytes(16)).digest("hex").slice(0, 16)
            phone = await Phone.boot({
                image,
                deviceId,
                lan: `${lan.host}:${lan.port}`,
                phy,
                settings: options.settings,
                preload: [...CLOCK, ...(options.preload ?? [])],
            })
            const rig = new Rig(lan, phone)
            // a test that counts leases knows its own
            if (!options.ready) await rig.run("lease ready 0")
            if (!options.withoutServer) await rig.hasAddress()
            return rig
        } catch (error) {
            await phone?.stop()
            await lan.stop()
            throw error
        }
    }

    /** Waits until the phone has its common address. */
    async hasAddress(timeout?: number): Promise<void> {
        const common = await until(
            "the common address",
            async () => (await this.interfaces()).find(i => i.name === "tp0" && i.address),
            timeout
        )
        this.mac = common.mac
        this.address = common.address!
    }

    async stop(): Promise<void> {
        await this.phone.stop()
        await this.lan.stop()
    }

    /** Runs a console command. Rejects only if the phone has stopped. */
    exec(line: string): Promise<{ ok: boolean; text: string }> {
        return this.phone.answer(line)
    }

    /** Runs a command that must succeed. @returns its output */
    async run(line: string): Promise<string> {
        const { ok, text } = await this.exec(line)
        assert.ok(ok, `${line}: ${text.trim()}`)
        assert.ok(!/^error/m.test(text), `${line} succeeded and says: ${text.trim()}`)
        return text
    }

    /** Runs a command that must fail with one line `error: ...`. @returns that line */
    async fails(line: string, expected: RegExp): Promise<string> {
        const { ok, text } = await this.exec(line)
        assert.equal(ok, false, `${line} succeeded: ${text.trim()}`)
        assert.match(text, /^error: [^\n]+\n$/, `${line} must say one line`)
        assert.match(text, expected)
        return text.trim()
    }

    json<T>(line: string): Promise<T> {
        return this.phone.query<T>(line)
    }

    interfaces(): Promise<Interface[]> {
        return this.json("ifconfig -j")
    }

    calls(): Promise<Call[]> {
        return this.json("calls -j")
    }

    stats(): Promise<Stats> {
        return this.json("stats -j")
    }

    /** Places a call that lasts until it is hung up. */
    async call(target: string, options = ""): Promise<Call> {
        const text = await this.run(`call ${target} ${options}`)
        const id = Number(/^call (\d+) is up/.exec(text)?.[1])
        const call = (await this.calls()).find(c => c.id === id)
        assert.ok(call, `${text.trim()} is not in calls`)
        return call
    }

    /** The figures of a call that is up, or was one of the last that ended. */
    async callOf(id: number): Promise<Call> {
        const call = (await this.calls()).find(c => c.id === id)
        assert.ok(call, `call ${id} is not in calls`)
        return call
    }

    /** Places a short call, to see that the phone still works: nothing of it may be lost. */
    async works(target = "10.77.0.2:4000"): Promise<void> {
        const call = await this.call(target, "--play speech")
        await until("ten frames back", async () => (await this.callOf(call.id)).rxFrames >= 10)
        await this.run(`hangup ${call.id}`)
        const { lost, error } = await this.callOf(call.id)
        assert.equal(lost, 0)
        assert.equal(error, null)
        await this.idle()
    }

    /** Runs `during` while a call is up: it must go on, and unless it `mayLose` nothing of it may be lost. */
    async duringCall(during: (call: Call) => Promise<void>, mayLose = false): Promise<void> {
        const call = await this.call("10.77.0.2:4000", "--play speech")
        const heard = (frames: number) => async () => {
            const now = await this.callOf(call.id)
            assert.equal(now.state, "up", now.error ?? "")
            return now.rxFrames >= frames
        }
        await until("the call is heard", heard(5))
        await during(call)
        await until("the call goes on", heard((await this.callOf(call.id)).rxFrames + 10))
        assert.ok(this.leased().includes(call.local!.split(":")[0]), "the call's lease is gone")
        await this.run(`hangup ${call.id}`)
        const { lost, error } = await this.callOf(call.id)
        assert.equal(error, null)
        if (!mayLose) assert.equal(lost, 0)
    }

    /** The sockets, but for the one by which the phone can be called, if its image has that. */
    async sockets(): Promise<{ open: SocketRow[]; signalling: number }> {
        const rows = await this.json<SocketRow[]>("netstat -j")
        const open = rows.filter(row => row.local !== `${this.address}:5060`)
        return { open, signalling: rows.length - open.length }
    }

    /** The addresses that the server has given, in order. */
    leased(): string[] {
        return this.lan.dhcp
            .leases()
            .filter(l => l.state === "bound")
            .map(l => l.address)
    }

    /** Waits until nothing of a call is left: interfaces and sockets as after boot, one lease at the server, no fault. */
    async idle(): Promise<void> {
        await until("the server has its addresses back", () => this.leased().length === 1 && this.lan.dhcp.leases().length === 1)
        assert.deepEqual(this.leased(), [this.address])
        const interfaces = await this.interfaces()
        const { open, signalling } = await this.sockets()
        assert.deepEqual(open, [])
        assert.deepEqual(
            interfaces.map(({ name, address, mac, source, sockets }) => ({ name, address, mac, source, sockets })),
            [{ name: "tp0", address: this.address, mac: this.mac, source: "common", sockets: signalling }]
        )
        assert.deepEqual(
            (await this.calls()).filter(c => c.state !== "ended"),
            []
        )
        const { internalErrors } = await this.stats()
        assert.equal(internalErrors, 0, this.log.filter(line => line.includes("internal error")).join("\n"))
    }

    /** By how much each counter has grown since `before`, without those that did not. */
    async grown(before: Stats): Promise<Stats> {
        const now = await this.stats()
        return Object.fromEntries(
            Object.keys(now)
                .map(key => [key, now[key] - before[key]])
                .filter(([, by]) => by !== 0)
        )
    }

    /** As `grown`, the counters of drops and faults alone. */
    async drops(before: Stats): Promise<Stats> {
        return Object.fromEntries(Object.entries(await this.grown(before)).filter(([key]) => !TRAFFIC.has(key)))
    }

    /**
     * Waits until the phone has dealt with all that was put on its stream before: it takes one frame after the other,
     * so that the answer to a request which was sent last comes last. Asks again, in case the stream is just cut.
     */
    async settle(): Promise<void> {
        const { mac, address } = LAN.echo1
        let answered = false
        const listener = (frame: Buffer) => {
            const arp = arpOf(frame)
            answered ||= arp?.operation === ARP_REPLY && arp.senderAddress === this.address && arp.targetMac === mac
        }
        this.lan.on("frame", listener)
        for (let attempt = 1; !answered; attempt++) {
            assert.ok(attempt <= SETTLE_ATTEMPTS, "the phone does not answer ARP any more")
            this.lan.inject(arpRequest(mac, address, this.address))
            for (let i = 0; i < 50 && !answered; i++) await sleep(POLL_MS)
        }
        this.lan.off("frame", listener)
    }

    /** Notes each datagram on the LAN from now on that `match` wants. */
    watch(match: (datagram: Seen) => boolean): { seen: Seen[]; stop(): void } {
        const seen: Seen[] = []
        const listener = (frame: Buffer, port: string) => {
            const at = performance.now()
            const udp = udpOf(frame)
            // a frame may be a view of a buffer that is used again
            if (udp && match({ ...udp, at, port })) seen.push({ ...udp, payload: Buffer.from(udp.payload), at, port })
        }
        this.lan.on("frame", listener)
        return { seen, stop: () => this.lan.off("frame", listener) }
    }

    /** A frame to the phone as echo1 would send it. */
    frame(etherType: number, payload: Buffer, { destination = this.mac, source = LAN.echo1.mac as string } = {}): Buffer {
        return buildEthernet({ destination, source, etherType, payload })
    }

    /** A datagram to the phone as echo1 would send it. */
    datagram(
        destination: string,
        port: number,
        payload: Buffer,
        { source = LAN.echo1.address as string, sourcePort = 4000, mac = this.mac } = {}
    ): Buffer {
        const udp = buildUdp(source, sourcePort, destination, port, payload)
        return this.frame(ETHERTYPE_IPV4, buildIpv4({ source, destination, protocol: PROTOCOL_UDP, payload: udp }), { destination: mac })
    }
}
