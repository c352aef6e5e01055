import * as ds from "@devicescript/core"
import { SocketError } from "../errors"

/**
 * Processes, and the groups that they form: a process is a fiber that has entered one. What is opened, an interface or
 * a descriptor, belongs to the group of who opened it: each of its processes may use it, as processes do that inherit
 * the descriptors of one parent (FIG. 3), and no other (FIG. 4). Fibers that have entered none (boot, console) are group
 * 0, which is there for ever and owns the common interface.
 *
 * The processes, as two lists: their fibers, and their groups.
 */
const fibers: number[] = []
const groups: number[] = []
let last = 0

/** The process group of the running fiber (POSIX). */
export function getpgrp(): number {
    const at = fibers.indexOf(ds.Fiber.self().id)
    return at < 0 ? 0 : groups[at]
}

/**
 * Make the running fiber, which is none yet, a process. It must `leaveProcess` before it ends.
 * @param group that it joins (POSIX `setpgid`); by default one of its own
 * @throws SocketError `EPERM` if the group has ended, or never was; nobody joins group 0
 */
export function enterProcess(group?: number): void {
    if (group === undefined) group = ++last
    else if (groups.indexOf(group) < 0) throw new SocketError("EPERM", "no such process group")
    fibers.push(ds.Fiber.self().id)
    groups.push(group)
}

/** The running fiber is no process any more. @returns its group, if that has ended with it */
export function removeProcess(): number {
    const at = fibers.indexOf(ds.Fiber.self().id)
    if (at < 0) return undefined
    const group = groups[at]
    fibers.insert(at, -1)
    groups.insert(at, -1)
    return groups.indexOf(group) < 0 ? group : undefined
}
