/** Tables of the console's listings: read from their text, and fitted to the width of a terminal. */
import type { Style } from "./style.js"

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
/** On how many lines a cell may go: as many as a MAC address has parts. */
const LINES_MAX = 6
/** The column whose words have colours, and which. */
const STATE = "state"
const GOOD = new Set(["up", "bound", "reachable"])
const WAITING = new Set(["calling", "leaving", "init", "selecting", "requesting", "renewing", "rebinding", "probing", "incomplete"])
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

/** Where a line may be broken inside a cell: after the signs in addresses, and inside a title such as `txFrames`. */
const chunksOf = (cell: string) => cell.split(/(?<=[:./,@])/)
const partsOf = (title: string) => title.split(/(?<=[a-z])(?=[A-Z])/)
const longest = (texts: string[]) => Math.max(0, ...texts.map(text => text.length))

/** Puts chunks on as many lines as they need. */
function broken(chunks: string[], width: number): string[] {
    const lines = [""]
    for (const chunk of chunks) {
        if (lines.at(-1)!.length + chunk.length <= width) lines.push(lines.pop()! + chunk)
        else lines.push(chunk)
    }
    return lines[0] === "" && lines.length > 1 ? lines.slice(1) : lines
}

/** The width at which these chunks need no more lines than that, if there is one. */
function widthOn(lines: number, chunks: string[]): number {
    let width = longest(chunks)
    while (broken(chunks, width).length > lines) width++
    return width
}

interface Layout {
    widths: number[]
    gap: number
}

/**
 * As wide as the cells want it, if there is room. Else titles go on two lines, then columns move together, then cells
 * go on several lines, as few as possible. What still does not fit is left to the terminal.
 */
export function layoutOf({ titles, rows }: Table, room: number): Layout {
    const column = (i: number) => rows.map(row => row[i]!)
    const body = titles.map((_, i) => longest(column(i)))
    const widths = titles.map((title, i) => Math.max(title.length, body[i]!))
    const narrowTitle = titles.map(title => longest(partsOf(title)))
    let gap = GAP
    const excess = () => widths.reduce((sum, width) => sum + width, gap * (titles.length - 1)) - room
    /** Narrows columns, those first that save most, until all fit. */
    const narrow = (least: number[]) => {
        const order = titles.map((_, i) => i).sort((a, b) => widths[b]! - least[b]! - (widths[a]! - least[a]!))
        for (const i of order) widths[i]! -= Math.max(0, Math.min(widths[i]! - least[i]!, excess()))
    }
    narrow(titles.map((_, i) => Math.max(body[i]!, narrowTitle[i]!)))
    if (excess() > 0) gap = NARROW_GAP
    for (let lines = 2; lines <= LINES_MAX && excess() > 0; lines++)
        narrow(titles.map((_, i) => Math.max(narrowTitle[i]!, ...column(i).map(cell => widthOn(lines, chunksOf(cell))))))
    return { widths, gap }
}

function stateStyle(state: string, style: Style): (text: string) => string {
    if (GOOD.has(state)) return style.good
    if (WAITING.has(state)) return style.waiting
    return PAST.has(state) ? style.past : text => text
}

/** @returns the lines of the table, as wide as `room` if that is possible; with room enough just as the phone prints it */
export function render(table: Table, room: number, style: Style): string[] {
    const { widths, gap } = layoutOf(table, room)
    const { titles, rows } = table
    const line = (cells: string[][], paint: (text: string, column: number) => string, isRow: boolean): string[] =>
        Array.from({ length: Math.max(...cells.map(lines => lines.length)) }, (_, n) =>
            cells
                .map((lines, i) => {
                    const text = lines[n] ?? ""
                    const fill = " ".repeat(widths[i]! - Math.min(text.length, widths[i]!))
                    const painted = text && paint(text, i)
                    if (isRow && NUMBER.test(lines.join(""))) return fill + painted
                    return painted + fill
                })
                .join(" ".repeat(gap))
                .trimEnd()
        )
    return [
        ...line(titles.map((title, i) => broken(partsOf(title), widths[i]!)), style.heading, false),
        ...rows.flatMap(row =>
            line(
                row.map((cell, i) => broken(chunksOf(cell), widths[i]!)),
                (text, i) => (titles[i] === STATE ? stateStyle(row[i]!, style)(text) : text),
                true
            )
        ),
    ]
}
