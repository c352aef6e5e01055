/** The command lines of earlier times, in a file in the user's state folder. */
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, isAbsolute, join } from "node:path"

export const HISTORY_MAX = 500

/** @see XDG Base Directory Specification: a path that is not absolute does not count */
export function historyFile(env: NodeJS.ProcessEnv = process.env): string {
    const { XDG_STATE_HOME } = env
    const state = XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(homedir(), ".local/state")
    return join(state, "tuplephone/history")
}

/** Several consoles may write to the file: each adds its lines, and one that begins cuts off the oldest. */
export class History {
    /** The latest first, as readline wants them. */
    readonly lines: string[]
    private last: string | undefined
    private writable = true

    constructor(private readonly file: string = historyFile()) {
        const lines = this.read()
        const kept = lines.slice(-HISTORY_MAX)
        if (kept.length < lines.length) this.attempt(() => this.replace(kept))
        this.lines = kept.reverse()
        this.last = this.lines[0]
    }

    /** Keeps a line, unless it is the one before it again. */
    add(line: string): void {
        if (line.trim() === "" || line === this.last) return
        this.last = line
        this.attempt(() => {
            mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 })
            appendFileSync(this.file, `${line}\n`, { mode: 0o600 })
        })
    }

    private read(): string[] {
        try {
            return readFileSync(this.file, "utf8")
                .split("\n")
                .filter(line => line !== "")
        } catch {
            return []
        }
    }

    private replace(lines: string[]): void {
        const copy = `${this.file}.${process.pid}`
        writeFileSync(copy, lines.map(line => `${line}\n`).join(""), { mode: 0o600 })
        renameSync(copy, this.file)
    }

    /** Without a file that can be written there is a history all the same, until the end. */
    private attempt(write: () => void): void {
        if (!this.writable) return
        try {
            write()
        } catch {
            this.writable = false
        }
    }
}
