/** `npm run program`: a program of the reader's, from any folder; what it prints, how it fails, how it ends. */
import assert from "node:assert/strict"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { Workspace } from "../../scripts/workspace.js"
import { PROJECT } from "../../sim/firmware.js"
import { buildOwn } from "../../sim/own/build.js"
import { leftovers } from "../support/leftovers.js"
import { family, isAlive, isLinux, isRefused, listening } from "../support/processes.js"
import { until } from "../support/rig.js"
import { startProgram, type Started } from "../support/started.js"

const PATIENCE = 60_000

/** Opens a socket to the first echo device and reads in place what comes back. */
const RECEIVER = `
import { AF_INET, SOCK_DGRAM, close, connect, parseAddress, reach, readSettings, send, setreceiver, socket, startStack } from "tuplephone"
startStack(await readSettings())
const sd = await socket(AF_INET, SOCK_DGRAM)
await connect(sd, { address: parseAddress("10.77.0.2"), port: 4000 })
await reach(sd, 2000)
setreceiver(sd, {
    txFrames: 0,
    onPayload: (b: Buffer, offset: number, length: number) => {
        console.log("heard " + b.slice(offset, offset + length).toString())
        end.start()
    },
    onSocketError: (code: string) => console.log(code),
})
async function end() { await close(sd) }
send(sd, Buffer.from("hello"))
console.log("the last line")
`
const FOREVER = `
import { sleep } from "@devicescript/core"
console.log("up")
while (true) await sleep(100)
`

describe("a program of one's own", { concurrency: 2 }, () => {
    let folder: string
    /** Where temporary files of the commands are, and what they leave. */
    let temporary: string
    const started: Started[] = []

    before(() => {
        folder = mkdtempSync(join(tmpdir(), "tuplephone-own-"))
        temporary = join(folder, "tmp")
        mkdirSync(temporary)
    })
    after(async () => {
        for (const program of started) {
            if (program.isRunning) program.kill()
            await program.ended
        }
        rmSync(folder, { recursive: true, force: true })
    })

    function write(name: string, text: string): string {
        mkdirSync(join(folder, name, ".."), { recursive: true })
        writeFileSync(join(folder, name), text)
        return name
    }

    function run(...args: string[]): Started {
        const program = startProgram(args, { TMPDIR: temporary, TUPLEPHONE_IDENTITIES: join(folder, "identities") }, folder)
        started.push(program)
        return program
    }

    async function fails(program: Started, says: RegExp): Promise<string> {
        assert.equal(await program.ended, 1, program.stdout + program.stderr)
        const errors = program.stderr.split("\n").filter(line => /^error: /.test(line))
        assert.equal(errors.length, 1, program.stderr)
        assert.match(errors[0]!, says)
        assert.doesNotMatch(program.stderr, /node:internal|\.cjs:\d/)
        return program.stderr
    }

    it("is built wherever it lies, with what it imports from beside and above it, and leaves nothing there", async () => {
        write(
            "my programs/main part/hello.ts",
            `import { name } from "./name"\nimport { shout } from "../shout"\nconsole.log("hello " + shout(name))\n`
        )
        write("my programs/main part/name.ts", `export const name = "reader"\n`)
        write("my programs/shout.ts", `export function shout(s: string) { return s.toUpperCase() }\n`)
        const program = run("my programs/main part/hello.ts")
        assert.equal(await program.ended, 0, program.stderr)
        assert.equal(program.stdout, "hello READER\n")
        assert.equal(program.stderr, "building my programs/main part/hello.ts ...\n")
        assert.deepEqual(readdirSync(join(folder, "my programs")).sort(), ["main part", "shout.ts"])
        assert.deepEqual(readdirSync(join(folder, "my programs/main part")).sort(), ["hello.ts", "name.ts"])
        assert.ok(!existsSync(join(folder, "node_modules")) && !existsSync(join(folder, ".devicescript")))
    })

    it("has what it prints on stdout as it is, and the rest on stderr", async () => {
        const lines = ["> not a prompt", "  two spaces", "a", "", "b"]
        write(
            "prints.ts",
            `for (const line of ${JSON.stringify(lines)}) console.log(line)\nconsole.log("one\\ntwo", 3, [4])\nconsole.error("wrong")\nexport {}\n`
        )
        const program = run("prints.ts")
        assert.equal(await program.ended, 0, program.stderr)
        assert.equal(program.stdout, `${lines.join("\n")}\none\ntwo 3 [4]\n`)
        assert.equal(program.stderr, "building prints.ts ...\nwrong\n")
    })

    for (const [what, args, says] of [
        ["no file", [], /^error: which program\? Give its path/],
        ["a file that is not there", ["nowhere.ts"], /^error: there is no file nowhere\.ts; give/],
        ["a folder", ["."], /^error: \. is a folder; give/],
        ["a file that is no TypeScript", ["/etc/passwd"], /^error: \/etc\/passwd is no TypeScript program; its name must end in \.ts$/],
        ["two files", ["a.ts", "b.ts"], /^error: too many arguments/],
        ["an impossible time", ["a.ts", "--seconds", "soon"], /--seconds.*number/],
        ["an impossible PHY", ["a.ts", "--phy", "air"], /--phy.*stream or w5500/],
    ] as [string, string[], RegExp][])
        it(`is refused with one line: ${what}`, async () => {
            const program = run(...args)
            const said = await fails(program, says)
            assert.equal(said.trimEnd().split("\n").length, 1, said)
            assert.equal(program.stdout, "")
        })

    it("is refused before it is built when there is no LAN", async () => {
        write("lan.ts", FOREVER)
        // a port that was free a moment ago
        const server = createServer()
        const port = await new Promise<number>(resolve =>
            server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
        )
        await new Promise(resolve => server.close(resolve))
        const said = await fails(
            run("lan.ts", "--lan", `tcp://127.0.0.1:${port}`),
            new RegExp(`there is no LAN at 127\\.0\\.0\\.1:${port} `)
        )
        assert.doesNotMatch(said, /building/)
    })

    it("that does not build is told by the compiler, with its own path and lines", async () => {
        write("sub/type.ts", `import { socket } from "tuplephone"\nimport { x } from "./nothing"\nconst n: string = 5\nawait socket("x")\n`)
        const program = run("sub/type.ts")
        const said = await fails(program, /^error: sub\/type\.ts does not build; the compiler says:$/)
        assert.match(said, /^sub\/type\.ts\(2,19\): error TS2307: Cannot find module '\.\/nothing'/m)
        assert.match(said, /^sub\/type\.ts\(3,7\): error TS2322: /m)
        assert.match(said, /^sub\/type\.ts\(4,7\): error TS2554: /m)
        assert.equal(program.stdout, "")
    })

    it("that throws ends with the error and its line", async () => {
        write(
            "throws.ts",
            `import { getpeername } from "tuplephone"\nfunction ask() {\n    getpeername(3)\n}\nconsole.log("before")\nask()\nconsole.log("after")\n`
        )
        const program = run("throws.ts")
        const said = await fails(program, /^error: the program has stopped: SocketError: 3 is not an open socket$/)
        assert.match(said, /^ {2}at ask \(throws\.ts:3:\d+\)$/m)
        assert.match(said, /^ {2}at getpeername \(src\/socket\/api\.ts:\d+:\d+\)$/m)
        assert.equal(program.stdout, "before\n")
    })

    it("that loops without an await ends with a line that says so", async () => {
        write("loop.ts", "let i = 0\nwhile (true) i++\nexport {}\n")
        const said = await fails(run("loop.ts"), /^error: the program has stopped \(InfiniteLoop\): .*await/)
        assert.match(said, /\(loop\.ts:2:\d+\)/)
    })

    it("that fills its memory ends with a line that says so", async () => {
        write(
            "full.ts",
            `import { sleep } from "@devicescript/core"\nconst kept: Buffer[] = []\nwhile (true) {\n    kept.push(Buffer.alloc(4000))\n    await sleep(0)\n}\n`
        )
        await fails(run("full.ts"), /^error: the program has stopped \(OutOfMemory\): its memory is full$/)
    })

    it("goes on after its last line until its fibers have ended", async () => {
        write(
            "fibers.ts",
            `import { sleep } from "@devicescript/core"\nasync function count() {\n    for (let i = 1; i <= 3; i++) {\n        await sleep(200)\n        console.log("fiber " + i)\n    }\n}\ncount.start()\nconsole.log("the last line")\n`
        )
        const program = run("fibers.ts")
        assert.equal(await program.ended, 0, program.stderr)
        assert.equal(program.stdout, "the last line\nfiber 1\nfiber 2\nfiber 3\n")
    })

    for (const phy of ["stream", "w5500"])
        it(`goes on until its receivers are gone, over the PHY ${phy}, and has its frames captured where it was called`, async () => {
            write("receiver.ts", RECEIVER)
            const capture = `${phy}.pcap`
            const program = run("receiver.ts", "--phy", phy, "--pcap", capture, "--verbose")
            assert.equal(await program.ended, 0, program.stderr)
            assert.equal(program.stdout, "the last line\nheard hello\n")
            assert.match(program.stderr, phy === "w5500" ? /^phy: up, the simulated SPI bus/m : /^phy: up, tcp:/m)
            assert.ok(statSync(join(folder, capture)).size > 24)
        })

    it("has the settings that it is given, and hears of one that makes no sense", async () => {
        write("settings.ts", `import { readSettings } from "tuplephone"\nconst { ready } = await readSettings()\nconsole.log(ready)\n`)
        const program = run("settings.ts", "--setting", "READY=5", "--setting", "POOL=none")
        assert.equal(await program.ended, 0, program.stderr)
        assert.equal(program.stdout, "5\n")
        assert.match(program.stderr, /^settings: POOL is none: /m)
    })

    for (const call of ["restart", "reboot"])
        it(`ends when it asks for a ${call}`, async () => {
            write(`${call}.ts`, `import * as ds from "@devicescript/core"\nconsole.log("before")\nawait ds.sleep(50)\nds.${call}()\n`)
            const program = run(`${call}.ts`)
            assert.equal(await program.ended, 0, program.stderr)
            assert.equal(program.stdout, "before\n")
            assert.equal(program.stderr, `building ${call}.ts ...\n`)
        })

    it("ends after --seconds", async () => {
        write("seconds.ts", FOREVER)
        const program = run("seconds.ts", "--seconds", "1")
        assert.equal(await program.ended, 0, program.stderr)
        assert.equal(program.stdout, "up\n")
    })

    it("runs twice at the same time", async () => {
        write("twice.ts", RECEIVER)
        const programs = [run("twice.ts"), run("twice.ts")]
        for (const program of programs) {
            assert.equal(await program.ended, 0, program.stderr)
            assert.match(program.stdout, /heard hello/)
        }
    })

    for (const signal of ["Ctrl-C", "being killed"])
        it(`leaves no process, port or file after ${signal}`, { skip: isLinux ? false : "needs /proc" }, async () => {
            write("forever.ts", FOREVER)
            const own = join(temporary, signal)
            mkdirSync(own)
            const program = startProgram(["forever.ts"], { TMPDIR: own, TUPLEPHONE_IDENTITIES: join(folder, "identities") }, folder)
            started.push(program)
            await until("the program", () => program.stdout.includes("up"), PATIENCE)
            const pids = family(program.pid)
            const ports = listening(pids)
            assert.ok(pids.length >= 3, `processes ${pids}`)
            assert.ok(ports.length >= 2, `ports ${ports}`)
            if (signal === "Ctrl-C") program.interrupt()
            else program.kill()
            const code = await program.ended
            // npm, which is interrupted as well, ends by the signal or says so
            if (signal === "Ctrl-C") assert.ok(code === null || code === 130, `${code} ${program.stderr}`)
            assert.equal(program.stderr, "building forever.ts ...\n")
            await until("every process has ended", () => !pids.some(isAlive), PATIENCE)
            for (const port of ports) assert.ok(await isRefused(port), `port ${port} is still open`)
            assert.deepEqual(leftovers(own), [])
        })

    it("has no more code in its image for importing all from one file", async () => {
        const body = `startStack(await readSettings())
const sd = await socket(AF_INET, SOCK_DGRAM)
await bind(sd, { port: 7 })
console.log(formatAddress(getsockname(sd).address))
`
        const sockets = "AF_INET, SOCK_DGRAM, bind, getsockname, socket"
        const parts = [
            ["startStack", "boot"],
            ["readSettings", "boot"],
            [sockets, "socket/api"],
            ["formatAddress", "wire/address"],
        ]
        write("whole.ts", `import { ${parts.map(([names]) => names).join(", ")} } from "tuplephone"\n${body}`)
        write("parts.ts", `${parts.map(([names, file]) => `import { ${names} } from "tuplephone/${file}"\n`).join("")}${body}`)
        const [whole, apart] = [await codeOf("whole.ts"), await codeOf("parts.ts")]
        assert.equal(whole, apart)
    })

    /** Bytes of code of all functions. */
    async function codeOf(name: string): Promise<number> {
        const workspace = new Workspace(join(PROJECT, "boards"), [])
        try {
            const built = await buildOwn(workspace, join(folder, name), name, "stream")
            const { functions } = JSON.parse(readFileSync(join(built.folder, ".devicescript/bin/bytecode-dbg.json"), "utf8")) as {
                functions: { size: number }[]
            }
            return functions.reduce((sum, { size }) => sum + size, 0)
        } finally {
            workspace.remove()
        }
    }
})
