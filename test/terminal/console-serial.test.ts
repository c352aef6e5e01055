/** The console on a board's serial line: a pseudo-terminal stands for the line, the firmware in the VM for the board. */
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, afterEach, before, describe, it } from "node:test"
import { FRAME_PROCESS, JDBus, crc, type Transport } from "jacdac-ts"
import { PROJECT } from "../../sim/firmware.js"
import { Console, PATIENCE, STOPPED } from "../support/console-program.js"
import { Rig, seededRandom, sleep, until, type Interface } from "../support/rig.js"
import { SerialLine } from "../support/serial-line.js"
import { Terminal, withoutControls } from "../support/terminal.js"

/** @see services/console.md */
const CONSOLE_CLASS = 0x1c9d5f3a
/** The prompt with the cursor right behind it. */
const PROMPT = /tuplephone> \x1b\[13G/

describe("console on a serial line", { skip: process.platform === "win32" && "there are no pseudo-terminals" }, () => {
    let rig: Rig
    let line: SerialLine
    let folder: string
    /** A line at whose other end there is nothing, and one with another Jacdac device, which is no phone. */
    let dead: SerialLine
    let strange: SerialLine
    let stranger: JDBus
    /** Consoles that look for a phone on those, and take their time for it: beside other tests. */
    let searching: Console[] = []
    const started: { signal?(signal: NodeJS.Signals): void; kill?(): void }[] = []
    const lines: SerialLine[] = []

    async function open(bus?: JDBus): Promise<SerialLine> {
        const opened = await SerialLine.open(bus)
        lines.push(opened)
        return opened
    }

    /** Starts the console on a line. */
    function run(...args: string[]): Console {
        const program = new Console(...args)
        started.push(program)
        return program
    }

    function terminal(args: string[], columns?: number): Terminal {
        const program = new Terminal("sim/console.ts", args, { columns, env: { XDG_STATE_HOME: folder } })
        started.push(program)
        return program
    }

    /** Runs commands to the end. */
    async function exec(commands: string, ...args: string[]): Promise<{ status: number | null; stdout: string; said: string }> {
        const program = run("--serial", line.path, "--exec", commands, ...args)
        const status = await program.ended
        return { status, stdout: program.stdout, said: program.said() }
    }

    before(async () => {
        folder = mkdtempSync(join(tmpdir(), "tuplephone-console-"))
        process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
        // a run that is interrupted cleans up as well
        for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1))
        dead = await open()
        stranger = new JDBus([] as Transport[], { client: false })
        stranger.start()
        strange = await open(stranger)
        searching = [dead, strange].map(({ path }) => new Console("--serial", path, "--exec", "help"))
        rig = await Rig.start()
        line = await open(rig.phone["bus"].jacdac)
    })
    afterEach(() => {
        line.distort = packet => packet
        for (const program of started.splice(0)) {
            program.signal?.("SIGKILL")
            program.kill?.()
        }
    })
    after(async () => {
        for (const program of searching) program.signal("SIGKILL")
        for (const opened of lines) await opened.unplug()
        await stranger?.stop()
        await rig?.stop()
    })

    it("gives the phone's own answers, and their status", async () => {
        const { status, stdout, said } = await exec("ifconfig -j; call 10.77.0.2:4000 --seconds 1; calls -j")
        assert.deepEqual([status, said], [0, ""])
        const [interfaces, up, ended, calls] = stdout.split("\n")
        const [common] = JSON.parse(interfaces!) as Interface[]
        assert.deepEqual([common!.name, common!.address, common!.mac], ["tp0", rig.address, rig.mac])
        assert.match(up!, /^call \d+ is up: 10\.77\.0\.\d+:\d+ to 10\.77\.0\.2:4000, /)
        assert.match(ended!, /^call \d+ has ended: /)
        assert.equal(calls, (await rig.run("calls -j")).trim())
    })

    it("fails when a command does", async () => {
        const { status, stdout } = await exec("dial; hangup all")
        assert.equal(status, 1)
        assert.equal(stdout, (await rig.exec("dial")).text + "0 calls have ended\n")
    })

    it("gives the answers of a pipe as the phone prints them", async () => {
        const program = run("--serial", line.path)
        program.input("help\n\nlease\nnonsense\n")
        assert.equal(await program.ended, 0)
        const answers = await Promise.all(["help", "lease", "nonsense"].map(async command => (await rig.exec(command)).text))
        assert.equal(program.stdout, ["", answers[0], "", answers[1], answers[2], ""].join("tuplephone> "))
        assert.equal(program.said(), "")
    })

    it("keeps the board's log apart from the answers", async () => {
        // text before each packet, with and without an end, in characters of several bytes
        let n = 0
        line.distort = packet => Buffer.concat([Buffer.from(`[${++n}] l\u00f6g${n % 3 ? "\n" : ""}`), packet])
        const quiet = await exec("help")
        assert.deepEqual(quiet, { status: 0, stdout: await rig.run("help"), said: "" })
        const verbose = await exec("help", "--verbose")
        assert.deepEqual([verbose.status, verbose.stdout], [0, quiet.stdout])
        const logged = verbose.said.split("\n").slice(0, -1)
        assert.ok(logged.length > 10, verbose.said)
        for (const text of logged) assert.match(text, /^board: (\[\d+\] l\u00f6g)+$/)
    })

    it("finds the packets in garbage", async () => {
        const random = seededRandom(1)
        const noise = () => Buffer.from(Array.from({ length: 50 }, () => Math.floor(random() * 256)))
        line.distort = packet => Buffer.concat([noise(), packet])
        const { status, stdout } = await exec("help; lease -j")
        assert.deepEqual([status, stdout], [0, (await rig.run("help")) + (await rig.run("lease -j"))])
    })

    it("says when a part of an answer is lost, and goes on", async () => {
        let cut = 0
        // some of them are in one packet
        const help = /netstat|sockets|neighbours|hangup/
        line.distort = packet => (help.test(packet.toString("latin1")) && cut++ === 0 ? packet.subarray(0, 30) : packet)
        const program = run("--serial", line.path)
        program.input("help\narp\n")
        assert.equal(await program.ended, 0)
        assert.ok(cut > 0)
        assert.match(program.stdout, /^error: a part of the answer was lost on the line; run the command again\ntuplephone> address /m)
    })

    it("says when the end of an answer may be lost", async () => {
        // short, so that it is in one packet; what tells the end is in the same packet or in the next one
        const last = Buffer.from("for\n")
        let lost = false
        line.distort = packet => {
            if (lost) return Buffer.alloc(0)
            const at = packet.indexOf(last)
            lost = at >= 0
            return lost ? Buffer.concat([packet.subarray(0, at), packet.subarray(at + 1)]) : packet
        }
        const program = run("--serial", line.path, "--exec", "help")
        await until("a notice", () => program.said(), PATIENCE)
        assert.match(program.said(), /^the line has damaged a packet; if an answer does not end, press Ctrl-C and run its command again\n$/)
        program.signal("SIGINT")
        assert.equal(await program.ended, 130)
    })

    it("says when the board is unplugged", async () => {
        const other = await open(rig.phone["bus"].jacdac)
        const program = run("--serial", other.path, "--exec", "calls -j; sleep 600")
        await until("an answer", () => program.stdout.endsWith("\n"), PATIENCE)
        await other.unplug()
        assert.equal(await program.ended, 1)
        assert.equal(
            program.said(),
            `error: ${other.path} is gone: the board was unplugged or has restarted; plug it in and start the console again\n`
        )
    })

    it("says when the phone has restarted", async () => {
        const program = run("--serial", line.path, "--exec", "calls -j; sleep 600")
        await until("an answer", () => program.stdout.endsWith("\n"), PATIENCE)
        const bus = rig.phone["bus"].jacdac
        let announced = false
        const again = (frame: Uint8Array) => {
            const announcement = Buffer.from(frame)
            if (announced || announcement.length < 24 || announcement.readUInt32LE(20) !== CONSOLE_CLASS) return
            announced = true
            // the lowest four bits count the announcements since the start
            announcement[16] = (announcement[16]! & 0xf0) | 1
            announcement.writeUInt16LE(crc(announcement.subarray(2)))
            line.send(announcement)
        }
        bus.on(FRAME_PROCESS, again)
        assert.equal(await program.ended, 1)
        bus.off(FRAME_PROCESS, again)
        assert.equal(program.said(), "error: the phone has restarted; run the command again\n")
    })

    it("goes on when it was stopped for longer than a bus waits for a device", async () => {
        const stopped = run("--serial", line.path, "--exec", "calls -j; sleep 1; help; help")
        await until("an answer", () => stopped.stdout.includes("\n"), PATIENCE)
        stopped.signal("SIGSTOP")
        await sleep(STOPPED)
        stopped.signal("SIGCONT")
        assert.equal(await stopped.ended, 0, stopped.said())
        assert.ok(stopped.stdout.endsWith((await rig.run("help")).repeat(2)), stopped.stdout)
    })

    it("says when the phone falls silent", async () => {
        const program = run("--serial", line.path, "--exec", "calls -j; sleep 600")
        await until("an answer", () => program.stdout.endsWith("\n"), PATIENCE)
        line.distort = () => Buffer.alloc(0)
        assert.equal(await program.ended, 1)
        assert.match(program.said(), /^error: [^\n]+\n$/)
        assert.match(program.said(), /the line was interrupted; run the command again|does not answer any more; reset the board/)
    })

    it("says when there is no phone on the port", async () => {
        const statuses = await Promise.all(searching.map(program => program.ended))
        assert.deepEqual(statuses, [1, 1])
        assert.equal(searching[0]!.said(), `error: there is nothing Jacdac on ${dead.path}; is it a Tuplephone? Flash it: docs/boards.md\n`)
        assert.equal(
            searching[1]!.said(),
            `error: there is Jacdac on ${strange.path}, but no Tuplephone with a console; deploy the firmware: docs/boards.md\n`
        )
    })

    it("says what is wrong with a port", async () => {
        const user = run("--serial", line.path, "--exec", "calls -j; sleep 600")
        await until("an answer", () => user.stdout.endsWith("\n"), PATIENCE)
        const wrong: [path: string, says: string][] = [
            ["/dev/tuplephone-is-not-here", "there is no /dev/tuplephone-is-not-here; --list shows the serial ports"],
            ["/dev/null", "/dev/null is no serial port; --list shows them"],
            [line.path, `${line.path} is in use; end the program that has it, such as another console or devs devtools`],
        ]
        for (const [path, says] of wrong) {
            const program = run("--serial", path, "--exec", "help")
            assert.equal(await program.ended, 1)
            assert.deepEqual([program.stdout, program.said()], ["", `error: ${says}\n`])
        }
        user.signal("SIGINT")
        assert.equal(await user.ended, 130)
    })

    it("lists the ports of the machine", async () => {
        const program = run("--list", "--json")
        assert.equal(await program.ended, 0, program.stderr)
        assert.match(program.stdout, /^\[.*\]\n$/)
        for (const port of JSON.parse(program.stdout) as Record<string, unknown>[]) {
            assert.ok(typeof port.path === "string" && existsSync(port.path))
            assert.equal(typeof port.likely, "boolean")
        }
    })

    it("keeps events apart from answers in a pipe", async () => {
        const { status, stdout, said } = await exec("call 10.77.0.2:9; sleep 2")
        assert.equal(status, 0)
        assert.match(stdout, /^call \d+ is up: [^\n]+\n$/)
        assert.match(said, /^call \d+ has ended: nobody listens on that port\n$/)
    })

    it("needs no udev, which a minimal system does not have", () => {
        for (const args of [["--list"], ["--list", "--json"], []]) {
            const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "sim/console.ts", ...args], {
                cwd: PROJECT,
                env: { ...process.env, PATH: "/var/empty" },
                input: "",
                encoding: "utf8",
            })
            // whatever this machine has: an answer, or what is wrong in one line
            assert.doesNotMatch(stdout + stderr, /ENOENT|udevadm|^ +at /m)
            assert.match(
                stdout + stderr,
                /^(\/dev\/\S+|\[.*\]|there is no serial port; .+|looking for the phone on .+|error: (there is no serial port|there are \d+ ports|none of the serial ports).+)\n/
            )
        }
    })

    it("completes, colours and remembers at a terminal", async () => {
        const program = terminal(["--serial", line.path], 60)
        await program.shows(PROMPT, PATIENCE)
        await program.completes("ifc", /^onfig /)
        program.type("\r")
        const listing = (await program.shows(PROMPT)).split("\r\n").filter(Boolean)
        assert.ok(
            listing.some(text => /\x1b\[1mname\x1b\[22m/.test(text)),
            "the titles are bold"
        )
        // as records where it is too wide, with nothing left out
        for (const text of listing) assert.ok(withoutControls(text).trimStart().length <= 60, JSON.stringify(text))
        const letters = withoutControls(listing.join("")).replace(/\s/g, "")
        assert.ok(letters.includes("expires") && letters.includes("sockets"), letters)
        // each command of the phone is completed, whatever it is called
        const commands = (await rig.run("help"))
            .split("\n")
            .filter(text => /^\w/.test(text))
            .map(text => text.split(" ")[0]!)
        for (const command of commands) {
            // one that is the beginning of another is not sure
            if (commands.some(other => other !== command && other.startsWith(command))) continue
            await program.completes(command, /^ /)
            program.type("\x15")
            await program.shows(PROMPT)
        }
        await program.completes("lease rel", /^ease /)
        await program.completes("t", /^p0 /)
        program.type("\r")
        await program.shows(/tp0: released/)
        await program.shows(PROMPT)
        await program.completes("call 10.77.0.2:4000 --co", /^dec /)
        await program.completes("p", /^cm/)
        program.type("\t")
        await program.shows(/pcmu +pcma/)
        program.type("\x15nonsense\r")
        await program.shows(/\x1b\[31merror: there is no command nonsense; help lists them/)
        await program.shows(PROMPT)
        program.type("\x1b[A\x1b[A\r")
        await program.shows(/lease release tp0/)
        program.type("\x04")
        assert.equal(await program.ended, 0)
        assert.deepEqual(readFileSync(join(folder, "tuplephone/history"), "utf8").split("\n"), [
            "ifconfig",
            "lease release tp0",
            "nonsense",
            "lease release tp0",
            "",
        ])
        await rig.run("lease renew tp0")
        await rig.hasAddress()

        const next = terminal(["--serial", line.path])
        await next.shows(PROMPT, PATIENCE)
        next.type("\x1b[A\x1b[A")
        await next.shows(/nonsense/)
        // the first cancels the line, the next two leave
        next.type("\x03")
        await next.shows(PROMPT)
        next.type("\x03")
        await next.shows(/Ctrl-C again/)
        next.type("\x03")
        assert.equal(await next.ended, 0)
    })

    it("ends commands with Ctrl-C, and shows events above the line that is being typed", async () => {
        const program = terminal(["--serial", line.path])
        await program.shows(PROMPT, PATIENCE)
        program.type("sleep 600\r")
        await program.shows(/sleep 600\r/)
        program.type("\x03")
        await program.shows(/\^C\r\n/)
        await program.shows(PROMPT)
        // nobody has this address
        program.type("ping 10.77.0.240 100\r")
        await program.shows(/no answer \(1\)/)
        program.type("\x03")
        await program.shows(/\d+ sent, \d+ answered/)
        await program.shows(PROMPT)
        program.type("call 10.77.0.2:9\r")
        await program.shows(/call (\d+) is up/)
        const event = await program.shows(/call \d+ has ended: [^\r]+\r\n/)
        assert.match(withoutControls(event), /nobody listens/)
        await program.shows(PROMPT)
        program.type("exit\r")
        assert.equal(await program.ended, 0)
    })
})
