/** `npm run names`: writes src/base/names.ts anew. The most used names of all images, so many that the largest image is smallest. */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Image, readImage, stringsOf } from "./image-format.js"
import { CLI, PROJECT } from "../sim/firmware.js"

const FILE = join(PROJECT, "src/base/names.ts")
const IMAGE = join(PROJECT, ".devicescript/bin/bytecode.devs")
const MAINS = ["src/main.ts", "src/main-w5500.ts", "devs/w5500/main.ts"]
/** How many are tried; up to 248 names have a code of one octet. */
const LENGTHS = [60, 120, 180, 200, 215, 230, 245]
const WIDTH = 140
const OUTPUT_MOST = 100_000_000

function devicescript(...args: string[]): string {
    const { stdout, error } = spawnSync(process.execPath, [CLI, ...args], { cwd: PROJECT, encoding: "latin1", maxBuffer: OUTPUT_MOST })
    if (error) throw error
    return stdout
}

/** Build an image. The compiler leaves it there also if it is too large for the runtime's verifier. */
function build(main: string): Image {
    rmSync(IMAGE, { force: true })
    const said = devicescript("build", "--quiet", main)
    if (!existsSync(IMAGE)) throw new Error(said)
    return readImage(readFileSync(IMAGE))
}

/** Have these names come first. */
function write(names: string[]): void {
    const lines = [""]
    for (const name of names) {
        const read = /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `["${name}"]`
        if (lines.at(-1)!.length + read.length > WIDTH) lines.push("")
        lines[lines.length - 1] += read
    }
    writeFileSync(FILE, `${head}${lines.map(line => `    ${line}\n`).join("")}`)
}

const text = readFileSync(FILE, "utf8")
const head = text.slice(0, text.indexOf("&& o\n") + "&& o\n".length)
const uses = new Map<string, number>()
for (const main of MAINS) {
    const { identifiers, texts } = stringsOf(build(main))
    const names = new Set([...identifiers, ...texts].map(name => name.toString("latin1").slice(0, -1)))
    for (const [, name] of devicescript("disasm").matchAll(/"(\w+|[ .:])"/g))
        if (names.has(name!)) uses.set(name!, (uses.get(name!) ?? 0) + 1)
}
// the list uses each of its own once in each image
for (const [, field, index] of text.slice(head.length).matchAll(/\.(\w+)|\["(.+?)"\]/g)) {
    const name = (field ?? index)!
    uses.set(name, (uses.get(name) ?? 0) - MAINS.length)
}
const sorted = [...uses].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name]) => name)
let best = 0
let least = Number.POSITIVE_INFINITY
for (const length of LENGTHS) {
    write(sorted.slice(0, length))
    const largest = Math.max(...MAINS.map(main => build(main).codeEnd))
    console.log(`${length} names: the largest image has ${largest.toLocaleString("en")} bytes of code`)
    if (largest < least) {
        least = largest
        best = length
    }
}
write(sorted.slice(0, best))
