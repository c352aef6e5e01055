import { beforeEach, describe, expect, test } from "@devicescript/test"
import { PLAYOUT_FUTURE, SAMPLES_PER_FRAME } from "../../../src/base/config"
import { Counter, countOf } from "../../../src/base/counters"
import { Playout } from "../../../src/rtp/playout"
import type { Ear } from "../../../src/rtp/session"
import { Codec, decodeMulaw } from "../../../src/voice/g711"
import { SPEECH } from "../../../src/voice/speech"
import { htonl } from "../../../src/wire/order"
import { RTP_HEADER, RTP_TIMESTAMP } from "../../../src/wire/rtp"
import { breathe, run } from "../support/support"

const SILENCE = 0xff
const FRAME = SAMPLES_PER_FRAME
/** Where timestamps begin: they turn over soon. */
const FIRST = -500

/** The octet that a source says at a sample: a sawtooth, so that each is known by its neighbours. */
function said(sample: number): number {
    return ((sample % 127) + 127) % 127
}

/** What it says from sample 0 on, as much as a packet may have. */
const saw = Buffer.alloc(127 + PLAYOUT_FUTURE + 8)
for (let i = 0; i < saw.length; i++) saw[i] = said(i)

/** A packet that says what a source has said from a sample on. */
function packet(sample: number, length = FRAME): Buffer {
    const b = Buffer.alloc(RTP_HEADER + length)
    b.setAt(RTP_TIMESTAMP, "i32", htonl((FIRST + sample) | 0))
    b.blitAt(RTP_HEADER, saw, said(sample), length)
    return b
}

function begun(codec = Codec.PCMU): Playout {
    const p = new Playout()
    p.begin(codec)
    return p
}

function hear(p: Playout, sample: number, length = FRAME): void {
    p.hear(packet(sample, length), 0, RTP_HEADER, length)
}

function read(p: Playout): Buffer {
    const b = Buffer.alloc(FRAME)
    p.read(b, 0)
    return b
}

/** Whether a frame has what the source said from a sample on, and nothing is missing. */
function says(b: Buffer, sample: number): boolean {
    const at = said(sample)
    return b.toString("hex") === saw.slice(at, at + FRAME).toString("hex")
}

/** Samples that wait. */
function waitingIn(p: Playout): number {
    return Math.max(p.end - p.at, 0)
}

function isSilent(b: Buffer): boolean {
    for (let i = 0; i < b.length; i++) if (b[i] !== SILENCE) return false
    return true
}

describe("the jitter buffer", () => {
    beforeEach(breathe)

    test("is silent until something comes", () => {
        const p = begun()
        for (let i = 0; i < 3; i++) expect(isSilent(read(p))).toBe(true)
        expect(waitingIn(p)).toBe(0)
    })

    test("plays what comes 20 ms later, across the timestamp's end", () => {
        const p = begun()
        hear(p, 0)
        expect(isSilent(read(p))).toBe(true)
        for (let i = 1; i < 12; i++) {
            hear(p, i * FRAME)
            expect(says(read(p), (i - 1) * FRAME)).toBe(true)
            expect(waitingIn(p)).toBe(FRAME)
        }
    })

    test("puts packets of 10, 30 and 40 ms in order", () => {
        const p = begun()
        hear(p, 240, 320)
        hear(p, 560, 80)
        read(p)
        expect(says(read(p), 240)).toBe(true)
        expect(says(read(p), 400)).toBe(true)
        const q = begun()
        hear(q, 0)
        hear(q, 400, 80)
        hear(q, 160, 240)
        read(q)
        for (let i = 0; i < 3; i++) expect(says(read(q), i * FRAME)).toBe(true)
    })

    test("makes what is missing of what was before it, quieter, and then is silent", () => {
        const p = begun()
        const b = Buffer.alloc(RTP_HEADER + FRAME)
        // loud voice, from the middle of the recording
        const from = 9600
        for (let i = 0; i < 3; i++) {
            b.setAt(RTP_TIMESTAMP, "i32", htonl(i * FRAME))
            b.blitAt(RTP_HEADER, SPEECH, from + i * FRAME, FRAME)
            p.hear(b, 0, RTP_HEADER, FRAME)
        }
        read(p)
        let before = energyOf(read(p))
        read(p)
        before = Math.max(before, energyOf(read(p)))
        expect(before > 100000).toBe(true)
        // three frames are made, each quieter
        for (let i = 0; i < 3; i++) {
            const made = energyOf(read(p))
            expect(made > 0).toBe(true)
            expect(made < 0.7 * before).toBe(true)
            before = made
        }
        expect(isSilent(read(p))).toBe(true)
    })

    test("what is made of a tone goes on with it", () => {
        const p = begun()
        // 400 Hz: a period of 20 samples
        const tone: Buffer = hex`ffbdafa8a4a3a4a8afbdff3d2f28242324282f3d`
        const b = Buffer.alloc(RTP_HEADER + FRAME)
        for (let i = 0; i < FRAME; i += tone.length) b.blitAt(RTP_HEADER + i, tone, 0, tone.length)
        for (let i = 0; i < 2; i++) {
            b.setAt(RTP_TIMESTAMP, "i32", htonl(i * FRAME))
            p.hear(b, 0, RTP_HEADER, FRAME)
        }
        read(p)
        read(p)
        read(p)
        const made = read(p)
        // as the tone would be, eight steps of the codec quieter at first
        for (let i = 0; i < 80; i++) {
            const magnitude = 0x7f & ~tone[i % 20]
            expect(0x7f & ~made[i]).toBe(Math.max(magnitude - 8, 0))
            if (magnitude > 8) expect(made[i] & 0x80).toBe(tone[i % 20] & 0x80)
        }
    })

    test("a packet that is late is played, and all that follow it wait as long", () => {
        const p = begun()
        hear(p, 0)
        read(p)
        read(p)
        // this one should have been there for this frame
        read(p)
        hear(p, 160)
        expect(says(read(p), 160)).toBe(true)
        hear(p, 320)
        hear(p, 480)
        expect(says(read(p), 320)).toBe(true)
        expect(says(read(p), 480)).toBe(true)
    })

    test("one that comes when what follows it was played is left out, and so is one that comes twice", () => {
        const p = begun()
        hear(p, 0)
        hear(p, 320)
        for (let i = 0; i < 4; i++) read(p)
        const before = countOf(Counter.RtpLate)
        hear(p, 160)
        hear(p, 320)
        expect(countOf(Counter.RtpLate) - before).toBe(2)
        hear(p, 480)
        expect(says(read(p), 480)).toBe(true)
    })

    test("a source that begins anew is played from there on", async () => {
        for (const jump of [1000000, -1000000, 0x7fffff00, PLAYOUT_FUTURE]) {
            await breathe()
            const p = begun()
            hear(p, 0)
            read(p)
            expect(says(read(p), 0)).toBe(true)
            hear(p, jump)
            read(p)
            let found = false
            for (let i = 0; i < 8; i++) if (read(p)[3] === said(jump + 3)) found = true
            expect(found).toBe(true)
        }
    })

    test("never keeps more than 120 ms: what is too much makes it begin anew", async () => {
        const p = begun()
        for (let i = 0; i < 40; i++) {
            if (i % 10 === 0) await breathe()
            hear(p, i * FRAME)
            expect(waitingIn(p) <= PLAYOUT_FUTURE).toBe(true)
        }
        read(p)
        expect(says(read(p), 35 * FRAME)).toBe(true)
    })

    test("a packet longer than all that may wait is left out", () => {
        const p = begun()
        const before = countOf(Counter.RtpBad)
        hear(p, 0, PLAYOUT_FUTURE + 8)
        expect(countOf(Counter.RtpBad) - before).toBe(1)
        expect(isSilent(read(p))).toBe(true)
    })

    test("in step, no sample is left out or played twice", async () => {
        const p = begun()
        hear(p, 0)
        read(p)
        for (let i = 1; i < 400; i++) {
            if (i % 10 === 0) await breathe()
            hear(p, i * FRAME)
            expect(read(p)[0]).toBe(said((i - 1) * FRAME))
        }
    })

    test("when all are early, one sample of a frame is left out, until they are not", async () => {
        const p = begun()
        let sent = 0
        for (; sent < 5; sent++) hear(p, sent * FRAME)
        let last = -1
        let skipped = 0
        for (let i = 0; i < 1600; i++) {
            if (i % 10 === 0) await breathe()
            const first = read(p)[0]
            hear(p, sent * FRAME)
            sent++
            if (i < 2) last = first
            else {
                const step = (first - last + 127 * FRAME - FRAME) % 127
                expect(step === 0 ? true : step === 1).toBe(true)
                skipped += step
                last = first
            }
        }
        // they were 100 ms early, and are 30 ms now
        expect(skipped > 400).toBe(true)
        expect(waitingIn(p) < 3 * FRAME).toBe(true)
    })

    test("a clock that is 100 ppm slow on the other side: a sample is played twice now and then, and nothing is missing", async () => {
        const p = begun()
        hear(p, 0)
        let sent = 1
        let last = -1
        // a packet less every 10,000: here every 500, lest the test take minutes
        for (let i = 1; i < 3000; i++) {
            if (i % 10 === 0) await breathe()
            if (i % 500 !== 0) {
                hear(p, sent * FRAME)
                sent++
            }
            const first = read(p)[0]
            if (i > 600) {
                const step = (first - last + 127 * FRAME - FRAME) % 127
                expect(step === 0 ? true : step === 126 ? true : i % 500 < 2).toBe(true)
            }
            last = first
        }
        expect(waitingIn(p) <= 3 * FRAME).toBe(true)
    })

    test("tells another ear what it hears", () => {
        const p = begun()
        let heard = 0
        const other: Ear = {
            hear: (_b: Buffer, rtp: number, payload: number, length: number) => {
                heard += rtp + payload + length
            },
            echo: (_b: Buffer, _at: number) => {},
        }
        p.also = other
        hear(p, 0)
        expect(heard).toBe(FRAME + RTP_HEADER)
    })
})

function energyOf(b: Buffer): number {
    let sum = 0
    for (let i = 0; i < b.length; i++) sum += Math.abs(decodeMulaw(b[i]))
    return sum
}

await run()
