/** The handset: what its loudspeaker says and its microphone hears, its hook, ringer and keys, and the tones of a telephone. */
import assert from "node:assert/strict"
import { after, afterEach, before, beforeEach, describe, it } from "node:test"
import type { Handset } from "../../sim/handset.js"
import { PCMA, PCMU, SAMPLE_RATE, decoded } from "../../sim/sound.js"
import { Peer, buildRtp } from "../support/peer.js"
import { Rig, sleep, until, type Seen } from "../support/rig.js"
import { RTP_PORT, SipPeer, sdp } from "../support/sip-peer.js"
import { correlation, likeness, speechOctets, speech } from "../support/speech.js"

const TARGET = "10.77.0.2:4000"
const FRAME = 160
const FRAME_MS = 20
/** Samples after which a call has settled, and at its end, when others follow. */
const EDGE = SAMPLE_RATE / 4
/** Hz. */
const EU = 425

/** How strong a frequency is in a sound: 1 if it is nothing else. */
function share(samples: Int16Array, frequency: number): number {
    let [re, im, energy] = [0, 0, 0]
    samples.forEach((s, i) => {
        const phase = (2 * Math.PI * frequency * i) / SAMPLE_RATE
        re += s * Math.cos(phase)
        im += s * Math.sin(phase)
        energy += s * s
    })
    return energy === 0 ? 0 : (2 * (re * re + im * im)) / (samples.length * energy)
}

/** Milliseconds for which something sounds and is silent, in turn, from the first sound on. */
function cadence(samples: Int16Array): number[] {
    const lengths: number[] = []
    let sounding = false
    for (let i = 0; i + 80 <= samples.length; i += 80) {
        const isLoud = samples.subarray(i, i + 80).some(s => Math.abs(s) > 500)
        if (isLoud !== sounding) lengths.push(0)
        sounding = isLoud
        if (lengths.length > 0) lengths[lengths.length - 1]! += 10
    }
    return lengths
}

describe("a handset", () => {
    let rig: Rig
    let handset: Handset
    let peer: SipPeer
    let heard: Int16Array[] = []
    const rings: boolean[] = []

    const sound = () => Int16Array.from(heard.flatMap(piece => [...piece]))
    const seconds = () => heard.reduce((sum, piece) => sum + piece.length, 0) / SAMPLE_RATE

    function connect(mic?: Uint8Array): void {
        handset = rig.phone.connectHandset(mic)
        handset.on("voice", samples => heard.push(samples))
        handset.on("ring", on => rings.push(on))
    }

    before(async () => {
        rig = await Rig.start()
        peer = new SipPeer(rig)
    })
    after(() => rig?.stop())
    beforeEach(() => {
        heard = []
        rings.length = 0
        connect()
    })
    afterEach(async () => {
        await rig.run("hangup all")
        handset.stop()
        await rig.idle()
        // no tone of a call that has failed is left
        await sleep(6000)
    })

    for (const codec of ["pcmu", "pcma"])
        it(`hears what comes back of a call's speech, ${codec}`, async () => {
            await rig.call(TARGET, `--play speech --codec ${codec}`)
            await until("two seconds are heard", () => seconds() > 2)
            await rig.run("hangup all")
            const middle = sound().subarray(EDGE, -EDGE)
            // between the two codecs there is a loss
            assert.ok(likeness(middle, await speech()) > (codec === "pcmu" ? 0.999 : 0.99))
            assert.equal(handset.lost, 0)
        })

    it("says what its microphone hears, and hears it come back", async () => {
        handset.stop()
        connect(await speechOctets())
        await rig.call(TARGET, "--play handset")
        await until("three seconds are heard", () => seconds() > 3)
        await rig.run("hangup all")
        assert.ok(likeness(sound().subarray(SAMPLE_RATE, -EDGE), await speech()) > 0.99)
    })

    it("is no way to call when there is none", async () => {
        handset.stop()
        await until("it is gone", async () => !(await rig.exec(`call ${TARGET} --play handset --seconds 1`)).ok)
        await rig.fails(`call ${TARGET} --play handset`, /handset/)
    })

    it("rings, answers off the hook, and hangs up on it", async () => {
        peer.send(peer.invite())
        await peer.response(180)
        await until("it rings", () => rings.at(-1) === true)
        handset.hook(true)
        const answer = await peer.response(200)
        peer.send(peer.within("ACK", answer, 1))
        await until("the call is up", async () => (await rig.calls()).some(c => c.state === "up"))
        await until("it rings no more", () => rings.at(-1) === false)
        handset.hook(false)
        peer.respond(await peer.request("BYE"), "200 OK")
    })

    it("sends its keys as digits in a call, and dials with them without one", async () => {
        handset.hook(true)
        for (const key of "1#") {
            handset.key(key)
            await sleep(100)
        }
        // without an account a number is nobody's: the busy tone says so
        await until("a tone is heard", () => cadence(sound()).length > 4)
        const { id } = await rig.call(TARGET, "--play handset")
        const watch = rig.watch(d => d.destinationPort === RTP_PORT && (d.payload[1]! & 0x7f) === 101)
        handset.key("7")
        await until("the digit is sent", () => watch.seen.length === 7)
        watch.stop()
        assert.equal(watch.seen[0]!.payload[12], 7)
        handset.hook(false)
        await until("the call has ended", async () => (await rig.callOf(id)).state === "ended")
    })

    it("hears a dial tone off the hook", async () => {
        handset.hook(true)
        await until("it sounds for a second", () => seconds() > 1)
        assert.ok(share(sound().subarray(0, 2000), EU) > 0.95)
        handset.hook(false)
        await sleep(200)
        const after = seconds()
        await sleep(500)
        assert.equal(seconds(), after)
    })

    it("hears that it rings on the other side, and that that is busy", async () => {
        const failed = rig.exec(`call ${peer.uri} --play handset`)
        const invite = await peer.request("INVITE")
        peer.respond(invite, "180 Ringing")
        await until("it has rung twice", () => cadence(sound()).length >= 3, 20_000)
        const [rung, between] = cadence(sound())
        assert.ok(Math.abs(rung! - 1000) <= 10, `${rung}`)
        assert.ok(Math.abs(between! - 4000) <= 10, `${between}`)
        peer.respond(invite, "486 Busy Here")
        assert.equal((await failed).ok, false)
        heard = []
        await until("four times", () => cadence(sound()).length >= 8, 20_000)
        for (const length of cadence(sound()).slice(2, 6)) assert.ok(Math.abs(length - 500) <= 10, `${length}`)
        assert.ok(share(sound().subarray(0, 2000), EU) > 0.9 || share(sound().subarray(4000, 6000), EU) > 0.9)
    })

    it("hears another call ring while it talks", async () => {
        await rig.call(TARGET, "--play handset")
        const callId = "waiting"
        peer.send(peer.invite({ callId }))
        const ringing = await peer.response(180)
        await until("two short tones", () => cadence(sound()).length >= 4)
        for (const length of cadence(sound()).slice(0, 3)) assert.ok(Math.abs(length - 200) <= 10, `${cadence(sound())}`)
        await rig.run("hangup all")
        const refused = await peer.response(603)
        assert.equal(refused.tag("To"), ringing.tag("To"))
        peer.send(peer.within("ACK", refused, 1))
    })

    it("goes to the call that talks with it last; the other one is held", async () => {
        handset.stop()
        connect(await speechOctets())
        const first = rig.run(`call ${peer.uri} --play handset`)
        const invite = await peer.request("INVITE")
        peer.respond(invite, "200 OK", "peer", "", sdp())
        await peer.request("ACK")
        await first
        const { id } = await rig.call(TARGET, "--play handset")
        const held = await peer.request("INVITE")
        assert.match(held.body, /a=sendonly/)
        peer.respond(held, "200 OK", "peer", "", sdp("a=recvonly"))
        await until("it is held", async () => (await rig.calls()).find(c => c.id !== id && c.state === "up")?.hold === "local")
        // and back: it is the first one that hears it again
        const parked = (await rig.calls()).find(c => c.id !== id && c.state === "up")!
        const resuming = rig.run(`resume ${parked.id}`)
        // the one before may have come twice
        const resumed = await peer.next("INVITE", m => m.method === "INVITE" && m.cseq > held.cseq)
        peer.respond(resumed, "200 OK", "peer", "", sdp())
        await resuming
        const watch = rig.watch(d => d.destinationPort === 4000 && d.payload[1] === PCMU)
        await until("a second of both", () => watch.seen.length > 100)
        watch.stop()
        const other = (await rig.callOf(id)).local!.split(":")[0]
        const isSilent = ({ payload }: Seen) => payload.subarray(12).every(octet => octet === 0xff)
        const ofOther = watch.seen.filter(d => d.ip.source === other)
        assert.ok(ofOther.length > 30 && ofOther.every(isSilent))
        assert.ok(watch.seen.some(d => d.ip.source !== other && !isSilent(d)))
        const hungUp = rig.run("hangup all")
        peer.respond(await peer.request("BYE"), "200 OK")
        await hungUp
    })

    it("has a call beside three others: no frame of any is lost or late", async () => {
        handset.stop()
        connect(await speechOctets())
        const others = [await rig.call(TARGET), await rig.call("10.77.0.3:4000"), await rig.call(TARGET, "--play echo")]
        const call = await rig.call(TARGET, "--play handset")
        // of the one that came before
        heard = []
        await until("five seconds are heard", () => seconds() > 5)
        const all = sound()
        for (const { id } of [call, ...others]) {
            const { lost, skipped, txFrames, rxFrames, state } = await rig.callOf(id)
            assert.deepEqual([lost, skipped, state], [0, 0, "up"])
            assert.ok(txFrames - rxFrames <= 2, `${txFrames} sent, ${rxFrames} received`)
        }
        assert.equal((await rig.stats()).rtpLate, 0)
        assert.ok(likeness(all.subarray(SAMPLE_RATE, -EDGE), await speech()) > 0.99)
    })

    it("that sends too fast, in another format or nonsense is counted, and nothing of it is heard", async () => {
        const { id } = await rig.call(TARGET, "--play handset")
        await until("it talks", async () => (await rig.callOf(id)).txFrames > 10)
        const watch = rig.watch(d => d.destinationPort === 4000)
        const before = await rig.stats()
        handset.sendVoice(PCMA, Buffer.alloc(FRAME, 0x2a))
        handset.sendVoice(96, Buffer.alloc(FRAME, 0x2a))
        handset.key("x")
        handset.key("")
        for (let i = 0; i < 6; i++) handset.sendVoice(PCMU, Buffer.alloc(FRAME, 0x55))
        await until("the voice has passed", async () => (await rig.callOf(id)).txFrames > 40)
        watch.stop()
        const { handsetBad } = await rig.drops(before)
        assert.ok(handsetBad! >= 5 && handsetBad! <= 6, `${handsetBad}`)
        const octets = new Set(watch.seen.flatMap(d => [...d.payload.subarray(12)]))
        assert.deepEqual(octets, new Set([0x55, 0xff]))
    })

    it("hears a source whose packets come up to 40 ms late, one of 20 lost, better than with silence instead", async t => {
        const talker = new Peer(rig, "10.77.0.9")
        talker.echoes = false
        const call = await rig.call(`${talker.address}:4000`, "--play handset")
        const loop = Buffer.from(await speechOctets())
        const clean = decoded(PCMU, loop)
        const frames = 1000
        let random = 1
        const chance = () => (random = (random * 48271) % 2147483647) / 2147483647
        const lost = new Set<number>()
        const sent: Promise<void>[] = []
        const start = performance.now()
        for (let n = 0; n < frames; n++) {
            // the first and the last ones are not missed
            if (chance() < 0.05 && n > 50 && n < frames - 50) lost.add(n)
            const late = 40 * chance()
            const voice = Buffer.alloc(FRAME)
            for (let i = 0; i < FRAME; i++) voice[i] = loop[(n * FRAME + i) % loop.length]!
            const payload = buildRtp({ type: 0, sequence: n & 0xffff, timestamp: n * FRAME, ssrc: 7, voice })
            if (lost.has(n)) continue
            sent.push(sleep(n * FRAME_MS + late).then(() => talker.say(call, payload)))
        }
        await Promise.all(sent)
        t.diagnostic(`${Math.round(performance.now() - start)} ms, ${lost.size} of ${frames} lost`)
        const { lost: told } = await rig.callOf(call.id)
        await rig.run("hangup all")
        talker.stop()
        const all = sound()
        const saidFrom = (from: number, length: number) => Int16Array.from({ length }, (_, i) => clean[(from + i) % clean.length]!)
        /** How much later than it was said a piece is heard, at most `most` samples from `near`, and how like it is. */
        const placeOf = (from: number, length: number, near: number, most: number) => {
            const piece = saidFrom(from, length)
            let [best, at] = [-1, 0]
            for (let shift = Math.max(near - most, -from); shift <= near + most; shift++) {
                const alike = correlation(piece, all, from + shift)
                if (alike > best) [best, at] = [alike, shift]
            }
            return { best, at }
        }
        // when it had settled: somewhere in the first two seconds
        let { at } = placeOf(100 * FRAME, 1000, SAMPLE_RATE, SAMPLE_RATE)
        const delays: number[] = []
        let made = 0
        let n = 0
        for (const frame of lost) {
            const said = saidFrom(frame * FRAME, FRAME)
            const energy = said.reduce((sum, s) => sum + s * s, 0)
            if (frame < 100 || energy < FRAME * 100 ** 2) continue
            const place = placeOf((frame - 3) * FRAME, 3 * FRAME, at, 500)
            // another one was lost there
            if (place.best < 0.98) continue
            at = place.at
            delays.push(at)
            const instead = all.subarray(frame * FRAME + at, (frame + 1) * FRAME + at)
            const error = said.reduce((sum, s, i) => sum + (s - instead[i]!) ** 2, 0)
            made += Math.max(-10, 10 * Math.log10(energy / Math.max(error, 1)))
            n++
        }
        t.diagnostic(`they were heard ${delays.map(d => Math.round((d - delays[0]!) / 8)).join(" ")} ms later than the first`)
        t.diagnostic(`segmental SNR of what was lost: ${(made / n).toFixed(2)} dB in ${n} frames; that of silence is 0`)
        assert.ok(n > 10)
        assert.ok(made / n > 0)
        assert.equal(told, lost.size)
    })
})
