/**
 * Listings of the console as tables: the phone answers them as JSON alone, so that its code has nothing to lay out, and the
 * client of its console, which is the same for a board and in the simulator, makes tables of it.
 */

type Row = Record<string, unknown>

/** The columns of each listing. What comes after the bar is shown only if some row has it; of two with a plus, only if some row has the last. */
const COLUMNS: Record<string, string> = {
    ifconfig: "name address mac gateway source expiresIn sockets rx tx",
    netstat: "sd local remote iface process rx tx drops | state",
    arp: "address mac iface state seconds",
    lease: "iface state address server leaseSeconds",
    calls: "id state local remote txFrames rxFrames lost jitterMs | direction+peer hold error reason",
    log: "ago direction peer seconds outcome",
    sip: "uri registrar state expiresIn",
}
const STATS = "stats"
const GAP = "  "

/** How a command line is asked for and shown. */
export interface Listing {
    /** The command that has the phone answer with JSON. */
    line: string
    /** What is shown of its answer. */
    show(json: string): string
}

/** @returns `undefined` if the line is no listing, or asks for JSON itself */
export function listingOf(line: string): Listing | undefined {
    const name = line.trim()
    if (name === STATS) return { line: `${name} -j`, show: json => statsOf(JSON.parse(json)) }
    const columns = Object.hasOwn(COLUMNS, name) ? COLUMNS[name]! : undefined
    return columns === undefined ? undefined : { line: `${name} -j`, show: json => tableOf(columns, JSON.parse(json)) }
}

function statsOf(counters: Record<string, number>): string {
    const lines = Object.entries(counters).flatMap(([name, count]) => (count === 0 ? [] : `${name} ${count}\n`))
    return lines.join("") || "nothing has happened yet\n"
}

/** What is not there is a dash. */
const cellOf = (value: unknown) => (value === null || value === undefined ? "-" : String(value))

/** An aligned table; numbers are flush right. */
function tableOf(columns: string, rows: Row[]): string {
    const [always = [], sometimes = []] = columns.split(" | ").map(names => names.split(" "))
    const isThere = (key: string) => rows.some(row => (row[key] ?? "none") !== "none")
    const keys = [
        ...always,
        ...sometimes
            .map(names => names.split("+"))
            .filter(names => isThere(names.at(-1)!))
            .flat(),
    ]
    const widths = keys.map(key => Math.max(key.length, ...rows.map(row => cellOf(row[key]).length)))
    const line = (cell: (key: string, width: number) => string) =>
        `${keys
            .map((key, i) => cell(key, widths[i]!))
            .join(GAP)
            .trimEnd()}\n`
    const ofRow = (row: Row) =>
        line((key, width) => (typeof row[key] === "number" ? cellOf(row[key]).padStart(width) : cellOf(row[key]).padEnd(width)))
    return [line((key, width) => key.padEnd(width)), ...rows.map(ofRow)].join("")
}
