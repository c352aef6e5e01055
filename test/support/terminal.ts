/** A program at a terminal, as its user sees it. */
import { spawn, type IPty } from "@lydell/node-pty"
import { PROJECT } from "../../sim/firmware.js"
import { until } from "./rig.js"

interface ScreenOptions {
    columns?: number
    cwd?: string
    env?: NodeJS.ProcessEnv
}

/** Any program at a terminal of 40 lines. */
export class Screen {
    /** All that came to the screen, with the control sequences. */
    screen = ""
    readonly ended: Promise<number>
    private readonly terminal: IPty
    private read = 0

    constructor(command: string, args: string[], { columns = 80, cwd = PROJECT, env }: ScreenOptions) {
        this.terminal = spawn(command, args, { cwd, cols: columns, rows: 40, name: "xterm-256color", env })
        this.terminal.onData(text => (this.screen += text))
        this.ended = new Promise(resolve => this.terminal.onExit(({ exitCode }) => resolve(exitCode)))
    }

    /** Presses keys. */
    type(keys: string): void {
        this.terminal.write(keys)
    }

    /** Types a word, and has it completed: Tab together with other keys would be a pasted blank. */
    async completes(typed: string, what: RegExp): Promise<void> {
        this.type(typed)
        await this.shows(new RegExp(typed.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
        this.type("\t")
        await this.shows(what)
    }

    /** Waits for something on the screen that comes after all that was waited for before. @returns what came until then */
    async shows(what: RegExp, timeout?: number): Promise<string> {
        const found = () => what.exec(this.screen.slice(this.read))
        await until(`${what} on the screen`, found, timeout).catch((error: Error) => {
            throw new Error(`${error.message}; it shows ${JSON.stringify(this.screen.slice(this.read))}`)
        })
        const { index, 0: text } = found()!
        const from = this.read
        this.read += index + text.length
        return this.screen.slice(from, this.read)
    }

    kill(): void {
        this.terminal.kill("SIGKILL")
    }
}

/** A program of the project. */
export class Terminal extends Screen {
    /** @param script of the project */
    constructor(script: string, args: string[], { columns = 80, env = {} as NodeJS.ProcessEnv } = {}) {
        const { NO_COLOR, ...inherited } = process.env
        super(process.execPath, ["--import", "tsx", script, ...args], { columns, env: { ...inherited, ...env } })
    }
}

/** @returns a text without its colours and other control sequences */
export function withoutControls(text: string): string {
    return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r/g, "")
}
