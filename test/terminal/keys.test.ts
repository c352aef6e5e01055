/** The prompt at a terminal and at a pipe, in front of a phone that is none: keys, typing ahead, events. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, afterEach, before, describe, it } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { Foreground } from "../../sim/terminal/foreground.js"
import { Bash } from "../support/bash.js"
import { type Screen, Terminal, withoutControls } from "../support/terminal.js"

const SCRIPT = "test/support/prompt.ts"
/** Milliseconds for the program to start. */
const PATIENCE = 30_000
/** The prompt with the cursor right behind it. */
const PROMPT = /tuplephone> \x1b\[13G/
const CTRL_C = "\x03"
const CTRL_D = "\x04"

describe("the prompt", { skip: process.platform === "win32" && "there are no pseudo-terminals" }, () => {
    let folder: string
    const started: Screen[] = []
    before(() => void (folder = mkdtempSync(join(tmpdir(), "tuplephone-prompt-"))))
    after(() => rmSync(folder, { recursive: true, force: true }))
    afterEach(() => started.splice(0).forEach(program => program.kill()))

    async function open(columns = 80, hint?: string, env: NodeJS.ProcessEnv = {}): Promise<Terminal> {
        const program = new Terminal(SCRIPT, hint === undefined ? [] : [hint], { columns, env: { XDG_STATE_HOME: folder, ...env } })
        started.push(program)
        await program.shows(PROMPT, PATIENCE)
        return program
    }

    /** Types, waits for the prompts of so many lines. @returns what the terminal shows of it */
    async function types(program: Terminal, keys: string, prompts: number): Promise<string> {
        program.type(keys)
        let shown = ""
        for (let i = 0; i < prompts; i++) shown += await program.shows(PROMPT)
        return withoutControls(shown)
    }

    it("cancels a line with Ctrl-C, wherever the cursor is", async () => {
        const program = await open()
        program.type("say half a line")
        await program.shows(/half a line/)
        program.type("\x1b[D\x1b[D\x1b[D")
        await program.shows(/\x1b\[1D|\x1b\[\d+G/)
        assert.match(await types(program, CTRL_C, 1), /\^C\ntuplephone> $/)
        // nothing of it is left, and what is pasted comes where the cursor is
        assert.match(await types(program, "say nw\x1b[De\r", 1), /said new\ntuplephone> $/)
    })

    it("ends with the second Ctrl-C on an empty line, and hints at that with the first", async () => {
        const program = await open()
        assert.match(await types(program, CTRL_C, 1), /^\^C\n\(Ctrl-C again, Ctrl-D or exit leaves\)\ntuplephone> $/)
        // something typed between makes it the first again
        await types(program, "say x\r", 1)
        assert.match(await types(program, CTRL_C, 1), /again/)
        program.type("y")
        await program.shows(/y/)
        await types(program, CTRL_C, 1)
        assert.match(await types(program, CTRL_C, 1), /again/)
        program.type(CTRL_C)
        await program.shows(/orderly/)
        assert.equal(await program.ended, 0)
    })

    for (const [what, keys] of [
        ["Ctrl-D", CTRL_D],
        ["exit", "exit\r"],
        ["quit", " quit \r"],
    ] as const)
        it(`ends with ${what}`, async () => {
            const program = await open()
            program.type(keys)
            await program.shows(/\r\norderly/)
            assert.equal(await program.ended, 0)
        })

    it("cancels a command with Ctrl-C, and waits for its last words", async () => {
        const program = await open()
        program.type("pause\r")
        await program.shows(/pausing/)
        assert.equal(await types(program, CTRL_C, 1), "\n^C\npaused\ntuplephone> ")
        // the phone is still there, and Ctrl-C is no end yet
        assert.match(await types(program, CTRL_C, 1), /again/)
        assert.match(await types(program, "say yes\r", 1), /said yes/)
    })

    it("says that a call was cancelled that was not up yet", async () => {
        const program = await open()
        program.type("call 10.77.0.240:4000\r")
        await program.shows(/4000[\r\n]+/)
        assert.equal(await types(program, CTRL_C, 1), "^C\nthe call was cancelled before it was up\ntuplephone> ")
        program.type("call 10.77.0.241:4000\r")
        await program.shows(/4000[\r\n]+/)
        assert.match(await types(program, CTRL_C + CTRL_C, 1), /the call is not waited for any more; [^]*hangup\ntuplephone> $/)
    })

    it("gives the prompt back with a second Ctrl-C, or after two seconds", async () => {
        const program = await open()
        for (const keys of [CTRL_C + CTRL_C, CTRL_C]) {
            program.type("stubborn 4000\r")
            await program.shows(/never/)
            assert.match(await types(program, keys, 1), /\^C\n(\^C\n)?the command goes on in the phone; .*\ntuplephone> $/)
        }
    })

    it("waits two seconds after Ctrl-C, or until the next one, for a command to end", async t => {
        t.mock.timers.enable({ apis: ["setTimeout"] })
        const patient = new Foreground()
        const done = patient.wait(new Promise(() => {}))
        patient.interrupt()
        assert.ok(patient.signal.aborted)
        t.mock.timers.tick(1999)
        assert.equal(patient.isLeft, false)
        t.mock.timers.tick(1)
        assert.equal(patient.isLeft, true)
        await done
        const hasty = new Foreground()
        hasty.interrupt()
        assert.equal(hasty.isLeft, false)
        hasty.interrupt()
        assert.equal(hasty.isLeft, true)
        await hasty.wait(new Promise(() => {}))
    })

    it("echoes each line that is typed ahead at its own prompt", async () => {
        const program = await open()
        const pasted = await types(program, "say one\rsay two\r\nsay three\rsay half", 3)
        assert.equal(pasted, "say one\nsaid one\ntuplephone> say two\nsaid two\ntuplephone> say three\nsaid three\ntuplephone> ")
        await program.shows(/say half/)
        assert.match(await types(program, " done\r", 1), /said half done/)
    })

    it("runs what was typed before the first prompt", async () => {
        const program = new Terminal(SCRIPT, ["", "begin"], { env: { XDG_STATE_HOME: folder } })
        started.push(program)
        program.type("say early\r")
        await program.shows(/begun/, PATIENCE)
        program.type("say late\r")
        await program.shows(/ready/)
        await program.shows(/said early/)
        await program.shows(/said late/)
        await program.shows(PROMPT)
    })

    it("forgets what was typed ahead at Ctrl-C", async () => {
        const program = await open()
        program.type("pause\r")
        await program.shows(/pausing/)
        program.type("say never\rsay nev")
        await types(program, `${CTRL_C}say this\r`, 2)
        assert.match(withoutControls(program.screen), /paused\ntuplephone> say this\nsaid this\ntuplephone> $/)
        assert.doesNotMatch(program.screen, /nev/)
    })

    it("completes at Tabs that come together, or right behind letters", async () => {
        const program = await open()
        program.type("p\t\t")
        assert.match(await program.shows(/pause/), /ping +pause/)
        program.type("\x15pau\t\r")
        await program.shows(/pausing/)
        await types(program, CTRL_C, 1)
    })

    it("completes its own commands, and those that help is asked about", async () => {
        const program = await open()
        await program.completes("ex", /^it /)
        program.type("\x15")
        await program.completes("qu", /^it /)
        program.type("\x15")
        await program.completes("help hang", /^up /)
    })

    it("lists exit with the phone's commands, and says what it does", async () => {
        const program = await open()
        assert.match(await types(program, "help\r", 1), /pause\n {4}wait\nexit\n {4}leave; so do quit, Ctrl-D/)
        const about = await types(program, "help exit\r", 1)
        assert.match(about, /exit\n {4}leave/)
        assert.doesNotMatch(about, /hangup/)
    })

    it("says that exit takes no arguments", async () => {
        const program = await open()
        assert.match(await types(program, "exit now\r", 1), /error: exit takes no arguments; type exit alone\ntuplephone> $/)
    })

    it("offers no address of a command that failed", async () => {
        const program = await open()
        await types(program, "wrong 10.9.9.1\r", 1)
        await types(program, "ping 10.9.9.2\r", 1)
        await program.completes("ping 1", /^0\.9\.9\.2 /)
    })

    it("shows an event above the line that is being typed, on however many rows", async () => {
        const program = await open(40)
        await types(program, "event call 3 has ended: the other side has nothing on that port\r", 1)
        const long = `say ${"abcdefghi ".repeat(6)}end`
        program.type(long)
        await program.shows(/end/)
        program.type("\x1b[D\x1b[D\x1b[D\x1b[D")
        // broken between words
        await program.shows(/call 3 has ended: the other side has\r\n {4}nothing on that port\r\n/)
        // it is not written over
        assert.doesNotMatch(await program.shows(/end/), /\x1b\[\d+A/)
        // the cursor is where it was
        program.type("X")
        assert.match(await types(program, "\r", 1), /said (abcdefghi\s+){5}abcdefghiX end\n/)
    })

    it("offers no call that an event has ended", async () => {
        const program = await open()
        await types(program, "calls\r", 1)
        await types(program, "event call 3 has ended: the other side has gone\r", 1)
        await program.shows(PROMPT)
        program.type("hangup \t\t")
        assert.doesNotMatch(withoutControls(await program.shows(/all +4/)), /3/)
    })

    it("lets no event tear a line", async () => {
        const program = await open()
        const lines = (await types(program, "torn\r", 1)).split("\n")
        assert.deepEqual(lines.sort(), ["torn", "tuplephone> ", "the first half, the second", "and more", "call 3 has ended"].sort())
    })

    it("answers a command that ends in & above the line that is being typed, in whole lines", async () => {
        const program = await open()
        assert.match(await types(program, "slow one &\r", 1), /^slow one &\ntuplephone> $/)
        program.type("say half")
        await program.shows(/say half/)
        const above = withoutControls(await program.shows(/no more\r\n[^]*half/))
        assert.match(above, /slow one, and the end\n[^]*say half[^]*no more\n[^]*say half$/)
        assert.match(await types(program, " of it\r", 1), /said half of it\n/)
    })

    it("obeys the next line while a command that ends in & runs, and tells of its error", async () => {
        const program = await open()
        program.type("nonsense &\r")
        await program.shows(/error: there is no command nonsense/)
        await program.shows(PROMPT)
        await types(program, "slow one &\r", 1)
        assert.match(await types(program, "say x\r", 1), /said x\n/)
        await program.shows(/slow one, and the end/)
        program.type("exit &\r")
        await program.shows(/error: exit takes no arguments; type exit alone/)
    })

    it("says nothing of a command that still runs when it is left", async () => {
        const program = await open()
        await types(program, "slow one &\r", 1)
        program.type("exit\r")
        assert.doesNotMatch(await program.shows(/orderly/), /slow one,/)
        assert.equal(await program.ended, 0)
        assert.doesNotMatch(program.screen, /slow one,/)
    })

    it("says that there is no such phone for a call to be placed to", async () => {
        const program = await open()
        assert.match(await types(program, "call sip:@2\r", 1), /error: there is no phone 2; there is 1 \(--phones\)\n/)
    })

    it("breaks what it says itself between words", async () => {
        for (const columns of [40, 60]) {
            const program = await open(columns, "help lists the commands, and a sentence that is longer than the terminal is wide goes on")
            for (const line of withoutControls(program.screen).split("\n")) assert.ok(line.length <= columns, line)
            assert.match(program.screen, /\r\n {4}\w/)
        }
    })

    it("leaves the terminal as it was, also when it was stopped between", async () => {
        /** Prints `icanon` or `-icanon`: a word that the line which is typed has not. */
        const LINE_MODE = "stty -a | grep -ow -e '-*ican[o]n'\r"
        const shell = new Bash(PROJECT, { columns: 80, env: { XDG_STATE_HOME: folder } })
        started.push(shell)
        shell.type(`${process.execPath} --import tsx ${SCRIPT}\r`)
        await shell.shows(PROMPT, PATIENCE)
        shell.type("say ha")
        await shell.shows(/say ha/)
        shell.type("\x1a")
        await shell.shows(/Stopped/)
        shell.type(LINE_MODE)
        await shell.shows(/[\r\n]icanon/)
        shell.type("fg\r")
        await shell.shows(/tuplephone> say ha/)
        shell.type("ppy\r")
        await shell.shows(/said happy/)
        await shell.shows(PROMPT)
        // each key is seen at once again
        await shell.completes("hang", /^up /)
        shell.type("\x15")
        shell.type(`${CTRL_D}`)
        await shell.shows(/orderly/)
        shell.type(LINE_MODE)
        await shell.shows(/[\r\n]icanon/)
    })

    describe("in a pipe", () => {
        /** @param together whether both outputs go to one pipe, as with `2>&1` */
        async function piped(input: string, together = false): Promise<{ stdout: string; stderr: string; status: number | null }> {
            const command = `exec "${process.execPath}" --import tsx ${SCRIPT} ${together ? "2>&1" : ""}`
            const child = spawn("sh", ["-c", command], { cwd: PROJECT })
            let stdout = ""
            let stderr = ""
            child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
            child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
            child.stdin.end(input)
            const status = await new Promise<number | null>(resolve => child.on("close", resolve))
            return { stdout, stderr, status }
        }

        it("keeps events apart from answers", async () => {
            const { stdout, stderr, status } = await piped("torn\nsay x\n")
            assert.equal(stdout, "tuplephone> the first half, the second\nand more\ntuplephone> said x\ntuplephone> orderly\n")
            assert.deepEqual([stderr, status], ["call 3 has ended\n", 0])
        })

        it("lets no event tear a line where both go to one place", async () => {
            const { stdout } = await piped("torn\n", true)
            assert.equal(stdout, "tuplephone> the first half, the second\ncall 3 has ended\nand more\ntuplephone> orderly\n")
        })

        it("lets no command that runs beside others tear a line", async () => {
            // the torn line begins before the other one, and ends after it
            const { stdout } = await piped("slow one &\nslow two\n")
            assert.equal(
                stdout,
                "tuplephone> tuplephone> slow two, and the end\nslow one, and the end\nno more\nno more\ntuplephone> orderly\n"
            )
        })

        it("ends at exit", async () => {
            const { stdout, status } = await piped("say x\nexit\nsay y\n")
            assert.deepEqual([stdout, status], ["tuplephone> said x\ntuplephone> orderly\n", 0])
        })
    })
})
