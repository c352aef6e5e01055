/** `npm run bench`: that it measures what it says, and says it as documented. How fast anything is, is not tested. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { Firmware } from "../../bench/peers/contenders.js"
import { CALLS, frameFor, MAC, PEER, PEER_PORT, PORT, Voice } from "../../bench/frames.js"
import { startMicroPython } from "../../bench/peers/micropython.js"
import type { Peer } from "../../bench/peers/peer.js"
import { startQuickJs } from "../../bench/peers/quickjs.js"
import { type Row, rowAgainst, rowOf } from "../../bench/suite.js"
import { tableOf } from "../../bench/table.js"
import { verify } from "../../bench/peers/verify.js"
import { PROJECT } from "../../sim/firmware.js"
import { leftovers } from "../support/leftovers.js"

const TIMEOUT = 240_000

interface Outcome {
    code: number | null
    out: string
    err: string
}

/** @param folder for its temporary files */
async function bench(folder: string, ...args: string[]): Promise<Outcome> {
    const child = spawn(process.execPath, ["--import", "tsx", "bench/main.ts", ...args], {
        cwd: PROJECT,
        env: { ...process.env, TMPDIR: folder },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: TIMEOUT,
    })
    const outcome = { code: null as number | null, out: "", err: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => (outcome.out += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (outcome.err += text))
    outcome.code = await new Promise(resolve => child.on("close", resolve))
    return outcome
}

describe("npm run bench", () => {
    let folder: string
    before(() => void (folder = mkdtempSync(join(tmpdir(), "tuplephone-test-"))))
    after(() => rmSync(folder, { recursive: true, force: true }))

    it("measures the suites that are named, as one JSON document, and leaves nothing behind", { timeout: TIMEOUT }, async () => {
        const { code, out, err } = await bench(folder, "frame", "demux", "--runs", "1", "--quick", "--json")
        const document = JSON.parse(out)
        assert.equal(document.runs, 1)
        assert.deepEqual(
            document.suites.map((s: { name: string }) => s.name),
            ["frame", "demux"],
            err
        )
        for (const suite of document.suites) {
            const rows = suite.rows as Row[]
            const names = rows.map(r => r.name)
            assert.equal(new Set(names).size, names.length, `two rows of ${suite.name} have one name`)
            for (const row of rows) {
                assert.ok(
                    Number.isFinite(row.value) && row.least <= row.value && row.value <= row.greatest && row.runs === 1,
                    JSON.stringify(row)
                )
                assert.ok(row.against === undefined || names.includes(row.against), `${row.name} is measured against ${row.against}`)
            }
        }
        // all three did the same work before they were timed
        assert.match(err, /^frame: [1-9]\d* frames sent and [1-9]\d* received alike by the firmware, MicroPython, QuickJS$/m)
        const budgets = (document.suites[0].rows as Row[]).flatMap(r => r.budget ?? [])
        assert.deepEqual(
            budgets.map(b => b.text),
            ["at most 120,000 instructions"]
        )
        assert.equal(code, budgets.every(b => b.met) ? 0 : 1)
        assert.deepEqual(leftovers(folder), [])
    })

    it("names the suites that there are if one is unknown", { timeout: TIMEOUT }, async () => {
        const { code, out, err } = await bench(folder, "frame", "nonsense")
        assert.equal(code, 1)
        assert.equal(out, "")
        assert.match(err, /^error: there is no suite nonsense; there are .*\bframe, demux\b/)
    })
})

describe("the peers", () => {
    /** A peer that lets one thing pass. */
    const careless = (peer: Peer, chunk: (c: Uint8Array) => Uint8Array, sent: (f: Uint8Array) => Uint8Array): Peer => ({
        ...peer,
        receive: (c, clock) => peer.receive(chunk(c), clock),
        send: n => peer.send(n).map(sent),
    })

    const silence = () => {}

    async function differ(peer: Peer, what: RegExp): Promise<void> {
        const firmware = await Firmware.start()
        try {
            await assert.rejects(verify(firmware, [peer], silence), what)
        } finally {
            await firmware.vm.stop()
            peer.stop()
        }
    }

    it("are found out if they save a check", { timeout: TIMEOUT }, async () => {
        // sees no wrong UDP checksum, since it sees none
        const blind = careless(
            await startMicroPython(),
            c => (c[16] === 0x45 ? Buffer.from(c).fill(0, 42, 44) : c),
            f => f
        )
        await differ(blind, /^Error: MicroPython and the firmware differ in the figures of call 2/)
    })

    it("are found out if they send other octets", { timeout: TIMEOUT }, async () => {
        const dumb = careless(
            await startQuickJs(),
            c => c,
            f => Buffer.from(f).fill(0, 60, 61)
        )
        await differ(dumb, /^Error: QuickJS and the firmware differ in frame 0 sent/)
    })
})

describe("a frame of the benchmarks", () => {
    it("is voice for its call", () => {
        const frame = frameFor(3, new Voice(3, 7).packet())
        assert.equal(frame.length, 216)
        assert.equal(frame.readUInt16BE(0), 214)
        assert.equal(frame.subarray(2, 8).toString("hex"), MAC.replace(/:/g, ""))
        assert.deepEqual([...frame.subarray(28, 36)], [...PEER.split(".").map(Number), 10, 77, 0, 54])
        assert.deepEqual([frame.readUInt16BE(36), frame.readUInt16BE(38), frame.readUInt16BE(46)], [PEER_PORT, PORT, 7])
        assert.equal(CALLS, 8)
    })
})

describe("a table", () => {
    it("fits 80 columns and tells median, range, ratio and budget", () => {
        const base = rowOf("the other one", "us", [4, 2, 9])
        const row = rowAgainst("x".repeat(90), "us", [2, 4, 18], base.name, [4, 2, 9])
        assert.deepEqual([row.value, row.least, row.greatest, row.ratio], [4, 2, 18, 2])
        const text = tableOf("A title", [base, { ...row, budget: { text: "as fast ".repeat(12).trim(), met: false, missedBy: "twice" } }])
        for (const line of text.split("\n")) assert.ok(line.length <= 80, line)
        assert.match(text, /the other one +4\.00 us +2\.00-9\.00/)
        assert.match(text, /2\.00 times the other one/)
        assert.match(text, /MISSED by\s+twice/)
    })
})
