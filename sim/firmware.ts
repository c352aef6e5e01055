/** The firmware's image, built when a source is newer than it. */
import { spawn } from "node:child_process"
import { copyFileSync, existsSync, readFileSync, readdirSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const PROJECT = fileURLToPath(new URL("..", import.meta.url))
export const CLI = join(PROJECT, "node_modules/@devicescript/cli/devicescript")
/** Where the compiler puts the image of whatever it has compiled last. */
const BUILT = join(PROJECT, ".devicescript/bin/bytecode.devs")
const BUILT_DEBUG = join(PROJECT, ".devicescript/bin/bytecode-dbg.json")
const SOURCES = ["src", "services", "compiler", "patches", "devsconfig.json", "package.json"]

/** How the simulated board reaches the LAN: see `src/phy/`. */
export type PhyKind = "stream" | "w5500"

/** The images of the firmware: the phone, and the phone with streams. */
export const IMAGES = ["phone", "streams"] as const
export type Image = (typeof IMAGES)[number]

/** Programs for the simulated board: the firmware's images for each PHY; over the stream also its servers, and the lives of sockets. */
export type Program = PhyKind | "streams" | "streams-w5500" | "stream-servers" | "lives"

/** What is built for each, from what, and where we keep it. */
const PROGRAMS = {
    stream: { main: "src/main.ts", sources: SOURCES, image: ".devicescript/firmware.devs" },
    w5500: { main: "devs/w5500/main.ts", sources: [...SOURCES, "devs/w5500"], image: ".devicescript/firmware-w5500.devs" },
    streams: { main: "src/main-streams.ts", sources: SOURCES, image: ".devicescript/streams.devs" },
    "streams-w5500": { main: "devs/w5500/main-streams.ts", sources: [...SOURCES, "devs/w5500"], image: ".devicescript/streams-w5500.devs" },
    "stream-servers": {
        main: "devs/streams/main.ts",
        sources: [...SOURCES, "devs/streams", "devs/support"],
        image: ".devicescript/stream-servers.devs",
    },
    lives: { main: "devs/lives/main.ts", sources: [...SOURCES, "devs/lives"], image: ".devicescript/lives.devs" },
}

/** The program of an image. */
export function programOf(image: Image, phy: PhyKind): Program {
    if (image === "phone") return phy
    return phy === "w5500" ? `${image}-w5500` : image
}

function namesPath(image: string): string {
    return `${image}.names`
}

/** A line of a stack trace with the function's name, which the image does not have: compiler/names.cjs. @param image its path */
export function withNames(line: string, image: string): string {
    return line.replace(/ at _F(\d+) /, (text, number: string) => {
        if (!existsSync(namesPath(image))) return text
        const names = JSON.parse(readFileSync(namesPath(image), "utf8")) as string[]
        return ` at ${names[Number(number)] ?? ""}_F${number} `
    })
}

function newest(path: string): number {
    const stat = statSync(path)
    if (!stat.isDirectory()) return stat.mtimeMs
    return Math.max(0, ...readdirSync(path).map(name => newest(join(path, name))))
}

function isFresh(image: string, sources: string[]): boolean {
    return existsSync(image) && sources.every(source => newest(join(PROJECT, source)) <= statSync(image).mtimeMs)
}

/** @returns the path of the image. @throws with what the compiler said */
export async function buildFirmware(progress: (text: string) => void, program: Program = "stream"): Promise<string> {
    const { main, sources, image } = PROGRAMS[program]
    const path = join(PROJECT, image)
    if (isFresh(path, sources)) return path
    progress("building the firmware ...")
    // the image is as old as what it was made from: a source that is saved meanwhile is newer
    const began = new Date()
    const child = spawn(process.execPath, [CLI, "build", "--quiet", main], { cwd: PROJECT, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text))
    const code = await new Promise(resolve => child.on("close", resolve))
    if (code !== 0) throw new Error(`the firmware does not build; the compiler says:\n${output.trim()}`)
    const { functions } = JSON.parse(readFileSync(BUILT_DEBUG, "utf8")) as { functions: { name: string }[] }
    // in one step, since another copy may be reading it
    const copy = `${path}.${process.pid}`
    writeFileSync(copy, JSON.stringify(functions.map(({ name }) => name)))
    renameSync(copy, namesPath(path))
    copyFileSync(BUILT, copy)
    utimesSync(copy, began, began)
    renameSync(copy, path)
    return path
}
