/** docs/standards.md says of each requirement whether it is met, and each test that it names is there. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { cellsOf, faultOf, inProject, type Read } from "../support/named-tests.js"

const PAGE = "docs/standards.md"
const STANDARDS = [
    "RFC 1122, 2.5: link layer",
    "RFC 1122, 3.5: IP and ICMP",
    "RFC 1122, 4.1.5: UDP",
    "RFC 1123, 6.1: DNS resolver",
    "RFC 5452: whose answer is believed",
    "RFC 2782: services",
    "RFC 2131: DHCP client",
    "RFC 5227: address conflicts",
    "RFC 3550: RTP and RTCP",
    "RFC 4733: telephone events",
    "RFC 9293: TCP",
    "RFC 5681: congestion control",
    "RFC 6298: retransmission timer",
    "RFC 6582: NewReno",
    "RFC 6528: initial sequence numbers",
    "RFC 5961: blind attacks",
    "RFC 6093: urgent data",
    "RFC 1337: resets in TIME-WAIT",
    "RFC 5827: early retransmit",
]
const STRENGTHS = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT"]
const DONE = "done"
const NOT = "not"
const NOT_APPLICABLE = "not applicable"
/** How the last cell begins of what is done and shown by no test. */
const NO_TEST = "no test: "

/** What is wrong with a row. @param kinds what its last cell names: "" for a test that is there, `undefined` for words */
function faultsOf(cells: string[], kinds: (string | undefined)[]): string[] {
    const [section, strength, wanted, state, shown] = cells
    const found = kinds.filter(kind => kind).map(kind => kind!)
    if (cells.length !== 5 || !section || !wanted) found.push("says not what it wants, and where")
    if (!STRENGTHS.includes(strength!)) found.push(`is neither of ${STRENGTHS.join(", ")}`)
    if (state === DONE) {
        if (!kinds.some(kind => kind !== undefined) && !new RegExp(`^${NO_TEST}\\w`).test(shown!))
            found.push(`names no test, nor begins with "${NO_TEST}"`)
    } else if (state !== NOT && state !== NOT_APPLICABLE) found.push(`is neither ${DONE}, ${NOT} nor ${NOT_APPLICABLE}`)
    else if (!/\w/.test(shown!) || kinds.every(kind => kind !== undefined)) found.push("does not say why not")
    return found
}

/** What is wrong with a page. */
function faults(page: string, read: Read): string[] {
    const found: string[] = []
    const [front, ...chapters] = page.split(/^## /m)
    const titles = chapters.map(chapter => chapter.slice(0, chapter.indexOf("\n")))
    if (titles.join() !== STANDARDS.join()) found.push(`the standards are ${titles.join("; ")}`)
    const numbers = new Map(front!.split("\n").map(line => [cellsOf(line)?.[0], cellsOf(line)?.slice(1).join(" ")]))
    for (const [i, chapter] of chapters.entries()) {
        const title = titles[i]!
        // done with a test, done without one, not, not applicable
        const counts = [0, 0, 0, 0]
        const wants = new Set<string>()
        let before = ""
        const rows = chapter.split("\n").map(cellsOf)
        for (const cells of rows.filter(row => row !== undefined && row[0] !== "section") as string[][]) {
            const [section, , wanted = "", state, shown = ""] = cells
            const kinds = shown.split("<br>").map(part => faultOf(part, read))
            for (const fault of faultsOf(cells, kinds)) found.push(`${title}, ${section} "${wanted}": ${fault}`)
            // dots go on with the row above
            before = wanted.startsWith("...") ? before + wanted : wanted
            if (wants.has(cells[1] + before)) found.push(`${title}, ${section} "${wanted}" is there twice`)
            wants.add(cells[1] + before)
            if (state === DONE) counts[kinds.some(kind => kind !== undefined) ? 0 : 1]!++
            else counts[state === NOT ? 2 : 3]!++
        }
        if (numbers.get(title) !== counts.join(" "))
            found.push(`${title} has ${counts.join(", ")}, and the first table says ${numbers.get(title)}`)
    }
    return found
}

describe(PAGE, () => {
    const page = inProject(PAGE)!

    it("names a test or a reason for each requirement, and tests that are there", () => assert.deepEqual(faults(page, inProject), []))

    it("is reached from the README and from the architecture", () => {
        assert.ok(inProject("README.md")!.includes(`](${PAGE})`))
        assert.ok(inProject("docs/ARCHITECTURE.md")!.includes("](standards.md)"))
    })

    const rowOf = (want: string) => page.split("\n").find(line => cellsOf(line)?.[2] === want)!
    const row = rowOf("discard other versions than 4 in silence")
    const shown = cellsOf(row)!.at(-1)!
    const [file, name] = shown.slice(1).split("`: ")
    const untested = rowOf("send redirects")
    const undone = rowOf("pass parameter problem up")
    const without = (text: string, part: string) => page.replace(text, text.replace(part, ""))
    const last = (text: string) => cellsOf(text)!.at(-1)!
    for (const [what, broken, says] of [
        ["a test that is not there", page.replace(row, row.replace(name!, `${name}?`)), / has 0 tests named "another version\?"$/],
        ["half a test's name", page.replace(row, row.replace(name!, name!.slice(0, -3))), / has 0 tests named/],
        ["a file that is not there", page.replace(row, row.replace(file!, "test/none.test.ts")), /: there is no test\/none\.test\.ts$/],
        [
            "a second test that is not there",
            page.replace(row, row.replace(shown, `${shown}<br>\`${file}\`: none`)),
            / has 0 tests named "none"$/,
        ],
        ["a requirement that is not met, and no reason", without(undone, last(undone)), /does not say why not$/],
        ["a test in place of a reason", page.replace(undone, undone.replace(last(undone), shown)), /does not say why not$/],
        ["no strength", without(row, "MUST"), /is neither of MUST, MUST NOT, SHOULD, SHOULD NOT$/],
        ["no words", without(row, cellsOf(row)![2]!), /says not what it wants, and where$/],
        ["no section", without(row, cellsOf(row)![0]!), /says not what it wants, and where$/],
        ["a row twice", page.replace(row, `${row}\n${row}`), /is there twice$/],
        ["a row that is missing", page.replace(`${row}\n`, ""), /^RFC 1122, 3\.5\S* .* has [\d, ]+ and the first table says [\d ]+$/],
        ["a standard that is missing", page.replace(/^## RFC 5227[^#]*/m, ""), /^the standards are RFC 1122/],
        [
            "what is done, and neither test nor reason",
            page.replace(row, row.replace(shown, "surely")),
            /names no test, nor begins with "no test: "$/,
        ],
        [
            "what is done without a test, and no reason",
            without(untested, last(untested).slice(NO_TEST.length)),
            /names no test, nor begins/,
        ],
        ["a state that is none", page.replace(row, row.replace("| done |", "| nearly |")), /is neither done, not nor not applicable$/],
    ] as const)
        it(`with ${what} is refused`, () => assert.match(faults(broken, inProject)[0] ?? "nothing", says))

    it("with a name that two tests of a file have is refused", () => {
        const twice = (path: string) => (path === file ? `${inProject(path)}\ntest("${name}", () => {})\n` : inProject(path))
        assert.match(faults(page, twice).join("\n"), / has 2 tests named "another version"$/)
    })
})
