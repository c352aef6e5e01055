/** Tables of the console's listings: read from their text, and fitted to the width of a terminal. */
import type { Style } from "./style.js"
import { HANG, wrapped } from "./wrap.js"

export interface Table {
    titles: string[]
    /** Each as many cells as there are titles. */
    rows: string[][]
}

const TITLES = /^[a-z]\w*(?: {2,}[a-z]\w*)+$/
const NUMBER = /^-?\d+(\.\d+)?$/
/** Between two columns, and where that is too wide. */
const GAP = 2
const NARROW_GAP = 1
/** The column whose words have colours, and which. */
const STATE = "state"
const GOOD = new Set(["up", "bound", "reachable"])
const WAITING = new Set([
    "calling",
    "ringing",
    "leaving",
    "init",
    "selecting",
    "requesting",
    "renewing",
    "rebinding",
    "probing",
    "incomplete",
])
const PAST = new Set(["ended"])

/** Whether a line has the titles of a table: two or more names, two blanks or more between them. */
export function isTitles(line: string): boolean {
    return TITLES.test(line)
}

/** Where each column begins: titles are flush left. */
function startsOf(titles: string): number[] {
    return Array.from(titles.matchAll(/\S+/g), match => match.index)
}

/** @returns the cells of a line under these titles, or `undefined` if it is no line of their table */
export function cellsOf(titles: string, line: string): string[] | undefined {
    const starts = startsOf(titles)
    const cells = starts.map((start, i) => line.slice(start, starts[i + 1]))
    // two blanks end each column but the last
    if (cells.some((cell, i) => i < cells.length - 1 && !cell.endsWith("  "))) return undefined
    const words = cells.map(cell => cell.trim())
    return words.every(word => word !== "" && !word.includes("  ")) ? words : undefined
}

/** Where a title such as `txFrames` may be broken. A cell never is: it could not be copied any more. */
const partsOf = (title: string) => title.split(/(?<=[a-z])(?=[A-Z])/)
const longest = (texts: string[]) => Math.max(0, ...texts.map(text => text.length))

/** Puts parts on as many lines as they need. */
function broken(parts: string[], width: number): string[] {
    const lines = [""]
    for (const part of parts) {
        if (lines.at(-1)!.length + part.length <= width) lines.push(lines.pop()! + part)
        else lines.push(part)
    }
    return lines[0] === "" && lines.length > 1 ? lines.slice(1) : lines
}

interface Layout {
    widths: number[]
    gap: number
}

/**
 * As wide as the cells want it, if there is room. Else titles go on two lines, then columns move together.
 * @returns `undefined` if that is too wide as well
 */
export function layoutOf({ titles, rows }: Table, room: number): Layout | undefined {
    const body = titles.map((_, i) => longest(rows.map(row => row[i]!)))
    const widths = titles.map((title, i) => Math.max(title.length, body[i]!))
    const least = titles.map((title, i) => Math.max(body[i]!, longest(partsOf(title))))
    let gap = GAP
    const excess = () => widths.reduce((sum, width) => sum + width, gap * (titles.length - 1)) - room
    // those first that save most
    const order = titles.map((_, i) => i).sort((a, b) => widths[b]! - least[b]! - (widths[a]! - least[a]!))
    for (const i of order) widths[i]! -= Math.max(0, Math.min(widths[i]! - least[i]!, excess()))
    if (excess() > 0) gap = NARROW_GAP
    return excess() > 0 ? undefined : { widths, gap }
}

function stateStyle(state: string, style: Style): (text: string) => string {
    if (GOOD.has(state)) return style.good
    if (WAITING.has(state)) return style.waiting
    return PAST.has(state) ? style.past : text => text
}

/** Pairs of a title and its cell, as many on a line as fit. Only a cell of several words goes on several lines. */
function recordOf(titles: string[], row: string[], room: number, style: Style): string[] {
    const indent = " ".repeat(HANG)
    const lines: string[] = []
    let width = Infinity
    for (const [i, cell] of row.entries()) {
        const title = titles[i]!
        const pair = `${title} ${cell}`
        const paint = (text: string) =>
            text
                .replace(title, style.heading)
                .replace(/ .*/, rest => (title === STATE ? ` ${stateStyle(cell, style)(rest.slice(1))}` : rest))
        if (width + GAP + pair.length <= room) {
            lines.push(lines.pop()! + " ".repeat(GAP) + paint(pair))
            width += GAP + pair.length
            continue
        }
        const [first, ...others] = wrapped((i > 0 ? indent : "") + pair, room)
        lines.push((i > 0 ? indent : "") + paint(first!.trimStart()), ...others)
        width = (others.at(-1) ?? first!).length
    }
    return lines
}

/** @returns its lines: each row on one, with room enough just as the phone prints it; where that is too wide, as a record */
export function render(table: Table, room: number, style: Style): string[] {
    const { titles, rows } = table
    const layout = layoutOf(table, room)
    if (!layout)
        return rows.length > 0
            ? rows.flatMap(row => recordOf(titles, row, room, style))
            : wrapped(titles.join("  "), room).map(style.heading)
    const { widths, gap } = layout
    const line = (cells: string[], paint: (text: string, column: number) => string, alignsRight: (cell: string) => boolean): string =>
        cells
            .map((text, i) => {
                const fill = " ".repeat(widths[i]! - text.length)
                const painted = text && paint(text, i)
                return alignsRight(text) ? fill + painted : painted + fill
            })
            .join(" ".repeat(gap))
            .trimEnd()
    const heads = titles.map((title, i) => broken(partsOf(title), widths[i]!))
    const height = Math.max(...heads.map(lines => lines.length))
    return [
        ...Array.from({ length: height }, (_, n) =>
            line(
                heads.map(lines => lines[n] ?? ""),
                style.heading,
                () => false
            )
        ),
        ...rows.map(row =>
            line(
                row,
                (text, i) => (titles[i] === STATE ? stateStyle(text, style)(text) : text),
                cell => NUMBER.test(cell)
            )
        ),
    ]
}
