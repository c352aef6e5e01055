/** Images of the runtime for a board, as "devs flash" makes them: the runtime as it is for every board, and the board's pins. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Board } from "./boards.js"
import type { Workspace } from "./workspace.js"

/** Where the configuration of a board lies in the image of an ESP32-C3 or S3, and how much there may be of it. */
const CONFIG_OFFSET = 0x9000
const CONFIG_SIZE = 0x2000
const CONFIG_MAGIC = "DCFG"
/** An entry: a key filled up with zeroes, 2 + 2 bytes of hash and type, 4 bytes of value. */
const KEY_SIZE = 16
const VALUE_OFFSET = KEY_SIZE + 4
const ERASED = 0xff
/** Where the command line keeps for a day what it has downloaded. */
const CACHE = ".devicescript/cache"

function imageName(archId: string, board: string): string {
    return `devicescript-${archId}-${board}-0x0.bin`
}

/**
 * Puts an erased flash where the command line keeps the runtime that it has downloaded, so that it downloads none. The
 * board's pins go into the image in the same way whatever else is in it.
 */
export function pretendRuntime(workspace: Workspace, archId: string): void {
    mkdirSync(join(workspace.folder, CACHE), { recursive: true })
    writeFileSync(join(workspace.folder, CACHE, imageName(archId, `${archId}_bare`)), Buffer.alloc(CONFIG_OFFSET + CONFIG_SIZE, ERASED))
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
    for (const [label, gpio] of Object.entries(definition.pins)) {
        if (label.startsWith("#")) continue
        const key = Buffer.alloc(KEY_SIZE)
        key.write(`pins.${label}`)
        const at = config.indexOf(key)
        const found = at < 0 ? "not there" : `GPIO${config.readInt32LE(at + VALUE_OFFSET)}`
        if (found !== `GPIO${gpio}`) throw new Error(`in its image pins.${label} is ${found} instead of GPIO${gpio}`)
    }
}

/** Compiles the firmware. @returns its size in bytes, the same for every board */
export async function buildProgram(workspace: Workspace): Promise<number> {
    await workspace.devs("build", "src/main.ts")
    return statSync(join(workspace.folder, ".devicescript/bin/bytecode.devs")).size
}
