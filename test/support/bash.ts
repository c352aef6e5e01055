/** A shell at a terminal, to which a reader's commands are typed. */
import { Screen, withoutControls } from "./terminal.js"

/** What the shell says when it waits for a command: with the status of the last one. */
const READY = "ready"
/** Milliseconds for one command, lest one that hangs does so for ever. */
const PATIENCE = 240_000
const CONSOLE = "tuplephone> "
/** What differs from run to run: a phone's host name, and numbers. */
const CHANGING = /tuplephone-[0-9a-f]{4}|\d+(?:\.\d+)?/

export class Bash extends Screen {
    /** @param within a command and its arguments that the shell is started by */
    constructor(cwd: string, { columns = 100, env = {} as NodeJS.ProcessEnv, within = [] as string[] } = {}) {
        const { NO_COLOR, ...inherited } = process.env
        const [command, ...args] = [...within, "bash", "--norc", "--noprofile", "-i"]
        super(command!, args, { columns, cwd, env: { ...inherited, ...env, PS1: `\\n${READY} $?$ `, PS2: "" } })
    }

    /** Waits until it takes a command. @returns the status of the last one, and what came before it */
    async ready(): Promise<{ status: number; printed: string }> {
        const shown = await this.shows(new RegExp(`${READY} (\\d+)\\$ `), PATIENCE)
        return { status: Number(/(\d+)\$ $/.exec(legible(shown))![1]), printed: legible(shown) }
    }

    /**
     * Types a block of commands, one after the other as soon as the shell waits for it.
     * @param until what the last one ends with, if it does not end by itself: a prompt of its own
     * @returns what was printed
     * @throws if a command fails
     */
    async run(block: string, until?: RegExp): Promise<string> {
        let printed = ""
        const commands = commandsOf(block)
        for (const [i, command] of commands.entries()) {
            this.type(`${command}\r`)
            if (until && i === commands.length - 1) return printed + legible(await this.shows(until, PATIENCE))
            const { status, printed: shown } = await this.ready()
            if (status !== 0) throw new Error(`status ${status} of: ${command}\n${shown}`)
            printed += shown
        }
        return printed
    }

    /** Types commands to the phone's console, which waits; each must bring what the block shows of it. @returns all that was printed */
    async converse(block: string): Promise<string> {
        let printed = ""
        const lines = block.split("\n")
        for (const [i, line] of lines.entries()) {
            if (!line.startsWith(CONSOLE)) continue
            this.type(`${line.slice(CONSOLE.length)}\r`)
            const end = lines.findIndex((other, k) => k > i && other.startsWith(CONSOLE))
            const last = lines.slice(i + 1, end < 0 ? undefined : end).at(-1)
            // an event comes after the prompt
            const awaited = last === undefined ? [] : last.split(CHANGING).map(part => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
            if (last !== undefined)
                printed += legible(await this.shows(new RegExp(awaited.join(`(?:${CHANGING.source}|[\\d.]+)`)), PATIENCE))
        }
        return printed
    }
}

/** What can be read on the screen: a line that is written anew is another one. */
function legible(shown: string): string {
    return withoutControls(shown.replace(/\x1b\[1?G/g, "\n"))
}

/** The commands of a block, as keys: a backslash at the end of a line continues it. */
function commandsOf(block: string): string[] {
    const commands = block.replace(/\\\n/g, "\\\r").split("\n")
    return commands.filter(line => line.trim() !== "")
}
