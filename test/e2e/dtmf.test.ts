/** Digits beside the voice: what is sent for each, and that each that comes is told once. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { Rig, until, type Seen } from "../support/rig.js"
import { RTP_PORT, SipPeer, sdp } from "../support/sip-peer.js"

const TARGET = `10.77.0.2:${RTP_PORT}`
const MARKER = 0x80
const END = 0x80
/** Packets of each digit, and those of them that say that it is over. */
const PACKETS = 7
const ENDS = 3
const SAMPLES = 160
const FLOOD = 300

/** A packet of RTP, as far as it matters here. */
function read({ payload }: Seen) {
    return {
        marker: (payload[1]! & MARKER) !== 0,
        type: payload[1]! & ~MARKER,
        sequence: payload.readUInt16BE(2),
        timestamp: payload.readUInt32BE(4),
        payload: payload.subarray(12),
    }
}

describe("digits", () => {
    let rig: Rig
    const events: string[] = []

    before(async () => {
        rig = await Rig.start()
        rig.phone.on("event", text => events.push(text))
    })
    after(() => rig?.stop())
    afterEach(async () => {
        await rig.run("hangup all")
        await rig.idle()
        events.length = 0
    })

    /** Has digits sent, and gives the packets of the call meanwhile. */
    async function sent(id: number, digits: string) {
        const watch = rig.watch(d => d.destinationPort === RTP_PORT && d.payload.length > 0)
        assert.equal(await rig.run(`dtmf ${id} ${digits}`), `sent: ${digits.toUpperCase()}\n`)
        watch.stop()
        return watch.seen.map(read)
    }

    it("go out as telephone events in the sequence of the voice, and are told once each when they come back", async () => {
        const { id } = await rig.call(TARGET, "--play speech")
        await until("it talks", async () => (await rig.callOf(id)).rxFrames > 5)
        const packets = await sent(id, "19*#a")
        packets.slice(1).forEach((p, i) => assert.equal(p.sequence, (packets[i]!.sequence + 1) & 0xffff))
        const digits = packets.filter(p => p.type === 101)
        assert.equal(digits.length, 5 * PACKETS)
        for (const [i, number] of [1, 9, 10, 11, 12].entries()) {
            const of = digits.slice(i * PACKETS, (i + 1) * PACKETS)
            assert.deepEqual(new Set(of.map(p => p.timestamp)).size, 1)
            assert.deepEqual(
                of.map(p => p.marker),
                of.map((_, n) => n === 0)
            )
            assert.deepEqual(
                of.map(p => [p.payload[0], (p.payload[1]! & END) !== 0, p.payload.readUInt16BE(2)]),
                of.map((_, n) => [number, n >= PACKETS - ENDS, SAMPLES * Math.min(n + 1, PACKETS - ENDS + 1)])
            )
        }
        assert.ok(packets.filter(p => p.type === 0).length > 20, "the voice goes on")
        await until("all are heard", () => events.length === 5)
        assert.deepEqual(
            events,
            [..."19*#A"].map(digit => `call ${id} sends ${digit}`)
        )
        const { lost, skipped } = await rig.callOf(id)
        assert.deepEqual([lost, skipped], [0, 0])
        assert.equal((await rig.stats()).rtpForeign, 0)
    })

    it("of two commands at once do not mix", async () => {
        const { id } = await rig.call(TARGET, "--play speech")
        await until("it talks", async () => (await rig.callOf(id)).rxFrames > 5)
        const watch = rig.watch(d => d.destinationPort === RTP_PORT && d.payload.length > 0)
        await Promise.all([rig.run(`dtmf ${id} 123`), rig.run(`dtmf ${id} 456`)])
        watch.stop()
        const digits = watch.seen.map(read).filter(p => p.type === 101)
        assert.equal(digits.map(p => p.payload[0]).join(""), [1, 2, 3, 4, 5, 6].map(n => `${n}`.repeat(PACKETS)).join(""))
    })

    it("have the payload type that the other side gives them, and are not sent to who takes none", async () => {
        const peer = new SipPeer(rig)
        const up = async (answer: string) => {
            await (await peer.called(answer)).done
            return (await rig.calls()).find(c => c.state === "up")!.id
        }
        const id = await up(sdp("a=rtpmap:96 telephone-event/8000", undefined, "0 96").replace(/a=rtpmap:101.*\r\n/, ""))
        assert.equal((await sent(id, "5")).filter(p => p.type === 96).length, PACKETS)
        const ended = rig.run("hangup all")
        peer.respond(await peer.request("BYE"), "200 OK")
        await ended
        const other = await up(sdp("", undefined, "0").replace(/a=rtpmap:101.*\r\n/, ""))
        await rig.fails(`dtmf ${other} 5`, /takes no digits/)
        const last = rig.run("hangup all")
        peer.respond(await peer.request("BYE"), "200 OK")
        await last
        peer.stop()
    })

    it("are refused if they are none, and for a call that is not up", async () => {
        const { id } = await rig.call(TARGET)
        await rig.fails(`dtmf ${id} 1x`, /X is no digit; they are 0 to 9, \*, #, A to D/)
        await rig.fails(`dtmf ${id}`, /DIGITS are missing/)
        await rig.run("hangup all")
        await rig.fails(`dtmf ${id} 1`, /there is no call/)
        await rig.fails("dtmf", /N is missing/)
    })

    it("that come faster than anybody can press them are counted, and the call goes on", async () => {
        const stats = await rig.stats()
        await rig.duringCall(async ({ local, id }) => {
            const [address, port] = local!.split(":")
            const event = (timestamp: number, number: number) => {
                const b = Buffer.alloc(16)
                b[0] = 0x80
                b[1] = 101
                b.writeUInt16BE(timestamp & 0xffff, 2)
                b.writeUInt32BE(timestamp, 4)
                b[12] = number
                return b
            }
            for (let i = 1; i <= FLOOD; i++)
                rig.lan.inject(rig.datagram(address!, Number(port), event(i, i % 16), { sourcePort: RTP_PORT }))
            // too short, and no digit
            rig.lan.inject(rig.datagram(address!, Number(port), event(7, 1).subarray(0, 14), { sourcePort: RTP_PORT }))
            await until("all are counted", async () => (await rig.stats()).rtpBad! >= stats.rtpBad! + FLOOD / 2)
            assert.ok(events.length < FLOOD / 10, `${events.length} told`)
            assert.match(events[0]!, new RegExp(`^call ${id} sends [0-9A-D*#]$`))
        }, true)
    })

    it("end with the call", async () => {
        const { id } = await rig.call(TARGET)
        const sending = rig.exec(`dtmf ${id} 0123456789`)
        await until("one is out", () => events.length > 0)
        await rig.run("hangup all")
        const { ok, text } = await sending
        assert.equal(ok, false)
        assert.match(text, /has ended/)
        assert.equal((await rig.stats()).internalErrors, 0)
    })
})
