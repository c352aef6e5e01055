/** Leases are kept ready, as the telephone does by default: the next calls take them without a word to the server. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { ARP_REQUEST } from "../../sim/lan/arp.js"
import { arpOf } from "../support/ethernet-client.js"
import { PHY, Rig, until } from "../support/rig.js"

const ECHO = "10.77.0.2:4000"
/** Milliseconds for which an address is probed (`src/link/acd.ts`). */
const QUICK_WAIT = 25
/** Milliseconds by which two frames may be closer or further apart on the wire than when they were sent: the SPI bus takes its time. */
const BUS = PHY === "w5500" ? 3 : 1

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
                ["tp0", 1],
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
    it("are bound at the millisecond at which their probe ends, although nobody waits for them", async () => {
        const probed = new Map<string, number>()
        const waits: number[] = []
        const listener = (frame: Buffer) => {
            const arp = arpOf(frame)
            if (!arp || arp.operation !== ARP_REQUEST) return
            const at = performance.now()
            if (arp.senderAddress === "0.0.0.0") probed.set(arp.targetAddress, at)
            else if (arp.senderAddress === arp.targetAddress && probed.has(arp.targetAddress)) {
                // the first announcement alone
                waits.push(at - probed.get(arp.targetAddress)!)
                probed.delete(arp.targetAddress)
            }
        }
        rig.lan.on("frame", listener)
        assert.equal(await rig.run("lease ready 3"), "3 leases are kept ready\n")
        await leased(4)
        await until("three announcements", () => waits.length === 3)
        rig.lan.off("frame", listener)
        for (const wait of waits) assert.ok(Math.abs(wait - QUICK_WAIT) < BUS, `bound after ${wait} ms`)
    })
})
