import { ECHO_FRAMES, SAMPLES_PER_FRAME } from "../config"
import { Codec, encode, mulawToAlaw, silenceOf } from "./g711"
import { SPEECH } from "./speech"

/** Where the voice of a call comes from. */
export enum Play {
    Tone,
    Speech,
    Echo,
}

/** `tone`, `speech` or `echo`; `undefined` for another name. */
export function parsePlay(name: string): Play {
    if (name === "tone") return Play.Tone
    if (name === "speech") return Play.Speech
    return name === "echo" ? Play.Echo : undefined
}

/**
 * Half a period of 400 Hz at 8 kHz and -10 dBm0 (a full-scale sine is +3.17 dBm0, G.711 table 5): ten linear samples,
 * 0, 2213, 4210, 5794, 6811, 7162 and back, as little-endian words in flash.
 */
const TONE = hex`0000 a508 7210 a216 9b1a fa1b 9b1a a216 7210 a508`

/** Write 20 ms of a tone of 400 Hz: eight periods, so that each frame is like the one before and is written once. */
export function writeTone(b: Buffer, at: number, codec: Codec): void {
    const half = TONE.length >> 1
    for (let i = 0; i < 2 * half; i++) {
        const sample = TONE.getAt(2 * (i % half), "i16")
        b[at + i] = encode(codec, i < half ? sample : -sample)
    }
    for (let i = 2 * half; i < SAMPLES_PER_FRAME; i += 2 * half) b.blitAt(at + i, b, at, 2 * half)
}

/**
 * Write 20 ms of the recorded speech in flash, which is kept as mu-law.
 * @param position samples since its beginning
 * @returns the position of the next 20 ms; after the last comes the first
 */
export function writeSpeech(b: Buffer, at: number, codec: Codec, position: number): number {
    b.blitAt(at, SPEECH, position, SAMPLES_PER_FRAME)
    if (codec === Codec.PCMA) {
        const table = mulawToAlaw()
        for (let i = at; i < at + SAMPLES_PER_FRAME; i++) b[i] = table[b[i]]
    }
    const next = position + SAMPLES_PER_FRAME
    return next < SPEECH.length ? next : 0
}

/** What the other side said, some frames later; silence while there is nothing. */
export class Echo {
    private ring = Buffer.alloc(ECHO_FRAMES * SAMPLES_PER_FRAME)
    private first = 0
    private count = 0

    constructor(private codec: Codec) {}

    /** Write the next 20 ms. */
    read(b: Buffer, at: number): void {
        if (this.count === 0) {
            b.fillAt(at, SAMPLES_PER_FRAME, silenceOf(this.codec))
            return
        }
        b.blitAt(at, this.ring, this.first * SAMPLES_PER_FRAME, SAMPLES_PER_FRAME)
        this.first = (this.first + 1) % ECHO_FRAMES
        this.count--
    }

    /** Keep what the other side says. */
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
