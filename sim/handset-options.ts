/** The handset of the first phone, as the options of a program want it. */
import type { Command } from "commander"
import type { Phone } from "./phone.js"
import type { End } from "./program.js"
import { Recorder } from "./recorder.js"
import { readMulaw } from "./sound.js"
import { notice } from "./terminal/output.js"

export interface HandsetOptions {
    /** WAV files: what its microphone hears, and where what its loudspeaker says goes. */
    mic?: string
    speaker?: string
}

export function withHandsetOptions(command: Command): Command {
    return command
        .option("--mic <file.wav>", "what the handset's microphone hears, again and again: for calls with --play handset")
        .option("--speaker <file.wav>", "write what the handset hears")
}

/** @throws if there is something wrong with the files */
export async function connectHandset(phone: Phone, { mic, speaker }: HandsetOptions, ended: End[]): Promise<void> {
    if (mic === undefined && speaker === undefined) return
    const sound = mic === undefined ? undefined : await readMulaw(mic)
    const recorder = speaker === undefined ? undefined : await Recorder.open(speaker)
    const handset = phone.connectHandset(sound)
    recorder?.record(handset)
    ended.unshift(async () => {
        handset.stop()
        const seconds = await recorder?.stop()
        if (seconds !== undefined) notice(`${speaker}: ${seconds.toFixed(1)} s`)
    })
}
