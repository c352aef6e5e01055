/** The benchmarks of the whole firmware measure what they say. How much it is, no test may depend on. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { callsSuite, withoutFault } from "../../bench/suites/calls.js"
import { departuresOf } from "../../bench/lan/departures.js"
import { greatest, hasRoom, heapSuite, type Told } from "../../bench/suites/heap.js"
import { suite as image } from "../../bench/suites/image.js"
import type { Row, Suite } from "../../bench/suite.js"
import { Rig, until } from "../support/rig.js"

const PROBE = fileURLToPath(new URL("../../bench/vm/heap-probe.cjs", import.meta.url))

/** Runs a suite once and sees that each row can be printed and compared. */
async function once(suite: Suite): Promise<Map<string, Row>> {
    const rows = await suite.run({ runs: 1, progress: () => {} })
    assert.ok(rows.length > 0)
    const byName = new Map(rows.map(row => [row.name, row]))
    assert.equal(byName.size, rows.length, "two rows have one name")
    for (const { name, unit, value, runs, least, greatest, ratio, against, budget } of rows) {
        assert.deepEqual([runs, least, greatest], [1, value, value], name)
        assert.ok(Number.isFinite(value) && value >= 0 && unit.length > 0, `${name}: ${value} ${unit}`)
        if (against !== undefined) {
            assert.ok(byName.has(against), `${name} is against ${against}, which is no row`)
            assert.ok(Math.abs(ratio! - value / byName.get(against)!.value) < 1e-9, name)
        }
        if (budget) assert.equal(budget.missedBy === undefined, budget.met, name)
    }
    return byName
}

describe("calls", () => {
    it("takes the time of each frame from the earliest of its call", () => {
        const call = (first: number, times: number[], skipped = 0) =>
            times.map((at, n) => ({ at, timestamp: (first + 160 * (n > 1 ? n + skipped : n)) >>> 0 }))
        // in the first, the third frame is 26 ms late; the second leaves three out, and its timestamp overflows
        const calls = [call(0, [1000, 1021, 1066, 1061]), call(0xffffff80, [7.5, 27, 108], 3)]
        const { frames, late, lateBeyond, p50, worst } = departuresOf(calls, [{ from: 1035, ms: 10 }])
        // 5 ms of the pause lie between its time and its departure
        assert.equal(lateBeyond, 1)
        assert.equal(
            departuresOf(calls, [
                { from: 1035, ms: 10 },
                { from: 1036, ms: 8 },
            ]).lateBeyond,
            1,
            "what lies in both is one pause"
        )
        assert.equal(
            departuresOf(calls, [
                { from: 1035, ms: 6 },
                { from: 1036, ms: 20 },
            ]).lateBeyond,
            0,
            "the second goes on"
        )
        assert.equal(departuresOf(calls, [{ from: 1042, ms: 10 }]).lateBeyond, 0)
        assert.deepEqual([frames, late, worst], [7, 1, 26])
        assert.equal(p50, 1)
    })
    it("counts the calls up to the first fault", () => {
        const run = (late: number, lost: number) => [{ late, lost }]
        assert.equal(
            withoutFault(
                new Map([
                    [1, run(0, 0)],
                    [2, run(0, 0)],
                    [4, run(0, 1)],
                    [8, run(0, 0)],
                ]),
                0
            ),
            2
        )
        assert.equal(
            withoutFault(
                new Map([
                    [1, run(1, 0)],
                    [2, run(0, 0)],
                ]),
                0
            ),
            0
        )
        assert.equal(
            withoutFault(
                new Map([
                    [1, run(0, 0)],
                    [8, run(0, 0)],
                ]),
                0
            ),
            8
        )
    })
    it("gives its rows", async () => {
        const rows = await once(callsSuite(1, [1, 2]))
        assert.ok(rows.get("2 calls, worst late")!.value >= rows.get("2 calls, p99 late")!.value)
        // a machine that stands still for a moment makes the phone leave some out, but not most of 100
        for (const name of ["2 calls", "Node.js timers"]) assert.ok(rows.get(`${name}, lost`)!.value < 50, name)
        assert.ok([...rows.values()].some(row => row.budget))
    })
})

describe("heap", () => {
    it("finds the greatest number from any guess", async () => {
        for (let limit = -1; limit <= 12; limit++)
            for (let guess = 0; guess <= 12; guess++) assert.equal(await greatest(guess, 12, async n => n <= limit), limit)
    })
    it("sees that there is no room", async () => {
        assert.equal(await hasRoom(1, 48, 1), false)
    })
    it("reads the heap of the VM from outside", async () => {
        const rig = await Rig.start({ preload: [PROBE] })
        try {
            const told = () => {
                const line = rig.log.filter(text => text.startsWith("heap: ")).at(-1)
                return line === undefined ? undefined : (JSON.parse(line.slice("heap: ".length)) as Told)
            }
            const collected = async (times: number) => {
                const before = (await until("the heap's figures", told)).collections
                await until("collections", async () => {
                    await rig.calls()
                    return told()!.collections >= before + times
                })
                return told()!
            }
            const free = await collected(2)
            await rig.run("ballast 8 --whole")
            const held = await collected(2)
            const by = held.live - free.live
            // whatever the console keeps for the moment comes and goes
            assert.ok(Math.abs(by - 8 * 1024) < 2048, `8 KB more are ${by} bytes`)
            assert.ok(held.bytes - free.bytes > 24 * 1024)
        } finally {
            await rig.stop()
        }
    })
    it("gives its rows", async () => {
        const rows = await once(heapSuite(1, [1], 12, 12))
        assert.equal(rows.get("held back beside 1 call")!.value, 12)
        assert.ok(rows.get("allocated, 1 call")!.value > 0)
    })
})

describe("image", () => {
    it("knows what nearly all of it is", async () => {
        const rows = [...(await once(image)).values()]
        const isFunction = ({ name }: Row) => name.startsWith("function ")
        const [whole, code, ...parts] = rows.filter(row => !isFunction(row))
        const rest = parts.pop()!.value
        // what is counted twice makes it negative, what is forgotten makes it large
        assert.ok(rest > 0 && rest < whole.value / 50, `${rest} bytes are in no part`)
        const speech = parts.find(({ name }) => name === "data, speech")!.value
        assert.ok(speech > 0)
        assert.ok(code!.value > 0.6 * (whole.value - speech) && code!.value < whole.value - speech, `${code!.value} bytes of code`)
        const names = parts.map(({ name }) => name)
        for (const folder of ["base", "wire", "phy", "link", "ip", "dhcp", "address", "socket", "rtp", "voice", "telephone", "console"])
            assert.ok(names.includes(`code, src/${folder}/`), `nothing of src/${folder}/`)
        const sizes = rows.filter(isFunction).map(({ value }) => value)
        assert.equal(sizes.length, 25)
        assert.deepEqual(
            sizes,
            [...sizes].sort((a, b) => b - a),
            "the dearest come first"
        )
    })
})
