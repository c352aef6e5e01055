import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Acd, setAcd } from "../../../src/link/acd"
import { interfaces } from "../../../src/link/interface"
import { LeaseState, leaseOf } from "../../../src/dhcp/lease"
import { ack, alone, bound, claims, errors, follow, has, lease, probes, said, skip, start, step, taken } from "../support/conflicts"
import { BOARD } from "../support/lan"
import { ciaddrOf, offered, option, sourceOf } from "../support/server"
import { run, until } from "../support/support"
import { phy } from "../support/world"

await start()

describe("an address in use (RFC 5227, 2.4)", () => {
    beforeEach(alone)

    test("is defended by one announcement, and again after DEFEND_INTERVAL", async () => {
        await bound(1)
        for (let i = 0; i < 3; i++) {
            expect(phy.counting(claims(offered(60)))).toBe("arpRx+1 arpTx+1 arpConflict+1 arpDefended+1")
            expect(said()).toBe("announce 60")
            skip(10001)
        }
        expect(errors).toBe("")
        expect(interfaces[1].address).toBe(offered(60))
    })

    test("is given up at the second conflict within DEFEND_INTERVAL: DECLINE, ENETDOWN", async () => {
        await bound(1)
        phy.arrive(claims(offered(60)))
        said()
        skip(9000)
        expect(phy.counting(claims(offered(60)))).toBe("arpRx+1 arpConflict+1 dhcpTx+1 dhcpDeclined+1")
        expect(said()).toBe("DECLINE")
        expect(sourceOf(taken[0])).toBe(0)
        expect(ciaddrOf(taken[0])).toBe(0)
        expect(option(taken[0], 50)).toBe("0a4d003c")
        expect(option(taken[0], 54)).toBe("0a4d0001")
        expect(errors).toBe("ENETDOWN ")
        expect(interfaces[1].address).toBe(0)
        expect(lease.state).toBe(LeaseState.Idle)
        // neither defended nor announced any more
        skip(3000)
        phy.arrive(claims(offered(60)))
        await ds.sleep(300)
        expect(said()).toBe("")
    })

    test("is given up at once for a host that answers the probe late (2.4 (a)): it was there before", async () => {
        await bound(1)
        phy.arrive(has(offered(60)))
        expect(said()).toBe("DECLINE")
        expect(errors).toBe("ENETDOWN ")
    })

    test("is defended against an answer that nobody asked for any more", async () => {
        await bound(1)
        skip(2000)
        await until("the last announcement", () => phy.sent.length > 0)
        expect(said()).toBe("announce 60")
        expect(phy.counting(has(offered(60)))).toBe("arpRx+1 arpTx+1 arpConflict+1 arpDefended+1")
        expect(errors).toBe("")
    })

    test("is answered for when another host probes it (2.4), and that is no conflict", async () => {
        await bound(1)
        expect(phy.counting(probes(offered(60)))).toBe("arpRx+1 arpTx+1")
        expect(phy.counting(probes(offered(60)))).toBe("arpRx+1 arpTx+1")
        expect(errors).toBe("")
    })

    test("the common one begins anew", async () => {
        const common = leaseOf(interfaces[0])
        setAcd(Acd.Quick)
        phy.arrive(claims(BOARD))
        phy.arrive(claims(BOARD))
        expect(said()).toBe("announce 57, DECLINE")
        expect(interfaces[0].address).toBe(0)
        follow(common)
        step()
        expect(said()).toBe("DISCOVER")
        ack(BOARD)
        step()
        expect(said()).toBe("probe 57, announce 57")
        expect(interfaces[0].address).toBe(BOARD)
    })

    test("off: a conflict is counted alone", async () => {
        await bound(1)
        setAcd(Acd.Off)
        for (let i = 0; i < 3; i++) expect(phy.counting(claims(offered(60)))).toBe("arpRx+1 arpConflict+1")
        expect(errors).toBe("")
    })

    test("is probed and announced when the link comes back (RFC 5227, 2.1 and 2.3), and all servers are asked (RFC 2131, 3.7)", async () => {
        await bound(1)
        phy.setUp(false)
        phy.setUp(true)
        expect(said()).toBe("probe 57, announce 57, probe 60, announce 60, REQUEST, REQUEST")
    })
})

await run()
