import { nextSendAt } from "../../../src/dhcp/client"
import { runTimers } from "../../../src/base/timers"
import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Acd, nextStepAt, parseAcd } from "../../../src/link/acd"
import { closeInterface } from "../../../src/address/release"
import { interfaces } from "../../../src/link/interface"
import { LeaseState } from "../../../src/dhcp/lease"
import { neighbourOf } from "../../../src/link/neighbours"
import {
    OTHER_MAC,
    ack,
    alone,
    begin,
    bound,
    errors,
    granting,
    has,
    lease,
    probes,
    said,
    skip,
    start,
    step,
    taken,
} from "../support/conflicts"
import { BOARD, BOARD_MAC, BROADCAST_MAC, HOST, HOST_MAC, arp } from "../support/lan"
import { NET, SERVER, TIMES, answerWith, ciaddrOf, flagsOf, offered, option, secsOf, sourceOf, targetOf, xidOf } from "../support/server"
import { codeOf, copyOf, expectBytes, run, until } from "../support/support"
import { phy } from "../support/world"

await start()

describe("the setting", () => {
    test("has three values", async () => {
        expect(parseAcd("off")).toBe(Acd.Off)
        expect(parseAcd("quick")).toBe(Acd.Quick)
        expect(parseAcd("full")).toBe(Acd.Full)
        expect((await codeOf(async () => parseAcd("on"))).endsWith("quick, full or off")).toBe(true)
    })
})

describe("probing", () => {
    beforeEach(alone)

    test("full: as RFC 5227, 2.1.1 and 2.3 want it, and within the time that a caller waits", async () => {
        let spread = 0
        for (let i = 0; i < 4; i++) {
            await begin(Acd.Full, 1)
            ack(offered(60))
            expect(lease.state).toBe(LeaseState.Probing)
            expect(interfaces[1].address).toBe(0)
            expect(said()).toBe("")
            let whole = 0
            // PROBE_WAIT, then PROBE_MIN to PROBE_MAX
            for (const least of [0, 1000, 1000]) {
                const wait = step()
                if (wait < least - 1 || wait > least + 1000) throw new Error(`${wait} ms are not ${least} and up to 1000 more`)
                whole += wait
                spread += wait % 1000
                expect(said()).toBe("probe 60")
            }
            runTimers(nextStepAt(lease.ifc) - 1)
            expect(lease.state).toBe(LeaseState.Probing)
            // ANNOUNCE_WAIT
            const wait = step()
            if (wait < 1999 || whole + wait > 7000) throw new Error(`${whole} and ${wait} ms`)
            expect(said()).toBe("announce 60")
            expect(lease.state).toBe(LeaseState.Bound)
            expect(interfaces[1].address).toBe(offered(60))
        }
        // twelve times no randomness at all is no randomness
        expect(spread > 0).toBe(true)
    })

    test("quick: one probe from nobody to everybody (RFC 5227, 2.1.1), 25 ms", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        expect(said()).toBe("probe 60")
        expectBytes(
            copyOf(taken[0], 0, 42),
            hex`ffffffffffff 025450000001 0806 0001 0800 06 04 0001 025450000001 00000000 000000000000 0a4d003c`
        )
        expect(lease.state).toBe(LeaseState.Probing)
        expect(step() > 20).toBe(true)
        expect(said()).toBe("announce 60")
        expect(lease.state).toBe(LeaseState.Bound)
        // T1 counts from the request
        expect(nextSendAt(lease)).toBe(lease.started + 3600000)
    })

    test("off: the address is there at once", async () => {
        await begin(Acd.Off, 1)
        ack(offered(60))
        expect(said()).toBe("announce 60")
        expect(lease.state).toBe(LeaseState.Bound)
    })

    test("is followed by ANNOUNCE_NUM announcements, ANNOUNCE_INTERVAL apart (RFC 5227, 2.3)", async () => {
        await bound(1)
        skip(1990)
        await ds.sleep(300)
        expect(said()).toBe("")
        skip(10)
        await until("the second announcement", () => phy.sent.length > 0)
        expect(said()).toBe("announce 60")
        skip(5000)
        await ds.sleep(300)
        expect(said()).toBe("")
    })

    test("a lease is not renewed nor refused while it is probed", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
        expect(phy.counting(granting(offered(60)))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(phy.counting(answerWith(lease, 6, 0, SERVER))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(lease.state).toBe(LeaseState.Probing)
    })

    test("the address is not answered for, nor given to a second lease", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        const first = lease
        await begin(Acd.Quick, 2)
        ack(offered(60))
        expect(lease.state).toBe(LeaseState.Selecting)
        phy.arrive(arp(1, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
        expect(said()).toBe("")
        expect(first.state).toBe(LeaseState.Probing)
    })

    test("begins anew when the link comes back (RFC 5227, 2.1)", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
        phy.cable(false)
        skip(1000)
        await ds.sleep(300)
        expect(lease.state).toBe(LeaseState.Probing)
        phy.setUp(true)
        expect(lease.state).toBe(LeaseState.Probing)
        expect(said().endsWith("probe 60, REQUEST")).toBe(true)
        skip(25)
        await until("the address", () => lease.state === LeaseState.Bound)
    })

    test("a lease given up while it is asked for gives back what is granted later, once", async () => {
        await begin(Acd.Quick, 1)
        const granted = granting(offered(60))
        await closeInterface(interfaces[1])
        expect(said()).toBe("")
        expect(phy.counting(answerWith(lease, 2, offered(60), Buffer.concat(SERVER, TIMES, NET)))).toBe("dhcpRx+1 dhcpForeign+1")
        phy.arrive(granted)
        expect(said()).toBe("RELEASE")
        expect(targetOf(taken[0])).toBe(-1)
        expect(ciaddrOf(taken[0])).toBe(offered(60))
        expect(option(taken[0], 54)).toBe("0a4d0001")
        expect(option(taken[0], 61)).toBe("ff0000000100030001025450000001")
        expect(phy.counting(granted)).toBe("dhcpRx+1 dhcpForeign+1")
        expect(interfaces[1].address).toBe(0)
        expect(lease.state).toBe(LeaseState.Idle)
    })

    test("a lease given back while it is probed is released, from nobody", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
        await closeInterface(interfaces[1])
        expect(said()).toBe("RELEASE")
        expect(sourceOf(taken[0])).toBe(0)
        expect(ciaddrOf(taken[0])).toBe(offered(60))
        await ds.sleep(300)
        expect(said()).toBe("")
        expect(interfaces[1].address).toBe(0)
    })
})

describe("a conflict while a lease is probed", () => {
    beforeEach(alone)
    beforeEach(async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
    })

    test("by an answer: DECLINE as RFC 2131, 4.4.4 and table 5 want it, then DISCOVER", () => {
        const xid = lease.xid
        expect(phy.counting(has(offered(60)))).toBe("arpRx+1 arpConflict+1 dhcpTx+2 dhcpDeclined+1")
        expect(said()).toBe("DECLINE, DISCOVER")
        const decline = taken[0]
        expectBytes(copyOf(decline, 0, 6), BROADCAST_MAC)
        expect(sourceOf(decline)).toBe(0)
        expect(targetOf(decline)).toBe(-1)
        expect(xidOf(decline)).toBe(xid)
        expect(ciaddrOf(decline)).toBe(0)
        expect(secsOf(decline)).toBe(0)
        expect(flagsOf(decline)).toBe(0)
        expect(option(decline, 50)).toBe("0a4d003c")
        expect(option(decline, 54)).toBe("0a4d0001")
        expect(option(decline, 61)).toBe("ff0000000100030001025450000001")
        for (const none of [51, 55, 57, 12, 80]) expect(option(decline, none)).toBe(undefined)
        expect(xidOf(taken[1]) !== xid).toBe(true)
        expect(option(taken[1], 50)).toBe(undefined)
        expect(lease.state).toBe(LeaseState.Selecting)
        // and the next one is free
        ack(offered(61))
        step()
        expect(said()).toBe("probe 61, announce 61")
        expect(interfaces[1].address).toBe(offered(61))
        expect(errors).toBe("")
    })

    test("by any ARP packet whose sender has it (RFC 5227, 2.1.1), which is heard otherwise", () => {
        phy.arrive(arp(1, OTHER_MAC, offered(60), BOARD, BROADCAST_MAC))
        expect(said()).toBe("DECLINE, DISCOVER, reply 60")
        expect(neighbourOf(offered(60)).known).toBe(true)
    })

    test("by the probe of another host (RFC 5227, 2.1.1)", () => {
        phy.arrive(probes(offered(60)))
        expect(said()).toBe("DECLINE, DISCOVER")
    })

    test("is not: our own probe sent back (RFC 5227, 2.1.1), another address, a request for it", () => {
        phy.arrive(arp(1, BOARD_MAC, 0, offered(60), BROADCAST_MAC))
        phy.arrive(probes(offered(61)))
        phy.arrive(has(offered(61)))
        phy.arrive(arp(1, OTHER_MAC, offered(61), offered(60), BROADCAST_MAC))
        phy.arrive(arp(1, OTHER_MAC, 0, 0, BROADCAST_MAC))
        expect(said()).toBe("")
        expect(lease.state).toBe(LeaseState.Probing)
    })

    test("pauses grow: none, 1 s, 1 s, 10 s (RFC 2131, 3.1 (5)), and 60 s after MAX_CONFLICTS (RFC 5227, 2.1.1)", async () => {
        // so that there is time
        await begin(Acd.Full, 1)
        ack(offered(60))
        let pauses = ""
        for (let i = 1; i <= 11; i++) {
            phy.arrive(has(offered(60)))
            const wait = lease.state === LeaseState.Init ? step() : 0
            pauses += `${Math.round(wait / 1000)} `
            ack(offered(60))
            await ds.sleep(0)
        }
        expect(pauses).toBe("0 1 1 10 10 10 10 10 10 60 60 ")
    })

    test("full: also between the last probe and ANNOUNCE_WAIT (RFC 5227, 2.1.1)", async () => {
        await alone()
        await begin(Acd.Full, 1)
        ack(offered(60))
        for (let i = 0; i < 3; i++) step()
        skip(1990)
        runTimers(ds.millis())
        said()
        phy.arrive(has(offered(60)))
        expect(said()).toBe("DECLINE, DISCOVER")
    })
})

await run()
