/** A program of the reader's, wherever it lies, built for the simulator in a temporary copy of the project. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join, parse, relative, sep } from "node:path"
import { Workspace } from "../../scripts/workspace.js"
import { PROJECT, type PhyKind } from "../firmware.js"

/** The stack as the compiler finds it. */
const PACKAGE = "node_modules/tuplephone"
/** Where the root of the file system is in the copy: an import may lead anywhere from the file, also up. */
const ROOT = ".root"
const OUTSIDE = /(?<![\w./-])\.root\//g
/** The entry. Its functions, and those of the program and of DeviceScript's own packages, are the program's. */
const START = ".start/main.ts"
const BUILT = ".devicescript/bin"
/** Named in errors as an example: it is always there. */
export const EXAMPLE = "examples/two-addresses.ts"
/** Folders of the checkout that are not linked: the copy has its own, or must have none. */
const NOT_LINKED = ["node_modules", ".git", ".devicescript"]
/** For a simulated W5500: what takes the place of what in `src/`. */
const MODEL = { "phy/w5500/board.ts": "board.ts", "phy/w5500/model.ts": "model.ts" }

export interface Built {
    /** Path of the image. */
    image: string
    /** Where it was built; the VM looks there for the lines of a failure. */
    folder: string
    /** The functions of the image, by number, that do not belong to the stack. */
    own: number[]
    /** Names files as the reader knows them, in what the compiler or the VM says of the copy's. */
    readable(text: string): string
}

/** What the compiler says of an image, as far as it is read here. */
interface DebugInfo {
    /** A location counts through the texts of the sources, in their order. */
    functions: { location: [start: number, length: number] }[]
    sources: { path: string; length: number }[]
}

/** @throws with one line that says what is wrong with it */
export function checkFile(path: string, shown: string): void {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (!stat) throw new Error(`there is no file ${shown}; give the path of a program, such as ${EXAMPLE}`)
    if (!stat.isFile()) throw new Error(`${shown} is ${stat.isDirectory() ? "a folder" : "no file"}; give the path of a program in it`)
    if (!/\.tsx?$/.test(path) || path.endsWith(".d.ts")) throw new Error(`${shown} is no TypeScript program; its name must end in .ts`)
}

/** Where a file is in the copy: beside the copied `src/` if it is the checkout's, otherwise below the root. */
function inCopy(path: string): string {
    const fromProject = relative(PROJECT, path)
    const inProject = !fromProject.startsWith("..") && parse(fromProject).root === ""
    const there = inProject ? fromProject : join(ROOT, relative(parse(path).root, path))
    return there.split(sep).join("/")
}

function link(workspace: Workspace, target: string, name: string): void {
    const isFolder = statSync(target, { throwIfNoEntry: false })?.isDirectory()
    // Windows lets anybody make a junction
    symlinkSync(target, join(workspace.folder, name), isFolder ? "junction" : "file")
}

function prepare(workspace: Workspace, path: string, phy: PhyKind): void {
    const { folder } = workspace
    rmSync(join(folder, PACKAGE), { force: true })
    link(workspace, join(folder, "src"), PACKAGE)
    for (const name of readdirSync(PROJECT))
        if (!NOT_LINKED.includes(name) && !existsSync(join(folder, name))) link(workspace, join(PROJECT, name), name)
    link(workspace, parse(path).root, ROOT)
    if (phy === "w5500")
        for (const [to, from] of Object.entries(MODEL))
            writeFileSync(
                join(folder, "src", to),
                readFileSync(join(PROJECT, "devs/w5500", from), "utf8")
                    .replaceAll("../../src/phy/w5500/", "./")
                    .replaceAll("../../src/", "../../")
            )
    // what the stack logs is not what the program prints
    for (const name of readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" }).filter(name => name.endsWith(".ts"))) {
        const source = join(folder, "src", name)
        writeFileSync(source, readFileSync(source, "utf8").replaceAll("console.log(", "console.debug("))
    }
    mkdirSync(join(folder, parse(START).dir))
    writeFileSync(join(folder, START), startOf(inCopy(path)))
}

/** As long as a socket has a receiver there is something to come, although no fiber waits for it. */
function startOf(program: string): string {
    return `import ${JSON.stringify(`../${program.replace(/\.tsx?$/, "")}`)}
import { sleep } from "@devicescript/core"
import { sockets } from "tuplephone/socket/table"
while (sockets.find(s => !!s.receiver)) await sleep(100)
`
}

function ownFunctions(folder: string): number[] {
    const { functions, sources }: DebugInfo = JSON.parse(readFileSync(join(folder, BUILT, "bytecode-dbg.json"), "utf8"))
    const ends: number[] = []
    for (const { length } of sources) ends.push((ends.at(-1) ?? 0) + length)
    const pathOf = ([start]: [number, number]) => sources[ends.findIndex(end => start < end)]!.path
    return functions.flatMap(({ location }, index) => (pathOf(location).startsWith(`${PACKAGE}/`) ? [] : [index]))
}

/** @param shown the path as the reader knows it @throws with what the compiler said */
export async function buildOwn(workspace: Workspace, path: string, shown: string, phy: PhyKind): Promise<Built> {
    const { folder } = workspace
    const readable = (text: string) =>
        text.replaceAll(inCopy(path), shown).replaceAll(OUTSIDE, parse(path).root).replaceAll(`${PACKAGE}/`, "src/")
    prepare(workspace, path, phy)
    const { code, output } = await workspace.run("build", START)
    // the copy is removed with what is in it
    rmSync(join(folder, ROOT))
    const said = output.replace(/^using devs: .*\n?/gm, "")
    if (code !== 0) throw new Error(`${shown} does not build; the compiler says:\n${readable(said)}`)
    return { image: join(folder, BUILT, "bytecode.devs"), folder, own: ownFunctions(folder), readable }
}
