/**
 * The speech that the firmware plays, and how much something heard is like it.
 */
import { readFile } from "node:fs/promises"
import wavefile from "wavefile"

export const SAMPLE_RATE = 8000

/** The speech of the firmware's flash, decoded: samples of 16 bits at 8 kHz, meant to be looped. */
export async function speech(): Promise<Int16Array> {
    const source = await readFile(new URL("../../src/voice/speech.ts", import.meta.url), "utf8")
    const literal = /hex`([^`]*)`/.exec(source)
    if (!literal) throw new Error("src/voice/speech.ts: no hex literal")
    const wav = new wavefile.WaveFile()
    wav.fromScratch(1, SAMPLE_RATE, "8m", Buffer.from(literal[1]!.replace(/\s/g, ""), "hex"))
    wav.fromMuLaw()
    return wav.getSamples(false, Int16Array) as unknown as Int16Array
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

/** Normalised correlation of `a` with as many samples of `b`, the first of them at `shift`. */
function correlation(a: Int16Array, b: Int16Array, shift: number): number {
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
