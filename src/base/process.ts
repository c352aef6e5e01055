/**
 * Processes and process groups. A process is a fiber that called `enterProcess`. An interface or a descriptor belongs to the
 * group of the process that opened it. Every process of that group may use it, as children use the descriptors of one parent
 * (FIG. 3 of the patent application); no other process may (FIG. 4). A fiber that is no process (boot, console) is in group 0,
 * which never ends and owns the common interface.
 * Read first: POSIX `getpgrp` and `setpgid`; `leaveProcess` in `socket/api.ts`.
 */
import * as ds from "@devicescript/core"
import { fail } from "./errors"

/** The processes, as two lists: the fiber of each, and its group. */
const fibers: number[] = []
const groups: number[] = []
let last = 0

/**
 * The process group of the running fiber; 0 if the fiber is no process.
 * @category Processes
 */
export function getpgrp(): number {
    const at = fibers.indexOf(ds.Fiber.self().id)
    if (at < 0) return 0
    return groups[at]
}

/**
 * Make the running fiber a process; it must be none yet. What it opens from then on belongs to its group alone. The fiber must
 * call `leaveProcess` before it ends.
 * @param group the group to join (POSIX `setpgid`); by default a new one
 * @throws SocketError `EPERM` if the group has ended, or never was; nobody joins group 0
 * @category Processes
 */
export function enterProcess(group?: number): void {
    if (group === undefined) group = ++last
    else if (groups.indexOf(group) < 0) fail("EPERM", "no such process group")
    fibers.push(ds.Fiber.self().id)
    groups.push(group)
}

/** Make the running fiber no process any more. @returns its group, if the group has ended with it */
export function removeProcess(): number {
    const at = fibers.indexOf(ds.Fiber.self().id)
    if (at < 0) return undefined
    const group = groups[at]
    fibers.insert(at, -1)
    groups.insert(at, -1)
    if (groups.indexOf(group) >= 0) return undefined
    return group
}
