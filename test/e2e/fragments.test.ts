/** Datagrams that come in fragments: what is put together, and that neither it nor a flood is dear to a call. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { ETHERTYPE_IPV4 } from "../../sim/lan/ethernet.js"
import { CODE_PORT_UNREACHABLE, ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST, ICMP_UNREACHABLE, buildIcmp } from "../../sim/lan/icmp.js"
import { PROTOCOL_ICMP, buildIpv4 } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { icmpOf } from "../support/ethernet-client.js"
import { fragmentsOf } from "../support/fragments.js"
import { PHY, Rig, sleep } from "../support/rig.js"

type Icmp = NonNullable<ReturnType<typeof icmpOf>>

const CALLS = 8
/** KB of the heap that can be held back while the longest datagrams come to a phone with all its calls up. */
const BALLAST = PHY === "w5500" ? 0 : 2
const LONGEST = 4096
/** RFC 792: time exceeded, and its code for fragments. */
const ICMP_TIME_EXCEEDED = 11
const CODE_REASSEMBLY = 1
const UDP_HEADER = 8
/** Milliseconds after which fragments wait no longer. */
const TIMEOUT = 16_000
/** On the simulated SPI bus, where each read is a round trip of milliseconds, no such flood gets through. */
const FLOOD_PER_TICK = PHY === "w5500" ? 2 : 10
const TICK = 20

describe("fragments", () => {
    let rig: Rig
    const heard: Icmp[] = []

    before(async () => {
        rig = await Rig.start()
        rig.lan.on("frame", (frame, port) => {
            const icmp = icmpOf(frame)
            // a frame may be a view of a buffer that is used again
            if (port !== "inject" && icmp?.ip.source === rig.address) heard.push({ ...icmp, payload: Buffer.from(icmp.payload) })
        })
    })
    after(() => rig?.stop())
    afterEach(() => {
        heard.length = 0
    })

    /** A ping with so many bytes of data, from echo1. */
    const ping = (bytes: number) => {
        const payload = buildIcmp({ type: ICMP_ECHO_REQUEST, code: 0, rest: bytes, payload: Buffer.alloc(bytes, "0123456789") })
        return rig.frame(
            ETHERTYPE_IPV4,
            buildIpv4({ source: LAN.echo1.address, destination: rig.address, protocol: PROTOCOL_ICMP, payload })
        )
    }

    async function send(frames: Buffer[]): Promise<void> {
        for (const frame of frames) rig.lan.inject(frame)
        await rig.settle()
    }

    // first of all, when the phone has no buffer yet
    it(`of the longest datagrams, whole and not, come to a phone with eight calls and ${BALLAST} KB of its heap held back`, async () => {
        await rig.run(`ballast ${BALLAST}`)
        for (let i = 0; i < CALLS; i++) await rig.run(`call 10.77.0.${2 + (i % 2)}:4000 --play speech`)
        const before = await rig.stats()
        const frame = rig.datagram(rig.address, 9, Buffer.alloc(LONGEST - UDP_HEADER, 0x55))
        const times = 60
        for (let i = 0; i < times; i++) {
            for (const part of fragmentsOf(frame)) rig.lan.inject(part)
            const [first, second] = fragmentsOf(ping(3900))
            rig.lan.inject(second!)
            rig.lan.inject(first!)
            await sleep(100)
        }
        await rig.settle()
        const { ipReassembled, internalErrors = 0 } = await rig.grown(before)
        assert.deepEqual([ipReassembled, internalErrors], [times, 0])
        for (const call of await rig.calls()) assert.deepEqual([call.state, call.lost], ["up", 0])
        await rig.run("hangup all")
        await rig.run("ballast 0")
        await rig.idle()
        // what is left of the last ping
        await sleep(TIMEOUT)
    })

    it("of a ping are put together, and answered as far as one packet goes", async () => {
        const before = await rig.stats()
        for (const bytes of [1400, 1464, 3000]) await send(fragmentsOf(ping(bytes), 504))
        assert.deepEqual(
            heard.map(({ type, rest, payload, checksumOk }) => [type, rest, payload.length, checksumOk]),
            [
                [ICMP_ECHO_REPLY, 1400, 1400, true],
                [ICMP_ECHO_REPLY, 1464, 1464, true],
                [ICMP_ECHO_REPLY, 3000, 1472, true],
            ]
        )
        for (const { payload } of heard) assert.deepEqual(payload, Buffer.alloc(payload.length, "0123456789"))
        assert.deepEqual(await rig.drops(before), {})
        assert.equal((await rig.grown(before)).ipReassembled, 3)
    })

    it("of the longest datagram, in any order, are one: it is answered that nobody has its port", async () => {
        const frame = rig.datagram(rig.address, 9, Buffer.alloc(LONGEST - UDP_HEADER, 0x55))
        const before = await rig.stats()
        await send(fragmentsOf(frame))
        await send(fragmentsOf(frame).reverse())
        assert.deepEqual(
            heard.map(({ type, code }) => [type, code]),
            [
                [ICMP_UNREACHABLE, CODE_PORT_UNREACHABLE],
                [ICMP_UNREACHABLE, CODE_PORT_UNREACHABLE],
            ]
        )
        assert.deepEqual(await rig.drops(before), { udpNoPort: 2 })
        assert.equal((await rig.grown(before)).ipReassembled, 2)
    })

    it("that have not all come after 15 seconds are dropped, and their sender is told", async () => {
        const [first] = fragmentsOf(rig.datagram(rig.address, 9, Buffer.alloc(2000)))
        const before = await rig.stats()
        await send([first!])
        await sleep(TIMEOUT)
        await rig.settle()
        assert.deepEqual(
            heard.map(({ type, code, payload }) => [type, code, payload]),
            [[ICMP_TIME_EXCEEDED, CODE_REASSEMBLY, first!.subarray(14, 42)]]
        )
        assert.deepEqual(await rig.drops(before), { ipReassemblyTimeout: 1 })
    })

    it("in a flood of first ones cost a call no frame, and a datagram between them arrives", () =>
        rig.duringCall(async () => {
            const seconds = 3
            for (let tick = 0; tick < (seconds * 1000) / TICK; tick++) {
                for (let i = 0; i < FLOOD_PER_TICK; i++)
                    rig.lan.inject(fragmentsOf(rig.datagram(rig.address, 9, Buffer.alloc(4000), { source: LAN.echo2.address }))[0]!)
                if (tick % 25 === 0) for (const frame of fragmentsOf(ping(1464), 1000)) rig.lan.inject(frame)
                await sleep(TICK)
            }
            await rig.settle()
            assert.equal(heard.filter(({ type }) => type === ICMP_ECHO_REPLY).length, (seconds * 1000) / TICK / 25)
        }))
})
