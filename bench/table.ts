/** The rows of a suite as a table for people, at most 80 columns wide. */
import type { Row } from "./suite.js"

const WIDTH = 80

/** Three significant digits, and no fewer than the digits before the point. */
function figure(value: number): string {
    // what could not be measured here
    if (Number.isNaN(value)) return "-"
    const size = Math.abs(value)
    return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

/** Text on lines of at most `width`, broken at blanks. */
function wrapped(text: string, width: number): string[] {
    const lines = [""]
    for (const word of text.split(" ")) {
        const line = lines[lines.length - 1]!
        if (line !== "" && line.length + 1 + word.length > width) lines.push(word)
        else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
    }
    return lines
}

/** One line for each budget: what must hold, and whether it does. */
export function budgetsOf(rows: Row[]): string {
    const lines = rows.flatMap(({ name, budget }) => {
        if (!budget) return []
        const [first, ...others] = wrapped(`${name}: ${budget.text}${budget.met ? "" : `; missed by ${budget.missedBy}`}`, WIDTH - 8)
        return [`${budget.met ? "met" : "MISSED"}`.padEnd(8) + first, ...others.map(line => " ".repeat(8) + line)]
    })
    return ["Budgets", ...lines].join("\n")
}

export function tableOf(title: string, rows: Row[]): string {
    const cells = rows.map(r => [r.name, figure(r.value), r.unit, `${figure(r.least)}-${figure(r.greatest)}`])
    cells.unshift(["", "median", "", "least-greatest"])
    const widths = [0, 1, 2, 3].map(i => Math.max(...cells.map(c => c[i]!.length)))
    // the other columns are narrow; a name that has no room is cut
    widths[0] = Math.min(widths[0]!, WIDTH - widths[1]! - widths[2]! - widths[3]! - 6)
    const lines = [title]
    cells.forEach((c, i) => {
        const [name, value, unit, range] = c as [string, string, string, string]
        const fitted = name.length > widths[0]! ? `${name.slice(0, widths[0]! - 1)}~` : name.padEnd(widths[0]!)
        lines.push(`${fitted}  ${value.padStart(widths[1]!)} ${unit.padEnd(widths[2]!)}  ${range.padStart(widths[3]!)}`.trimEnd())
        const row = rows[i - 1]
        const notes: string[] = []
        if (row?.ratio !== undefined) notes.push(`${row.ratio.toFixed(2)} times ${row.against}`)
        if (row?.budget) notes.push(`budget (${row.budget.text}): ${row.budget.met ? "met" : `MISSED by ${row.budget.missedBy}`}`)
        for (const note of notes) lines.push(...wrapped(note, WIDTH - 6).map((line, n) => `    ${n === 0 ? "= " : "  "}${line}`))
    })
    return lines.join("\n")
}
