/**
 * The blocks of README that need root and Debian's packages, as they stand, at a terminal, in a namespace of their own which
 * ends whatever they have started. The others are in `test/terminal/readme.test.ts`.
 */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { rmSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import wavefile from "wavefile"
import { PROJECT } from "../../sim/firmware.js"
import { Bash } from "../support/bash.js"
import { blocksOf } from "../support/documentation.js"
import { copyProject } from "../support/project-copy.js"
import { SAMPLE_RATE, likeness, speech } from "../support/speech.js"

const NAMESPACE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
/** Seconds of a call that must have been heard of 8. */
const HEARD = 7.5
/** Milliseconds: without a BYE ffmpeg waits for a minute. */
const GOODBYE = 30_000

const shell = blocksOf("README.md").filter(({ language }) => language === "sh")

describe("README on a real LAN", () => {
    let folder: string
    let bash: Bash

    before(async () => {
        folder = copyProject()
        symlinkSync(join(PROJECT, "node_modules"), join(folder, "node_modules"))
        bash = new Bash(folder, { within: NAMESPACE, env: { XDG_STATE_HOME: join(folder, "state") } })
        await bash.ready()
        await bash.run("ip link set lo up")
    })
    after(() => {
        bash?.kill()
        rmSync(folder, { recursive: true, force: true })
    })

    const captures = shell.flatMap(({ note, text }) => (note === "debian" ? [] : text.split("\n").filter(line => line.includes("--pcap"))))
    it("has a capture to look at", async () => void (await bash.run(captures.join("\n"))))

    for (const { text } of shell.filter(({ note }) => note === "debian")) {
        it(`runs: ${text.split("\n")[0]}`, async () => {
            const printed = await bash.run(text)
            // each stream with the packets that it lost
            if (text.includes("rtp,streams")) assert.match(printed, /10\.77\.0\.5\d\s+5004\s+10\.77\.0\.2\s+4000\s.* 0 \(0\.0%\)/)
        })
        if (text.includes("ffmpeg -nostdin"))
            it("has the call in call.wav as soon as it is over", async () => {
                bash.type("while jobs %ffmpeg 2>/dev/null | grep -q Running; do sleep 0.1; done\r")
                await bash.shows(/ready 0\$ /, GOODBYE)
                const heard = new wavefile.WaveFile(await readFile(join(folder, "call.wav"))).getSamples(
                    false,
                    Int16Array
                ) as unknown as Int16Array
                assert.ok(heard.length >= HEARD * SAMPLE_RATE, `heard ${heard.length / SAMPLE_RATE} s`)
                assert.ok(likeness(heard, await speech()) > 0.99)
            })
    }

    it("has commands for a LAN, a call and a capture", () => assert.equal(shell.filter(({ note }) => note === "debian").length, 3))
})
