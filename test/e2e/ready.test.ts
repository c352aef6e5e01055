/** Leases are kept ready, as the telephone does by default: the next calls take them without a word to the server. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { Rig, until } from "../support/rig.js"

const ECHO = "10.77.0.2:4000"

describe("leases kept ready", () => {
    let rig: Rig

    before(async () => {
        rig = await Rig.start({ ready: true })
    })
    after(() => rig?.stop())

    const leased = (count: number) => until(`${count} leases`, () => rig.leased().length === count)

    it("are two, with no socket on them", async () => {
        await leased(3)
        const interfaces = await rig.interfaces()
        assert.deepEqual(
            interfaces.map(i => [i.name, i.sockets]),
            [
                ["tp0", 0],
                ["tp1", 0],
                ["tp2", 0],
            ]
        )
    })

    it("are taken by calls without a word to the server, and replaced", async () => {
        const ready = rig.leased().filter(address => address !== rig.address)
        // the server is gone: who had to ask it would wait
        rig.lan.dhcp.enabled = false
        const calls = [await rig.call(ECHO), await rig.call(ECHO)]
        const used = calls.map(call => call.local!.split(":")[0])
        assert.deepEqual(new Set(used), new Set(ready))
        rig.lan.dhcp.enabled = true
        // DISCOVER is repeated after 4 s
        await leased(5)
        await rig.run("hangup all")
        await leased(3)
        assert.ok(
            rig.leased().every(address => !used.includes(address)),
            "the address of a call is used again at once"
        )
    })

    it("are given back when none are wanted", async () => {
        assert.equal(await rig.run("lease ready 0"), "0 leases are kept ready\n")
        await rig.idle()
        await rig.fails("lease ready 9", /how many leases/)
        await rig.fails("lease ready", /how many leases/)
    })
})
