/** The demonstration: two calls at once, to two devices, from two addresses, through one PHY. */
import type { CommandRunner } from "./console-client.js"
import type { Foreground } from "./terminal/foreground.js"
import { answer, fitted } from "./terminal/output.js"
import { show } from "./terminal/session.js"

const CALLS = ["call 10.77.0.2:4000 --play speech", "call 10.77.0.3:4000 --play tone"]
const WATCH_SECONDS = 3
const LISTINGS = ["ifconfig", "netstat", "calls"]
const HINT = "Both calls go on. help lists the commands, hangup all ends the calls, exit or Ctrl-D leaves."
const CANCELLED = "The demonstration is cancelled, and its calls have ended. help lists the commands; Ctrl-C again, Ctrl-D or exit leaves."

/** @param foreground what ends it before its time: then its calls are ended, and that is no failure */
export async function demonstrate(phone: CommandRunner, foreground: Foreground): Promise<void> {
    const { signal } = foreground
    for (const line of [...CALLS, `sleep ${WATCH_SECONDS}`, ...LISTINGS]) {
        answer(`\ntuplephone> ${line}\n`)
        const succeeded = await show(phone, line, foreground)
        if (signal.aborted) return await cancel(phone, foreground)
        if (!succeeded) throw new Error(`the demonstration failed at: ${line}`)
    }
    answer(`\n${fitted(HINT, process.stdout)}\n`)
}

async function cancel(phone: CommandRunner, foreground: Foreground): Promise<void> {
    await phone.execute("hangup all", () => {})
    if (!foreground.isLeft) answer(`\n${fitted(CANCELLED, process.stdout)}\n`)
}
