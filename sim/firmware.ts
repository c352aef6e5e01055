/** The firmware's image, built when a source is newer than it. */
import { spawn } from "node:child_process"
import { copyFileSync, existsSync, readdirSync, renameSync, statSync, utimesSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const PROJECT = fileURLToPath(new URL("..", import.meta.url))
export const CLI = join(PROJECT, "node_modules/@devicescript/cli/devicescript")
/** Where the compiler puts the image of whatever it has compiled last, and where we keep that of the firmware. */
const BUILT = join(PROJECT, ".devicescript/bin/bytecode.devs")
const IMAGE = join(PROJECT, ".devicescript/firmware.devs")
const SOURCES = ["src", "services", "devsconfig.json", "package.json"]

function newest(path: string): number {
    const stat = statSync(path)
    if (!stat.isDirectory()) return stat.mtimeMs
    return Math.max(0, ...readdirSync(path).map(name => newest(join(path, name))))
}

function isFresh(): boolean {
    return existsSync(IMAGE) && SOURCES.every(source => newest(join(PROJECT, source)) <= statSync(IMAGE).mtimeMs)
}

/** @returns the path of the image. @throws with what the compiler said */
export async function buildFirmware(progress: (text: string) => void): Promise<string> {
    if (isFresh()) return IMAGE
    progress("building the firmware ...")
    // the image is as old as what it was made from: a source that is saved meanwhile is newer
    const began = new Date()
    const child = spawn(process.execPath, [CLI, "build", "--quiet", "src/main.ts"], { cwd: PROJECT, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text))
    const code = await new Promise(resolve => child.on("close", resolve))
    if (code !== 0) throw new Error(`the firmware does not build; the compiler says:\n${output.trim()}`)
    // in one step, since another copy may be reading it
    const copy = `${IMAGE}.${process.pid}`
    copyFileSync(BUILT, copy)
    utimesSync(copy, began, began)
    renameSync(copy, IMAGE)
    return IMAGE
}
