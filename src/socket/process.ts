import * as ds from "@devicescript/core"

/** What a process runs. */
export interface Program {
    run(): Promise<void>
    /** Runs in the process after `run`, also when that has thrown. @param process its number */
    exit(process: number): Promise<void>
}

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

/** Start a process. @returns its number */
export function spawn(program: Program): number {
    live.start(++last, program)
    return last
}

async function live(process: number, program: Program) {
    fibers.push(ds.Fiber.self().id)
    processes.push(process)
    try {
        await program.run()
    } catch (e) {
        console.log(`process ${process}: ${(e as Error).message}`)
    }
    try {
        await program.exit(process)
    } catch (e) {
        console.log(`process ${process}: ${(e as Error).message}`)
    }
    const at = processes.indexOf(process)
    fibers.insert(at, -1)
    processes.insert(at, -1)
}
