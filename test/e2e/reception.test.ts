/** What a call hears is counted as what it is, and `--play echo` says it again, whatever else is in the stream and however it is cut. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { Peer, buildRtp, voiceOf, type Rtp } from "../support/peer.js"
import { Rig, seededRandom, sleep, until, type Call, type Stats } from "../support/rig.js"

const PEER = "10.77.0.5"
const PORT = 4000
const PTIME = 20
const SAMPLES = 160
/** Samples in a millisecond. */
const RATE = 8
/** Payload types (RFC 3551, 6), and those for events (RFC 4733) and of another codec that was not agreed on. */
const PCMU = 0
const GSM = 3
const COMFORT_NOISE = 13
const TELEPHONE_EVENT = 101
const OTHER = 96
const SSRC = 0x1234_5678
const STRANGER = 0x0bad_cafe
const SILENCE = 0xff
/** Packets of another source, one behind the other, that make it the one which is heard. */
const PROBATION = 3
/** Milliseconds of jitter that the PHY itself adds at most, and half of what the key below would. */
const PHY_JITTER = 3
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

describe("a call", () => {
    let rig: Rig
    let peer: Peer
    let call: Call

    before(async () => {
        rig = await Rig.start()
        peer = new Peer(rig, PEER)
        peer.echoes = false
    })
    after(() => rig?.stop())
    afterEach(async () => {
        await rig.run("hangup all")
        await rig.idle()
        peer.heard.length = 0
    })

    async function begin(play: string): Promise<void> {
        call = await rig.call(`${PEER}:${PORT}`, `--play ${play}`)
    }

    /** A packet of a source that began at sequence number 1000, at its place in time. */
    function packet(n: number, fields: Partial<Rtp> = {}): Rtp {
        return { type: PCMU, sequence: 1000 + n, timestamp: SAMPLES * n, ssrc: SSRC, voice: Buffer.alloc(SAMPLES, SILENCE), ...fields }
    }

    /** The peer says these packets, those of each entry at once, a frame's time from one to the next. */
    async function say(...moments: Rtp[][]): Promise<void> {
        for (const moment of moments) {
            for (const rtp of moment) peer.say(call, buildRtp(rtp))
            await sleep(PTIME)
        }
        await rig.settle()
    }

    interface Heard {
        rxFrames: number
        lost: number
        drops: Stats
    }
    /** The figures of the call after the peer has said something, whose jitter must be the PHY's alone. */
    async function heard(...moments: Rtp[][]): Promise<Heard> {
        const before = await rig.stats()
        await say(...moments)
        const { rxFrames, lost, jitterMs } = await rig.callOf(call.id)
        assert.ok(jitterMs <= PHY_JITTER, `jitter ${jitterMs} ms`)
        return { rxFrames, lost, drops: await rig.drops(before) }
    }

    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

    it("does not miss a packet for which there was an event, comfort noise or another codec (RFC 4733, RFC 3389)", async () => {
        await begin("tone")
        // a key that is held for five packets has the timestamp of its beginning; noise comes once, and voice begins behind it
        const others: Record<number, Partial<Rtp>> = { 50: { type: COMFORT_NOISE, voice: Buffer.from([60]) } }
        for (const n of range(93, 98)) others[n] = { type: TELEPHONE_EVENT, timestamp: SAMPLES * 93, voice: Buffer.from([5, 10, 3, 32]) }
        for (const n of range(70, 75)) others[n] = { type: n % 2 ? OTHER : GSM, voice: Buffer.alloc(33) }
        assert.deepEqual(await heard(...range(0, 100).map(n => [packet(n, others[n])])), {
            rxFrames: 100,
            lost: 0,
            drops: { rtpForeign: 5 },
        })
    })

    it("misses what is lost between events, and each lost event (RFC 3550, A.3)", async () => {
        await begin("tone")
        const event = (n: number) => packet(n, { type: TELEPHONE_EVENT, timestamp: SAMPLES * 20, voice: Buffer.alloc(4) })
        const moments = range(0, 60).map(n => (n === 21 || n === 30 || n === 40 ? [] : [n >= 20 && n < 25 ? event(n) : packet(n)]))
        assert.deepEqual(await heard(...moments), { rxFrames: 57, lost: 3, drops: {} })
    })

    it("misses nothing because of RTCP at its port (RFC 5761, 4), whose words are no sequence numbers", async () => {
        await begin("tone")
        const [SENDER_REPORT, BYE] = [200, 203]
        const moments = range(0, 50).map(n => [packet(n)])
        for (const n of [10, 30]) for (const type of [SENDER_REPORT, BYE]) moments[n]!.push(packet(500, { type }))
        assert.deepEqual(await heard(...moments), { rxFrames: 50, lost: 0, drops: { rtpBad: 4 } })
    })

    it("counts nothing of a stranger whose packets come between", async () => {
        await begin("tone")
        const moments = range(0, 100).map(n => [packet(n)])
        // one here and there, and two of which nothing came between
        const stray = (n: number) => packet(n, { ssrc: STRANGER, sequence: 40_000 + n, timestamp: 7 * n })
        for (const n of range(1, 10)) moments[10 * n]!.push(stray(n))
        moments[55]!.push(stray(11), stray(12))
        assert.deepEqual(await heard(...moments), { rxFrames: 100, lost: 0, drops: { rtpForeign: 11 } })
    })

    it("hears of two sources that alternate the first, and misses what that one misses; when it falls silent, the other", async () => {
        await begin("tone")
        const other = (n: number) => packet(n, { ssrc: STRANGER, sequence: 300 + n })
        const moments = range(0, 100).map(n => (n === 33 ? [other(n)] : [packet(n), other(n)]))
        assert.deepEqual(await heard(...moments), { rxFrames: 99, lost: 1, drops: { rtpForeign: 100 } })
        const alone = range(100, 150).map(n => [other(n)])
        // one was on probation already: the last of those that alternated
        const probation = PROBATION - 2
        const figures = await heard(...alone)
        assert.deepEqual(figures, { rxFrames: 99 + 50 - probation, lost: 1, drops: { rtpForeign: probation } })
    })

    for (const ms of [10, 20, 30, 60])
        it(`with --play echo says every octet again, in order, to a peer whose packets have ${ms} ms (SEED=${seed})`, async t => {
            await begin("echo")
            const random = seededRandom(seed + ms)
            const before = await rig.stats()
            const said: Buffer[] = []
            for (let n = 0; n < 1800 / ms; n++) {
                // anything but silence
                const voice = Buffer.from(Array.from({ length: RATE * ms }, () => Math.floor(random() * SILENCE)))
                said.push(voice)
                peer.say(call, buildRtp(packet(n, { timestamp: RATE * ms * n, voice })))
                await sleep(ms)
            }
            const all = Buffer.concat(said)
            const isVoice = (b: Buffer) => !b.equals(Buffer.alloc(SAMPLES, SILENCE))
            const back = () =>
                Buffer.concat(
                    peer.heard
                        .filter(d => d.destinationPort === PORT)
                        .map(d => voiceOf(d.payload))
                        .filter(isVoice)
                )
            await until("all of it", () => back().length > all.length - SAMPLES)
            const { rxFrames, lost } = await rig.callOf(call.id)
            assert.deepEqual([rxFrames, lost], [said.length, 0])
            // what does not fill a frame waits for more
            const whole = all.length - (all.length % SAMPLES)
            assert.deepEqual(back(), all.subarray(0, whole))
            assert.deepEqual(await rig.drops(before), {})
            t.diagnostic(`${said.length} packets of ${RATE * ms} octets, ${whole / SAMPLES} frames back`)
        })
})
