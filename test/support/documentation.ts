/** The blocks of a page that readers copy: commands, what they print, programs. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { marked } from "marked"
import { PROJECT } from "../../sim/firmware.js"

export interface Block {
    /** `sh`: commands for a shell; `console`: for the phone's prompt; `text`: what was printed; `ts`: a program. */
    language: string
    /**
     * What follows the language: `debian` for what needs root and Debian's packages, `several` for what several phones say, each in its
     * own time and at addresses that are not always the same; the name of a program's file.
     */
    note: string
    text: string
    /** The heading above it. */
    section: string
}

/** The fenced blocks of a page, in order. @param path in the project */
export function blocksOf(path: string): Block[] {
    const blocks: Block[] = []
    let section = ""
    for (const token of marked.lexer(readFileSync(join(PROJECT, path), "utf8"))) {
        if (token.type === "heading") section = token.text
        if (token.type !== "code") continue
        const [language = "", ...words] = (token.lang ?? "").split(" ")
        blocks.push({ language, note: words.join(" "), text: token.text, section })
    }
    return blocks
}

/** Between the phones of a LAN: who gets which lease. */
const LEASE = /\b10\.77\.0\.[5-9]\d\b/g

/** What differs from run to run: MAC addresses, the host name that is made from one, and numbers that are no part of an address or a name. */
const CHANGING: [RegExp, string][] = [
    [/\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, "MAC"],
    [/\btuplephone-[0-9a-f]{4}\b/g, "HOST"],
    [/(?<![\w.:])\d+(\.\d+)?(?![\w.:]|,\d)/g, "N"],
    [/ +/g, " "],
]

/** A line with what differs from run to run taken out. */
export function steady(line: string): string {
    return CHANGING.reduce((text, [pattern, name]) => text.replace(pattern, name), line).trim()
}

/**
 * The first line of `expected` that does not come in `printed`, all in the same order; blank lines do not count.
 * @returns `undefined` if all do
 */
export function missing(expected: string, printed: string): string | undefined {
    const lines = printed.split("\n").map(steady)
    let at = 0
    for (const line of expected.split("\n").filter(line => line.trim() !== "")) {
        const found = lines.indexOf(steady(line), at)
        if (found < 0) return line
        at = found + 1
    }
    return undefined
}

/** The first line of what several phones say, in whatever order, that does not come. @see missing */
export function missingOfSeveral(expected: string, printed: string): string | undefined {
    const steadied = (line: string) => steady(line.replace(LEASE, "LEASE"))
    const lines = printed.split("\n").map(steadied)
    return expected
        .split("\n")
        .filter(line => line.trim() !== "")
        .find(line => {
            const found = lines.indexOf(steadied(line))
            if (found >= 0) lines.splice(found, 1)
            return found < 0
        })
}
