/** RTCP: what a call tells of itself and of what it hears, and what it makes of the other side's reports. */
import assert from "node:assert/strict"
import { after, afterEach, before, beforeEach, describe, it } from "node:test"
import { Peer, buildRtp } from "../support/peer.js"
import { Rig, until, sleep, type Call, type Seen } from "../support/rig.js"
import { RTP_PORT, SipPeer, sdp } from "../support/sip-peer.js"

const PEER = "10.77.0.9"
const PORT = 4000
const FRAME = 160
const FRAME_MS = 20
const [SR, RR, SDES, BYE] = [200, 201, 202, 203]
/** Of a sender report with a block. */
const BLOCK = 28
/** Where a report block has the time of the last sender report, and how long ago that came. */
const LAST_REPORT = 16
const MUTATED = 500

/** A sender report of the peer. @param middle of its NTP timestamp @param about the source of its block, if it has one */
function senderReport(middle: number, about?: number, fraction = 0, last = 0, delay = 0): Buffer {
    const b = Buffer.alloc(about === undefined ? BLOCK : BLOCK + 24)
    b[0] = about === undefined ? 0x80 : 0x81
    b[1] = SR
    b.writeUInt16BE(b.length / 4 - 1, 2)
    b.writeUInt32BE(7, 4)
    b.writeUInt32BE(middle >>> 0, 10)
    if (about === undefined) return b
    b.writeUInt32BE(about, BLOCK)
    b[BLOCK + 4] = fraction
    b.writeUInt32BE(last, BLOCK + LAST_REPORT)
    b.writeUInt32BE(delay, BLOCK + LAST_REPORT + 4)
    return b
}

/** Types of the packets of a compound. */
function typesOf({ payload: b }: Seen): number[] {
    const types: number[] = []
    for (let at = 0; at < b.length; at += 4 * (b.readUInt16BE(at + 2) + 1)) types.push(b[at + 1]!)
    return types
}

describe("reports", () => {
    let rig: Rig
    let peer: Peer

    before(async () => {
        rig = await Rig.start()
    })
    after(() => rig?.stop())
    beforeEach(() => {
        peer = new Peer(rig, PEER)
    })
    afterEach(async () => {
        await rig.run("hangup all")
        await rig.idle()
        peer.stop()
    })

    const quality = async (call: Call) =>
        (await rig.json<{ id: number; roundTripMs: number; mos: number }[]>("calls -j")).find(c => c.id === call.id)!

    /** RTCP to the call, as from the other side. */
    const say = (call: Call, payload: Buffer) => {
        const [address, port] = call.local!.split(":")
        rig.lan.inject(rig.datagram(address!, Number(port) + 1, payload, { source: PEER, sourcePort: PORT + 1 }))
    }

    it("are sent by each call, every two to seven seconds, and tell what it has heard", async () => {
        peer.echoes = false
        const watch = rig.watch(d => d.destinationPort === PORT + 1)
        const call = await rig.call(`${PEER}:${PORT}`, "--play speech")
        // one of ten is missing
        const start = performance.now()
        for (let n = 0; n < 1000; n++) {
            await sleep(Math.max(0, n * FRAME_MS - (performance.now() - start)))
            if (n % 10 !== 5)
                peer.say(call, buildRtp({ type: 0, sequence: n, timestamp: n * FRAME, ssrc: 7, voice: Buffer.alloc(FRAME, 0xff) }))
        }
        watch.stop()
        const [address, port] = call.local!.split(":")
        assert.ok(watch.seen.length >= 3 && watch.seen.length <= 9, `${watch.seen.length}`)
        for (const d of watch.seen) {
            assert.deepEqual(typesOf(d), [SR, SDES])
            assert.deepEqual([d.ip.source, d.sourcePort], [address, Number(port) + 1])
            assert.equal(d.payload.readUInt32BE(BLOCK), 7)
        }
        watch.seen.slice(1).forEach(({ at }, i) => {
            const interval = at - watch.seen[i]!.at
            assert.ok(interval > 1900 && interval < 6800, `${interval}`)
        })
        // the true loss within one percent (RFC 3550, A.3)
        for (const { payload } of watch.seen.slice(1)) assert.ok(Math.abs(payload[BLOCK + 4]! / 256 - 0.1) < 0.01, `${payload[BLOCK + 4]}`)
        assert.equal((await rig.callOf(call.id)).lost, 100)
        const { mos } = await quality(call)
        // R = 93.2 - 95 * 10 / (10 + 25.1), G.107
        assert.ok(Math.abs(mos - 3.42) < 0.05, `${mos}`)
    })

    it("of the other side are answered with their time, and tell the round trip", async () => {
        peer.echoes = false
        const watch = rig.watch(d => d.destinationPort === PORT + 1)
        const call = await rig.call(`${PEER}:${PORT}`, "--play speech")
        const ours = await until("a report", () => watch.seen[0], 10_000)
        assert.equal((await quality(call)).roundTripMs, 0)
        const ssrc = ours.payload.readUInt32BE(4)
        const heard = performance.now() - ours.at
        await sleep(300)
        // it says that it has kept ours for 250 ms: the rest was the way
        say(call, senderReport(0x11223344, ssrc, 64, ours.payload.readUInt32BE(10), Math.round(0.25 * 65536)))
        const trip = await until("the round trip", async () => (await quality(call)).roundTripMs)
        assert.ok(trip >= 50 && trip < 90 + heard, `${trip}`)
        // who answers must have been heard
        peer.say(call, buildRtp({ type: 0, sequence: 1, timestamp: 160, ssrc: 7, voice: Buffer.alloc(FRAME, 0xff) }))
        const next = await until("the next report", () => watch.seen[1], 10_000)
        watch.stop()
        assert.equal(next.payload.readUInt32BE(BLOCK + LAST_REPORT), 0x11223344)
        assert.ok(next.payload.readUInt32BE(BLOCK + LAST_REPORT + 4) > 0)
    })

    it("go where the other side's description says", async () => {
        for (const [more, port, source] of [
            ["a=rtcp:4444", 4444, 5005],
            ["a=rtcp-mux", RTP_PORT, 5004],
        ] as const) {
            const sip = new SipPeer(rig)
            sip.send(sip.invite({ body: sdp(more) }))
            await sip.response(180)
            const watch = rig.watch(d => d.destinationPort === port && [SR, RR].includes(d.payload[1]!))
            const answered = rig.run("answer --play speech")
            const ok = await sip.response(200)
            sip.send(sip.within("ACK", ok, 1))
            await answered
            assert.equal(ok.body.includes("a=rtcp-mux\r\n"), more === "a=rtcp-mux")
            const report = await until("a report", () => watch.seen[0], 10_000)
            assert.equal(report.sourcePort, source)
            watch.stop()
            const hungUp = rig.run("hangup all")
            sip.respond(await sip.request("BYE"), "200 OK")
            await hungUp
            sip.stop()
        }
    })

    it("of strangers, and nonsense, do no harm: the call goes on", async () => {
        await rig.duringCall(async call => {
            const before = await rig.stats()
            const [address, port] = call.local!.split(":")
            const from = (source: string, payload: Buffer) =>
                rig.lan.inject(rig.datagram(address!, Number(port) + 1, payload, { source, sourcePort: PORT + 1 }))
            const good = Buffer.concat([senderReport(1, 2, 3, 4, 5), Buffer.from([0x81, BYE, 0, 1, 0, 0, 0, 7])])
            // nobody is told by a stranger; its port is nobody's
            from("10.77.0.77", good)
            let random = 1
            for (let n = 0; n < MUTATED; n++) {
                const b = Buffer.from(good)
                for (let i = 0; i < 3; i++) {
                    random = (random * 48271) % 2147483647
                    b[random % b.length] = random >> 8
                }
                from("10.77.0.2", b.subarray(0, random % (b.length + 1)))
                // at the port of the voice, as RFC 5761 has it
                if (n % 4 === 0) rig.lan.inject(rig.datagram(address!, Number(port), b, { source: "10.77.0.2", sourcePort: PORT }))
                if (n % 50 === 0) await sleep(20)
            }
            await rig.settle()
            const drops = await rig.drops(before)
            assert.equal(drops.udpNoPort, 1)
            assert.ok(drops.rtpBad! > MUTATED / 10)
        }, true)
    })
})
