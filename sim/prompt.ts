/** The interactive console. */
import { clearLine, cursorTo } from "node:readline"
import { createInterface, type Interface } from "node:readline/promises"
import type { CommandRunner } from "./console-client.js"
import { addressee } from "./script.js"
import { History, HISTORY_MAX } from "./terminal/history.js"
import { completions, show, showError } from "./terminal/session.js"

const PROMPT = "tuplephone> "

/** The prompt at which a line is being written, if there is one. */
let waiting: Interface | undefined

/** Says something that is no answer, without disturbing a line that is being written. */
export function notice(text: string): void {
    if (!waiting?.terminal) return console.error(text)
    cursorTo(process.stdout, 0)
    clearLine(process.stdout, 0)
    console.error(text)
    waiting.prompt(true)
}

/** Resolves at the end of the input (Ctrl-D). @throws if a phone has failed */
export async function prompt(phones: CommandRunner[]): Promise<void> {
    const history = process.stdout.isTTY ? new History() : undefined
    const terminal = createInterface({
        input: process.stdin,
        output: process.stdout,
        prompt: PROMPT,
        history: history?.lines,
        historySize: HISTORY_MAX,
        completer: (line: string) => {
            const [, number] = /^\s*@(\d+)\s/.exec(line) ?? []
            return completions(phones[Number(number) - 1] ?? phones[0]!, line, phones.length)
        },
    })
    terminal.on("SIGINT", () => process.emit("SIGINT"))
    let closed = false
    terminal.once("close", () => (closed = true))
    const ask = () => {
        // commands may still be waiting when their pipe has ended; newer versions of Node let nothing be asked then
        if (closed) return void process.stdout.write(PROMPT)
        waiting = terminal
        terminal.prompt()
    }
    ask()
    for await (const line of terminal) {
        waiting = undefined
        if (line.trim()) {
            history?.add(line.trim())
            try {
                const { phone, command } = addressee(phones, line.trim())
                await show(phone, command)
            } catch (error) {
                if (phones.some(phone => phone.failure === error)) throw error
                showError(error as Error)
            }
        }
        ask()
    }
    waiting = undefined
    // after Ctrl-D the shell's prompt has a line of its own
    if (terminal.terminal) process.stdout.write("\n")
}
