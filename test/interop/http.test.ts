/** The examples of HTTP with what the world has: curl at the server, and the server of Node.js for the client, over the Linux kernel's TCP. */
import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { HOST, Lan } from "./lan.js"
import { run, type HostProcess } from "./process.js"
import { Dnsmasq } from "./servers/dnsmasq.js"

/** Milliseconds for the compiler, on a busy machine. */
const BUILD = 60_000
/** The same for curl, whose SYN comes again after 1, 3, 7, 15 s while the server has no entry for it. */
const CURL = 30_000
const HOUR = { lease: 3600, t1: 1800, t2: 3150 }

describe("HTTP over the Linux kernel's TCP", () => {
    let lan: Lan
    before(async () => {
        lan = await Lan.start()
        await new Dnsmasq(lan, HOUR, true).start()
    })
    after(async () => await lan?.stop())

    /** `npm run program`. @param folder in which it is called */
    function program(file: string, folder: string): HostProcess {
        const env = { ...process.env, TUPLEPHONE_IDENTITIES: lan.file("identities") }
        const args = ["--silent", "--prefix", PROJECT, "run", "program", "--", file, "--lan", lan.url]
        return lan.spawn(file, "npm", args, { cwd: folder, env })
    }

    describe("http-server.ts", () => {
        let server: HostProcess
        let url: string
        before(async () => {
            server = program("examples/http-server.ts", PROJECT)
            url = await server.ready("its address", () => /^(http:\S+) shows/m.exec(server.stdout)?.[1], BUILD)
        })
        after(async () => void (await server?.stop("SIGINT")))

        const curl = (...args: string[]) => run("curl", ["--silent", "--show-error", "--max-time", "25", ...args], CURL)

        it("shows curl its page", async () => {
            const page = await curl("--fail", url)
            assert.match(
                page,
                /^sd +type +local +remote +state\n0 +stream +\S+:80 +- +listen\n1 +stream +\S+:80 +10\.88\.0\.1:\d+ +established\n$/
            )
        })

        it("serves three clients who come at once, one after the other", async () => {
            const pages = await Promise.all([1, 2, 3].map(() => curl("--fail", url)))
            for (const page of pages) assert.match(page, /^sd /)
        })

        for (const [what, args, status] of [
            ["another page", ["/none"], "404"],
            ["a POST whose body is longer than its buffers", ["/", "--data", "x".repeat(20_000), "--header", "Expect:"], "405"],
            ["a long name of a page", [`/${"a".repeat(4000)}`], "414"],
            ["a long cookie", ["/", "--cookie", `a=${"a".repeat(4000)}`], "431"],
        ] as const)
            it(`answers ${what} with ${status}`, async () => {
                const [path, ...more] = args
                assert.match(await curl("--include", ...more, url.replace(/\/$/, path)), new RegExp(`^HTTP/1\\.1 ${status} `))
            })
    })

    describe("http-client.ts", () => {
        let server: Server
        before(async () => {
            server = createServer((request, response) => {
                response.end(`${request.method} ${request.url} from ${request.socket.remoteAddress}\n${"a line\n".repeat(800)}the end\n`)
            })
            await new Promise<void>(resolve => void server.listen(80, HOST, resolve))
        })
        after(() => server?.close())

        it("fetches a page of Node.js", async () => {
            const text = await readFile(join(PROJECT, "examples/http-client.ts"), "utf8")
            await writeFile(lan.file("client.ts"), text.replace('"10.77.0.51"', `"${HOST}"`))
            const client = program("client.ts", lan.directory)
            assert.equal((await client.ended(BUILD)).code, 0, client.output)
            const lines = client.stdout.trimEnd().split("\n")
            assert.equal(lines[0], "status: 200 OK")
            assert.match(lines[1]!, /^GET \/ from 10\.88\.0\.\d+$/)
            assert.equal(lines.length, 803)
            assert.equal(lines.at(-1), "the end")
        })
    })
})
