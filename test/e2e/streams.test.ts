/** Streams on the embedded LAN, by the command `stream` of the image that has them: echo, discard, refusals, and calls beside them. */
import assert from "node:assert/strict"
import { after, before, describe, it, type TestContext } from "node:test"
import { programOf } from "../../sim/firmware.js"
import { PROTOCOL_TCP } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { FIN, RST, SYN, parseTcp, type ReceivedTcp } from "../../sim/lan/tcp.js"
import { ipv4Of } from "../support/ethernet-client.js"
import { PHY, Rig, sleep, until, type Seen } from "../support/rig.js"

const ECHO1 = `${LAN.echo1.address}:7`
const ECHO2 = `${LAN.echo2.address}:7`
const DISCARD = `${LAN.echo1.address}:9`
const VOICE_PORT = 4000
const VOICE1 = `${LAN.echo1.address}:${VOICE_PORT}`
const VOICE2 = `${LAN.echo2.address}:${VOICE_PORT}`
const PTIME = 20
/** Nobody has this address. */
const DEAD = "10.77.0.240"
/** How long an address may stay with a connection that waits out what is on its way (TIME-WAIT). */
const TIME_WAIT_MS = 20_000
const BYTES = 20_000
/** For more than a second, beside calls. */
const MANY_BYTES = 200_000
/** By then they are connected, and far from their end. */
const UP_MS = 300
/** KB of the heap that two streams beside two calls do not need: two more end the phone. */
const ROOM_KB = 3

interface Row {
    type: string
    state: string | null
    local: string
    remote: string | null
}

const hostOf = (endpoint: string) => endpoint.split(":")[0]!

/** By how much the distance of two frames of a call was most off. */
function worstGap(sent: Seen[]): number {
    return Math.max(...sent.slice(1).map((d, i) => Math.abs(d.at - sent[i]!.at - PTIME)))
}

/** A segment on the LAN. */
interface Segment extends ReceivedTcp {
    source: string
    destination: string
    /** `performance.now()` at the switch. */
    at: number
}

describe("streams", () => {
    let rig: Rig
    before(async () => {
        rig = await Rig.start({ program: programOf("streams", PHY) })
    })
    after(() => rig?.stop())

    /** Notes each segment on the LAN from now on. */
    function segments(): { seen: Segment[]; stop(): void } {
        const seen: Segment[] = []
        const listener = (frame: Buffer) => {
            const ip = ipv4Of(frame)
            const tcp = ip?.protocol === PROTOCOL_TCP ? parseTcp(ip) : undefined
            if (!ip || !tcp) return
            const { source, destination } = ip
            seen.push({ ...tcp, payload: Buffer.from(tcp.payload), source, destination, at: performance.now() })
        }
        rig.lan.on("frame", listener)
        return { seen, stop: () => rig.lan.off("frame", listener) }
    }

    /** The data that went from an address, each byte at its place. */
    function dataFrom(seen: Segment[], address: string): Buffer {
        const own = seen.filter(segment => segment.source === address)
        const first = own.find(segment => segment.flags & SYN)!.sequence + 1
        const data = Buffer.alloc(BYTES)
        for (const { sequence, payload } of own) payload.copy(data, (sequence - first) >>> 0)
        return data
    }

    /** Waits until nothing of streams and calls is left. */
    async function idle(): Promise<void> {
        await until("the addresses are given back", async () => (await rig.interfaces()).length === 1, TIME_WAIT_MS)
        await rig.idle()
    }

    /** Runs a command until it says `what`, and cancels it then. @returns how it ended, and all that it said */
    async function cancelled(line: string, what: RegExp, meanwhile: () => Promise<void>): Promise<{ ok: boolean; text: string }> {
        const cancel = new AbortController()
        let text = ""
        const end = rig.phone.execute(line, part => (text += part), cancel.signal)
        await until(`${line} says ${what}`, () => what.test(text))
        await meanwhile()
        cancel.abort()
        return { ok: await end, text }
    }

    /** Runs the command, which must hear all back. @returns the address that it was from */
    async function hearsBack(t: TestContext, options: string, wanted = BYTES): Promise<string> {
        const line = `stream ${options} --bytes ${wanted}`
        const text = await rig.run(line)
        const [, address, bytes, seconds] =
            /^connected: ([\d.]+):\d+ to [\d.:]+\n(\d+) bytes sent and heard back in ([\d.]+) s, 0 segments retransmitted\n$/.exec(text) ??
            []
        assert.equal(Number(bytes), wanted, text)
        t.diagnostic(`${line}: ${seconds} s, ${Math.round(wanted / Number(seconds))} bytes a second each way`)
        return address!
    }

    it("send 20000 bytes from a leased address and hear the same back", async t => {
        const watch = segments()
        let leased: string[] = []
        rig.lan.dhcp.once("lease", () => setImmediate(() => (leased = rig.leased())))
        const address = await hearsBack(t, ECHO1)
        watch.stop()
        assert.ok(address !== rig.address && leased.includes(address), `${address} is none of ${leased}`)
        const there = dataFrom(watch.seen, address)
        assert.ok(there.equals(dataFrom(watch.seen, LAN.echo1.address)))
        assert.ok(new Set(there).size > 100, "bytes at random")
        assert.deepEqual(
            watch.seen.filter(segment => !segment.checksumOk || segment.flags & RST),
            []
        )
        // each side has ended once
        const ends = watch.seen.filter(segment => segment.flags & FIN).map(segment => segment.source)
        assert.deepEqual(ends, [address, LAN.echo1.address])
        await idle()
    })

    for (const [tuple, wanted] of [
        ["static", /^10\.77\.0\.200$/],
        ["common", /^10\.77\.0\.50$/],
        ["dhcp", /^10\.77\.0\.5[1-9]$/],
    ] as const)
        it(`begin at the address that is asked for (${tuple})`, async t => {
            assert.match(await hearsBack(t, `${ECHO1} --tuple ${tuple}`), wanted)
            await idle()
        })

    it("may be as short as one byte", async () => {
        assert.match(await rig.run(`stream ${ECHO2} --bytes 1 --tuple common`), /\n1 bytes sent and heard back in /)
        await idle()
    })

    it("to a closed port are refused", async () => {
        await rig.fails(`stream ${LAN.echo1.address}:8`, /^error: ECONNREFUSED: /)
        await rig.fails(`stream ${LAN.router.address}:7 --tuple common`, /^error: ECONNREFUSED: /)
        await idle()
    })

    it("to nobody fail when ARP has no answer", async () => {
        await rig.fails(`stream ${DEAD}:7`, /^error: EHOSTUNREACH: /)
        await idle()
    })

    it("answer every mistake with one line, and begin nothing", async () => {
        const watch = segments()
        const { discover } = rig.lan.dhcp.counters
        for (const [line, says] of [
            ["stream", /ADDR:PORT is missing; usage: stream /],
            [`stream ${LAN.echo1.address}`, /ADDR:PORT/],
            [`stream ${LAN.echo1.address}:0`, /ADDR:PORT/],
            ["stream host:7", /EAI_NONAME: there is no host\.lan/],
            ["stream 10.77.0.255:7", /10\.77\.0\.255 is no single host; name another/],
            [`stream ${ECHO1} --bytes 0`, /0 is not a number of bytes from 1 to/],
            [`stream ${ECHO1} --bytes 1073741825`, /1073741825 is not a number of bytes/],
            [`stream ${ECHO1} --bytes many`, /many is not a number of bytes/],
            [`stream ${ECHO1} --bytes`, /--bytes needs a value/],
            [`stream ${ECHO1} --tuple none`, /none is none of dhcp, static, common/],
            [`stream ${ECHO1} ${ECHO2}`, /what is 10\.77\.0\.3:7\?/],
            [`stream ${ECHO1} --byte 1`, /what is --byte\?/],
        ] as const)
            await rig.fails(line, says)
        watch.stop()
        assert.deepEqual(watch.seen, [])
        assert.equal(rig.lan.dhcp.counters.discover, discover)
        await idle()
    })

    it("that hear nothing back say so when the other side has ended", async () => {
        const { ok, text } = await rig.exec(`stream ${DISCARD} --bytes 3000`)
        assert.equal(ok, false)
        assert.match(text, /^connected: [^\n]+\nerror: the other side has ended the stream after 0 bytes\n$/)
        await idle()
    })

    it("are in netstat while they are there, and end with a RST when the command is cancelled", async t => {
        const watch = segments()
        let rows: Row[] = []
        // more than it can send before it is cancelled
        const { ok, text } = await cancelled(`stream ${DISCARD} --bytes 1000000000`, /connected: /, async () => {
            rows = await rig.json<Row[]>("netstat -j")
            await rig.run("sleep 5")
            assert.equal(rig.leased().length, 2)
        })
        const resets = await until("the other side is told", () => {
            const told = watch.seen.filter(segment => segment.flags & RST)
            return told.length > 0 ? told : undefined
        })
        watch.stop()
        const acks = watch.seen.filter(segment => segment.source === LAN.echo1.address)
        const [first, last] = [acks[0]!, acks.at(-1)!]
        const seconds = (last.at - first.at) / 1000
        t.diagnostic(`one way: ${Math.round(((last.acknowledgment - first.acknowledgment) >>> 0) / seconds)} bytes a second`)
        assert.equal(ok, false)
        const [, local] = /^connected: ([\d.:]+) to 10\.77\.0\.2:9\nerror: ECONNABORTED: [^\n]+\n$/.exec(text) ?? []
        assert.deepEqual(
            rows.map(({ type, state, local, remote }) => ({ type, state, local, remote })),
            [{ type: "stream", state: "established", local, remote: DISCARD }],
            text
        )
        assert.deepEqual(
            resets.map(({ source, sourcePort }) => `${source}:${sourcePort}`),
            [local]
        )
        assert.equal(await rig.run("netstat -j"), "[]\n")
        await rig.idle()
    })

    for (const targets of [[ECHO1], [ECHO1, ECHO2]])
        it(`take nothing from two calls (${targets.length} at once)`, async t => {
            await rig.run(`ballast ${ROOM_KB}`)
            const watch = rig.watch(d => d.destinationPort === VOICE_PORT)
            const calls = [await rig.call(VOICE1, "--play speech"), await rig.call(VOICE2, "--play speech")]
            const up = async () => (await rig.calls()).filter(c => c.state === "up")
            await until("both calls are heard", async () => (await up()).filter(c => c.rxFrames >= 10).length === 2)
            const addresses = Promise.all(targets.map(target => hearsBack(t, target, MANY_BYTES)))
            await sleep(UP_MS)
            const rows = await rig.json<Row[]>("netstat -j")
            assert.equal(rows.filter(row => row.state === "established").length, targets.length)
            const from = [...(await addresses), ...calls.map(call => hostOf(call.local!))]
            assert.equal((await up()).length, 2)
            await rig.run("hangup all")
            watch.stop()

            // each from an address of its own
            assert.equal(new Set(from).size, targets.length + 2)
            assert.deepEqual(
                rows.map(row => `${row.type} ${hostOf(row.local)} ${row.remote}`).sort(),
                [...targets.map(to => `stream ${to}`), `dgram ${VOICE1}`, `dgram ${VOICE2}`]
                    .map((row, i) => row.replace(" ", ` ${from[i]} `))
                    .sort()
            )
            for (const { id, local } of calls) {
                const { lost, skipped, error, txFrames, rxFrames } = await rig.callOf(id)
                assert.deepEqual([lost, skipped, error], [0, 0, null])
                const gap = worstGap(watch.seen.filter(d => d.ip.source === hostOf(local!)))
                t.diagnostic(
                    `call ${id}: ${txFrames} frames sent, ${rxFrames} received, worst distance of frames off by ${gap.toFixed(1)} ms`
                )
                assert.ok(gap < PTIME, "a frame is so late that the next one catches up with it")
            }
            await idle()
            assert.equal(await rig.run("netstat -j"), "[]\n")
            await rig.run("ballast 0")
        })
})
