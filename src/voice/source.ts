/**
 * Where the voice of a call comes from: a tone, the recorded speech, the other side's own words, or the handset's microphone. Each
 * source writes 20 ms at a time into the frame that leaves next. `rtp/session.ts` calls them.
 */
import * as ds from "@devicescript/core"
import { ECHO_OCTETS, SAMPLES_PER_FRAME } from "../base/config"
import { choiceOf } from "../base/text"
import { Codec, MULAW_TO_ALAW, silenceOf } from "./g711"
import { SPEECH } from "./speech"

/** The sources. */
export enum Play {
    Tone,
    Speech,
    Echo,
    Handset,
}

/** Their names, in the order of `Play`. */
export const PLAYS = "tone speech echo handset"

/** Read one of `PLAYS`; `undefined` for another name. */
export function parsePlay(name: string): Play {
    return choiceOf(PLAYS, name)
}

/**
 * A period of 400 Hz at 8 kHz and -10 dBm0 (a full-scale sine is +3.17 dBm0, G.711 table 5): the linear samples 0, 2213,
 * 4210, 5794, 6811, 7162 and back, and then the same below zero, in each codec.
 */
const TONE_PCMU: Buffer = hex`ffbdafa8a4a3a4a8afbdff3d2f28242324282f3d`
const TONE_PCMA: Buffer = hex`d59485838f8e8f838594d51405030f0e0f030514`

/** Write 20 ms of a tone of 400 Hz. That is eight whole periods: all frames are alike, so a call writes this once. */
export function writeTone(b: Buffer, at: number, codec: Codec): void {
    const tone = codec === Codec.PCMU ? TONE_PCMU : TONE_PCMA
    for (let i = 0; i < SAMPLES_PER_FRAME; i += tone.length) b.blitAt(at + i, tone, 0, tone.length)
}

/**
 * Write 20 ms of the recorded speech. It lies in flash as mu-law.
 * @param position samples since its beginning
 * @returns the position of the next 20 ms; after the last comes the first
 */
export function writeSpeech(b: Buffer, at: number, codec: Codec, position: number): number {
    b.blitAt(at, SPEECH, position, SAMPLES_PER_FRAME)
    if (codec === Codec.PCMA) toAlaw(b, at)
    const next = position + SAMPLES_PER_FRAME
    return next < SPEECH.length ? next : 0
}

/** Make 20 ms of mu-law A-law. */
export function toAlaw(b: Buffer, at: number): void {
    for (let i = at; i < at + SAMPLES_PER_FRAME; i++) b[i] = MULAW_TO_ALAW[b[i]]
}

/** Milliseconds of silence after which the handset is gone. */
const GONE = 2000
/** When it was heard last. */
let seen = -Infinity

export function seeHandset(): void {
    seen = ds.millis()
}

export function isHandsetGone(): boolean {
    return ds.millis() - seen > GONE
}

/** What the handset's microphone hears, as mu-law; `undefined` as long as there was no handset. */
export let microphone: Echo

export function makeMicrophone(): Echo {
    microphone = new Echo(Codec.PCMU)
    return microphone
}

/** Write 20 ms of what the microphone has heard. */
export function writeMicrophone(b: Buffer, at: number, codec: Codec): void {
    microphone.echo(b, at)
    if (codec === Codec.PCMA) toAlaw(b, at)
}

/** Says what the other side said, a little later, whatever the length of its packets; silence while it has said nothing. */
export class Echo {
    /** Octets of voice, as a ring: where the oldest is, and how many there are. */
    private ring = Buffer.alloc(ECHO_OCTETS)
    first = 0
    count = 0

    constructor(private codec: Codec) {}

    /** Write the next 20 ms. */
    echo(b: Buffer, at: number): void {
        if (this.count < SAMPLES_PER_FRAME) return b.fillAt(at, SAMPLES_PER_FRAME, silenceOf(this.codec))
        const n = Math.min(SAMPLES_PER_FRAME, ECHO_OCTETS - this.first)
        b.blitAt(at, this.ring, this.first, n)
        b.blitAt(at + n, this.ring, 0, SAMPLES_PER_FRAME - n)
        drop(this, SAMPLES_PER_FRAME)
    }

    /** Keep what the other side says: an `Ear`. */
    hear(b: Buffer, _rtp: number, at: number, length: number): void {
        if (length > ECHO_OCTETS) return
        // a full ring drops its oldest, so that the echo does not fall further and further behind
        const over = this.count + length - ECHO_OCTETS
        if (over > 0) drop(this, over)
        const end = (this.first + this.count) % ECHO_OCTETS
        const n = Math.min(length, ECHO_OCTETS - end)
        this.ring.blitAt(end, b, at, n)
        this.ring.blitAt(0, b, at + n, length - n)
        this.count += length
    }
}

function drop(e: Echo, octets: number): void {
    e.first = (e.first + octets) % ECHO_OCTETS
    e.count = e.count - octets
}
