/** Writes what a handset hears into a WAV file, each time that it has heard the end of something. */
import type { Handset } from "./handset.js"
import { SAMPLE_RATE, writeWav } from "./sound.js"

/** Milliseconds of silence after which the file is written. */
const PAUSE = 300

export class Recorder {
    private pieces: Int16Array[] = []
    private timer: NodeJS.Timeout | undefined
    private writing = Promise.resolve()

    private constructor(private readonly path: string) {}

    /** @throws if the file cannot be written */
    static async open(path: string): Promise<Recorder> {
        const recorder = new Recorder(path)
        await recorder.write()
        return recorder
    }

    record(handset: Handset): void {
        handset.on("voice", samples => {
            this.pieces.push(samples)
            clearTimeout(this.timer)
            this.timer = setTimeout(() => void this.write().catch(() => {}), PAUSE)
        })
    }

    /** @returns the seconds that were written */
    async stop(): Promise<number> {
        clearTimeout(this.timer)
        await this.write()
        return this.samples.length / SAMPLE_RATE
    }

    private get samples(): Int16Array {
        if (this.pieces.length > 1) {
            const all = new Int16Array(this.pieces.reduce((sum, { length }) => sum + length, 0))
            let at = 0
            for (const piece of this.pieces) {
                all.set(piece, at)
                at += piece.length
            }
            this.pieces = [all]
        }
        return this.pieces[0] ?? new Int16Array(0)
    }

    /** One at a time, lest a shorter one win. */
    private async write(): Promise<void> {
        const { samples } = this
        this.writing = this.writing.catch(() => {}).then(() => writeWav(this.path, samples))
        await this.writing
    }
}
