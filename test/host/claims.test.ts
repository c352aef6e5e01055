/** docs/claims.md has each claim of the patent application once, and each test that it names is there. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { cellsOf, faultOf, inProject, type Read } from "../support/named-tests.js"

const PAGE = "docs/claims.md"
const CLAIMS = 39
/** The two kinds of sockets, by the names of their tests' files. */
const KINDS = { datagrams: (file: string) => !file.includes("stream"), streams: (file: string) => file.includes("stream") }

/** What is wrong with a page. */
function faults(page: string, read: Read): string[] {
    const found: string[] = []
    const times = new Array<number>(CLAIMS + 1).fill(0)
    for (const line of page.split("\n")) {
        const cells = cellsOf(line)
        if (!cells) continue
        const [first, shown] = [cells[0], cells.at(-1)!]
        if (/^\d/.test(first)) {
            const claim = Number(first)
            if (!(claim >= 1 && claim <= CLAIMS)) found.push(`there is no claim ${first}`)
            else times[claim]++
            if (cells.length !== 3 || !cells[1]) found.push(`claim ${first} does not say what it needs`)
            const files = shown.split("<br>").map(reference => reference.split("`: ")[0])
            for (const [kind, has] of Object.entries(KINDS)) if (!files.some(has)) found.push(`${first}: no test for ${kind}`)
        } else if (!shown.includes(".test.ts")) continue
        for (const reference of shown.split("<br>")) {
            const fault = faultOf(reference, read)
            if (fault === undefined) found.push(`${first}: "${reference}" is no test`)
            else if (fault) found.push(`${first}: ${fault}`)
        }
    }
    for (let claim = 1; claim <= CLAIMS; claim++) if (times[claim] !== 1) found.push(`claim ${claim} is there ${times[claim]} times`)
    return found
}

describe(PAGE, () => {
    const page = inProject(PAGE)!

    it("has each claim once, and names tests that are there", () => assert.deepEqual(faults(page, inProject), []))

    it("is reached from the README", () => assert.ok(inProject("README.md")!.includes(`](${PAGE})`)))

    const rowOf = (claim: number) => page.split("\n").find(line => line.startsWith(`| ${claim} |`))!
    const row = rowOf(21)
    const shown = row.split("|")[3].trim()
    const [file, name] = shown.split("<br>")[0].slice(1).split("`: ")
    for (const [what, broken, says] of [
        ["a row that is missing", page.replace(`${row}\n`, ""), /^claim 21 is there 0 times$/],
        ["a row twice", page.replace(row, `${row}\n${row}`), /^claim 21 is there 2 times$/],
        ["a claim that there is not", page.replace(row, `${row}\n| 40 | more | ${shown} |`), /^there is no claim 40$/],
        ["a claim without words", page.replace(row, `| 21 | | ${shown} |`), /^claim 21 does not say/],
        ["a file that is not there", page.replace(row, row.replace(file, "test/none.test.ts")), /^21: there is no test\/none\.test\.ts$/],
        ["a test that is not there", page.replace(row, row.replace(name, `${name}?`)), /^21: devs\/test\/.* has 0 tests named/],
        ["half a test's name", page.replace(row, row.replace(name, name.slice(0, -3))), /^21: devs\/test\/.* has 0 tests named/],
        [
            "a second test that is not there",
            page.replace(row, row.replace(shown, `${shown}<br>\`${file}\`: none`)),
            /^21: .* has 0 tests named "none"$/,
        ],
        ["a row without a test for streams", page.replace(row, row.replace(shown, shown.split("<br>")[0]!)), /^21: no test for streams$/],
        [
            "a row without a test for datagrams",
            page.replace(row, row.replace(shown, shown.split("<br>")[1]!)),
            /^21: no test for datagrams$/,
        ],
        [
            "a figure whose test is not there",
            page.replace("`: FIG. 4: sockets with", "`: FIG. 4: sockets without"),
            /^\S.* has 0 tests named "FIG\. 4/,
        ],
    ] as const)
        it(`with ${what} is refused`, () => {
            const found = faults(broken, inProject)
            assert.equal(found.length, 1, found.join("\n"))
            assert.match(found[0], says)
        })

    it("with a name that two tests of a file have is refused", () => {
        const twice = (path: string) => (path === file ? `${inProject(path)}\ntest("${name}", () => {})\n` : inProject(path))
        assert.match(faults(page, twice).join("\n"), /^21: \S+ has 2 tests named "[^\n]+$/)
    })
})
