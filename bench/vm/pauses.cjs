/** When the machine does not run this process although it has something to do. */
"use strict"

const LOOK_MS = 5
/** Shorter ones are usual. */
const LEAST_MS = 5

const clock = () => performance.timeOrigin + performance.now()

/**
 * @param tell called after each pause with its beginning, by the clock of the day, and its length, in milliseconds
 * @returns what ends it
 */
exports.watch = function watch(tell) {
    let at = clock()
    let cpu = process.cpuUsage()
    const timer = setInterval(() => {
        const from = at
        const { user, system } = process.cpuUsage(cpu)
        at = clock()
        cpu = process.cpuUsage()
        // time in which it has worked is its own
        const ms = at - from - LOOK_MS - (user + system) / 1000
        if (ms >= LEAST_MS) tell({ from, ms })
    }, LOOK_MS)
    return () => clearInterval(timer)
}
