import * as ds from "@devicescript/core"

/**
 * Processes: a fiber and what it opens. An interface serves only the process that owns it (FIG. 4). Fibers that have
 * not entered one (boot, console) are process 0, which owns the common interface.
 */
const fibers: number[] = []
const processes: number[] = []
let last = 0

/** The process of the running fiber. */
export function currentProcess(): number {
    const at = fibers.indexOf(ds.Fiber.self().id)
    return at < 0 ? 0 : processes[at]
}

/** Make the running fiber a new process. It must `leaveProcess` before it ends. @returns its number */
export function enterProcess(): number {
    fibers.push(ds.Fiber.self().id)
    processes.push(++last)
    return last
}

/** End a process, which has closed what it had open. */
export function leaveProcess(process: number): void {
    const at = processes.indexOf(process)
    fibers.insert(at, -1)
    processes.insert(at, -1)
}
