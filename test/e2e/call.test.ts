/** Calls on the embedded LAN: every frame there and back, each call from an address of its own through one MAC address. */
import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { Rig, until, type Call, type Seen, type Stats } from "../support/rig.js"

const ECHO1 = "10.77.0.2:4000"
const ECHO2 = "10.77.0.3:4000"
const PTIME = 20
const TOS_EF = 46 << 2
const RTP_PORT = 5004

/** RTP header fields (RFC 3550 5.1). */
function rtp({ payload }: Seen) {
    return {
        flags: payload[0],
        marker: payload[1] >> 7,
        type: payload[1] & 0x7f,
        sequence: payload.readUInt16BE(2),
        timestamp: payload.readUInt32BE(4),
        ssrc: payload.readUInt32BE(8),
        voice: payload.subarray(12),
    }
}

describe("calls", () => {
    let folder: string
    let capture: string
    let rig: Rig
    let before_: Stats

    before(async () => {
        folder = mkdtempSync(join(tmpdir(), "tuplephone-test-"))
        capture = join(folder, "calls.pcap")
        rig = await Rig.start({ pcap: capture })
        before_ = await rig.stats()
    })
    after(async () => {
        await rig?.stop()
        rmSync(folder, { recursive: true, force: true })
    })

    /** Frames to and from a voice port, by direction. */
    function voice(from: Seen[], local: string) {
        const [address, port] = local.split(":")
        return {
            sent: from.filter(d => d.ip.source === address && d.sourcePort === Number(port)),
            returned: from.filter(d => d.ip.destination === address && d.destinationPort === Number(port)),
        }
    }

    /** Lets a call run until it has sent and heard `frames`, hangs up, and gives its last figures. */
    async function hear(call: Call, frames: number): Promise<Call> {
        await until(`${frames} frames of call ${call.id}`, async () => (await rig.callOf(call.id)).rxFrames >= frames)
        await rig.run(`hangup ${call.id}`)
        return await rig.callOf(call.id)
    }

    it("takes many addresses back at once, although nobody has spoken to the server itself yet", async () => {
        const neighbours = await rig.json<{ address: string }[]>("arp -j")
        assert.deepEqual(
            neighbours.filter(n => n.address === "10.77.0.1"),
            []
        )
        for (let i = 0; i < 4; i++) await rig.call([ECHO1, ECHO2][i % 2])
        const names = (await rig.interfaces()).filter(i => i.source === "dhcp").map(i => i.name)
        assert.equal(names.length, 4)
        await Promise.all(names.map(name => rig.run(`lease release ${name}`)))
        await until("the calls have ended", async () => (await rig.calls()).every(c => c.state === "ended"))
        await rig.idle()
    })

    it("carries ten seconds of speech without a loss, byte for byte, on a steady clock", async t => {
        const watch = rig.watch(d => d.sourcePort === 4000 || d.destinationPort === 4000)
        const text = await rig.run(`call ${ECHO1} --play speech --seconds 10`)
        watch.stop()
        assert.match(text, /^call \d+ is up: [\d.]+:\d+ to 10\.77\.0\.2:4000, pcmu, playing speech\ncall \d+ has ended: [^\n]+\n$/)
        const call = await rig.callOf(Number(/\d+/.exec(text)![0]))
        assert.equal(call.state, "ended")
        assert.equal(call.txFrames, 500)
        assert.ok(call.rxFrames >= 499, `${call.rxFrames} frames received`)
        assert.equal(call.lost, 0)
        assert.equal(call.skipped, 0)
        t.diagnostic(`${call.rxFrames} frames received, jitter ${call.jitterMs} ms`)

        const { sent, returned } = voice(watch.seen, call.local!)
        assert.equal(sent.length, 500)
        assert.equal(returned.length, 500)
        const bySequence = new Map(sent.map(d => [rtp(d).sequence, d]))
        assert.equal(bySequence.size, 500)
        for (const d of returned) assert.deepEqual(d.payload, bySequence.get(rtp(d).sequence)?.payload)
        assert.ok(new Set(sent.map(d => rtp(d).voice.toString("hex"))).size > 20, "speech must not be one frame again and again")

        // the header of each frame follows from the first one's
        const first = rtp(sent[0])
        sent.forEach((d, i) => {
            const { flags, marker, type, sequence, timestamp, ssrc, voice } = rtp(d)
            assert.deepEqual([flags, marker, type, ssrc, voice.length], [0x80, i === 0 ? 1 : 0, 0, first.ssrc, 160])
            assert.equal(sequence, (first.sequence + i) & 0xffff)
            assert.equal(timestamp, (first.timestamp + 160 * i) >>> 0)
            assert.equal(d.ip.tos, TOS_EF)
            assert.equal(d.ethernet.source, rig.mac)
        })

        // frame n leaves at t0 + 20n ms, so that what one is late is not added to the next
        const drift = sent.at(-1)!.at - sent[0].at - PTIME * (sent.length - 1)
        t.diagnostic(`drift ${drift.toFixed(1)} ms over ${sent.length} frames`)
        assert.ok(Math.abs(drift) < sent.length, `drift of ${drift} ms over ${sent.length} frames`)
        const gaps = sent.slice(1).map((d, i) => d.at - sent[i].at - PTIME)
        const worst = Math.max(...gaps.map(Math.abs))
        const rms = Math.sqrt(gaps.reduce((sum, gap) => sum + gap * gap, 0) / gaps.length)
        t.diagnostic(`distance of frames: 20 ms, rms deviation ${rms.toFixed(2)} ms, worst ${worst.toFixed(1)} ms`)
        await rig.idle()
    })

    it("gives two calls at once two addresses on one MAC address, and takes them back", async () => {
        const watch = rig.watch(d => d.destinationPort === 4000)
        const calls = await Promise.all([rig.call(ECHO1, "--play speech"), rig.call(ECHO2, "--play tone")])
        const addresses = calls.map(c => c.local!.split(":")[0])
        await until("both calls are heard", async () => (await rig.calls()).filter(c => c.state === "up" && c.rxFrames >= 25).length === 2)
        watch.stop()

        assert.notEqual(addresses[0], addresses[1])
        assert.ok(!addresses.includes(rig.address))
        assert.deepEqual(
            calls.map(c => c.local!.split(":")[1]),
            [String(RTP_PORT), String(RTP_PORT)]
        )
        assert.deepEqual(new Set(rig.leased()), new Set([rig.address, ...addresses]))
        assert.deepEqual(new Set(rig.lan.dhcp.leases().map(l => l.mac)), new Set([rig.mac]))
        assert.equal(new Set(rig.lan.dhcp.leases().map(l => l.clientId)).size, 3)
        const pairs = watch.seen.map(d => `${d.ethernet.source} ${d.ip.source} ${d.ip.destination}`)
        assert.deepEqual(new Set(pairs), new Set([`${rig.mac} ${addresses[0]} 10.77.0.2`, `${rig.mac} ${addresses[1]} 10.77.0.3`]))
        const listed = (await rig.interfaces()).map(i => [i.address, i.source, i.sockets])
        assert.deepEqual(
            new Set(listed.map(String)),
            new Set([[rig.address, "common", 1], ...addresses.map(a => [a, "dhcp", 1])].map(String))
        )

        assert.equal(await rig.run("hangup all"), "2 calls have ended\n")
        await rig.idle()
        for (const { id } of calls) assert.equal((await rig.callOf(id)).lost, 0)
    })

    it("hangs up one of two calls and lets the other go on", async () => {
        const [first, second] = [await rig.call(ECHO1), await rig.call(ECHO2)]
        await rig.run(`hangup ${first.id}`)
        await until("the first lease is released", () => rig.leased().length === 2)
        const { rxFrames } = await rig.callOf(second.id)
        const figures = await hear(second, rxFrames + 25)
        assert.equal(figures.lost, 0)
        await rig.idle()
    })

    it("speaks PCMA in every packet when it is asked to", async () => {
        const watch = rig.watch(d => d.destinationPort === 4000 || d.sourcePort === 4000)
        const call = await rig.call(ECHO1, "--codec pcma --play speech")
        const figures = await hear(call, 50)
        watch.stop()
        assert.equal(figures.codec, "pcma")
        assert.equal(figures.lost, 0)
        const { sent, returned } = voice(watch.seen, call.local!)
        assert.deepEqual(new Set(sent.map(d => rtp(d).type)), new Set([8]))
        const bySequence = new Map(sent.map(d => [rtp(d).sequence, d.payload]))
        for (const d of returned) assert.deepEqual(d.payload, bySequence.get(rtp(d).sequence))
    })

    it("plays a tone: every frame the same", async () => {
        const watch = rig.watch(d => d.destinationPort === 4000)
        const figures = await hear(await rig.call(ECHO1, "--play tone"), 25)
        watch.stop()
        assert.equal(figures.lost, 0)
        const frames = new Set(watch.seen.map(d => rtp(d).voice.toString("hex")))
        assert.equal(frames.size, 1)
        const [tone] = frames
        assert.equal(tone.slice(0, 40).repeat(8), tone, "400 Hz repeats each 20 samples")
    })

    it("echoes what it hears", async () => {
        // the other side sends every datagram back, so a word put in once goes round for ever
        const watch = rig.watch(d => d.destinationPort === 4000)
        const call = await rig.call(ECHO1, "--play echo")
        await until("the call is heard", async () => (await rig.callOf(call.id)).rxFrames >= 10)
        const [address, port] = call.local!.split(":")
        const last = rtp(watch.seen.at(-1)!)
        const word = Buffer.alloc(12 + 160, 0x2a)
        Buffer.from([0x80, 0]).copy(word)
        word.writeUInt16BE((last.sequence + 1) & 0xffff, 2)
        word.writeUInt32BE(last.timestamp, 4)
        word.writeUInt32BE(last.ssrc, 8)
        rig.lan.inject(rig.datagram(address, Number(port), word))
        await until("the word comes back", () => watch.seen.some(d => rtp(d).voice.equals(word.subarray(12))))
        await rig.run(`hangup ${call.id}`)
        watch.stop()
        const others = watch.seen.map(d => rtp(d).voice).filter(v => !v.equals(word.subarray(12)))
        assert.ok(
            others.every(v => v.equals(Buffer.alloc(160, 0xff))),
            "silence while there is nothing to echo"
        )
        await rig.idle()
    })

    it("places a call from the common address", async () => {
        const leases = rig.leased()
        const call = await rig.call(ECHO1, "--tuple common")
        assert.equal(call.local!.split(":")[0], rig.address)
        assert.ok(Number(call.local!.split(":")[1]) >= 49152)
        assert.deepEqual(rig.leased(), leases)
        const figures = await hear(call, 25)
        assert.equal(figures.lost, 0)
        await rig.idle()
    })

    it("places calls from reserved addresses, without a server", async () => {
        const discovers = rig.lan.dhcp.counters.discover
        const calls = [await rig.call(ECHO1, "--tuple static"), await rig.call(ECHO2, "--tuple static")]
        assert.deepEqual(
            calls.map(c => c.local!.split(":")[0]),
            ["10.77.0.200", "10.77.0.201"]
        )
        assert.deepEqual(
            (await rig.interfaces()).map(i => [i.source, i.leaseSeconds === null]),
            [
                ["common", false],
                ["static", true],
                ["static", true],
            ]
        )
        for (const call of calls) assert.equal((await hear(call, 25)).lost, 0)
        assert.equal(rig.lan.dhcp.counters.discover, discovers)
        await rig.idle()
    })

    for (const tuple of ["dhcp", "static", "common"])
        it(`says goodbye by RTCP, from its own address and the port above its voice's, before that is given back (${tuple})`, async () => {
            const watch = rig.watch(d => d.destinationPort >= 4000 && d.destinationPort <= 4001)
            const call = await rig.call(ECHO1, `--tuple ${tuple}`)
            const figures = await hear(call, 10)
            watch.stop()
            const [address, port] = call.local!.split(":")
            const voice = watch.seen.filter(d => d.destinationPort === 4000)
            const others = watch.seen.filter(d => d.destinationPort === 4001)
            assert.deepEqual(
                others.map(d => [d.ip.source, d.sourcePort, d.ip.destination]),
                [[address, Number(port) + 1, "10.77.0.2"]]
            )
            assert.equal(watch.seen.at(-1), others[0], "nothing is said after goodbye")
            const { ssrc } = rtp(voice[0])
            // SR, SDES, BYE, one behind the other, all of the call's source (RFC 3550, 6.1)
            const packets: [type: number, ssrc: number][] = []
            const b = others[0]!.payload
            for (let at = 0; at < b.length; at += 4 * (b.readUInt16BE(at + 2) + 1)) packets.push([b[at + 1]!, b.readUInt32BE(at + 4)])
            assert.deepEqual(packets, [
                [200, ssrc],
                [202, ssrc],
                [203, ssrc],
            ])
            assert.deepEqual([b.readUInt32BE(20), b.readUInt32BE(24)], [figures.txFrames, 160 * figures.txFrames])
            assert.ok(b.includes(address!), "its CNAME is its address")
            await rig.idle()
        })

    it("says goodbye also where the port above is another call's, on the common address", async () => {
        // a report that is no goodbye has nothing behind SDES
        const watch = rig.watch(d => d.destinationPort === 4001 && d.payload.includes(Buffer.from([0x81, 203])))
        const calls = [await rig.call(ECHO1, "--tuple common"), await rig.call(ECHO1, "--tuple common")]
        const ports = calls.map(call => Number(call.local!.split(":")[1]))
        assert.equal(ports[1], ports[0]! + 1)
        for (const call of calls) await hear(call, 5)
        watch.stop()
        assert.deepEqual(
            watch.seen.map(d => d.ip.source),
            [rig.address, rig.address]
        )
        // from its own port then, and never from another call's
        assert.deepEqual(
            watch.seen.map(d => d.sourcePort),
            [ports[0], ports[1]! + 1]
        )
        await rig.idle()
    })

    it("says no goodbye to nobody, and where there is no port above", async () => {
        const watch = rig.watch(d => d.ethernet.source === rig.mac && d.sourcePort !== 68)
        await rig.exec("call 10.77.0.2:4005 --seconds 5")
        rig.lan.echoes[0]!.udp.set(65535, () => {})
        const call = await rig.call("10.77.0.2:65535", "--tuple static")
        await rig.run(`hangup ${call.id}`)
        watch.stop()
        assert.deepEqual([...new Set(watch.seen.map(d => d.destinationPort))].sort(), [4005, 65535])
        await rig.idle()
    })

    it("has dropped nothing in all of these calls", async () => {
        // but for what was still on its way when somebody hung up
        const { udpNoPort: _, ipForeign: __, ...drops } = await rig.drops(before_)
        assert.deepEqual(drops, {})
    })

    const tshark = spawnSync("tshark", ["--version"]).status === 0
    it("sent frames in which tshark finds no fault", { skip: tshark ? false : "tshark is not installed" }, async () => {
        const read = (...args: string[]) =>
            execFileSync(
                "tshark",
                ["-r", capture, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-d", "udp.port==4000,rtp", ...args],
                {
                    encoding: "utf8",
                    stdio: ["ignore", "pipe", "ignore"],
                    maxBuffer: 1 << 28,
                }
            )
        assert.ok(read("-Y", `rtp && eth.src == ${rig.mac}`).split("\n").length > 700, "the capture holds the calls")
        const warnings = 0x600000
        const faults = `_ws.malformed || _ws.expert.severity >= ${warnings} || arp.duplicate-address-detected || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0`
        assert.equal(read("-Y", faults), "")
    })
})
