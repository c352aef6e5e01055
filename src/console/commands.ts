import * as ds from "@devicescript/core"
import { parseDecimal } from "../wire/address"
import { callCommands } from "./calls"
import { Command, Printer, UsageError, noMore } from "./command"
import { networkCommands } from "./network"

let ballast: Buffer[]

/** Hold memory back: what still runs with it needs that much less than the heap. */
async function holdBallast(args: string[], out: Printer): Promise<void> {
    const kb = args.length === 1 ? parseDecimal(args[0], 48) : undefined
    if (kb === undefined) throw new UsageError("say how many KB, 0 to 48")
    ballast = []
    for (let i = 0; i < kb; i++) ballast.push(Buffer.alloc(1024))
    await out.line(`${ballast.length} KB held back`)
}

async function sleep(args: string[]): Promise<void> {
    const seconds = args.length === 1 ? parseDecimal(args[0], 86400) : undefined
    if (seconds === undefined) throw new UsageError("say how many seconds, 0 to 86400")
    await ds.sleep(seconds * 1000)
}

async function help(args: string[], out: Printer): Promise<void> {
    noMore(args, 0)
    for (const c of commands) {
        await out.line(`${c.name} ${c.usage}`)
        await out.line(`    ${c.help}`)
    }
}

const commands: Command[] = [
    { name: "help", usage: "", help: "this list", run: help },
    ...callCommands,
    ...networkCommands,
    { name: "sleep", usage: "SECONDS", help: "wait", run: sleep },
    { name: "ballast", usage: "KB", help: "hold memory back, to see what the rest is enough for", run: holdBallast },
]

/**
 * Run one line. Whatever is wrong is printed as one line `error: what, and what to do`.
 * @returns whether it succeeded
 */
export async function execute(line: string, out: Printer): Promise<boolean> {
    const args = line.split(" ").filter(word => word.length > 0)
    const name = args.shift()
    if (name === undefined) return true
    const command = commands.find(c => c.name === name)
    if (!command) {
        await out.line(`error: there is no command ${name}; help lists them`)
        return false
    }
    try {
        await command.run(args, out)
        return true
    } catch (e) {
        const error = e as any
        if (e instanceof UsageError) await out.line(`error: ${error.message}; usage: ${name} ${command.usage}`)
        else await out.line(`error: ${error.code ? `${error.code}: ` : ""}${error.message}`)
        return false
    }
}
