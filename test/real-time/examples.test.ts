/** Each example does what it says: it is run by the command that its head names, and what it prints is what is expected here. */
import assert from "node:assert/strict"
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { EmbeddedLan } from "../../sim/lan/lan.js"
import { until } from "../support/rig.js"
import { startProgram, type Started } from "../support/started.js"

const EXAMPLES = readdirSync(join(PROJECT, "examples")).filter(name => name.endsWith(".ts"))

const PATIENCE = 60_000

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

/** These two belong together, and the first serves until Ctrl-C. */
const HTTP = ["http-server.ts", "http-client.ts"]
/** The second address that a new LAN gives away; the first is the common one of the same phone. */
const SERVER = "10.77.0.51"
/** Its page, each run of blanks as one. */
const PAGE = [
    /^sd type local remote state$/,
    /^0 stream 10\.77\.0\.51:80 - listen$/,
    /^1 stream 10\.77\.0\.51:80 10\.77\.0\.\d+:\d+ established$/,
]

/** What a client may say, and what it hears: the status, the header's last field, and how many octets of a body there are. */
const REQUESTS: [what: string, pieces: string[], answer: RegExp][] = [
    ["in pieces", ["GET / HT", "TP/1.1\r\nHo", "st: phone\r\n", "\r\n"], /^200 OK, Connection: close, 1\d\d$/],
    ["HEAD", ["HEAD / HTTP/1.1\r\nHost: phone\r\n\r\n"], /^200 OK, Connection: close, 0$/],
    [
        "with a body",
        ["POST / HTTP/1.1\r\nHost: phone\r\nContent-Length: 3\r\n\r\n", "abc"],
        /^405 Method Not Allowed, Allow: GET, HEAD, 23$/,
    ],
    ["for another page", ["GET /none HTTP/1.1\r\nHost: phone\r\n\r\n"], /^404 Not Found, Connection: close, 14$/],
    ["without Host", ["GET / HTTP/1.1\r\n\r\n"], /^400 Bad Request, /],
    ["in another language", ["hello\r\n\r\n"], /^400 Bad Request, /],
    ["of octets that are no text", ["\xff\x00\xc3\r\n\r\n"], /^400 Bad Request, /],
    ["in HTTP/2.0", ["GET / HTTP/2.0\r\nHost: phone\r\n\r\n"], /^505 HTTP Version Not Supported, /],
    ["for a page with a long name", [`GET /${"a".repeat(3000)}`], /^414 URI Too Long, /],
    ["with long header fields", [`GET / HTTP/1.1\r\nCookie: ${"a".repeat(3000)}`], /^431 Request Header Fields Too Large, /],
    ["of nothing", [], /^408 Request Timeout, /],
]

/** A program that says all of that, one after the other. */
const STRANGER = `
import { sleep } from "@devicescript/core"
import { AF_INET, SOCK_STREAM, close, connect, parseAddress, readSettings, recv, send, socket, startStack } from "tuplephone"
import { startStreams } from "tuplephone/streams"
startStack(await readSettings())
startStreams()
async function ask(pieces: string[]) {
    const sd = await socket(AF_INET, SOCK_STREAM)
    await connect(sd, { address: parseAddress("${SERVER}"), port: 80 })
    for (const piece of pieces) {
        await send(sd, Buffer.from(piece, "hex"))
        await sleep(50)
    }
    let answer = ""
    while (true) {
        const b = await recv(sd, 20000)
        if (b.length === 0) break
        answer += b.toString()
    }
    await close(sd)
    const end = answer.indexOf("\\r\\n\\r\\n")
    const fields = answer.slice(0, end).split("\\r\\n")
    console.log(fields[0].slice(9) + ", " + fields[fields.length - 1] + ", " + (answer.length - end - 4))
}
${REQUESTS.map(([, pieces]) => `await ask(${JSON.stringify(pieces.map(piece => Buffer.from(piece, "latin1").toString("hex")))})`).join("\n")}
`

describe("the examples", { concurrency: 2 }, () => {
    let folder: string
    before(() => void (folder = mkdtempSync(join(tmpdir(), "tuplephone-examples-"))))
    after(() => rmSync(folder, { recursive: true, force: true }))

    /** Start a program on a LAN. */
    function start(path: string, lan: EmbeddedLan, identities: string): Started {
        const env = { TMPDIR: folder, TUPLEPHONE_IDENTITIES: join(folder, identities) }
        return startProgram([path, "--lan", `tcp://${lan.host}:${lan.port}`], env, PROJECT)
    }

    /** On a LAN of its own, whose leases are looked at. */
    async function check(name: string): Promise<void> {
        const expected = EXPECTED[name]
        assert.ok(expected, "nothing is expected of it yet: add to EXPECTED what it prints")
        const lan = await EmbeddedLan.start()
        const held = () => lan.dhcp.leases().map(lease => lease.address)
        const given = new Set<string>()
        lan.on("frame", () => held().forEach(address => given.add(address)))
        try {
            const program = start(`examples/${name}`, lan, name)
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

    describe("http-server.ts", { concurrency: 1 }, () => {
        let lan: EmbeddedLan
        let server: Started

        before(async () => {
            lan = await EmbeddedLan.start()
            server = start("examples/http-server.ts", lan, "http")
            await until("the server", () => server.stdout.includes("\n") || !server.isRunning, PATIENCE)
            assert.equal(server.stdout, `http://${SERVER}/ shows the sockets of this phone\n`, server.stderr)
        })
        after(async () => {
            if (server?.isRunning) server.kill()
            await server?.ended
            await lan?.stop()
        })

        it("shows http-client.ts the sockets of its phone", async () => {
            const client = start("examples/http-client.ts", lan, "http")
            assert.equal(await client.ended, 0, client.stderr)
            const [status, ...page] = client.stdout.trimEnd().split("\n")
            assert.equal(status, "status: 200 OK")
            assert.equal(page.length, PAGE.length, client.stdout)
            for (const [i, pattern] of PAGE.entries()) assert.match(page[i]!.replace(/ +/g, " "), pattern)
        })

        it("says what is wrong with a request, and goes on", async () => {
            const file = join(folder, "stranger.ts")
            writeFileSync(file, STRANGER)
            const stranger = start(file, lan, "http")
            assert.equal(await stranger.ended, 0, stranger.stderr)
            const lines = stranger.stdout.trimEnd().split("\n")
            for (const [i, [what, , answer]] of REQUESTS.entries()) assert.match(lines[i] ?? "", answer, `a request ${what}`)
        })

        it("ends by Ctrl-C", async () => {
            assert.ok(server.isRunning, server.stderr)
            server.interrupt()
            const code = await server.ended
            // npm, which is interrupted as well, ends by the signal or says so
            assert.ok(code === null || code === 130, `${code} ${server.stderr}`)
        })
    })

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
