/**
 * After 49 days a call still loses nothing, and an idle phone restarts in time: the runtime's scheduler knows time by 32 bits of
 * milliseconds.
 */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { Rig, until } from "../support/rig.js"

const DAY_MS = 86_400_000
/** How much of the 49 days is left when the phone boots: time for a busy machine to place the call. */
const LEFT_MS = 20_000
/** The phone looks every five seconds. */
const LOOKS_MS = 5_000
const RESTARTS = /^restarting: the clock is about to wrap/

describe("after 49 days", () => {
    let rig: Rig
    let booted: number
    const restarts = () => rig.log.filter(line => RESTARTS.test(line)).length

    before(async () => {
        process.env.UPTIME_MS = String(49 * DAY_MS - LEFT_MS)
        booted = performance.now()
        rig = await Rig.start({ preload: [fileURLToPath(new URL("../support/uptime.cjs", import.meta.url))], ready: true })
        await until("the leases kept ready", () => rig.leased().length === 3)
    })
    after(() => rig?.stop())

    it("a call goes on, with nothing lost", async () => {
        const call = await rig.call("10.77.0.2:4000", "--play speech")
        const rest = LEFT_MS + 2 * LOOKS_MS - (performance.now() - booted)
        await until("two looks", async () => (await rig.callOf(call.id)).seconds >= rest / 1000, rest + 10_000)
        assert.equal(restarts(), 0)
        await rig.run(`hangup ${call.id}`)
        const { lost, error } = await rig.callOf(call.id)
        assert.deepEqual([lost, error], [0, null])
    })

    it("the phone restarts when it is not in use, and gives back what it kept ready", async () => {
        const { address } = rig
        await until("the restart", () => rig.log.some(line => /target reset$/.test(line)), 2 * LOOKS_MS)
        assert.equal(restarts(), 1)
        assert.equal(rig.lan.dhcp.counters.release, 3)
        await rig.hasAddress()
        assert.equal(rig.address, address)
        await rig.run("lease ready 0")
        await rig.works()
        assert.equal(restarts(), 1)
    })
})
