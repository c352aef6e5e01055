import { beforeEach, describe, expect, test } from "@devicescript/test"
import { ECHO_OCTETS, SAMPLES_PER_FRAME } from "../../../src/base/config"
import { Codec, decodeAlaw, decodeMulaw, encode, silenceOf } from "../../../src/voice/g711"
import { Echo, Play, parsePlay, writeSpeech, writeTone } from "../../../src/voice/source"
import { SPEECH } from "../../../src/voice/speech"
import { breathe, copyOf, expectBytes, run } from "../support/support"

/** Where in a frame the voice lies. */
const AT = 54

/** One period of a sine in 20 samples; the VM has no `Math.sin`. */
const SINE = [0, 0.309, 0.5878, 0.809, 0.9511, 1, 0.9511, 0.809, 0.5878, 0.309]
for (let i = 0; i < 10; i++) SINE.push(-SINE[i])

/** What a source has written around and into a frame. */
function frameOf(b: Buffer): Buffer {
    for (let i = 0; i < AT; i++) if (b[i] !== 0xee) throw new Error(`octet ${i} was written to`)
    for (let i = AT + SAMPLES_PER_FRAME; i < b.length; i++) if (b[i] !== 0xee) throw new Error(`octet ${i} was written to`)
    return copyOf(b, AT, SAMPLES_PER_FRAME)
}

function blank(): Buffer {
    const b = Buffer.alloc(AT + SAMPLES_PER_FRAME + 10)
    b.fillAt(0, b.length, 0xee)
    return b
}

describe("the tone", () => {
    beforeEach(breathe)

    test("is 400 Hz at -10 dBm0, and each frame goes on where the last one ended", async () => {
        for (const codec of [Codec.PCMU, Codec.PCMA]) {
            const b = blank()
            writeTone(b, AT, codec)
            const first = frameOf(b)
            // 160 samples are whole periods of 20: the frame can follow itself
            expectBytes(copyOf(first, 140, 20), copyOf(first, 0, 20))
            await breathe()
            let power = 0
            // the part of the tone in phase with sin(2 pi 400 t)
            let inPhase = 0
            for (let i = 0; i < SAMPLES_PER_FRAME; i++) {
                const s = codec === Codec.PCMU ? decodeMulaw(first[i]) : decodeAlaw(first[i])
                power += s * s
                inPhase += s * SINE[i % 20]
                if ((i & 31) === 0) await breathe()
            }
            const rms = Math.sqrt(power / SAMPLES_PER_FRAME)
            // a full-scale sine of +3.17 dBm0 has the peak 32124 (G.711, table 5)
            const level = 3.17 + (20 * Math.log(rms / (32124 / Math.SQRT2))) / Math.LN10
            if (Math.abs(level + 10) > 0.2) throw new Error(`${level} dBm0`)
            const amplitude = (2 * inPhase) / SAMPLES_PER_FRAME
            if (Math.abs(amplitude / (rms * Math.SQRT2) - 1) > 0.01) throw new Error("not 400 Hz")
        }
    })
})

describe("the tone in flash", () => {
    beforeEach(breathe)

    test("is what each codec makes of the same samples", () => {
        const half = [0, 2213, 4210, 5794, 6811, 7162, 6811, 5794, 4210, 2213]
        for (const codec of [Codec.PCMU, Codec.PCMA]) {
            const b = blank()
            writeTone(b, AT, codec)
            for (let i = 0; i < 20; i++) {
                const sample = i < 10 ? half[i] : -half[i - 10]
                if (b[AT + i] !== encode(codec, sample)) throw new Error(`sample ${i} of codec ${codec} is ${b[AT + i]}`)
            }
        }
    })
})

describe("speech", () => {
    beforeEach(breathe)

    test("goes from its beginning to its end, and again", () => {
        let position = 0
        const frames = SPEECH.length / SAMPLES_PER_FRAME
        expect(Math.floor(frames)).toBe(frames)
        const b = blank()
        for (let i = 0; i < frames; i++) {
            position = writeSpeech(b, AT, Codec.PCMU, position)
            for (let k = 0; k < SAMPLES_PER_FRAME; k += 53)
                if (b[AT + k] !== SPEECH[i * SAMPLES_PER_FRAME + k]) throw new Error(`frame ${i}`)
        }
        expectBytes(frameOf(b), copyOf(SPEECH, SPEECH.length - SAMPLES_PER_FRAME, SAMPLES_PER_FRAME))
        expect(position).toBe(0)
        writeSpeech(b, AT, Codec.PCMU, position)
        expectBytes(frameOf(b), copyOf(SPEECH, 0, SAMPLES_PER_FRAME))
    })

    test("in A-law says the same", async () => {
        const b = blank()
        writeSpeech(b, AT, Codec.PCMA, 4 * SAMPLES_PER_FRAME)
        await breathe()
        const f = frameOf(b)
        await breathe()
        for (let i = 0; i < SAMPLES_PER_FRAME; i++) {
            const mulaw = decodeMulaw(SPEECH[4 * SAMPLES_PER_FRAME + i])
            if (Math.abs(decodeAlaw(f[i]) - mulaw) > Math.max(16, Math.abs(mulaw) >> 4)) throw new Error(`sample ${i}`)
        }
    })
})

describe("the echo", () => {
    beforeEach(breathe)

    const voice = (n: number) => {
        const b = Buffer.alloc(SAMPLES_PER_FRAME + 12)
        b.fillAt(12, SAMPLES_PER_FRAME, n)
        return b
    }
    const firstOf = (e: Echo) => {
        const b = blank()
        e.echo(b, AT)
        const f = frameOf(b)
        for (let i = 1; i < SAMPLES_PER_FRAME; i++) if (f[i] !== f[0]) throw new Error("a frame of two")
        return f[0]
    }

    test("is silence while nothing was heard", () => {
        expect(firstOf(new Echo(Codec.PCMU))).toBe(silenceOf(Codec.PCMU))
        expect(firstOf(new Echo(Codec.PCMA))).toBe(0xd5)
    })

    test("gives back what it heard, in order, and then silence", async () => {
        const e = new Echo(Codec.PCMU)
        for (let i = 1; i <= 3; i++) e.hear(voice(i), 0, 12, SAMPLES_PER_FRAME)
        for (let i = 1; i <= 3; i++) expect(firstOf(e)).toBe(i)
        expect(firstOf(e)).toBe(0xff)
        // around the ring
        for (let i = 1; i <= 20; i++) {
            await breathe()
            e.hear(voice(i), 0, 12, SAMPLES_PER_FRAME)
            e.hear(voice(i + 100), 0, 12, SAMPLES_PER_FRAME)
            if (firstOf(e) !== i || firstOf(e) !== i + 100) throw new Error(`round ${i}`)
        }
    })

    const frames = ECHO_OCTETS / SAMPLES_PER_FRAME
    test(`forgets the oldest when more than ${frames} wait`, async () => {
        const e = new Echo(Codec.PCMU)
        for (let i = 1; i <= frames + 2; i++) e.hear(voice(i), 0, 12, SAMPLES_PER_FRAME)
        await breathe()
        for (let i = 3; i <= frames + 2; i++) expect(firstOf(e)).toBe(i)
        expect(firstOf(e)).toBe(0xff)
    })

    test("hears packets of any length, 10 to 60 ms and odd ones, and gives each octet back once, in order", async () => {
        for (const length of [1, 80, 159, 161, 240, 480]) {
            const e = new Echo(Codec.PCMU)
            const b = Buffer.alloc(length)
            const frame = blank()
            let said = 0
            let heard = 0
            while (heard < 1600) {
                for (let i = 0; i < length; i++) b[i] = (said + i) % 251
                e.hear(b, 0, 0, length)
                said += length
                while (said - heard >= SAMPLES_PER_FRAME) {
                    e.echo(frame, AT)
                    const f = frameOf(frame)
                    for (let i = 0; i < SAMPLES_PER_FRAME; i++)
                        if (f[i] !== (heard + i) % 251) throw new Error(`${length} octets a packet: octet ${heard + i}`)
                    heard += SAMPLES_PER_FRAME
                    await breathe()
                }
                if ((said & 63) === 0) await breathe()
            }
        }
        // longer than what can be held
        const e = new Echo(Codec.PCMU)
        e.hear(Buffer.alloc(ECHO_OCTETS + 1), 0, 0, ECHO_OCTETS + 1)
        expect(firstOf(e)).toBe(0xff)
    })
})

describe("names", () => {
    test("of the sources", () => {
        expect(parsePlay("tone")).toBe(Play.Tone)
        expect(parsePlay("speech")).toBe(Play.Speech)
        expect(parsePlay("echo")).toBe(Play.Echo)
        for (const name of ["", "Tone", "music"]) expect(parsePlay(name)).toBe(undefined)
    })
})

await run()
