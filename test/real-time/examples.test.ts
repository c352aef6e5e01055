/** Each example does what it says: it is run by the command that its head names, and what it prints is what is expected here. */
import assert from "node:assert/strict"
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { EmbeddedLan } from "../../sim/lan/lan.js"
import { startProgram } from "../support/started.js"

const EXAMPLES = readdirSync(join(PROJECT, "examples")).filter(name => name.endsWith(".ts"))

/** A line of each, in order. `$1` stands for what the first parentheses have matched in an earlier line. */
const EXPECTED: Record<string, RegExp[]> = {
    "two-addresses.ts": [
        /^(10\.77\.0\.\d+):5004 said to 10\.77\.0\.2:4000 and heard: hello$/,
        /^(?!$1:)10\.77\.0\.\d+:5004 said to 10\.77\.0\.3:4000 and heard: hello$/,
        /^both addresses are given back$/,
    ],
    "echo-server.ts": [
        /^10\.77\.0\.\d+:7 sends back what it gets$/,
        ...[1, 2, 3, 4, 5].map(round => new RegExp(`^round ${round}: ball from 10\\.77\\.0\\.2:4000$`)),
        /^the server has closed, and its address is given back$/,
    ],
    "shared-address.ts": [
        /^(10\.77\.0\.\d+):5004 heard: voice$/,
        /^$1:5005 heard: a report$/,
        /^$1:5005 heard: goodbye$/,
        /^the address is given back$/,
    ],
    "static-pool.ts": [
        ...[0, 1, 2, 3, 4, 5, 6, 7].map(n => new RegExp(`^socket ${n} has 10\\.77\\.0\\.20${n}$`)),
        /^no more: EADDRNOTAVAIL, ./,
        /^again: 10\.77\.0\.207$/,
        /^8 addresses are free again$/,
    ],
    "dns-query.ts": [/^echo1\.lan is 10\.77\.0\.2$/, /^router\.lan is 10\.77\.0\.1$/, /^nobody\.lan has no address$/],
}

/** These have a test of their own, `examples-http.test.ts`. */
const HTTP = ["http-server.ts", "http-client.ts"]

describe("the examples", { concurrency: 2 }, () => {
    let folder: string
    before(() => void (folder = mkdtempSync(join(tmpdir(), "tuplephone-examples-"))))
    after(() => rmSync(folder, { recursive: true, force: true }))

    /** On a LAN of its own, whose leases are looked at. */
    async function check(name: string): Promise<void> {
        const expected = EXPECTED[name]
        assert.ok(expected, "nothing is expected of it yet: add to EXPECTED what it prints")
        const lan = await EmbeddedLan.start()
        const held = () => lan.dhcp.leases().map(lease => lease.address)
        const given = new Set<string>()
        lan.on("frame", () => held().forEach(address => given.add(address)))
        try {
            const env = { TMPDIR: folder, TUPLEPHONE_IDENTITIES: join(folder, name) }
            const program = startProgram([`examples/${name}`, "--lan", `tcp://${lan.host}:${lan.port}`], env, PROJECT)
            assert.equal(await program.ended, 0, program.stderr + program.stdout)
            assert.equal(program.stderr, `building examples/${name} ...\n`)
            const lines = program.stdout.trimEnd().split("\n")
            assert.equal(lines.length, expected.length, program.stdout)
            let first = ""
            for (const [i, pattern] of expected.entries()) {
                const match = new RegExp(pattern.source.replaceAll("$1", first.replaceAll(".", "\\."))).exec(lines[i]!)
                assert.ok(match, `line ${i + 1} is not ${pattern}: ${lines[i]}`)
                first ||= match[1] ?? ""
            }
            // the common address stays the board's
            assert.equal(held().length, 1, `held: ${held()}`)
            const leased = lines.flatMap(line => /^(10\.77\.0\.[5-9]\d):/.exec(line)?.[1] ?? [])
            for (const address of leased) assert.ok(given.has(address) && !held().includes(address), `${address} was not given back`)
        } finally {
            await lan.stop()
        }
    }

    // docs/claims.md names this one
    it("two-addresses.ts talks to two devices from two addresses", () => check("two-addresses.ts"))

    for (const name of EXAMPLES.filter(name => name !== "two-addresses.ts" && !HTTP.includes(name)))
        it(`${name} prints what it should, ends by itself, and gives its addresses back`, () => check(name))

    it("say in their heads how they are run", () => {
        for (const name of EXAMPLES) {
            const text = readFileSync(join(PROJECT, "examples", name), "utf8")
            assert.match(text, /^\/\*\*\n \* [A-Z]/, name)
            assert.match(
                text,
                new RegExp(`\\n \\*     npm run program -- examples/${name}${HTTP.includes(name) ? " --lan tcp://127.0.0.1:4789" : ""}\\n`)
            )
        }
    })
})
