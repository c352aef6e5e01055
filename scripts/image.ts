/** Images of the runtime for a board, as "devs flash" makes them: the runtime as it is for every board, and the board's pins. */
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { hasW5500, type Board } from "./boards.js"
import { CHIPS } from "./chips.js"
import type { Workspace } from "./workspace.js"

/** Where the configuration of a board lies in the image of an ESP32-C3 or S3, and how much there may be of it. */
const CONFIG_OFFSET = 0x9000
const CONFIG_SIZE = 0x2000
const CONFIG_MAGIC = "DCFG"
/** An entry: a key filled up with zeroes, 2 + 2 bytes of hash and type, 4 bytes of value. */
const KEY_SIZE = 16
const VALUE_OFFSET = KEY_SIZE + 4
const ERASED = 0xff
/** Of the image's first bytes, which are those of a bootloader (ESP-IDF, esp_image_header_t). */
const IMAGE_MAGIC = 0xe9
const CHIP_ID_OFFSET = 12
/** Where the runtime comes from: the command line downloads the same. */
const RELEASES = "https://github.com/microsoft/devicescript-esp32/releases/latest/download/"
/** Where the command line keeps for a day what it has downloaded. */
const CACHE = ".devicescript/cache"

function imageName(archId: string, board: string): string {
    return `devicescript-${archId}-${board}-0x0.bin`
}

const bareName = (archId: string) => imageName(archId, `${archId}_bare`)

/** Puts a runtime that somebody has downloaded where the command line keeps its own. @throws if it is none for the chip */
export function takeRuntime(workspace: Workspace, archId: string, file: string): void {
    const advice = `download ${RELEASES}${bareName(archId)}`
    if (!existsSync(file) || !statSync(file).isFile()) throw new Error(`there is no file ${file}: ${advice}`)
    const image = readFileSync(file)
    const isRuntime = image.length > CONFIG_OFFSET + CONFIG_SIZE && image[0] === IMAGE_MAGIC
    if (!isRuntime || image.readUInt16LE(CHIP_ID_OFFSET) !== CHIPS[archId]!.imageId)
        throw new Error(`${file} is no runtime for an ${archId}: ${advice}`)
    mkdirSync(join(workspace.folder, CACHE), { recursive: true })
    // as new: the command line uses what it has downloaded for a day
    writeFileSync(join(workspace.folder, CACHE, bareName(archId)), image)
}

/** Keeps the image of a board that was checked. @returns its path */
export function keepImage(workspace: Workspace, { id, definition }: Board, folder: string): string {
    const name = imageName(definition.archId, id)
    mkdirSync(folder, { recursive: true })
    cpSync(join(workspace.folder, CACHE, name), join(folder, name))
    return join(folder, name)
}

/**
 * Puts an erased flash where the command line keeps the runtime that it has downloaded, so that it downloads none. The
 * board's pins go into the image in the same way whatever else is in it.
 */
export function pretendRuntime(workspace: Workspace, archId: string): void {
    mkdirSync(join(workspace.folder, CACHE), { recursive: true })
    writeFileSync(join(workspace.folder, CACHE, bareName(archId)), Buffer.alloc(CONFIG_OFFSET + CONFIG_SIZE, ERASED))
}

/**
 * Makes the image of a board as "devs flash" does before it writes it, and looks for every pin in it.
 * @throws if it cannot be made, or a pin is not in it
 */
export async function checkImage(workspace: Workspace, { id, definition }: Board): Promise<void> {
    // with --remote it tells how to write the image instead of looking for a serial port
    await workspace.devs("flash", "--board", id, "--remote")
    const image = readFileSync(join(workspace.folder, CACHE, imageName(definition.archId, id)))
    const config = image.subarray(CONFIG_OFFSET, CONFIG_OFFSET + CONFIG_SIZE)
    if (config.toString("latin1", 0, CONFIG_MAGIC.length) !== CONFIG_MAGIC) throw new Error("there is no board configuration in its image")
    const valueOf = (name: string): number | undefined => {
        const key = Buffer.alloc(KEY_SIZE)
        key.write(name)
        const at = config.indexOf(key)
        return at < 0 ? undefined : config.readInt32LE(at + VALUE_OFFSET)
    }
    for (const [label, gpio] of Object.entries(definition.pins)) {
        if (label.startsWith("#")) continue
        const value = valueOf(`pins.${label}`)
        if (value !== gpio)
            throw new Error(`in its image pins.${label} is ${value === undefined ? "not there" : `GPIO${value}`} instead of GPIO${gpio}`)
    }
    if (!!valueOf("devNetwork") !== hasW5500(definition)) throw new Error(`in its image devNetwork is ${valueOf("devNetwork")}`)
}

/** Compiles the firmware for boards with a W5500, or for those without. @returns its size in bytes */
export async function buildProgram(workspace: Workspace, withW5500: boolean): Promise<number> {
    await workspace.devs("build", withW5500 ? "src/main-w5500.ts" : "src/main.ts")
    return statSync(join(workspace.folder, ".devicescript/bin/bytecode.devs")).size
}
