/** What a command prints, made fit for a terminal as it comes: tables and long lines fitted, colours. */
import type { Style } from "./style.js"
import { cellsOf, isTitles, render, type Table } from "./table.js"
import { wrapped } from "./wrap.js"

export class Painter {
    private rest = ""
    private first = true
    private titles: string | undefined
    private table: Table | undefined

    /**
     * @param write takes what is printed
     * @param room gives the width of the terminal in characters
     */
    constructor(
        private readonly write: (text: string) => void,
        private readonly room: () => number,
        private readonly style: Style
    ) {}

    add(text: string): void {
        const lines = (this.rest + text).split("\n")
        this.rest = lines.pop()!
        for (const line of lines) this.line(line)
    }

    /** The command has ended. */
    end(): void {
        if (this.rest) this.line(this.rest)
        this.rest = ""
        this.endTable()
    }

    private line(line: string): void {
        if (this.first && isTitles(line)) {
            this.titles = line
            // the widths depend on all rows, so a table waits for its end, which is soon
            this.table = { titles: line.split(/ +/), rows: [] }
        } else {
            const row = this.table && cellsOf(this.titles!, line)
            if (row) this.table!.rows.push(row)
            else {
                this.endTable()
                const paint = line.startsWith("error: ") ? this.style.error : (text: string) => text
                this.print(wrapped(line, this.room()).map(paint))
            }
        }
        this.first = false
    }

    private endTable(): void {
        if (this.table) this.print(render(this.table, this.room(), this.style))
        this.table = undefined
    }

    private print(lines: string[]): void {
        this.write(lines.map(line => `${line}\n`).join(""))
    }
}

/** For a pipe: what a command prints as it is, but in whole lines. */
export class Lines {
    private rest = ""

    /** @param write takes what is printed */
    constructor(private readonly write: (text: string) => void) {}

    add(text: string): void {
        const lines = this.rest + text
        const end = lines.lastIndexOf("\n") + 1
        this.rest = lines.slice(end)
        if (end > 0) this.write(lines.slice(0, end))
    }

    /** The command has ended. */
    end(): void {
        if (this.rest) this.write(`${this.rest}\n`)
        this.rest = ""
    }
}
