/**
 * The speech that the firmware plays, and how much something heard is like it.
 */
import { readFile } from "node:fs/promises"
import wavefile from "wavefile"
import { PCMU, SAMPLE_RATE, decoded, toWav } from "../../sim/sound.js"

export { SAMPLE_RATE, toWav }

/** The speech of the firmware's flash, as mu-law. */
export async function speechOctets(): Promise<Buffer> {
    const source = await readFile(new URL("../../src/voice/speech.ts", import.meta.url), "utf8")
    const literal = /hex`([^`]*)`/.exec(source)
    if (!literal) throw new Error("src/voice/speech.ts: no hex literal")
    return Buffer.from(literal[1]!.replace(/\s/g, ""), "hex")
}

/** The same, decoded: samples of 16 bits at 8 kHz, meant to be looped. */
export async function speech(): Promise<Int16Array> {
    return decoded(PCMU, await speechOctets())
}

/** A sound again and again for some seconds. */
export function repeated(loop: Int16Array, seconds: number): Int16Array {
    return Int16Array.from({ length: seconds * SAMPLE_RATE }, (_, i) => loop[i % loop.length]!)
}

/** The samples of a WAV file of 16 bits at 8 kHz, mono. */
export function fromWav(bytes: Uint8Array): Int16Array {
    return new wavefile.WaveFile(bytes).getSamples(false, Int16Array) as unknown as Int16Array
}

/**
 * Normalised cross-correlation of a recording with an endless loop, at the best alignment.
 * A frame that is missing, doubled or out of place moves everything behind it out of the alignment,
 * and shows.
 *
 * @param heard the recording, compared over its whole length
 * @param loop one turn of the loop
 * @returns 1 when the recording is the loop at some gain, about 0 when it is something else
 */
export function likeness(heard: Int16Array, loop: Int16Array): number {
    // One second in the middle is enough to find the alignment.
    const middle = Math.max(0, (heard.length - SAMPLE_RATE) >> 1)
    const excerpt = heard.subarray(middle, middle + SAMPLE_RATE)
    const endless = Int16Array.from({ length: loop.length + excerpt.length }, (_, i) => loop[i % loop.length]!)
    let best = -Infinity
    let alignment = 0
    for (let shift = 0; shift < loop.length; shift++) {
        const alike = correlation(excerpt, endless, shift)
        if (alike > best) {
            best = alike
            alignment = shift
        }
    }
    const start = (((alignment - middle) % loop.length) + loop.length) % loop.length
    const whole = Int16Array.from(heard, (_, i) => loop[(start + i) % loop.length]!)
    return correlation(heard, whole, 0)
}

/**
 * How much of a recording is like a loop, where its maker may leave out or put in some milliseconds now and then to keep in
 * time, as a phone with a playout buffer does: the share of its pieces that are, each at its own best alignment.
 *
 * @param alike how much a piece must be like the loop
 */
export function likePieces(heard: Int16Array, loop: Int16Array, alike = 0.99): number {
    const length = SAMPLE_RATE / 4
    const pieces = Array.from({ length: Math.floor(heard.length / length) }, (_, i) => heard.subarray(i * length, (i + 1) * length))
    return pieces.filter(piece => likeness(piece, loop) > alike).length / pieces.length
}

/** Normalised correlation of `a` with as many samples of `b`, the first of them at `shift`. */
export function correlation(a: Int16Array, b: Int16Array, shift: number): number {
    let product = 0
    let energyA = 0
    let energyB = 0
    for (let i = 0; i < a.length; i++) {
        const x = a[i]!
        const y = b[shift + i]!
        product += x * y
        energyA += x * x
        energyB += y * y
    }
    return energyA > 0 && energyB > 0 ? product / Math.sqrt(energyA * energyB) : 0
}
