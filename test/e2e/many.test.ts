/** Two hundred calls one after the other with part of the heap held back: nothing may be left of any of them. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { BALLAST, PHY, Rig, until, type Stats } from "../support/rig.js"

const CALLS = 200
const LIMIT_MS = 600_000
const TARGETS = ["10.77.0.2:4000", "10.77.0.3:4000"]

describe("many calls", () => {
    let rig: Rig
    let atBoot: Stats

    before(async () => {
        rig = await Rig.start()
        atBoot = await rig.stats()
        await rig.run(`ballast ${BALLAST} --whole`)
    })
    after(() => rig?.stop())

    it(`places ${CALLS} calls one after the other`, { timeout: LIMIT_MS }, async t => {
        const addresses = new Set<string>()
        const { counters } = rig.lan.dhcp
        // leases that were kept ready at boot have gone back
        await until("the common lease alone", () => counters.release === counters.discover - 1)
        const before = { ...counters }
        const start = performance.now()
        for (let i = 0; i < CALLS; i++) {
            const text = await rig.run(`call ${TARGETS[i % 2]} --play ${["tone", "speech", "echo"][i % 3]}`)
            const [, id, address] = /^call (\d+) is up: ([\d.]+):/.exec(text)!
            addresses.add(address)
            await rig.run(`hangup ${id}`)
        }
        t.diagnostic(`${CALLS} calls in ${((performance.now() - start) / 1000).toFixed(1)} s, ${addresses.size} addresses`)
        assert.ok(!addresses.has(rig.address))
        await until("the last release", () => counters.release - before.release === CALLS)
        assert.equal(counters.discover - before.discover, CALLS)
    })

    it("leaves nothing behind", async () => {
        await rig.idle()
        const neighbours = await rig.json<{ address: string }[]>("arp -j")
        assert.ok(neighbours.length <= 3, `${neighbours.length} neighbours`)
        const { udpNoPort: _, ipForeign: __, ...drops } = await rig.drops(atBoot)
        assert.deepEqual(drops, {})
    })

    it("has the memory for eight calls at once as before", async () => {
        for (let i = 0; i < 8; i++) await rig.run(`call ${TARGETS[i % 2]} --play speech`)
        const up = async () => (await rig.calls()).filter(c => c.state === "up")
        await until("all eight are heard", async () => (await up()).filter(c => c.rxFrames >= 50).length === 8)
        // what eight calls lose over the simulated SPI bus is the machine's affair: see run.ts
        if (PHY === "stream") for (const { lost } of await up()) assert.equal(lost, 0)
        assert.equal(await rig.run("hangup all"), "8 calls have ended\n")
        await rig.idle()
    })
})
