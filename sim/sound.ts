/** Sound files, and the codec G.711 between them and the phone. */
import { readFile, writeFile } from "node:fs/promises"
import wavefile from "wavefile"

export const SAMPLE_RATE = 8000
/** RTP payload types (RFC 3551, table 4). */
export const PCMU = 0
export const PCMA = 8
/** One octet of silence as mu-law. */
export const SILENCE = 0xff

/** Linear samples of 16 bits. @param format `PCMU` or `PCMA` */
export function decoded(format: number, octets: Uint8Array): Int16Array {
    const wav = new wavefile.WaveFile()
    wav.fromScratch(1, SAMPLE_RATE, format === PCMA ? "8a" : "8m", octets)
    if (format === PCMA) wav.fromALaw()
    else wav.fromMuLaw()
    return wav.getSamples(false, Int16Array) as unknown as Int16Array
}

/** A WAV file's sound as mu-law at 8 kHz: of several channels the first. @throws with what is wrong with the file */
export async function readMulaw(path: string): Promise<Buffer> {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        throw new Error(`${path} cannot be read (${error.code}); give a WAV file`)
    })
    try {
        const wav = new wavefile.WaveFile(bytes)
        wav.toSampleRate(SAMPLE_RATE)
        wav.toBitDepth("16")
        const samples = wav.getSamples(false, Int16Array) as unknown as Int16Array | Int16Array[]
        const mono = new wavefile.WaveFile()
        mono.fromScratch(1, SAMPLE_RATE, "16", samples[0] instanceof Int16Array ? samples[0] : (samples as Int16Array))
        mono.toMuLaw()
        return Buffer.from(mono.getSamples(false, Uint8Array) as unknown as Uint8Array)
    } catch (error) {
        throw new Error(`${path} is no WAV file that can be read (${(error as Error).message}); give one with PCM samples`)
    }
}

/** A WAV file of samples of 16 bits at 8 kHz, mono. */
export function toWav(samples: Int16Array): Uint8Array {
    const wav = new wavefile.WaveFile()
    wav.fromScratch(1, SAMPLE_RATE, "16", samples)
    return wav.toBuffer()
}

/** Write such a file. @throws with what is wrong with the path */
export async function writeWav(path: string, samples: Int16Array): Promise<void> {
    await writeFile(path, toWav(samples)).catch((error: NodeJS.ErrnoException) => {
        throw new Error(`${path} cannot be written (${error.code})`)
    })
}
