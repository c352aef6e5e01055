/** The interactive console. */
import { createInterface } from "node:readline/promises"
import type { Phone } from "./phone.js"
import { addressee } from "./script.js"

/** Resolves at the end of the input (Ctrl-D). */
export async function prompt(phones: Phone[]): Promise<void> {
    const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: "tuplephone> " })
    terminal.on("SIGINT", () => process.emit("SIGINT"))
    terminal.prompt()
    for await (const line of terminal) {
        if (line.trim()) {
            try {
                const { phone, command } = addressee(phones, line.trim())
                await phone.execute(command, text => process.stdout.write(text))
            } catch (error) {
                console.log(`error: ${(error as Error).message}`)
            }
        }
        terminal.prompt()
    }
}
