import * as ds from "@devicescript/core"
import { describe, expect, test } from "@devicescript/test"
import { boundBefore } from "../../../src/address/wait"
import { runTimers } from "../../../src/base/timers"
import { nextSendAt, startLease } from "../../../src/dhcp/client"
import { dhcpEndpoint } from "../../../src/dhcp/input"
import { LeaseState, leaseOf } from "../../../src/dhcp/lease"
import { Acd, nextStepAt, setAcd } from "../../../src/link/acd"
import { station } from "../support/lan"
import { answer, offered, saidTypes, startClient } from "../support/server"
import { millis, run } from "../support/support"

// The way of a DHCPACK, as docs/ARCHITECTURE.md has it: PHY, IP, UDP, DHCP, transition, timer, waiter. The clock stands still
// between any two steps, so that each shows what it does by itself, and what it leaves to the next. With nobody waiting:
// test/e2e/ready.test.ts.

const PROBE = 25
const runtime = ds as any

const phy = startClient()
setAcd(Acd.Quick)
const ifc = station(1)
const lease = leaseOf(ifc)

/** How many datagrams have come to the DHCP client. */
let heard = 0
const { onPacket } = dhcpEndpoint
dhcpEndpoint.onPacket = (b, at, length, ip) => {
    heard++
    onPacket(b, at, length, ip)
}

/** What the waiter got: `undefined` while it waits. */
let got: boolean
async function wait(until: number) {
    got = await boundBefore(lease, until)
}

/** ARP packets among what was sent; the list is emptied. */
function arps(): number {
    const n = phy.sent.filter(f => f.getAt(12, "u16") === 0x0608).length
    phy.sent = []
    return n
}

/** Other fibers have their turn; the clock of the code under test does not move. */
async function turn(): Promise<void> {
    await ds.sleep(2)
}

describe("the way of a DHCPACK", () => {
    test("step by step, while the clock stands still", async () => {
        const now = 100000
        runtime.millis = () => now
        wait.start(now + 9500)
        startLease(ifc)
        expect(saidTypes(phy)).toBe("1")
        phy.arrive(answer(lease, 2, offered(50)))
        expect(lease.state).toBe(LeaseState.Requesting)
        expect(saidTypes(phy)).toBe("3")
        const retry = nextSendAt(lease)
        expect(retry > now + 2500 && retry < now + 5500).toBe(true)

        // PHY, IP, UDP, DHCP: one call from the frame to the transition, which asks for the probe and a timer
        heard = 0
        expect(phy.counting(answer(lease, 5, offered(50)))).toBe("arpTx+1 dhcpRx+1")
        expect(heard).toBe(1)
        expect(lease.state).toBe(LeaseState.Probing)
        expect(ifc.address).toBe(0)
        expect(nextSendAt(lease)).toBe(Infinity)
        expect(nextStepAt(ifc)).toBe(now + PROBE)
        expect(arps()).toBe(1)

        // nothing else goes on by itself, and who waits only waits
        await turn()
        runTimers(now + PROBE - 1)
        await turn()
        expect(lease.state).toBe(LeaseState.Probing)
        expect(got).toBe(undefined)

        // the timer: the address is the interface's, it is announced, and the lease's own timer is T1
        runTimers(now + PROBE)
        expect(lease.state).toBe(LeaseState.Bound)
        expect(ifc.address).toBe(offered(50))
        expect(arps()).toBe(1)
        expect(nextSendAt(lease)).toBe(now + 3600000)
        // the waiter is told, and has its turn
        expect(got).toBe(undefined)
        await turn()
        expect(got).toBe(true)
        runtime.millis = millis
    })
})

await run()
