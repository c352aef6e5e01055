/** The size of the firmware's image, and what it is made of. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { CLI, PROJECT } from "../../sim/firmware.js"
import { fileOf, placesOf } from "../../compiler/debug.cjs"
import { DESCRIPTION } from "../../compiler/image.cjs"
import { CODE_MOST, stringsOf, type Image, readImage } from "../../scripts/image-format.js"
import { atMost, rowOf, type Options, type Row, type Suite } from "../suite.js"

/** Bytes: the simulator's flash takes 108 KB. */
const IMAGE_BUDGET = 102_400
/** How many functions are listed, the dearest first. */
const DEAREST = 25
/** What the compiler reads of a checkout. */
const SOURCES = ["src", "services", "boards", "devsconfig.json", "package.json"]
/** The function that the compiler makes to put methods into their classes. */
const PROTOTYPES = "prototype"
/** What the compiler says about an image, as far as we read it. */
interface DebugInfo {
    functions: { name: string; location: [start: number, length: number]; startpc: number; size: number }[]
    srcmap: number[]
    /** In the order of their texts, which `location` counts through as if they were one. */
    sources: { path: string; length: number }[]
}

/**
 * Builds in a copy, because a build in the checkout would take the place of the image that is there. The copy lies in the
 * checkout, so that the image bears the same version.
 */
async function build(): Promise<{ image: Image; debug: DebugInfo }> {
    const folder = mkdtempSync(join(PROJECT, ".devicescript/image-"))
    let compiler: ChildProcess | undefined
    const clear = () => {
        compiler?.kill("SIGKILL")
        rmSync(folder, { recursive: true, force: true })
    }
    // also after Ctrl-C
    process.once("exit", clear)
    try {
        for (const name of SOURCES) cpSync(join(PROJECT, name), join(folder, name), { recursive: true })
        compiler = spawn(process.execPath, [CLI, "build", "--quiet", "src/main.ts"], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
        let output = ""
        for (const stream of [compiler.stdout!, compiler.stderr!]) stream.setEncoding("utf8").on("data", (text: string) => (output += text))
        const [code] = await once(compiler, "close")
        if (code !== 0) throw new Error(`the firmware does not build; the compiler says:\n${output.trim()}`)
        const built = (name: string) => readFileSync(join(folder, ".devicescript/bin", name))
        return { image: readImage(built("bytecode.devs")), debug: JSON.parse(built("bytecode-dbg.json").toString()) }
    } finally {
        process.off("exit", clear)
        clear()
    }
}

interface Compiled {
    name: string
    /** The file that has it: names are not unique, so the text's place tells. */
    path: string
    size: number
}

function functionsOf(debug: DebugInfo): Compiled[] {
    const pathOf = fileOf(debug)
    return debug.functions.map(({ name, location, size }) => ({ name, size, path: pathOf(location[0]) }))
}

/** Functions in pieces, each of one file: what is called at one place is a part of who calls it (compiler/inline.cjs). */
function piecesOf(debug: DebugInfo): Compiled[] {
    const pathOf = fileOf(debug)
    const places = placesOf(debug)
    return debug.functions.flatMap(({ name, location, startpc, size }) => {
        const end = startpc + size - DESCRIPTION
        const own = places.filter(({ pc }) => pc >= startpc && pc < end)
        const pieces = own.map(({ position, pc }, i) => ({ name, path: pathOf(position), size: (own[i + 1]?.pc ?? end) - pc }))
        // its description, and what comes before the first of them
        const rest = size - pieces.reduce((sum, piece) => sum + piece.size, 0)
        return [{ name, path: pathOf(location[0]), size: rest }, ...pieces]
    })
}

/** A part of the phone, and the bytes of code that it may take. */
interface Share {
    name: string
    most: number
    /** How the paths begin of what belongs to it. */
    paths: string[]
}

/** The parts that have code of their own; what is none of theirs is the stack's. */
const SHARES: Share[] = [
    {
        name: "fragments, names and signalling",
        most: 19_000,
        paths: [
            ...[
                "src/ip/fragments.ts",
                "src/ip/reassembly.ts",
                "src/dns/",
                "src/sip/",
                "src/telephone/line.ts",
                "src/telephone/dial.ts",
                "src/telephone/log.ts",
            ],
            ...["src/console/names.ts", "src/console/signalling.ts"],
        ],
    },
    {
        name: "media and handset",
        most: 8_600,
        paths: ["src/rtp/", "src/voice/", "src/telephone/handset.ts", "src/console/handset.ts"],
    },
]
const STACK = { name: "stack, DHCP, console, drivers and calls", most: 35_900 }

/** What each part takes of the code, header and function table included, and what it may take. */
function codeByShare(pieces: Compiled[], { codeEnd }: Image): { name: string; bytes: number; most: number }[] {
    const sizeOf = ({ paths }: Share) =>
        pieces.filter(({ path }) => paths.some(start => path.startsWith(start))).reduce((sum, { size }) => sum + size, 0)
    const shares = SHARES.map(share => ({ name: share.name, bytes: sizeOf(share), most: share.most }))
    return [{ ...STACK, bytes: shares.reduce((rest, { bytes }) => rest - bytes, codeEnd) }, ...shares]
}

/** Builds the firmware, and says what the parts of the phone take of its code. */
export async function buildShares(): Promise<{ codeEnd: number; shares: ReturnType<typeof codeByShare> }> {
    const { image, debug } = await build()
    return { codeEnd: image.codeEnd, shares: codeByShare(piecesOf(debug), image) }
}

/** Bytes of code by folder of `src/` and by package. */
function codeByFolder(pieces: Compiled[]): Map<string, number> {
    const sizes = new Map<string, number>()
    for (const { name, path, size } of pieces) {
        const folder = name === PROTOTYPES ? "tables of methods" : folderOf(path)
        sizes.set(folder, (sizes.get(folder) ?? 0) + size)
    }
    return new Map([...sizes].sort(([, a], [, b]) => b - a))
}

/** The functions with the most code, as rows: what to look at first if code is scarce. */
function dearest(functions: Compiled[]): Row[] {
    const seen = new Map<string, number>()
    return functions
        .filter(({ name }) => name !== PROTOTYPES)
        .sort((a, b) => b.size - a.size)
        .slice(0, DEAREST)
        .map(({ name, path, size }) => {
            const title = `function ${name}, ${path}`
            const nth = (seen.get(title) ?? 0) + 1
            seen.set(title, nth)
            return rowOf(nth === 1 ? title : `${title} (${nth})`, "bytes", [size])
        })
}

function folderOf(path: string): string {
    const [, name] = /^node_modules\/(@devicescript\/\w+)\//.exec(path) ?? []
    return name ?? `${dirname(path)}/`
}

/** The recording in `src/voice/speech.ts`, as it lies in the image. */
function speech(): Buffer {
    const text = readFileSync(join(PROJECT, "src/voice/speech.ts"), "utf8")
    const [, digits] = /hex`([^`]*)`/.exec(text)!
    return Buffer.from(digits.replace(/\s/g, ""), "hex")
}

function rows(image: Image, debug: DebugInfo): Row[] {
    const total = image.bytes.length
    const row = (name: string, bytes: number) => rowOf(name, "bytes", [bytes])
    const pieces = piecesOf(debug)
    const parts = [...codeByFolder(pieces)].map(([folder, bytes]) => row(`code, ${folder}`, bytes))

    const recording = speech()
    const { identifiers, texts, buffers, index } = stringsOf(image)
    const isSpeech = (b: Buffer) => b.equals(recording)
    const sum = (list: Buffer[]) => list.reduce((n, b) => n + b.length, 0)
    parts.push(row("data, speech", sum(buffers.filter(isSpeech))))
    parts.push(row("data, other tables", sum(buffers.filter(b => !isSpeech(b)))))
    parts.push(row("strings, identifiers", sum(identifiers)))
    parts.push(row("strings, texts", sum(texts)))
    parts.push(row("strings, their index", index))
    const known = parts.reduce((n, { value }) => n + value, 0)
    parts.push(row("header, services, board, padding", total - known))

    return [
        { ...row("image", total), budget: atMost(IMAGE_BUDGET, total, "bytes") },
        { ...row("code, with header and function table", image.codeEnd), budget: atMost(CODE_MOST, image.codeEnd, "bytes") },
        ...codeByShare(pieces, image).map(({ name, bytes, most }) => ({
            ...row(`code, ${name}`, bytes),
            budget: atMost(most, bytes, "bytes"),
        })),
        ...parts,
        ...dearest(functionsOf(debug)),
    ]
}

export const suite: Suite = {
    name: "image",
    title: "The firmware's image and what it is made of; a build gives the same each time, so one is enough",
    async run({ progress }: Options): Promise<Row[]> {
        progress("building the firmware in a copy")
        const { image, debug } = await build()
        return rows(image, debug)
    },
}
