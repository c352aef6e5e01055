/** What the command line programs have in common: how they end. */

/** Puts things in order at the end. */
export type End = () => Promise<void>

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
        if (!interrupted) console.error(`error: ${(error as Error).message}`)
        process.exitCode = interrupted ? 130 : 1
    }
    for (const end of ended) await end()
    process.exit()
}
