/** The interactive console. */
import { createInterface, type Interface } from "node:readline/promises"
import type { CommandRunner } from "./console-client.js"
import { addressee, commandOf } from "./script.js"
import { Foreground } from "./terminal/foreground.js"
import { Gate } from "./terminal/gate.js"
import { History, HISTORY_MAX } from "./terminal/history.js"
import { aside, endAnswer, fitted, notice, redraw, setEditor } from "./terminal/output.js"
import { completions, help, isEnd, show, showBeside, showError } from "./terminal/session.js"

const PROMPT = "tuplephone> "
const HINT = "help lists the commands, Ctrl-C ends one that runs, exit or Ctrl-D leaves."
const INTERRUPT_HINT = "(Ctrl-C again, Ctrl-D or exit leaves)"
const LEFT = "the command goes on in the phone; what it says is not shown any more"
const LEFT_CALL = "the call is not waited for any more; the phone may still be placing it: see calls, and end it with hangup"

interface Options {
    /** What the user is told first, if anything. */
    hint?: string
    /** What runs before the first line can be typed, as a command does: Ctrl-C cancels it. */
    first?: (foreground: Foreground) => Promise<void>
}

/** Reads commands and obeys them until the input or the user ends it. @throws if a phone has failed */
export async function prompt(phones: CommandRunner[], { hint = HINT, first }: Options = {}): Promise<void> {
    const audience = { isLeft: false }
    try {
        if (process.stdout.isTTY) return await new TerminalPrompt(phones, audience).run(hint, first)
        await first?.(new Foreground())
        await obeyAll(phones, audience)
    } finally {
        audience.isLeft = true
    }
}

/** Those for whom commands answer that run beside others: nobody, once the prompt has ended. */
interface Audience {
    isLeft: boolean
}

/** Runs what a user has typed. @throws if a phone has failed */
async function obey(phones: CommandRunner[], typed: string, foreground: Foreground, audience: Audience): Promise<void> {
    const isFailure = (error: unknown) => phones.some(phone => phone.failure === error)
    try {
        const { line, isBeside } = commandOf(typed)
        const { phone, command } = await addressee(phones, line)
        const [name = "", ...others] = command.split(/ +/)
        if (isEnd(name) && (isBeside || others.length > 0)) throw new Error(`${name} takes no arguments; type ${name} alone`)
        if (isBeside)
            return void showBeside(phone, command, audience).catch((error: Error) => {
                // the failure of a phone ends the prompt, which tells of it
                if (!isFailure(error) && !audience.isLeft) showError(error, aside)
            })
        await (/^(help|\?)( |$)/.test(command) ? help(phone, command, foreground) : show(phone, command, foreground))
    } catch (error) {
        if (isFailure(error)) throw error
        if (!foreground.isLeft) showError(error as Error)
    }
}

/** Without a terminal: the answers as the phone gives them, each behind a prompt. */
async function obeyAll(phones: CommandRunner[], audience: Audience): Promise<void> {
    const lines = createInterface({ input: process.stdin })
    const ask = () => process.stdout.write(PROMPT)
    ask()
    for await (const line of lines) {
        if (isEnd(line.trim())) break
        if (line.trim()) await obey(phones, line.trim(), new Foreground(), audience)
        ask()
    }
    lines.close()
}

class TerminalPrompt {
    private readonly history = new History()
    private readonly gate = new Gate(process.stdin, { interrupt: () => this.interruptCommand(), suspend: () => this.suspend() })
    private readonly readline: Interface
    /** The command that runs. */
    private foreground: Foreground | undefined
    private isClosed = false
    /** Whether the last key was Ctrl-C on an empty line. */
    private isWarned = false

    constructor(
        private readonly phones: CommandRunner[],
        private readonly audience: Audience
    ) {
        this.readline = createInterface({
            input: this.gate.input,
            output: process.stdout,
            prompt: PROMPT,
            history: this.history.lines,
            historySize: HISTORY_MAX,
            completer: (line: string) => this.gate.complete(this.complete(line), [[], line]),
        })
        // else it appends keys that come together to the end of the line, wherever the cursor is
        Object.defineProperty(this.readline, "isCompletionEnabled", { get: () => true, set() {} })
        this.readline.on("line", () => this.gate.close())
        this.readline.on("SIGINT", () => this.interruptLine())
        this.readline.on("SIGTSTP", () => this.suspend())
        this.readline.once("close", () => (this.isClosed = true))
        this.gate.input.on("data", (keys: Buffer) => {
            if (keys.toString() !== "\x03") this.isWarned = false
        })
    }

    async run(hint: string, first: Options["first"]): Promise<void> {
        // from now on no line is missed: what was typed ahead arrives as soon as the first one is asked for
        const lines = this.readline[Symbol.asyncIterator]()
        try {
            if (first) await this.begin(first)
            if (hint) notice(hint)
            this.ask()
            for await (const line of lines) {
                setEditor(undefined)
                if (isEnd(line.trim())) return
                if (line.trim()) await this.obey(line.trim())
                this.ask()
            }
            // after Ctrl-D the shell's prompt has a line of its own
            process.stdout.write("\n")
        } finally {
            setEditor(undefined)
            this.readline.close()
            this.gate.stop()
        }
    }

    private ask(): void {
        if (this.isClosed) return
        setEditor(this.readline)
        this.readline.prompt()
        this.gate.open()
    }

    private async obey(line: string): Promise<void> {
        this.history.add(line)
        const left = /^(@\d+ +)?call( |$)/.test(line) ? LEFT_CALL : LEFT
        await this.wait(foreground => obey(this.phones, line, foreground, this.audience), left)
    }

    /** What comes before the first line. If it was cancelled, that was the first Ctrl-C, and has been answered with a hint. */
    private async begin(first: NonNullable<Options["first"]>): Promise<void> {
        const { signal } = await this.wait(first)
        this.isWarned = signal.aborted
    }

    /** Waits for some work, which Ctrl-C cancels. @param left what is said if that does not end it @returns what ended it */
    private async wait(work: (foreground: Foreground) => Promise<void>, left = LEFT): Promise<Foreground> {
        const foreground = (this.foreground = new Foreground())
        await foreground.wait(work(foreground))
        this.foreground = undefined
        if (!foreground.isLeft) return foreground
        endAnswer(true)
        notice(left)
        return foreground
    }

    private async complete(line: string): Promise<[string[], string]> {
        const [, number] = /^\s*@(\d+)\s/.exec(line) ?? []
        return await completions(this.phones[Number(number) - 1] ?? this.phones[0]!, line, this.phones.length)
    }

    /** Ctrl-C while a command runs. */
    private interruptCommand(): void {
        if (!this.foreground) return
        process.stdout.write("^C\n")
        this.foreground.interrupt()
    }

    /** Ctrl-C while a line is being typed. */
    private interruptLine(): void {
        const isEmpty = this.readline.line === ""
        // to the end of the line, which may be on several rows
        this.readline.write(null, { ctrl: true, name: "e" })
        process.stdout.write("^C")
        // beyond what is documented, as Node's own prompt does it
        const { clearLine } = this.readline as unknown as { clearLine(): void }
        clearLine.call(this.readline)
        if (isEmpty && this.isWarned) return this.readline.close()
        this.isWarned = isEmpty
        if (isEmpty) process.stdout.write(`${fitted(INTERRUPT_HINT, process.stdout)}\n`)
        this.readline.prompt()
    }

    /** Ctrl-Z: stops all that the shell started, as a terminal in its usual mode does, and goes on when that does. */
    private suspend(): void {
        if (process.platform === "win32") return
        this.gate.input.setRawMode(false)
        process.kill(0, "SIGTSTP")
        this.gate.input.setRawMode(true)
        if (!this.foreground) redraw(this.readline)
    }
}
