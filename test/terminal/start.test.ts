/** The program that a user starts: what it prints, how it fails, how it ends. */
import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { buildFirmware } from "../../sim/firmware.js"
import { family, isAlive, isLinux, isRefused, listening } from "../support/processes.js"
import { until } from "../support/rig.js"
import { SAMPLE_RATE, fromWav, likePieces, repeated, speech, toWav } from "../support/speech.js"
import { Started } from "../support/started.js"

const ECHO1 = "10.77.0.2:4000"
let folder: string

const started: Started[] = []
function start(...args: string[]): Started {
    // what a killed program leaves goes with our folder
    const program = new Started(args, { TMPDIR: folder })
    started.push(program)
    return program
}

describe("the program", { concurrency: 2 }, () => {
    before(async () => {
        folder = mkdtempSync(join(tmpdir(), "tuplephone-test-"))
        await buildFirmware(() => {})
    })
    after(async () => {
        for (const program of started)
            if (isAlive(program.pid)) {
                program.interrupt()
                await program.ended
            }
        rmSync(folder, { recursive: true, force: true })
    })

    it("runs commands, prints their answers alone, and ends with 0", async () => {
        const capture = join(folder, "exec.pcap")
        const program = start("--pcap", capture, "--exec", "ping 10.77.0.2 1; ifconfig -j")
        assert.equal(await program.ended, 0, program.stderr + program.stdout)
        const lines = program.stdout.split("\n")
        assert.match(lines[0], /^10\.77\.0\.2: seq=1 time=\d+ ms$/)
        assert.equal(lines[1], "1 sent, 1 answered")
        assert.equal(JSON.parse(lines[2])[0].source, "common")
        assert.deepEqual(lines.slice(3), [""])
        assert.ok(statSync(capture).size > 24)
    })

    it("runs all commands, and ends with 1 if one of them fails", async () => {
        const program = start("--exec", "sleep 0; nonsense; ifconfig -j")
        assert.equal(await program.ended, 1)
        const lines = program.stdout.split("\n")
        assert.match(lines[0], /^error: there is no command nonsense; /)
        assert.equal(JSON.parse(lines[1])[0].source, "common")
    })

    for (const [what, args, says] of [
        ["an impossible LAN", ["--lan", "udp://x:1"], /--lan.*tcp:\/\/HOST:PORT/],
        ["an impossible number of phones", ["--phones", "0"], /--phones.*1 to/],
        ["an option that is none", ["--bogus"], /unknown option '--bogus'/],
        [
            "a setting that is none, without its value",
            ["--setting", "PASWORD=mum"],
            /'PASWORD=\.\.\.' is invalid\. There is no setting PASWORD; there are POOL/,
        ],
        [
            "a setting of a phone that is not there",
            ["--phones", "2", "--setting", "@3:PASSWORD=mum", "--exec", "help"],
            /^error: there is no phone 3 for --setting @3:PASSWORD; there are 2 \(--phones\)$/m,
        ],
        [
            "a capture in a folder that is not there",
            ["--pcap", join(tmpdir(), "no such folder", "x.pcap"), "--exec", "help"],
            /cannot write the capture file .*folder/,
        ],
        [
            "a recording in a folder that is not there",
            ["--speaker", join(tmpdir(), "no such folder", "x.wav"), "--exec", "help"],
            /^error: .*no such folder.x\.wav cannot be written \(ENOENT\)$/m,
        ],
        [
            "a sound that is not there",
            ["--mic", join(tmpdir(), "no such sound.wav"), "--exec", "help"],
            /cannot be read \(ENOENT\); give a WAV/,
        ],
        ["a sound that is none", ["--mic", "package.json", "--exec", "help"], /package\.json is no WAV file that can be read/],
        [
            "a capture of another LAN",
            ["--pcap", join(tmpdir(), "x.pcap"), "--lan", "tcp://127.0.0.1:1", "--exec", "help"],
            /--pcap captures the embedded LAN/,
        ],
    ] as [string, string[], RegExp][])
        it(`refuses ${what}`, async () => {
            const program = start(...args)
            assert.equal(await program.ended, 1)
            assert.match(program.stderr, says)
            assert.equal(program.stderr.split("\n").filter(line => /^error: /.test(line)).length, 1, program.stderr)
            assert.equal(program.stdout, "")
        })

    it("says so in time when there is no LAN at that port", async () => {
        // a port that was free a moment ago
        const server = createServer()
        const port = await new Promise<number>(resolve =>
            server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
        )
        await new Promise(resolve => server.close(resolve))
        const begin = performance.now()
        const program = start("--lan", `tcp://127.0.0.1:${port}`, "--exec", `call ${ECHO1}`)
        assert.equal(await program.ended, 1)
        assert.ok(performance.now() - begin < 30_000)
        const said = (program.stdout + program.stderr).split("\n").filter(line => /^error: /.test(line))
        assert.equal(said.length, 1)
        assert.match(said[0], /LAN/)
        assert.ok(said[0].includes(`127.0.0.1:${port}`), `it must name the LAN that was asked for: ${said[0]}`)
    })

    it("writes what the handset hears, says what its microphone hears, and plays it where something can", async () => {
        const [said, heard, bin] = [join(folder, "said.wav"), join(folder, "heard.wav"), join(folder, "bin")]
        writeFileSync(said, toWav(repeated(await speech(), 4)))
        mkdirSync(bin)
        // in the place of a program that would need a sound card
        writeFileSync(join(bin, "aplay"), `#!/bin/sh\nexec cat > "${join(folder, "played.raw")}"\n`, { mode: 0o755 })
        const args = ["--mic", said, "--speaker", heard, "--listen", "--exec", `call ${ECHO1} --play handset --seconds 4`]
        const program = new Started(args, { TMPDIR: folder, PATH: `${bin}:${process.env.PATH}` })
        started.push(program)
        assert.equal(await program.ended, 0, program.stderr + program.stdout)
        assert.match(program.stderr, /heard\.wav: \d\.\d s$/m)
        const sound = fromWav(readFileSync(heard))
        assert.ok(sound.length > 3.5 * SAMPLE_RATE)
        const like = likePieces(sound.subarray(SAMPLE_RATE, -SAMPLE_RATE / 2), await speech(), 0.9)
        // on a machine that is busy much of it is made up; what is heard exactly is for the tests in simulated time
        assert.ok(like > 0.1, `${like} of ${sound.length / SAMPLE_RATE} s`)
        assert.ok(statSync(join(folder, "played.raw")).size > 6 * SAMPLE_RATE)
    })

    it("runs twice at the same time", async () => {
        const programs = [1, 2].map(() => start("--exec", `call ${ECHO1} --seconds 2; calls -j`))
        for (const program of programs) {
            assert.equal(await program.ended, 0, program.stderr)
            const [call] = JSON.parse(program.stdout.trim().split("\n").at(-1)!)
            assert.deepEqual([call.txFrames, call.lost], [100, 0])
        }
    })

    it("runs two phones on one LAN", async () => {
        const program = start("--phones", "2", "--exec", "@2 ping 10.77.0.2 1; @1 ifconfig -j; @2 ifconfig -j; @3 help")
        assert.equal(await program.ended, 1)
        const lines = program.stdout.trim().split("\n")
        const [one, two] = lines.slice(2, 4).map(line => JSON.parse(line)[0])
        assert.notEqual(one.mac, two.mac)
        assert.notEqual(one.address, two.address)
        assert.match(program.stderr, /^error: there is no phone 3; /m)
    })

    it("has two phones ring one another, from one line of commands", async () => {
        const program = start(
            ...["--phones", "2", "--setting", "@2:PLAY=speech", "--exec"],
            "@1 call sip:@2 --seconds 3 & sleep 1; @2 calls -j; @2 answer; @2 calls; ifconfig -j"
        )
        assert.equal(await program.ended, 0, program.stderr + program.stdout)
        const lines = program.stdout.trim().split("\n")
        const [ringing] = JSON.parse(lines[0]!)
        assert.deepEqual([ringing.state, ringing.direction], ["ringing", "in"])
        const up = lines.filter(line => /^call 1 is up: /.test(line))
        assert.equal(up.length, 2)
        const table = lines.findIndex(line => /^id .* direction {2}peer/.test(line))
        assert.match(lines[table + 1]!, / up .* in +sip:\S+@10\.77\.0\.\d+$/)
        const address = JSON.parse(lines.find(line => line.startsWith('[{"name"'))!)[0].address
        assert.ok(ringing.peer.endsWith(`@${address}`), ringing.peer)
        // the run waits for the end of the call
        assert.match(lines.at(-1)!, /^call 1 has ended: 150 frames sent/)
        const events = program.stderr.split("\n").filter(line => line.startsWith("phone "))
        assert.deepEqual(events, [`phone 2: call 1 from ${ringing.peer} rings`, "phone 2: call 1 has ended: the other side has hung up"])
    })

    it("ends with 1 if a command fails beside others, and runs them all", async () => {
        const program = start("--exec", "sleep 2 &; nonsense & uptime; ifconfig -j")
        assert.equal(await program.ended, 1)
        assert.match(program.stdout, /^error: there is no command nonsense/m)
        assert.match(program.stdout, /^up \d+ s$/m)
        assert.match(program.stdout, /^\[\{/m)
    })

    it("has an account for each phone, and says nothing of a password", async () => {
        const program = start(
            ...[
                "--verbose",
                "--phones",
                "2",
                "--setting",
                "PASSWORD=hush-hush",
                "--setting",
                "@2:PASSWORD=mum",
                "--setting",
                "EXPIRES=700",
            ],
            ...["--setting", "@1:ACCOUNT=sip:alice@10.77.0.2", "--setting", "@2:ACCOUNT=sip:bob@10.77.0.3", "--setting", "@2:PLAY=horn"],
            ...["--exec", "sip -j; @2 sip -j; stats; sip"]
        )
        assert.equal(await program.ended, 0, program.stderr + program.stdout)
        const [one, two] = program.stdout.split("\n").map(line => line.startsWith("[") && JSON.parse(line)[0])
        assert.deepEqual([one.uri, two.uri], ["sip:alice@10.77.0.2", "sip:bob@10.77.0.3"])
        assert.deepEqual([one.registrar, two.registrar], ["sip:10.77.0.2", "sip:10.77.0.3"])
        assert.match(program.stdout, /^uri +registrar +state +expiresIn$/m)
        assert.match(program.stderr, /^phone 2: settings: PLAY is horn: .*; PLAY=tone is in force$/m)
        assert.doesNotMatch(program.stderr, /^phone 1: settings:/m)
        assert.doesNotMatch(program.stdout + program.stderr, /hush-hush|mum/)
    })

    it("shows two calls and leaves a prompt, which ends with the input", async () => {
        const program = start()
        await until("the prompt", () => program.stdout.includes("help lists the commands"), 30_000)
        assert.match(program.stdout, /call 1 is up[^]*call 2 is up/)
        program.endInput()
        assert.equal(await program.ended, 0, program.stderr)
    })

    for (const signal of ["Ctrl-C", "being killed"])
        it(`leaves no process and no port after ${signal}`, { skip: isLinux ? false : "needs /proc" }, async () => {
            const program = start("--exec", `call ${ECHO1}; sleep 600`)
            await until("the call", () => program.stdout.includes("is up"), 30_000)
            const pids = family(program.pid)
            const ports = listening(pids)
            assert.ok(pids.length >= 2, `processes ${pids}`)
            assert.ok(ports.length >= 2, `ports ${ports}`)
            if (signal === "Ctrl-C") program.interrupt()
            // the launcher and its parent, but not the VM, which must notice by itself
            else process.kill(-program.pid, "SIGKILL")
            const code = await program.ended
            if (signal === "Ctrl-C") assert.equal(code, 130, program.stderr)
            await until("every process has ended", () => !pids.some(isAlive))
            for (const port of ports) assert.ok(await isRefused(port), `port ${port} is still open`)
        })
})
