/** `npm run build:boards`: checks the board definitions, and makes what is flashed if it gets the runtime; see `--help`. */
import { Command } from "commander"
import { relative, resolve } from "node:path"
import { PROJECT } from "../sim/firmware.js"
import { type Board, findBoard, hasW5500, readBoards } from "./boards.js"
import { buildProgram, checkImage, keepImage, pretendRuntime, takeRuntime } from "./image.js"
import { Workspace } from "./workspace.js"

interface Options {
    boards: string
    json?: boolean
    runtime?: string
    out: string
}

interface Row {
    board: string
    arch: string
    phy: "w5500" | "stream"
    /** GPIO by label: the W5500's if there is one, otherwise all. */
    pins: Record<string, number>
    imageBytes: number
    /** What is flashed, if it was made. */
    flash?: string
}

function rowOf({ id, definition }: Board, imageBytes: number): Row {
    const w5500 = hasW5500(definition)
    const pins = Object.entries(definition.pins).filter(([label]) => (w5500 ? label.startsWith("ETH_") : !label.startsWith("#")))
    return { board: id, arch: definition.archId, phy: w5500 ? "w5500" : "stream", pins: Object.fromEntries(pins), imageBytes }
}

/** Within 80 columns: the pins of a W5500 get a line of their own. */
function table(rows: Row[]): string {
    const cells = rows.map(row => [row.board, row.arch, row.phy, `${row.imageBytes} B`, pinsOf(row)])
    const lines = [["board", "arch", "PHY", "program", "pins"], ...cells]
    const width = (column: number) => Math.max(...lines.map(line => line[column]!.length))
    const show = ([board, arch, phy, image, pins]: string[]) =>
        [board!.padEnd(width(0)), arch!.padEnd(width(1)), phy!.padEnd(width(2)), image!.padStart(width(3)), pins!].join("  ").trimEnd()
    return lines.flatMap((line, i) => [show(line), ...(i > 0 ? wiring(rows[i - 1]!) : [])]).join("\n")
}

function pinsOf(row: Row): string {
    return row.phy === "w5500" ? "" : `${Object.keys(row.pins).length}`
}

function wiring(row: Row): string[] {
    if (row.phy !== "w5500") return []
    return [
        `    ${Object.entries(row.pins)
            .map(([label, gpio]) => `${label.replace("ETH_", "")} ${gpio}`)
            .join("  ")}`,
    ]
}

async function build(id: string | undefined, options: Options, workspaces: Workspace[]): Promise<void> {
    const { runtime } = options
    if (runtime !== undefined && id === undefined)
        throw new Error("--runtime is for one board: say which, npm run build:boards -- BOARD --runtime FILE")
    const folder = resolve(options.boards)
    const shown = relative(process.cwd(), folder) || "."
    const all = readBoards(folder, shown)
    const boards = id === undefined ? all : [findBoard(all, id, shown)]
    const errors = boards.flatMap(board => board.errors.map(error => `${board.file}: ${error}`))
    if (errors.length > 0) throw new Error(errors.join("\nerror: "))

    const workspace = new Workspace(
        folder,
        boards.map(board => board.id)
    )
    workspaces.push(workspace)
    console.error("building the firmware ...")
    const sizes = new Map<boolean, number>()
    for (const { definition } of boards) {
        const withW5500 = hasW5500(definition)
        if (!sizes.has(withW5500)) sizes.set(withW5500, await buildProgram(workspace, withW5500))
    }
    const rows: Row[] = []
    for (const board of boards) {
        console.error(`building ${board.id} ...`)
        const { archId } = board.definition
        if (runtime === undefined) pretendRuntime(workspace, archId)
        else takeRuntime(workspace, archId, runtime)
        await checkImage(workspace, board).catch((error: Error) => {
            throw new Error(`${board.file}: ${error.message}`)
        })
        const row = rowOf(board, sizes.get(hasW5500(board.definition))!)
        if (runtime !== undefined) row.flash = relative(process.cwd(), keepImage(workspace, board, resolve(options.out)))
        rows.push(row)
    }
    console.log(options.json ? JSON.stringify(rows) : table(rows))
    for (const { board, flash } of rows) if (flash && !options.json) console.log(`\nnpx devs flash --board ${board} --file ${flash}`)
}

async function main(id: string | undefined, options: Options): Promise<void> {
    const workspaces: Workspace[] = []
    const clean = () => workspaces.forEach(workspace => workspace.remove())
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
        process.on(signal, () => {
            clean()
            process.exit(130)
        })
    try {
        await build(id, options, workspaces)
    } catch (error) {
        console.error(`error: ${(error as Error).message}`)
        process.exitCode = 1
    } finally {
        clean()
    }
}

await new Command("npm run build:boards --")
    .description("Checks the board definitions, without a board and without internet. With --runtime it makes the file to flash.")
    .argument("[board]", "this one alone")
    .option("--boards <folder>", "where the definitions are", resolve(PROJECT, "boards"))
    .option("--runtime <file>", "the runtime that was downloaded for the chip of the board: make the board's image of it")
    .option("--out <folder>", "where that goes", resolve(PROJECT, "built"))
    .option("-j, --json", "print JSON")
    .action(main)
    .parseAsync()
