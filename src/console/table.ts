/** What a field of a row looks like: `null` is a dash. */
function cellOf(row: any, key: string): string {
    const value = row[key]
    return value === null ? "-" : `${value}`
}

/** Widths of the columns for these fields, as wide as their titles at first. */
export function widthsOf(keys: string[]): number[] {
    return keys.map(key => key.length)
}

/** Widen the columns for a row. */
export function widen(widths: number[], keys: string[], row: any): void {
    for (let i = 0; i < keys.length; i++) widths[i] = Math.max(widths[i], cellOf(row, keys[i]).length)
}

/** A line of an aligned table; numbers are flush right. Without a row, the titles. */
export function lineOf(widths: number[], keys: string[], row?: any): string {
    let line = ""
    for (let i = 0; i < keys.length; i++) {
        const key = keys[i]
        const cell = row ? cellOf(row, key) : key
        let fill = ""
        for (let n = cell.length; n < widths[i]; n++) fill += " "
        if (i > 0) line += "  "
        if (row && typeof row[key] === "number") line += fill + cell
        else line += i === keys.length - 1 ? cell : cell + fill
    }
    return line
}
