/**
 * The settings in a simulated board's flash, written before it boots for the first time, as a deployment would leave them.
 * @see jacdac-c, source/jd_fstor.c: a header, entries that grow up from it, values that grow down from the end of its pages
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Where the command line tool's VM keeps its flash, in the folder in which it runs. */
const FILE = ".devicescript/flash/sim.bin"
const PAGE_BYTES = 4096
const TOTAL_BYTES = 128 * 1024
/** Of one copy of the header with its entries and values; a second one lies behind it, for when the first is full. */
const HEADER_PAGES = 2
const MAGIC = [0x52545346, 0x6becea0a]
const HEADER_BYTES = 24
const ENTRY_BYTES = 24
const ERASED = 0xff
const KEY_BYTES = 16
/** Before the keys that the settings service knows. @see jacdac-c, services/settings.c */
const PREFIX = ":"
/** Of a setting's name: a zero ends the key. */
export const NAME_MAX = KEY_BYTES - PREFIX.length - 1
/** Space that the phone's own settings take, before the runtime must tidy up. */
const RESERVE = 1024

const aligned = (bytes: number) => Math.max(8, (bytes + 7) & ~7)

/** As the deployment tools write them: JSON, with numbers for what looks like one. */
function valueOf(text: string): Buffer {
    return Buffer.from(/^(0|[1-9]\d{0,8})$/.test(text) ? text : JSON.stringify(text))
}

/** @throws if they do not fit */
export function flashWith(settings: Record<string, string>): Buffer {
    const flash = Buffer.alloc(TOTAL_BYTES, ERASED)
    const generation = 1
    for (const [i, word] of [...MAGIC, generation, PAGE_BYTES].entries()) flash.writeUInt32LE(word, 4 * i)
    flash.writeUInt16LE(TOTAL_BYTES / PAGE_BYTES, 16)
    flash.writeUInt16LE(HEADER_PAGES, 18)
    flash.writeUInt32LE(0, 20)
    let entry = HEADER_BYTES
    let values = HEADER_PAGES * PAGE_BYTES
    for (const [name, text] of Object.entries(settings)) {
        const value = valueOf(text)
        values -= aligned(value.length)
        if (values - entry < ENTRY_BYTES + RESERVE) throw new Error("the settings do not fit in the phone's flash; shorten them")
        value.copy(flash, values)
        flash.fill(0, entry, entry + KEY_BYTES).write(PREFIX + name, entry)
        flash.writeUInt32LE(values, entry + KEY_BYTES)
        flash.writeUInt32LE(value.length, entry + KEY_BYTES + 4)
        entry += ENTRY_BYTES
    }
    return flash
}

/** @param folder in which the VM runs */
export function writeFlash(folder: string, settings: Record<string, string>): void {
    const file = join(folder, FILE)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, flashWith(settings))
}
