import * as ds from "@devicescript/core"

/**
 * Processes: a fiber and what it opens. An interface serves only the process that owns it (FIG. 4). Fibers that were
 * not spawned here (boot, console) are process 0, which owns the common interface.
 */
const fibers: number[] = []
const processes: number[] = []
let last = 0

/** The process of the running fiber. */
export function currentProcess(): number {
    const at = fibers.indexOf(ds.Fiber.self().id)
    return at < 0 ? 0 : processes[at]
}

/**
 * Run `body` as a process of its own.
 * @param atEnd runs in it after `body`, also when that has thrown
 * @returns its number
 */
export function spawn(body: () => Promise<void>, atEnd: (process: number) => Promise<void>): number {
    const process = ++last
    run.start(process, body, atEnd)
    return process
}

async function run(process: number, body: () => Promise<void>, atEnd: (process: number) => Promise<void>) {
    fibers.push(ds.Fiber.self().id)
    processes.push(process)
    try {
        await body()
    } catch (e) {
        console.log(`process ${process}: ${(e as Error).message}`)
    }
    try {
        await atEnd(process)
    } catch (e) {
        console.log(`process ${process}: ${(e as Error).message}`)
    }
    const at = processes.indexOf(process)
    fibers.insert(at, -1)
    processes.insert(at, -1)
}
