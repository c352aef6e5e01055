/** Pages whose tables name tests, each as `` `file`: title``: their rows, and whether the tests are there. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { PROJECT } from "../../sim/firmware.js"

/** The text of a file of the project; `undefined` if there is none. */
export type Read = (path: string) => string | undefined

export const inProject: Read = path => {
    const file = join(PROJECT, path)
    return existsSync(file) ? readFileSync(file, "utf8") : undefined
}

/** The cells of a line of the page; `undefined` if it is no row of a table, or the line below its titles. */
export function cellsOf(line: string): string[] | undefined {
    if (!line.startsWith("|") || line.startsWith("| ---")) return undefined
    return line
        .split("|")
        .slice(1, -1)
        .map(cell => cell.trim())
}

/** Names of the tests in a source; those that are put together while it runs cannot be named on a page. */
function testsIn(source: string): string[] {
    return [...source.matchAll(/^\s*(?:test|it)\("((?:[^"\\]|\\.)*)"/gm)].map(m => m[1])
}

/** @returns `undefined` if the text names no test, "" if the test is there once, else what is wrong */
export function faultOf(reference: string, read: Read): string | undefined {
    const [, file, name] = /^`([^`]+)`: (.+)$/.exec(reference) ?? []
    if (!name) return undefined
    const source = read(file)
    if (source === undefined) return `there is no ${file}`
    const here = testsIn(source).filter(test => test === name).length
    return here === 1 ? "" : `${file} has ${here} tests named "${name}"`
}
