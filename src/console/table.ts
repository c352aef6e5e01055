/**
 * Rows as an aligned table: a title line, then a line for each row. Numbers are flush right, `null` is a dash.
 * @param keys the fields of the rows that become columns, and their titles
 */
export function formatTable(keys: string[], rows: any[]): string[] {
    const lines: string[] = [""]
    for (let i = 0; i < rows.length; i++) lines.push("")
    for (const key of keys) {
        const right = rows.length > 0 && typeof rows[0][key] === "number"
        const cells = [key]
        for (const row of rows) cells.push(row[key] === null ? "-" : `${row[key]}`)
        let width = 0
        for (const cell of cells) width = Math.max(width, cell.length)
        for (let i = 0; i < cells.length; i++) {
            let cell = cells[i]
            while (cell.length < width) cell = right ? " " + cell : cell + " "
            lines[i] += lines[i].length > 0 ? "  " + cell : cell
        }
    }
    return lines
}
