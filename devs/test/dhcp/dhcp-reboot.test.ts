import { beforeEach, describe, expect, test } from "@devicescript/test"
import { nextSendAt, renewLease, startLease } from "../../../src/dhcp/client"
import { interfaces } from "../../../src/link/interface"
import { Lease, LeaseState } from "../../../src/dhcp/lease"
import { BROADCAST_MAC, clear, station } from "../support/lan"
import {
    NET,
    SERVER,
    TIMES,
    answer,
    answerWith,
    beginLease,
    ciaddrOf,
    flagsOf,
    offered,
    option,
    said,
    saidTypes,
    secsOf,
    sourceOf,
    startClient,
    targetOf,
    typeOf,
    xidOf,
    pollLease,
} from "../support/server"
import { copyOf, expectBytes, run } from "../support/support"

const phy = startClient()

/** An interface that remembers 10.77.0.60, and has just asked for it. */
let lease: Lease
let request: Buffer
async function begin(): Promise<void> {
    lease = await beginLease(phy, 0, offered(60))
    request = said(phy)
}

function ignored(f: Buffer): void {
    const c = phy.counting(f)
    if (c !== "dhcpRx+1 dhcpForeign+1" || lease.state !== LeaseState.Rebooting || phy.count() !== 0)
        throw new Error(`${c}, state ${lease.state}`)
}

describe("INIT-REBOOT", () => {
    beforeEach(begin)

    test("asks everybody for the address, names no server, and has none (RFC 2131, 4.3.2 and table 5)", () => {
        expect(lease.state).toBe(LeaseState.Rebooting)
        expectBytes(copyOf(request, 0, 6), BROADCAST_MAC)
        expect(sourceOf(request)).toBe(0)
        expect(targetOf(request)).toBe(-1)
        expect(typeOf(request)).toBe(3)
        expect(ciaddrOf(request)).toBe(0)
        expect(flagsOf(request)).toBe(0x8000)
        expect(secsOf(request)).toBe(0)
        expect(option(request, 50)).toBe("0a4d003c")
        expect(option(request, 54)).toBe(undefined)
        expect(option(request, 80)).toBe(undefined)
        expect(option(request, 61)).toBe("ff0000000000030001025450000001")
        expect(xidOf(request)).toBe(lease.xid)
        expect(interfaces[0].address).toBe(0)
    })

    test("ACK of any server: bound (RFC 2131, 3.2, 3)", () => {
        expect(phy.counting(answer(lease, 5, offered(60)))).toBe("arpTx+1 dhcpRx+1")
        expect(lease.state).toBe(LeaseState.Bound)
        expect(interfaces[0].address).toBe(offered(60))
        expect(lease.server).toBe(offered(1))
        expect(lease.expiresAt).toBe(lease.started + 7200000)
    })

    test("NAK of any server: DISCOVER at once, and nothing is remembered (RFC 2131, 3.2, 3)", () => {
        const xid = lease.xid
        expect(phy.counting(answerWith(lease, 6, 0, hex`36040a4d0002`))).toBe("dhcpTx+1 dhcpRx+1 dhcpNak+1")
        expect(lease.state).toBe(LeaseState.Selecting)
        const f = said(phy)
        expect(typeOf(f)).toBe(1)
        expect(option(f, 50)).toBe(undefined)
        expect(xidOf(f) !== xid).toBe(true)
    })

    test("without an answer: again after a second, DISCOVER after two more, with a random part (RFC 2131, 3.2 and 4.1)", async () => {
        let random = 0
        for (let i = 0; i < 7; i++) {
            await begin()
            const first = nextSendAt(lease) - lease.started
            if (first < 872 || first > 1128) throw new Error(`${first} ms`)
            pollLease(lease, nextSendAt(lease) - 1)
            expect(phy.count()).toBe(0)
            const again = nextSendAt(lease)
            pollLease(lease, again)
            const f = said(phy)
            expect(typeOf(f)).toBe(3)
            expect(xidOf(f)).toBe(lease.xid)
            expect(secsOf(f)).toBe(Math.floor(first / 1000))
            const second = nextSendAt(lease) - again
            if (second < 1872 || second > 2128) throw new Error(`${second} ms`)
            random += Math.abs(first - 1000) + Math.abs(second - 2000)
            const end = nextSendAt(lease)
            pollLease(lease, end)
            // the address is not used without a server's word
            expect(interfaces[0].address).toBe(0)
            pollLease(lease, end)
            const d = said(phy)
            expect(typeOf(d)).toBe(1)
            expect(option(d, 50)).toBe(undefined)
            expect(lease.state).toBe(LeaseState.Selecting)
        }
        expect(random > 0).toBe(true)
    })

    test("an offer, or a server without a name is no answer", () => {
        ignored(answer(lease, 2, offered(60)))
        ignored(answerWith(lease, 6, 0, Buffer.alloc(0)))
        ignored(answerWith(lease, 5, offered(60), Buffer.concat(SERVER, TIMES, NET, hex`3d0fff0000000100030001025450000001`)))
        expect(phy.counting(answerWith(lease, 5, offered(60), Buffer.concat(SERVER, NET)))).toBe("dhcpRx+1 dhcpBad+1")
        expect(lease.state).toBe(LeaseState.Rebooting)
    })

    test("a renewal asked for by hand gives the memory up", () => {
        expect(renewLease(lease)).toBe(false)
        expect(saidTypes(phy)).toBe("1")
        expect(lease.state).toBe(LeaseState.Selecting)
    })

    test("the address is no other lease's, although the server offers it to that too", () => {
        const other = startLease(station(1))
        phy.arrive(answer(other, 2, offered(60)))
        expect(other.state).toBe(LeaseState.Selecting)
        phy.arrive(answer(lease, 5, offered(60)))
        expect(interfaces[0].address).toBe(offered(60))
        expect(interfaces[1].address).toBe(0)
    })

    test("waits for the link, and forgets nothing meanwhile", async () => {
        clear()
        phy.cable(false)
        lease = startLease(station(0), offered(60))
        pollLease(lease, nextSendAt(lease) + 60000)
        expect(phy.count()).toBe(0)
        phy.cable(true)
        pollLease(lease, nextSendAt(lease) + 60000)
        expect(option(said(phy), 50)).toBe("0a4d003c")
    })
})

await run()
