/** `npm run fuzz`: frames that are nearly right, and what the firmware must make of them; see `--help`. */
import { Command, InvalidArgumentError } from "commander"
import { Difference, fuzz } from "./run.js"

interface CommandOptions {
    frames: number
    seed: number
    frame?: number
}

const MAX = 0x7fffffff

function number(text: string): number {
    const n = Number(text)
    if (Number.isInteger(n) && n >= 0 && n <= MAX) return n
    throw new InvalidArgumentError(`Give a number from 0 to ${MAX}.`)
}

function print({ first, last, frames, expected, real }: Difference): void {
    console.log(first === last ? `frame ${first}:` : `one of the frames ${first} to ${last}, or of those between them:`)
    for (const frame of frames) console.log(frame.toString("hex"))
    console.log(`expected ${JSON.stringify(expected)}`)
    console.log(`real     ${JSON.stringify(real)}`)
}

async function main({ frames, seed, frame }: CommandOptions): Promise<void> {
    const began = Date.now()
    const progress = (text: string) => console.error(text)
    console.log(`seed ${seed}`)
    const limit = frame === undefined ? frames : frame + 1
    try {
        const report = await fuzz({ frames: limit, seed, alone: frame, progress })
        const { voice, time, endings, counters, heap } = report
        for (const figures of [counters, endings]) for (const [name, n] of Object.entries(figures).sort()) console.log(`${name} ${n}`)
        console.log(`${report.frames} frames and ${voice} of voice between them: no difference`)
        console.log(`${Math.round((Date.now() - began) / 1000)} s, ${Math.round(time / 1000)} s of the phone`)
        console.log(`heap after a collection: ${heap.before} bytes before, ${heap.after} after`)
    } catch (error) {
        if (!(error instanceof Difference)) throw error
        process.exitCode = 1
        let found = error
        if (error.last > error.first) {
            progress(`a difference in the frames ${error.first} to ${error.last}; once more, one at a time`)
            try {
                await fuzz({ frames: error.last + 1, seed, alone: error.first, progress: () => {} })
            } catch (again) {
                if (!(again instanceof Difference)) throw again
                found = again
            }
        }
        print(found)
        console.log(`again: npm run fuzz -- --seed ${seed} --frame ${found.first}`)
    }
}

await new Command("npm run fuzz --")
    .description(
        "Sends frames that are nearly right to the firmware in the VM, with calls up. The exit status is 1 if it does what it should not."
    )
    .option("--frames <number>", "how many", number, 300_000)
    .option("--seed <number>", "of all random choices", number, Date.now() & MAX)
    .option("--frame <number>", "go as far as this frame, which then arrives alone", number)
    .action(async (options: CommandOptions) => {
        try {
            await main(options)
        } catch (error) {
            console.error(`error: ${(error as Error).message}`)
            process.exitCode = 1
        }
    })
    .parseAsync()
