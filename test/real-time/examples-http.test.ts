/** The examples of HTTP, on one LAN: a server that serves until Ctrl-C, its client, and a stranger who asks what it does not serve. */
import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { takeIdentities } from "../../sim/identity.js"
import { EmbeddedLan } from "../../sim/lan/lan.js"
import { until } from "../support/rig.js"
import { startProgram, type Started } from "../support/started.js"

const PATIENCE = 60_000
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

describe("http-server.ts", () => {
    let folder: string
    /** Where it is written who the phones are: one that has ended gives its MAC address to the next. */
    let identities: string
    let lan: EmbeddedLan
    let server: Started

    /** Start a program on the LAN. */
    function start(path: string): Started {
        const env = { TMPDIR: folder, TUPLEPHONE_IDENTITIES: identities }
        return startProgram([path, "--lan", `tcp://${lan.host}:${lan.port}`], env, PROJECT)
    }

    before(async () => {
        folder = mkdtempSync(join(tmpdir(), "tuplephone-http-"))
        identities = join(folder, "identities")
        lan = await EmbeddedLan.start()
        server = start("examples/http-server.ts")
        await until("the server", () => server.stdout.includes("\n") || !server.isRunning, PATIENCE)
        assert.equal(server.stdout, `http://${SERVER}/ shows the sockets of this phone\n`, server.stderr)
    })
    after(async () => {
        if (server?.isRunning) server.kill()
        await server?.ended
        await lan?.stop()
        rmSync(folder, { recursive: true, force: true })
    })

    it("shows http-client.ts the sockets of its phone", async () => {
        const client = start("examples/http-client.ts")
        assert.equal(await client.ended, 0, client.stderr)
        const [status, ...page] = client.stdout.trimEnd().split("\n")
        assert.equal(status, "status: 200 OK")
        assert.equal(page.length, PAGE.length, client.stdout)
        for (const [i, pattern] of PAGE.entries()) assert.match(page[i]!.replace(/ +/g, " "), pattern)
    })

    it("says what is wrong with a request, and goes on", async () => {
        const file = join(folder, "stranger.ts")
        writeFileSync(file, STRANGER)
        // from the client's address and port it could not connect until the end of that connection has been waited out
        await takeIdentities(1, identities)
        const stranger = start(file)
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
