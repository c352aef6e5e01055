/** The words that went by on a console, to complete others from. */
import { cellsOf, isTitles } from "./table.js"

type Row = Record<string, unknown>

/** As many as a screen shows. */
const ADDRESSES_MAX = 40
const ADDRESS = /(?<![\d.:])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g
const ENDPOINT = /(?<![\d.:])\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}(?!\d)/g

/** The latest is first; the oldest is forgotten. */
function remember(words: string[], word: string): void {
    if (words.includes(word)) words.splice(words.indexOf(word), 1)
    words.unshift(word)
    words.length = Math.min(words.length, ADDRESSES_MAX)
}

/** @returns the rows of a listing, as a table or with `-j` */
function rowsOf(output: string): Row[] {
    const [titles = "", ...lines] = output.split("\n")
    if (isTitles(titles)) {
        const names = titles.split(/ +/)
        return lines.flatMap(line => {
            const cells = cellsOf(titles, line)
            return cells ? [Object.fromEntries(names.map((name, i) => [name, cells[i]]))] : []
        })
    }
    if (!titles.startsWith("[")) return []
    try {
        return (JSON.parse(titles) as Row[]).filter(row => typeof row === "object" && row !== null)
    } catch {
        return []
    }
}

export class Vocabulary {
    readonly addresses: string[] = []
    /** Addresses and ports that calls went to. */
    readonly endpoints: string[] = []
    readonly interfaces = new Set<string>()
    /** Calls that have not ended. */
    readonly calls = new Set<string>()

    /** Takes the words of a command line and of its output. */
    learn(command: string, output: string): void {
        const rows = rowsOf(output)
        for (const [address] of `${command} ${output}`.matchAll(ADDRESS)) remember(this.addresses, address)
        const targets = [command, ...rows.map(row => String(row.remote))].join(" ")
        for (const [endpoint] of targets.matchAll(ENDPOINT)) remember(this.endpoints, endpoint)
        // a listing of interfaces has them all
        if (rows.some(row => "name" in row)) this.interfaces.clear()
        for (const row of rows) {
            const name = row.name ?? row.iface
            if (typeof name === "string" && name !== "-") this.interfaces.add(name)
            if ("id" in row) this.call(String(row.id), row.state !== "ended")
        }
        for (const [, id, how] of output.matchAll(/\bcall (\d+) (is up|has ended|from \S+ rings)/g)) this.call(id!, how !== "has ended")
        if (/^\d+ calls have ended/m.test(output)) this.calls.clear()
    }

    private call(id: string, live: boolean): void {
        if (live) this.calls.add(id)
        else this.calls.delete(id)
    }
}
