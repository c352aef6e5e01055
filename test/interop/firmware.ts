/**
 * The firmware as its users start it, on the real LAN.
 */
import { fileURLToPath } from "node:url"
import { type Lan } from "./lan.js"
import { type HostProcess } from "./process.js"

const PROJECT = fileURLToPath(new URL("../..", import.meta.url))

/**
 * Boot the firmware on a LAN and have it run console commands, as `npm start -- --exec` does.
 *
 * @param commands what it shall do; it stops when the last is done
 */
export function firmware(lan: Lan, ...commands: string[]): HostProcess {
    const args = ["start", "--silent", "--", "--lan", lan.url, "--exec", commands.join("; ")]
    return lan.spawn("firmware", "npm", args, { cwd: PROJECT })
}

/** What the last listing command with `-j` answered. */
export function lastJson(program: HostProcess): unknown {
    const line = program.stdout
        .split("\n")
        .filter(text => /^[[{]/.test(text))
        .at(-1)
    if (line === undefined) throw program.error("no line of JSON in its output")
    return JSON.parse(line)
}
