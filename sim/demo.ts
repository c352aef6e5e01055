/** The demonstration: two calls at once, to two devices, from two addresses, through one PHY. */
import type { Phone } from "./phone.js"
import { show } from "./terminal/session.js"

const CALLS = ["call 10.77.0.2:4000 --play speech", "call 10.77.0.3:4000 --play tone"]
const WATCH_SECONDS = 3
const LISTINGS = ["ifconfig", "netstat", "calls"]

export async function demonstrate(phone: Phone): Promise<void> {
    const run = async (line: string) => {
        process.stdout.write(`\ntuplephone> ${line}\n`)
        if (!(await show(phone, line))) throw new Error(`the demonstration failed at: ${line}`)
    }
    for (const call of CALLS) await run(call)
    await run(`sleep ${WATCH_SECONDS}`)
    for (const listing of LISTINGS) await run(listing)
    process.stdout.write("\nBoth calls go on. help lists the commands, hangup all ends the calls, Ctrl-D leaves.\n")
}
