/**
 * Every field of a server's answers altered at random, a hundred thousand variants: the DHCP client takes those that
 * RFC 2131 and RFC 2132 have it take, and nothing else. What it should do is worked out here, from the RFCs.
 */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { Vm } from "../../bench/vm/vm.js"
import { Options } from "../../fuzz/oracle/dhcp-options.js"
import { Random } from "../../fuzz/random.js"

const VARIANTS = Number(process.env.VARIANTS ?? 100_000)
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 0x7fffffff))
/** Frames in a chunk of the stream, and chunks until the client is asked. */
const FRAMES = 16
const CHUNKS = 8
const RECORD = 21

const MAC = Buffer.from("025400000001", "hex")
const XID = Buffer.from("11223344", "hex")
const REQUESTED = Buffer.from([10, 77, 0, 60])
const SERVER = Buffer.from([10, 77, 0, 1])
const COOKIE = Buffer.from([99, 130, 83, 99])
const IDENTIFIER = Buffer.concat([Buffer.from([255, 0, 0, 0, 0, 0, 3, 0, 1]), MAC])
const OFFER = 2
const ACK = 5
const NAK = 6

/** What the client waits for, one after the other: as in `devs/variants/dhcp.ts`. */
const SITUATIONS = ["selecting", "requesting", "rapid", "rebooting"] as const
type Situation = (typeof SITUATIONS)[number]

type Option = [code: number, data: Buffer]

/** A datagram from a server, and what of it is outside of the message. */
interface Variant {
    situation: Situation
    port: number
    checksum: "none" | "right" | "wrong"
    message: Buffer
}

// ---- what the client must do ----

/** Default routers that are kept. */
const ROUTERS = 3

/** The router of the default route, all zeros without one; `undefined` if the routes cannot be read. @see RFC 3442 */
function defaultRoute(routes: Buffer): Buffer | undefined {
    let router = Buffer.alloc(4)
    for (let i = 0; i < routes.length; ) {
        const width = routes[i++]
        const end = i + Math.ceil(width / 8) + 4
        if (width > 32 || end > routes.length) return undefined
        if (width === 0) router = Buffer.from(routes.subarray(end - 4, end))
        i = end
    }
    return router
}

/** RFC 1122, 3.2.1.3: a host's address is none of 0/8, 127/8, multicast, reserved, broadcast. */
const isHost = (a: Buffer) => a[0] !== 0 && a[0] !== 127 && a[0] < 224

/** As the client tells it: nothing, an offer taken, bound, refused; then what it took. */
function expected({ situation, port, checksum, message: m }: Variant): string {
    const nothing = record(0)
    if (port !== 67 || checksum === "wrong" || m.length < 240) return nothing
    if (m[0] !== 2 || m[1] !== 1 || m[2] !== 6 || !m.subarray(236, 240).equals(COOKIE)) return nothing
    if (!m.subarray(28, 34).equals(MAC) || !m.subarray(4, 8).equals(XID)) return nothing
    const options = new Options(m)
    const first = (code: number) => options.first(code)
    const routes = options.all(121)
    const viaRoutes = routes.length > 0 ? defaultRoute(Buffer.concat(routes)) : undefined
    const type = first(53)?.[0]
    const server = first(54)
    const identifier = first(61)
    if (type === undefined || (identifier && !identifier.equals(IDENTIFIER))) return nothing

    if (type === NAK) {
        if (!server || situation === "selecting" || situation === "rapid") return nothing
        return situation === "rebooting" || server.equals(SERVER) ? record(3) : nothing
    }
    const yiaddr = m.subarray(16, 20)
    const mask = first(1) ?? Buffer.from([255, 255, 255, 0])
    const bits = [...mask].map(octet => octet.toString(2).padStart(8, "0")).join("")
    if (!/^1+0*$/.test(bits)) return nothing
    const prefix = bits.lastIndexOf("1") + 1
    const host = (yiaddr.readUInt32BE(0) & ~mask.readUInt32BE(0)) >>> 0
    if (prefix < 31 && (host === 0 || host === ~mask.readUInt32BE(0) >>> 0)) return nothing
    const seconds = options.word(51)
    if (!seconds || !server || !isHost(server) || !isHost(yiaddr)) return nothing

    const rapid = first(80) !== undefined
    if (situation === "selecting" || situation === "rapid") {
        if (type === OFFER) return record(1, yiaddr, server)
        if (type !== ACK || !rapid) return nothing
    } else {
        // of whatever address (RFC 2131, 3.1)
        if (type !== ACK) return nothing
        if (situation === "requesting" && !server.equals(SERVER)) return nothing
    }
    const routers: Buffer[] = []
    if (viaRoutes) routers.push(viaRoutes)
    else for (let i = 0; i < Math.min(first(3)?.length ?? 0, 4 * ROUTERS); i += 4) routers.push(first(3)!.subarray(i, i + 4))
    // wherever it is: it is on the link
    const router = routers.find(r => isHost(r) && !r.equals(yiaddr)) ?? Buffer.alloc(4)
    return record(2, yiaddr, server, mask, router, seconds)
}

/** A record of the client's: addresses as they lie in a packet, seconds little-endian. */
function record(what: number, address?: Buffer, server?: Buffer, mask?: Buffer, gateway?: Buffer, seconds = 0): string {
    const r = Buffer.alloc(RECORD)
    r[0] = what
    ;[address, server, mask, gateway].forEach((value, i) => value?.copy(r, 1 + 4 * i))
    r.writeUInt32LE(seconds, 17)
    return r.toString("hex")
}

// ---- variants ----

class Generator extends Random {
    /** Addresses of all kinds, most of them of the LAN. */
    private address(): Buffer {
        const special = [
            "00000000",
            "ffffffff",
            "7f000001",
            "e0000001",
            "efffffff",
            "f0000001",
            "0a4d00ff",
            "0a4d0000",
            "0a4d0002",
            "0a4d003c",
            "0a4d0001",
            "0a4e0001",
            "c0a80105",
        ]
        return this.chance(0.8) ? Buffer.from(this.one(special), "hex") : this.bytes(4)
    }
    private time(): Buffer {
        return this.chance(0.7) ? Buffer.from(this.one(["00000000", "00000001", "ffffffff", "80000000", "00000e10"]), "hex") : this.bytes(4)
    }

    /** A value for an option that may be right. */
    private value(code: number): Buffer {
        if (code === 1)
            return this.chance(0.5)
                ? Buffer.from(
                      this.one(["ffffff00", "fffffffe", "ffffffff", "ffff0000", "00000000", "ff00ff00", "80000000", "fffffff0"]),
                      "hex"
                  )
                : this.bytes(4)
        if (code === 51 || code === 58 || code === 59) return this.time()
        if (code === 28 || code === 54) return this.address()
        if (code === 3 || code === 6 || code === 42) return Buffer.concat(Array.from({ length: 1 + this.below(3) }, () => this.address()))
        if (code === 53) return Buffer.from([this.chance(0.7) ? this.one([OFFER, ACK, NAK]) : this.below(256)])
        if (code === 52) return Buffer.from([this.below(6)])
        if (code === 61) {
            const id = Buffer.from(IDENTIFIER)
            if (this.chance(0.5)) id[this.below(id.length)] ^= 1 << this.below(8)
            return this.chance(0.1) ? id.subarray(0, this.below(id.length)) : id
        }
        if (code === 80) return Buffer.alloc(0)
        if (code === 121) {
            const routes = Array.from({ length: 1 + this.below(3) }, () => {
                const width = this.chance(0.4) ? 0 : this.below(34)
                return Buffer.concat([Buffer.from([width]), this.bytes(Math.ceil(width / 8)), this.address()])
            })
            return Buffer.concat(routes)
        }
        return this.bytes(this.below(20))
    }

    private base(situation: Situation): Option[] {
        const type = this.chance(0.05) ? NAK : situation === "selecting" ? OFFER : ACK
        const options: Option[] = [
            [53, Buffer.from([type])],
            [54, SERVER],
            [51, Buffer.from("00001c20", "hex")],
            [58, Buffer.from("00000e10", "hex")],
            [59, Buffer.from("0000189c", "hex")],
            [1, Buffer.from("ffffff00", "hex")],
            [3, SERVER],
        ]
        if (situation === "rapid") options.push([80, Buffer.alloc(0)])
        if (this.chance(0.3)) options.push([61, IDENTIFIER])
        if (this.chance(0.3)) options.push([6, SERVER], [15, Buffer.from("lan")], [28, Buffer.from([10, 77, 0, 255])])
        return options
    }

    private alterOptions(options: Option[]): void {
        const at = this.below(options.length + 1)
        const codes = [1, 3, 6, 15, 28, 42, 51, 52, 53, 54, 58, 59, 61, 66, 67, 80, 121, 12, 43, 249, this.below(256)]
        const code = this.one(codes)
        const what = this.below(7)
        if (what === 0 || options.length === 0 || at === options.length) options.splice(at, 0, [code, this.value(code)])
        else if (what === 1) options.splice(at, 1)
        else if (what === 2) options[at] = [options[at][0], this.value(options[at][0])]
        else if (what === 3) options[at] = [options[at][0], this.bytes(this.below(9))]
        else if (what === 4) options.splice(this.below(options.length), 0, options[at])
        else if (what === 5) options.push(...options.splice(at, 1))
        else {
            // in two parts
            const [c, data] = options[at]
            const cut = this.below(data.length + 1)
            options.splice(at, 1, [c, data.subarray(0, cut)], [c, data.subarray(cut)])
        }
    }

    private encode(options: Option[]): Buffer {
        return Buffer.concat(options.map(([code, data]) => Buffer.concat([Buffer.from([code, data.length]), data])))
    }

    next(situation: Situation): Variant {
        const variant: Variant = { situation, port: 67, checksum: this.chance(0.1) ? "right" : "none", message: Buffer.alloc(0) }
        const options = this.base(situation)
        // a fifth is as it should be, but for what changes nothing
        const alterations = this.chance(0.2) ? 0 : 1 + this.below(3)
        const later: ((m: Buffer) => void)[] = []
        let length = 0
        for (let i = 0; i < alterations; i++) {
            const what = this.below(20)
            if (what < 9) this.alterOptions(options)
            else if (what === 9) later.push(m => this.address().copy(m, 16))
            else if (what === 10)
                later.push(m => void (m[this.one([0, 1, 2, 4, 5, 6, 7, 28, 29, 30, 31, 32, 33, 236, 237, 238, 239])] ^= 1 << this.below(8)))
            else if (what === 11) later.push(m => void (m[3 + this.below(m.length - 3)] = this.below(256)))
            else if (what === 12) later.push(m => this.bytes(4).copy(m, this.one([8, 10, 12, 20, 24])))
            else if (what === 13) length = this.chance(0.5) ? this.below(320) : 300 + this.below(300)
            else if (what === 14) variant.checksum = "wrong"
            else if (what === 15) variant.port = this.one([67, 68, 0, 4000, 66, 323])
            else if (what === 16) later.push(m => this.bytes(192).copy(m, 44))
            else {
                // options in the other fields, announced or not
                const file: Option[] = []
                for (let n = this.below(4); n >= 0; n--) {
                    // mostly options that are already there, moved
                    const from = this.below(options.length)
                    if (options.length > 1 && this.chance(0.6)) file.push(...options.splice(from, 1))
                    else this.alterOptions(file)
                }
                const inFile = this.chance(0.5)
                if (this.chance(0.8))
                    options.splice(this.below(options.length + 1), 0, [52, Buffer.from([this.chance(0.7) ? (inFile ? 1 : 2) : 3])])
                const room = inFile ? 128 : 64
                const content = Buffer.concat([this.encode(file), Buffer.from(this.chance(0.9) ? [255] : [])])
                later.push(m => void content.copy(m, inFile ? 108 : 44, 0, Math.min(content.length, room)))
            }
        }
        const header = Buffer.alloc(240)
        header[0] = 2
        header[1] = 1
        header[2] = 6
        header[10] = 0x80
        XID.copy(header, 4)
        ;(situation === "selecting" || situation === "rapid" ? Buffer.from([10, 77, 0, 50 + this.below(50)]) : REQUESTED).copy(header, 16)
        MAC.copy(header, 28)
        COOKIE.copy(header, 236)
        const message = Buffer.concat([header, this.encode(options), Buffer.from(this.chance(0.95) ? [255] : [])])
        variant.message = Buffer.alloc(length || Math.max(message.length, this.chance(0.5) ? 300 : 0))
        message.copy(variant.message)
        if (variant.message.length >= 240) for (const alter of later) alter(variant.message)
        return variant
    }
}

// ---- frames ----

function sumOf(b: Buffer): number {
    let sum = 0
    for (let i = 0; i < b.length; i++) sum += i % 2 === 0 ? b[i] << 8 : b[i]
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    return sum
}

/** A broadcast frame behind its length, as it lies on the stream. */
function frameOf({ port, checksum, message }: Variant): Buffer {
    const udp = Buffer.concat([Buffer.alloc(8), message])
    udp.writeUInt16BE(port, 0)
    udp.writeUInt16BE(68, 2)
    udp.writeUInt16BE(udp.length, 4)
    const ip = Buffer.from("450000000000000040110000" + SERVER.toString("hex") + "ffffffff", "hex")
    ip.writeUInt16BE(20 + udp.length, 2)
    ip.writeUInt16BE(~sumOf(ip) & 0xffff, 10)
    if (checksum !== "none") {
        const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 17, udp.length >> 8, udp.length & 255])])
        const right = ~sumOf(Buffer.concat([pseudo, udp])) & 0xffff || 0xffff
        udp.writeUInt16BE(checksum === "right" ? right : right === 0x1234 ? 0x1235 : 0x1234, 6)
    }
    const frame = Buffer.concat([Buffer.from("0000ffffffffffff02000a4d00010800", "hex"), ip, udp])
    frame.writeUInt16BE(frame.length - 2, 0)
    return frame
}

describe(`answers of a DHCP server, altered at random (SEED=${SEED})`, () => {
    let vm: Vm

    before(async () => {
        vm = Vm.start("variants/dhcp.ts")
        assert.equal((await vm.said()).what, "ready")
    })
    after(() => vm?.stop())

    it(`${VARIANTS} variants: what RFC 2131 has the client take it takes, and nothing else`, async t => {
        const generator = new Generator(SEED)
        const outcomes = new Map<string, number>()
        for (let done = 0; done < VARIANTS; ) {
            const variants = Array.from({ length: FRAMES * CHUNKS }, (_, i) => generator.next(SITUATIONS[(done + i) % 4]))
            const chunks: Buffer[][] = []
            for (let i = 0; i < variants.length; i += FRAMES) chunks.push([Buffer.concat(variants.slice(i, i + FRAMES).map(frameOf))])
            // the question must not overtake what the client still takes
            chunks.push([], [], [Buffer.from([0, 1, 0])])
            await vm.arrive(chunks)
            const records = (await vm.said()).what as string
            assert.equal(records.length, 2 * RECORD * variants.length)
            variants.forEach((variant, i) => {
                const is = records.slice(2 * RECORD * i, 2 * RECORD * (i + 1))
                const should = expected(variant)
                if (is !== should)
                    assert.fail(
                        `SEED=${SEED}, variant ${done + i}, ${variant.situation}, port ${variant.port}, checksum ${variant.checksum}:\n` +
                            `${variant.message.toString("hex")}\nbecame ${is}\ninstead ${should}`
                    )
                const name = `${variant.situation} ${["ignored", "offer taken", "bound", "refused"][Number(is.slice(0, 2))]}`
                outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
            })
            done += variants.length
        }
        for (const [name, count] of [...outcomes].sort()) t.diagnostic(`${name}: ${count}`)
        // a generator that makes nothing but nonsense, or none, would show nothing
        const wanted = [
            "selecting offer taken",
            "requesting bound",
            "requesting refused",
            "rapid bound",
            "rebooting bound",
            "rebooting refused",
        ]
        for (const name of [...wanted, ...SITUATIONS.map(s => `${s} ignored`)])
            assert.ok((outcomes.get(name) ?? 0) > VARIANTS / 1000, `${name}: ${outcomes.get(name)}`)
    })
})
