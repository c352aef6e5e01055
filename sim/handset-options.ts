/** The handset of the first phone, as the options of a program want it. */
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import type { Command } from "commander"
import type { Handset } from "./handset.js"
import type { Phone } from "./phone.js"
import type { End } from "./program.js"
import { Recorder } from "./recorder.js"
import { SAMPLE_RATE, readMulaw } from "./sound.js"
import { notice } from "./terminal/output.js"

export interface HandsetOptions {
    /** WAV files: what its microphone hears, and where what its loudspeaker says goes. */
    mic?: string
    speaker?: string
    /** Whether the machine says it as well. */
    listen?: boolean
}

/** Programs that play raw samples of 16 bits from their input, the first one that is there: of ALSA, SoX and FFmpeg. */
const PLAYERS: [program: string, ...args: string[]][] = [
    ["aplay", "-q", "-t", "raw", "-f", "S16_LE", "-r", `${SAMPLE_RATE}`, "-c", "1"],
    ["play", "-q", "-t", "raw", "-e", "signed", "-b", "16", "-r", `${SAMPLE_RATE}`, "-c", "1", "-"],
    ["ffplay", "-nodisp", "-loglevel", "quiet", "-f", "s16le", "-ar", `${SAMPLE_RATE}`, "-i", "-"],
]

export function withHandsetOptions(command: Command): Command {
    return command
        .option("--mic <file.wav>", "what the handset's microphone hears, again and again: for calls with --play handset")
        .option("--speaker <file.wav>", "write what the handset hears")
        .option("--listen", "play what the handset hears, by aplay, play or ffplay")
}

/** @throws if none of them is there */
async function openPlayer(): Promise<ChildProcess> {
    for (const [program, ...args] of PLAYERS) {
        const player = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"] })
        const isThere = await Promise.race([once(player, "spawn").then(() => true), once(player, "error").then(() => false)])
        if (!isThere) continue
        // it may end before us, as when there is no sound card
        player.stdin!.on("error", () => {})
        return player
    }
    throw new Error("--listen needs aplay (Debian's alsa-utils), play (sox) or ffplay (ffmpeg); or use --speaker FILE.wav")
}

/**
 * Opens the files before anything else is started.
 * @returns what connects the handset to its phone
 * @throws if there is something wrong with them
 */
export async function openHandset({ mic, speaker, listen }: HandsetOptions): Promise<(phone: Phone, ended: End[]) => void> {
    const sound = mic === undefined ? undefined : await readMulaw(mic)
    const recorder = speaker === undefined ? undefined : await Recorder.open(speaker)
    const player = listen ? await openPlayer() : undefined
    const output = player?.stdin
    const play = (samples: Int16Array) => void output?.write(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength))
    return (phone, ended) => {
        if (!sound && !recorder && !player) return
        const handset: Handset = phone.connectHandset(sound)
        recorder?.record(handset)
        handset.on("voice", play)
        ended.unshift(async () => {
            handset.stop()
            player?.kill()
            const seconds = await recorder?.stop()
            if (seconds !== undefined) notice(`${speaker}: ${seconds.toFixed(1)} s`)
        })
    }
}
