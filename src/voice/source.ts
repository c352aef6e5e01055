import { ECHO_FRAMES, SAMPLES_PER_FRAME } from "../config"
import { Codec, encode, mulawToAlaw, silenceOf } from "./g711"
import { SPEECH } from "./speech"

/** Where the voice of a call comes from. */
export interface VoiceSource {
    /** Write the next 20 ms, 160 octets of G.711. */
    read(b: Buffer, at: number): void
    /** Hear what the other side says. The bytes are valid only until this returns. */
    hear?(b: Buffer, at: number, length: number): void
}

/**
 * Half a period of 400 Hz at 8 kHz and -10 dBm0 (a full-scale sine is +3.17 dBm0, G.711 table 5): ten linear samples,
 * 0, 2213, 4210, 5794, 6811, 7162 and back, as little-endian words in flash.
 */
const TONE = hex`0000 a508 7210 a216 9b1a fa1b 9b1a a216 7210 a508`

/** A tone of 400 Hz. */
export class Tone implements VoiceSource {
    constructor(private codec: Codec) {}

    read(b: Buffer, at: number): void {
        // eight periods are just one frame, so that each frame is the one before: it is written once
        if (this.codec === undefined) return
        const half = TONE.length >> 1
        for (let i = 0; i < 2 * half; i++) {
            const sample = TONE.getAt(2 * (i % half), "i16")
            b[at + i] = encode(this.codec, i < half ? sample : -sample)
        }
        for (let i = 2 * half; i < SAMPLES_PER_FRAME; i += 2 * half) b.blitAt(at + i, b, at, 2 * half)
        this.codec = undefined
    }
}

/** Recorded speech from flash, again and again. It is kept as mu-law. */
export class Speech implements VoiceSource {
    private position = 0
    private table: Buffer

    constructor(codec: Codec) {
        if (codec === Codec.PCMA) this.table = mulawToAlaw()
    }

    read(b: Buffer, at: number): void {
        b.blitAt(at, SPEECH, this.position, SAMPLES_PER_FRAME)
        this.position += SAMPLES_PER_FRAME
        if (this.position >= SPEECH.length) this.position = 0
        const table = this.table
        if (table) for (let i = 0; i < SAMPLES_PER_FRAME; i++) b[at + i] = table[b[at + i]]
    }
}

/** What the other side said, some frames later; silence while there is nothing. */
export class Echo implements VoiceSource {
    private ring = Buffer.alloc(ECHO_FRAMES * SAMPLES_PER_FRAME)
    private first = 0
    private count = 0

    constructor(private codec: Codec) {}

    read(b: Buffer, at: number): void {
        if (this.count === 0) {
            b.fillAt(at, SAMPLES_PER_FRAME, silenceOf(this.codec))
            return
        }
        b.blitAt(at, this.ring, this.first * SAMPLES_PER_FRAME, SAMPLES_PER_FRAME)
        this.first = (this.first + 1) % ECHO_FRAMES
        this.count--
    }

    hear(b: Buffer, at: number, length: number): void {
        if (length !== SAMPLES_PER_FRAME) return
        // a full ring forgets its oldest frame: an echo must not fall further and further behind
        if (this.count === ECHO_FRAMES) {
            this.first = (this.first + 1) % ECHO_FRAMES
            this.count--
        }
        this.ring.blitAt(((this.first + this.count) % ECHO_FRAMES) * SAMPLES_PER_FRAME, b, at, SAMPLES_PER_FRAME)
        this.count++
    }
}

/** `tone`, `speech` or `echo`; `undefined` for another name. */
export function sourceOf(name: string, codec: Codec): VoiceSource {
    if (name === "tone") return new Tone(codec)
    if (name === "speech") return new Speech(codec)
    return name === "echo" ? new Echo(codec) : undefined
}
