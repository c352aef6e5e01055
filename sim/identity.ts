/**
 * Who a simulated phone is: its MAC address and its leases hang on that. Each phone that runs from one checkout holds a
 * number, the lowest that is free; so copies that run at the same time differ, and the next one finds the leases of the last.
 */
import { createHash, randomBytes } from "node:crypto"
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, unlinkSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { PROJECT } from "./firmware.js"

/** A file for each number that is held: `NUMBER.PID.START`. */
const FOLDER = process.env.TUPLEPHONE_IDENTITIES ?? join(PROJECT, ".devicescript/phones")
/** Milliseconds, at most, until two that were in each other's way try again. */
const RETRY = 50

/** When a process started, as its system says it, so that a later one with its number is not taken for it; "" once it has ended. */
function startOf(pid: number): string {
    try {
        // the name in parentheses may hold anything; proc(5), from field 3 on
        const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8")
            .replace(/^.*\) /s, "")
            .split(" ")
        // a zombie has ended, although /proc still lists it
        return state === "Z" ? "" : fields[18]!
    } catch {
        return "0"
    }
}

function isRunning(pid: number, start: string): boolean {
    try {
        process.kill(pid, 0)
    } catch (error) {
        // one of another user runs as well
        if ((error as NodeJS.ErrnoException).code !== "EPERM") return false
    }
    return startOf(pid) === start
}

function remove(file: string): void {
    try {
        unlinkSync(file)
    } catch {
        // it is gone already
    }
}

/** Whether another process holds a number or is taking it. The file of a process that was killed is removed. */
function isHeld(folder: string, number: number, own: string): boolean {
    return readdirSync(folder).some(name => {
        const [, n, pid, start] = /^(\d+)\.(\d+)\.(\d+)$/.exec(name) ?? []
        if (Number(n) !== number || name === own) return false
        if (isRunning(Number(pid), start!)) return true
        remove(join(folder, name))
        return false
    })
}

/** Our own files. */
const held = new Set<string>()

/**
 * Takes the lowest number that is free. Of two that want it at the same time each first shows itself and then looks
 * round, so that at least one sees the other: who sees one steps back.
 */
async function takeNumber(folder: string): Promise<number> {
    mkdirSync(folder, { recursive: true })
    for (let number = 0; ; number++) {
        const own = `${number}.${process.pid}.${startOf(process.pid)}`
        const file = join(folder, own)
        if (held.has(file) || isHeld(folder, number, own)) continue
        closeSync(openSync(file, "w"))
        if (!isHeld(folder, number, own)) {
            held.add(file)
            return number
        }
        remove(file)
        await setTimeout(RETRY * Math.random())
        // the other may have stepped back too
        number = -1
    }
}

process.once("exit", () => held.forEach(remove))

/** @returns an identity for each phone of this process: 16 hexadecimal digits */
export async function takeIdentities(count: number, folder = FOLDER): Promise<string[]> {
    const identities: string[] = []
    while (identities.length < count) {
        try {
            const number = await takeNumber(folder)
            identities.push(createHash("sha256").update(`${PROJECT} ${number}`).digest("hex").slice(0, 16))
        } catch {
            // where no file can be written, nothing is remembered
            identities.push(randomBytes(8).toString("hex"))
        }
    }
    return identities
}
