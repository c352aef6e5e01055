/** What `npm start` does around the phone: its identity, its settings, the LAN that it is on, its log, its end. */
import assert from "node:assert/strict"
import { spawn, type ChildProcess } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer, type AddressInfo, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, afterEach, before, beforeEach, describe, it } from "node:test"
import { buildFirmware, PROJECT } from "../../sim/firmware.js"
import { NAME_MAX } from "../../sim/flash.js"
import { EmbeddedLan } from "../../sim/lan/lan.js"
import { DEFAULTS, lan as lanOption, setting, SETTINGS, settingsOf } from "../../sim/options.js"
import { LinkWatch } from "../../sim/link-watch.js"
import { STOPPED } from "../support/console-program.js"
import { sleep, until, type Interface } from "../support/rig.js"
import { Started } from "../support/started.js"
import { Terminal, withoutControls } from "../support/terminal.js"

const PATIENCE = 60_000

describe("the launcher", { concurrency: 1 }, () => {
    let folder: string
    let lan: EmbeddedLan
    const started: Started[] = []
    const servers: Server[] = []
    const terminals: Terminal[] = []
    const helpers: ChildProcess[] = []

    before(async () => {
        folder = mkdtempSync(join(tmpdir(), "tuplephone-launcher-"))
        await buildFirmware(() => {})
    })
    beforeEach(async () => void (lan = await EmbeddedLan.start()))
    afterEach(async () => {
        for (const program of started.splice(0)) {
            if (program.isRunning) program.kill()
            await program.ended
        }
        for (const child of helpers.splice(0)) child.kill("SIGKILL")
        for (const terminal of terminals.splice(0)) terminal.kill()
        for (const server of servers.splice(0)) server.close()
        await lan.stop()
    })
    after(() => rmSync(folder, { recursive: true, force: true }))

    function start(args: string[]): Started {
        // other tests run from the same checkout
        const program = new Started(args, { TMPDIR: folder, TUPLEPHONE_IDENTITIES: join(folder, "identities") })
        started.push(program)
        return program
    }

    /** On the LAN of this test. */
    function startThere(...args: string[]): Started {
        return start(["--lan", `tcp://${lan.host}:${lan.port}`, ...args])
    }

    /** Who a program's first phone is; it goes on to run. */
    async function identity(program: Started): Promise<{ mac: string; address: string | null }> {
        program.input("ifconfig -j\n")
        const line = await until("its interfaces", () => /\[\{.*\}\]\n/.exec(program.stdout)?.[0], PATIENCE)
        const { mac, address } = (JSON.parse(line) as Interface[])[0]!
        return { mac, address }
    }

    async function listen(onConnection: (server: Server) => void): Promise<string> {
        const server = createServer()
        servers.push(server)
        onConnection(server)
        await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
        return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
    }

    it("logs the first boot from its first line, with the LAN's true port", async () => {
        const program = startThere("--verbose", "--setting", "READY=many", "--exec", "help")
        assert.equal(await program.ended, 0, program.stderr)
        const before = program.stderr.slice(0, program.stderr.indexOf("phy: up"))
        assert.match(before, /^phone 1: .*runtime: v/m)
        assert.match(before, /^phone 1: settings: READY is many: it must be /m)
        assert.match(program.stderr, new RegExp(`phy: up, tcp://127\\.0\\.0\\.1:${lan.port}$`, "m"))
        assert.doesNotMatch(program.stderr, /4789/)
    })

    it("tells of a setting that makes no sense, and obeys one that does", async () => {
        const wrong = startThere("--setting", "ACD=sometimes", "--exec", "lease -j")
        assert.equal(await wrong.ended, 0, wrong.stderr)
        assert.match(wrong.stderr, /^settings: ACD is sometimes: it must be .*; ACD=quick is in force$/m)
        const program = startThere(
            "--setting",
            "READY=0",
            "--setting",
            "TUPLE=common",
            "--exec",
            `call 10.77.0.2:4000 --seconds 1; ifconfig -j; lease -j`
        )
        assert.equal(await program.ended, 0, program.stderr)
        const [up, , interfaces, leases] = program.stdout.split("\n")
        const [common] = JSON.parse(interfaces!) as Interface[]
        assert.ok(up!.includes(`${common!.address}:`), up)
        assert.equal((JSON.parse(leases!) as unknown[]).length, 1)
    })

    it("hangs up before it leaves, so that the addresses of calls are given back", async () => {
        const bound = () => lan.dhcp.leases().filter(lease => lease.state === "bound").length
        for (const how of ["--exec", "exit", "end of input"]) {
            const call = "call 10.77.0.2:4000"
            const program = startThere("--setting", "READY=0", ...(how === "--exec" ? ["--exec", call] : []))
            if (how !== "--exec") {
                program.input(`${call}\n`)
                await until("the call", () => program.stdout.includes("is up"), PATIENCE)
                assert.equal(bound(), 2)
                if (how === "exit") program.input("exit\n")
                else program.endInput()
            }
            assert.equal(await program.ended, 0, program.stderr)
            // the common address is kept for the next time
            assert.equal(bound(), 1, how)
        }
    })

    it("has its phone back when it was stopped for longer than a bus waits for a device", async () => {
        const program = startThere()
        await identity(program)
        process.kill(program.pid, "SIGSTOP")
        await sleep(STOPPED)
        process.kill(program.pid, "SIGCONT")
        program.input("hangup all\n")
        await until("an answer", () => program.stdout.includes("0 calls have ended"), PATIENCE)
        program.endInput()
        assert.equal(await program.ended, 0, program.stderr)
    })

    /** `npm start` at a terminal, with its demonstration unless there are other options. */
    function atTerminal(args: string[] = [], columns = 80): Terminal {
        const program = new Terminal("sim/start.ts", args, {
            columns,
            env: { TMPDIR: folder, TUPLEPHONE_IDENTITIES: join(folder, "identities"), XDG_STATE_HOME: folder },
        })
        terminals.push(program)
        return program
    }

    it("cancels the demonstration at Ctrl-C, and ends its calls", { skip: process.platform === "win32" }, async () => {
        const program = atTerminal()
        await program.shows(/> sleep 3/, PATIENCE)
        program.type("\x03")
        await program.shows(/The demonstration is cancelled, and its calls have ended\./)
        await program.shows(/tuplephone> /)
        program.type("netstat\r")
        assert.doesNotMatch(await program.shows(/drops[^]*tuplephone> /), /:4000/)
        program.type("\x03")
        await program.shows(/again/)
        program.type("\x03")
        assert.equal(await program.ended, 0)
    })

    it("ends at the Ctrl-C after the one that cancelled the demonstration", { skip: process.platform === "win32" }, async () => {
        const program = atTerminal()
        await program.shows(/call 1 is up/, PATIENCE)
        program.type("\x03")
        await program.shows(/cancelled[^]*tuplephone> /)
        program.type("\x03")
        assert.equal(await program.ended, 0)
    })

    it("fits the answers of --exec, and its help, to a terminal", { skip: process.platform === "win32" }, async () => {
        for (const args of [["--exec", "ifconfig; help call"], ["--help"]]) {
            const program = atTerminal(args, 60)
            assert.equal(await program.ended, 0)
            const lines = withoutControls(program.screen).split("\n")
            assert.ok(lines.length > 10)
            for (const line of lines) assert.ok(line.length <= 60, line)
        }
    })

    it("says in its last line what has ended the firmware, and what to do", async () => {
        const program = startThere("--exec", "ballast 48 --whole; sleep 5; call 10.77.0.2:4000")
        assert.equal(await program.ended, 1)
        const lines = program.stderr.trimEnd().split("\n")
        assert.match(lines.at(-1)!, /^error: the firmware has run out of memory \(OutOfMemory\); start again, /)
        assert.ok(lines.includes("the phone last said:"), program.stderr)
    })

    it("gives each of two copies an identity of its own, and the first one's to the next", async () => {
        const first = startThere()
        const one = await identity(first)
        const second = startThere("--phones", "2")
        const two = await identity(second)
        assert.notEqual(one.mac, two.mac)
        assert.notEqual(one.address, two.address)
        first.endInput()
        assert.equal(await first.ended, 0, first.stderr)
        const next = startThere()
        assert.deepEqual(await identity(next), one)
        // killed, it lets go of it all the same
        next.kill()
        await next.ended
        const last = startThere()
        assert.deepEqual(await identity(last), one)
    })

    it("gives copies that start at the same moment different identities", async () => {
        const numbers = join(folder, "numbers")
        const rounds = 60
        const pause = 30
        const script = `
            import { takeIdentities } from ${JSON.stringify(join(PROJECT, "sim/identity.ts"))}
            process.stdin.once("data", async start => {
                const taken = []
                for (let i = 0; i < ${rounds}; i++) {
                    // to the tenth of a millisecond
                    while (performance.timeOrigin + performance.now() < Number(start) + ${pause} * i);
                    taken.push(await takeIdentities(2, ${JSON.stringify(numbers)} + i))
                }
                console.log(JSON.stringify(taken))
            })
            process.stdin.once("end", () => process.exit())
            console.log("ready")`
        const copies = Array.from({ length: 3 }, () => {
            const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
                cwd: PROJECT,
                stdio: ["pipe", "pipe", "inherit"],
            })
            helpers.push(child)
            const copy = { child, said: "", ended: new Promise(resolve => child.once("close", resolve)) }
            child.stdout.setEncoding("utf8").on("data", (text: string) => (copy.said += text))
            return copy
        })
        const lines = (n: number) => () => copies.every(copy => copy.said.split("\n").length > n)
        await until("all are ready", lines(1), PATIENCE)
        for (const { child } of copies) child.stdin.write(String(Date.now() + 100))
        await until("all have chosen", lines(2), PATIENCE)
        const taken = copies.map(copy => JSON.parse(copy.said.split("\n")[1]!) as string[][])
        for (let i = 0; i < rounds; i++) {
            const identities = taken.flatMap(copy => copy[i]!)
            assert.equal(new Set(identities).size, 6, `round ${i}: ${identities.join(" ")}`)
            const held = readdirSync(numbers + i).map(name => Number(name.split(".")[0]))
            assert.deepEqual(held.sort(), [0, 1, 2, 3, 4, 5], "the lowest numbers are taken")
        }
        for (const { child } of copies) child.stdin.end()
        await Promise.all(copies.map(copy => copy.ended))
        for (let i = 0; i < rounds; i++) assert.deepEqual(readdirSync(numbers + i), [])
    })

    it("says when the LAN hangs up at once", async () => {
        const url = await listen(server => server.on("connection", socket => socket.end()))
        const program = start(["--lan", url, "--exec", "ifconfig"])
        assert.equal(await program.ended, 1)
        assert.equal(program.stdout, "")
        assert.match(program.stderr, /^error: the LAN at 127\.0\.0\.1:\d+ hangs up at once; /m)
        assert.doesNotMatch(program.stderr, /booting/)
    })

    it("says once when the LAN hangs up later", async () => {
        const program = startThere()
        await identity(program)
        lan.disconnectClients()
        await until("a notice", () => /hung up/.test(program.stderr), PATIENCE)
        lan.disconnectClients()
        await until("it is there again", () => /is there again/.test(program.stderr), PATIENCE)
        assert.equal(program.stderr.split("hung up").length - 1, 1, program.stderr)
    })

    it("tells of a LAN that comes and goes once", t => {
        t.mock.timers.enable({ apis: ["setTimeout"] })
        const said: string[] = []
        const watch = new LinkWatch("tcp://x:1", text => said.push(text))
        watch.log("phy: up, tcp://x:1")
        for (let i = 0; i < 5; i++) {
            watch.log("phy: down, tcp://x:1")
            watch.log("phy: up, tcp://x:1")
            t.mock.timers.tick(1000)
        }
        assert.equal(said.length, 1)
        t.mock.timers.tick(10_000)
        assert.match(said[1]!, /is there again/)
        watch.log("phy: down, tcp://x:1")
        assert.equal(said.length, 3)
    })

    it("says what is wrong with the URL of a LAN", () => {
        const wrong: [url: string, says: RegExp][] = [
            ["tcp://host:99999", /a port from 1 to 65535/],
            ["tcp://host:0", /a port from 1 to 65535/],
            ["tcp://[::1]:4789", /IPv6/],
            ["tcp://::1:4789", /IPv6/],
            ["tcp://a b:1", /a b is no host/],
            ["tcp://user@host:1", /user@host is no host/],
            ["tcp://host", /tcp:\/\/HOST:PORT/],
            ["tcp://:1", /tcp:\/\/HOST:PORT/],
            ["host:1", /tcp:\/\/HOST:PORT/],
            ["tls://host:1", /tcp:\/\/HOST:PORT/],
            ["", /tcp:\/\/HOST:PORT/],
        ]
        for (const [url, says] of wrong) assert.throws(() => lanOption(url), says, url)
        assert.equal(lanOption("tcp://my-host.example:04789"), "tcp://my-host.example:4789")
    })

    it("knows the settings of the firmware, and no others", () => {
        const read = Array.from(
            readFileSync(join(PROJECT, "src/settings.ts"), "utf8").matchAll(/(?:read\(|stored\(|const \w+ = )"([A-Z]+)"/g),
            match => match[1]
        )
        assert.deepEqual(read.sort(), [...SETTINGS, "LAN", "PHY"].sort())
        const config = readFileSync(join(PROJECT, "src/base/config.ts"), "utf8")
        const source = readFileSync(join(PROJECT, "src/settings.ts"), "utf8")
        for (const [name, value] of Object.entries(DEFAULTS)) {
            const [, constant, text] = new RegExp(`read\\("${name}", [^,]+, (?:(\\w+)|"(\\w*)"),`).exec(source)!
            assert.equal(value, text ?? new RegExp(` ${constant} = "(.*)"`).exec(config)![1], name)
        }
        const page = readFileSync(join(PROJECT, "docs/boards.md"), "utf8")
        for (const name of read) assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, "m"))
        const known = setting(SETTINGS)
        assert.deepEqual(known("POOL=10.0.0.1-10.0.0.9/24 via 10.0.0.254", known("READY=1")), {
            READY: "1",
            POOL: "10.0.0.1-10.0.0.9/24 via 10.0.0.254",
        })
        assert.throws(() => known("LAN=x"), /--lan/)
        assert.throws(() => known("PHY=x"), /--phy/)
        for (const text of ["SIPADDR=own", "DND=yes", "ONLYPROXY="]) assert.throws(() => known(text), /is (0|common) or (1|call)\./, text)
        assert.throws(() => known("SPEED=x"), /There is no setting SPEED; there are POOL, READY/)
        for (const text of ["", "READY", "=1"]) assert.throws(() => known(text), /NAME=VALUE/, text)
        assert.throws(() => setting()("@2:READY=1"), /There is one phone; leave @2: out/)
        assert.throws(() => setting()(`${"N".repeat(NAME_MAX + 1)}=1`), /at most 14 characters/)
    })

    it("gives each phone its own settings before those of all, in whatever order", () => {
        const all = { "@2:READY": "0", READY: "1", "@2:ACCOUNT": "sip:bob@example.com", TUPLE: "common" }
        assert.deepEqual(settingsOf(2, all), [
            { READY: "1", TUPLE: "common" },
            { READY: "0", TUPLE: "common", ACCOUNT: "sip:bob@example.com" },
        ])
        assert.deepEqual(settingsOf(1), [{}])
        for (const number of [0, 2])
            assert.throws(
                () => settingsOf(1, { [`@${number}:PASSWORD`]: "mum" }),
                new RegExp(`^Error: there is no phone ${number} for --setting @${number}:PASSWORD; there is 1 `)
            )
    })

    for (const [what, args, says] of [
        ["a capture file that is a folder", ["--pcap", tmpdir()], /^error: cannot write the capture file /m],
        ["a word too many", ["help"], /^error: too many arguments/m],
        ["a setting without a value", ["--setting", "READY"], /^error: .*NAME=VALUE/m],
        [
            "a LAN whose host has no address",
            ["--lan", "tcp://tuplephone.invalid:4789"],
            /^error: there is no LAN at tuplephone\.invalid:4789 \(.*\); start it/m,
        ],
    ] as [string, string[], RegExp][])
        it(`says in one line that there is ${what}`, async () => {
            const program = start(["--exec", "help", ...args])
            assert.equal(await program.ended, 1)
            assert.match(program.stderr, says)
            assert.equal(
                program.stderr
                    .replace(/^(booting|building).*\n/m, "")
                    .trim()
                    .split("\n").length,
                1,
                program.stderr
            )
            assert.equal(program.stdout, "")
        })

    it("refuses settings that do not fit", async () => {
        const program = start(["--setting", `POOL=${"x".repeat(9000)}`, "--exec", "help"])
        assert.equal(await program.ended, 1)
        assert.match(program.stderr, /^error: the settings do not fit in the phone's flash; shorten them$/m)
    })
})
