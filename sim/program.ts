/** What the command line programs have in common: how they end. */
import { endAll, notice } from "./terminal/output.js"

/** Puts things in order at the end. */
export type End = () => Promise<void>

/** What led to it may be long, so it comes first, and what happened stays on the screen. */
function tellError({ cause, message }: Error): void {
    if (typeof cause === "string") notice(cause)
    notice(`error: ${message}`)
}

/**
 * Does a program's work until it is done, or a signal or the end of its reader stops it; then runs `ended` in order and
 * leaves: with status 0 if the work gave `true`, 130 if it was interrupted, else 1.
 */
export async function runProgram(work: () => Promise<boolean>, ended: End[]): Promise<never> {
    let interrupted = false
    const stop = new Promise<never>((_, reject) => {
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
            process.on(signal, () => {
                interrupted = true
                reject(new Error("interrupted"))
            })
    })
    stop.catch(() => {})
    // whoever read our output has gone
    process.stdout.on("error", () => process.emit("SIGHUP"))
    try {
        if (!(await Promise.race([work(), stop]))) process.exitCode = 1
    } catch (error) {
        endAll()
        if (!interrupted) tellError(error as Error)
        process.exitCode = interrupted ? 130 : 1
    }
    // a prompt may have it in another mode; Ctrl-C is a signal again. A terminal that was closed says so by an error
    process.stdin.on("error", () => {})
    if (process.stdin.isTTY) process.stdin.setRawMode(false)
    for (const end of ended) await end().catch((error: Error) => notice(`error: ${error.message}`))
    process.exit()
}
