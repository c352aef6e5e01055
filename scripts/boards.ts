/** The board definitions in `boards/`: reading them, and saying what is wrong with one. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { CHIPS, objection } from "./chips.js"

const SUFFIX = ".board.json"
/** Labels of the pins of a W5500. The firmware takes a board that has `ETH_CS` for one with Ethernet. */
const W5500_NEEDS = ["ETH_SCK", "ETH_MISO", "ETH_MOSI", "ETH_CS"]
const W5500_MAY_HAVE = ["ETH_RST", "ETH_INT"]
/** Bytes of a key in the runtime's configuration; a pin's is `pins.` and its label. */
const KEY_SIZE = 15
const LABEL_SIZE = KEY_SIZE - "pins.".length

export interface Definition {
    devName: string
    productId: string
    $description: string
    archId: string
    url: string
    pins: Record<string, number>
    [key: string]: unknown
}

export interface Board {
    id: string
    /** As shown to people. */
    file: string
    definition: Definition
    /** What is wrong with it, each with what to do about it. */
    errors: string[]
}

/** Whether the firmware finds a W5500 on this board without a `PHY` setting. */
export function hasW5500(definition: Definition): boolean {
    return "ETH_CS" in (definition.pins ?? {})
}

/**
 * Reads and checks every board of a folder.
 * @throws if the folder has none
 */
export function readBoards(folder: string, shown: string): Board[] {
    const names = existsSync(folder)
        ? readdirSync(folder)
              .filter(name => name.endsWith(SUFFIX))
              .sort()
        : []
    if (names.length === 0) throw new Error(`there are no boards in ${shown}: add ${shown}/NAME${SUFFIX}`)
    const boards = names.map(name => readBoard(join(folder, name), `${shown}/${name}`, name.slice(0, -SUFFIX.length)))
    for (const board of boards) {
        const id = board.definition.productId
        const other = boards.find(b => b !== board && b.definition.productId === id)
        if (id && other)
            board.errors.push(`its productId ${id} is that of ${other.id} too: give it one of its own, as "devs add board" makes them`)
    }
    return boards
}

/** @throws if there is no such board */
export function findBoard(boards: Board[], id: string, shown: string): Board {
    const board = boards.find(b => b.id === id)
    if (board) return board
    throw new Error(`there is no board ${id}: it is one of ${boards.map(b => b.id).join(", ")}; or add ${shown}/${id}${SUFFIX}`)
}

function readBoard(path: string, file: string, id: string): Board {
    try {
        const definition = JSON.parse(readFileSync(path, "utf8")) as Definition
        return { id, file, definition, errors: check(id, definition) }
    } catch (e) {
        return { id, file, definition: {} as Definition, errors: [`it is no JSON (${(e as Error).message}): correct it there`] }
    }
}

/** @returns what is wrong, nothing if all is well */
function check(id: string, definition: Definition): string[] {
    const errors: string[] = []
    if (!/^\w+$/.test(id)) errors.push(`a board's name has letters, digits and _ only: rename the file`)
    for (const key of ["devName", "url", "$description"]) if (!definition[key]) errors.push(`${key} is missing: add it`)
    if (!/^0x3[0-9a-f]{7}$/i.test(definition.productId))
        errors.push(
            `productId is ${definition.productId}: it must be 0x3 and seven more hexadecimal digits, as "devs add board" makes them`
        )
    if (!(definition.archId in CHIPS)) {
        errors.push(`archId is ${definition.archId}: it must be one of ${Object.keys(CHIPS).join(", ")}`)
        return errors
    }
    return [...errors, ...checkLabels(definition), ...checkW5500(definition), ...checkRuntime(definition), ...checkFunctions(definition)]
}

/** Each label stands for one pin, which the chip has and a program may use; each pin has one label. */
function checkLabels({ archId, pins = {} }: Definition): string[] {
    const errors: string[] = []
    const labels = new Map<number, string>()
    for (const [label, gpio] of Object.entries(pins)) {
        // the compiler takes such an entry for a comment
        if (label.startsWith("#")) continue
        if (!/^[A-Z]\w*$/.test(label) || label.length > LABEL_SIZE)
            errors.push(
                `pins.${label}: a label begins with a capital letter and has at most ${LABEL_SIZE} letters, digits and _: rename it`
            )
        if (!Number.isInteger(gpio)) {
            errors.push(`pins.${label} is ${JSON.stringify(gpio)}: it must be the number of a GPIO`)
            continue
        }
        const wrong = objection(archId, gpio)
        if (wrong) errors.push(`pins.${label}: ${wrong}`)
        const other = labels.get(gpio)
        if (other) errors.push(`pins.${other} and pins.${label} are both GPIO${gpio}: remove or change one of them`)
        else labels.set(gpio, label)
    }
    return errors
}

/** A W5500 has all of its pins or none. */
function checkW5500({ pins = {} }: Definition): string[] {
    const present = Object.keys(pins).filter(label => label.startsWith("ETH_"))
    if (present.length === 0) return []
    const unknown = present.filter(label => ![...W5500_NEEDS, ...W5500_MAY_HAVE].includes(label))
    const missing = W5500_NEEDS.filter(label => !present.includes(label))
    return [
        ...unknown.map(label => `pins.${label} is no pin of a W5500: it is one of ${[...W5500_NEEDS, ...W5500_MAY_HAVE].join(", ")}`),
        ...missing.map(label => `pins.${label} is missing beside ${present.join(", ")}: add it`),
    ]
}

/** What the runtime does beside the firmware: nothing that takes its time, and Wi-Fi where it is the way to the LAN. */
function checkRuntime(definition: Definition): string[] {
    const errors: string[] = []
    if ("log" in definition)
        errors.push(`log keeps the phone waiting for up to 10 ms for each 64 bytes of it: remove it, the log is on USB as well`)
    // this flag keeps the runtime's Wi-Fi off, and lets no program have a stream
    const isOff = definition.devNetwork === true
    if (hasW5500(definition) && !isOff)
        errors.push(
            `devNetwork is missing beside ETH_CS, so that the runtime would look for Wi-Fi networks every ten seconds: add "devNetwork": true`
        )
    if (!hasW5500(definition) && isOff) errors.push(`devNetwork is true, which turns Wi-Fi off, and there is no ETH_CS: remove it`)
    return errors
}

/** Each pin does one thing: the W5500's are the W5500's, and no two of `led.pin`, `i2c.pinSDA` and the like are one. */
function checkFunctions(definition: Definition): string[] {
    const { archId, pins = {} } = definition
    const errors: string[] = []
    const users = new Map<number, string>()
    for (const [label, gpio] of Object.entries(pins)) if (label.startsWith("ETH_")) users.set(gpio, `pins.${label}`)
    for (const { path, pin } of functions(definition, "")) {
        const gpio = typeof pin === "number" ? pin : pins[pin]
        if (gpio === undefined) {
            errors.push(`${path} is ${pin}: there is no such label in pins, add it there or change this`)
            continue
        }
        if (typeof pin === "number") {
            const wrong = objection(archId, gpio)
            if (wrong) errors.push(`${path}: ${wrong}`)
            const label = Object.keys(pins).find(l => pins[l] === gpio)
            if (label) errors.push(`${path} is GPIO${gpio}, and so is pins.${label}: write "${label}" there`)
        }
        const other = users.get(gpio)
        if (other) errors.push(`${other} and ${path} are both GPIO${gpio}: remove or change one of them`)
        else users.set(gpio, path)
    }
    return errors
}

/** Every entry of a definition that gives a pin something to do: those whose name begins with `pin`, at any depth. */
function functions(value: unknown, path: string): { path: string; pin: string | number }[] {
    if (Array.isArray(value)) return value.flatMap((item, i) => functions(item, `${path}[${i}]`))
    if (typeof value !== "object" || value === null) return []
    return Object.entries(value).flatMap(([key, item]) => {
        const inner = path ? `${path}.${key}` : key
        if (key === "pins" || key === "$pins" || key.startsWith("#")) return []
        return key.startsWith("pin") ? [{ path: inner, pin: item as string | number }] : functions(item, inner)
    })
}
