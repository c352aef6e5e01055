import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { LeaseEvent, nextSendAt, releaseAddress, releaseLease, renewLease, startLease, transition } from "../../../src/dhcp/client"
import { interfaces } from "../../../src/link/interface"
import { Lease, LeaseState } from "../../../src/dhcp/lease"
import { neighbours } from "../../../src/link/neighbours"
import { addressOf } from "../../../src/wire/address"
import { BOARD_MAC, BROADCAST_MAC, HOST, HOST_MAC, arp, dhcp, listen } from "../support/lan"
import {
    NET,
    SERVER,
    TIMES,
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
import { copyOf, expectBytes, get16, run } from "../support/support"

const phy = startClient()

let lease: Lease
let errors = ""
const RAPID: Buffer = hex`5000`

/** An interface alone in the world that has 10.77.0.60 with these times; the server's MAC address is known. */
async function bound(slot: number, times: Buffer): Promise<void> {
    errors = ""
    lease = await beginLease(phy, slot)
    const note = (code: string) => {
        errors += `${code} `
    }
    listen(lease.ifc, 5004, () => {}, note)
    phy.arrive(answerWith(lease, 5, offered(60), Buffer.concat(SERVER, times, NET, RAPID)))
    phy.arrive(arp(1, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
    if (lease.state !== LeaseState.Bound) throw new Error("not bound")
    phy.count()
}

/** An ACK to the address itself, as servers send it for a renewal. */
function ack(server: Buffer): Buffer {
    return dhcp(lease.xid, offered(60), Buffer.concat(hex`350105`, server, TIMES, NET), offered(60))
}

describe("T1 and T2 (RFC 2131, 4.4.5)", () => {
    const timesOf = async (times: Buffer) => {
        await bound(0, times)
        return `${(nextSendAt(lease) - lease.started) / 1000} ${(lease.rebindAt - lease.started) / 1000} ${(lease.expiresAt - lease.started) / 1000}`
    }

    test("as the server says", async () => expect(await timesOf(TIMES)).toBe("3600 6300 7200"))
    test("half and seven eighths by default", async () => expect(await timesOf(hex`330400001c20`)).toBe("3600 6300 7200"))
    test("nonsense of a server is not followed", async () => {
        // T2 behind the end, T1 behind T2, both 0
        expect(await timesOf(hex`330400001c20 3a0400000064 3b0400001c20`)).toBe("100 6300 7200")
        expect(await timesOf(hex`330400001c20 3a0400001900 3b04000000c8`)).toBe("180 200 7200")
        expect(await timesOf(hex`330400001c20 3a0400000000 3b0400000000`)).toBe("3600 6300 7200")
    })
    test("a lease of one second", async () => expect(await timesOf(hex`330400000001`)).toBe("0.5 0.875 1"))
    test("a lease of 60 years has its end", async () => expect(await timesOf(hex`330470dbd880`)).toBe("946728000 1656774000 1893456000"))
    test("an endless lease is never due", async () => {
        await bound(0, hex`3304ffffffff 3a0400000e10`)
        expect(nextSendAt(lease)).toBe(Infinity)
        expect(lease.expiresAt).toBe(Infinity)
        pollLease(lease, 1e12)
        expect(saidTypes(phy)).toBe("")
    })
})

describe("renewal", () => {
    beforeEach(async () => await bound(0, TIMES))

    test("at T1 asks its server alone, from the address itself", () => {
        const t1 = nextSendAt(lease)
        const old = lease.xid
        pollLease(lease, t1 - 1)
        expect(phy.count()).toBe(0)
        pollLease(lease, t1)
        const f = said(phy)
        expectBytes(copyOf(f, 0, 6), HOST_MAC)
        expect(sourceOf(f)).toBe(offered(60))
        expect(targetOf(f)).toBe(HOST)
        expect(typeOf(f)).toBe(3)
        expect(ciaddrOf(f)).toBe(offered(60))
        expect(flagsOf(f)).toBe(0)
        expect(option(f, 50)).toBe(undefined)
        expect(option(f, 54)).toBe(undefined)
        expect(option(f, 61)).toBe("ff0000000000030001025450000001")
        expect(xidOf(f) !== old).toBe(true)
        expect(lease.state).toBe(LeaseState.Renewing)
    })

    test("the answer extends the lease, from the moment when it was asked for; nobody else hears of it", () => {
        const t1 = nextSendAt(lease)
        pollLease(lease, t1)
        phy.count()
        phy.arrive(ack(SERVER))
        expect(lease.state).toBe(LeaseState.Bound)
        expect(lease.expiresAt).toBe(t1 + 7200000)
        expect(nextSendAt(lease)).toBe(t1 + 3600000)
        expect(phy.count()).toBe(0)
        expect(errors).toBe("")
    })

    test("is repeated after half of what is left until T2, but not within a minute", () => {
        let now = nextSendAt(lease)
        const t2 = lease.rebindAt
        let sent = 0
        while (now < t2 && sent < 20) {
            pollLease(lease, now)
            expect(saidTypes(phy)).toBe("3")
            expect(lease.state).toBe(LeaseState.Renewing)
            sent++
            const left = t2 - now
            expect(nextSendAt(lease) - now).toBe(Math.min(Math.max(left / 2, 60000), left))
            now = nextSendAt(lease)
        }
        expect(now).toBe(t2)
        expect(sent).toBe(7)
    })

    test("an answer of another server, or for another address, is none", () => {
        pollLease(lease, nextSendAt(lease))
        phy.count()
        expect(phy.counting(ack(hex`36040a4d0002`))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(phy.counting(dhcp(lease.xid, offered(61), Buffer.concat(hex`350105`, SERVER, TIMES, NET), offered(60)))).toBe(
            "dhcpRx+1 dhcpForeign+1"
        )
        expect(phy.counting(answerWith(lease, 6, 0, hex`36040a4d0002`))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(lease.state).toBe(LeaseState.Renewing)
    })

    test("at T2 asks everybody, and any server may answer", () => {
        pollLease(lease, nextSendAt(lease))
        phy.count()
        pollLease(lease, lease.rebindAt)
        const f = said(phy)
        expectBytes(copyOf(f, 0, 6), BROADCAST_MAC)
        expect(targetOf(f)).toBe(-1)
        expect(sourceOf(f)).toBe(offered(60))
        expect(ciaddrOf(f)).toBe(offered(60))
        expect(option(f, 50)).toBe(undefined)
        expect(option(f, 54)).toBe(undefined)
        expect(lease.state).toBe(LeaseState.Rebinding)
        phy.arrive(ack(hex`36040a4d0002`))
        expect(lease.state).toBe(LeaseState.Bound)
        expect(lease.server).toBe(addressOf(10, 77, 0, 2))
    })

    test("can be asked for", () => {
        expect(renewLease(lease)).toBe(true)
        expect(saidTypes(phy)).toBe("3")
        phy.arrive(ack(SERVER))
        expect(lease.state).toBe(LeaseState.Bound)
    })
})

describe("the end", () => {
    /** Through T1 and T2 without an answer. */
    const toTheEnd = () => {
        const end = lease.expiresAt
        pollLease(lease, nextSendAt(lease))
        pollLease(lease, lease.rebindAt)
        pollLease(lease, end - 1)
        if (interfaces[lease.ifc.slot].address !== offered(60)) throw new Error("lost before its time")
        phy.count()
        pollLease(lease, end)
    }

    test("of a call's lease: its sockets get ENETDOWN, and it is not asked for again", async () => {
        await bound(3, TIMES)
        toTheEnd()
        expect(interfaces[3].address).toBe(0)
        expect(errors).toBe("ENETDOWN ")
        expect(lease.state).toBe(LeaseState.Idle)
        expect(phy.count()).toBe(0)
    })

    test("of the common lease: it begins anew", async () => {
        await bound(0, TIMES)
        const end = lease.expiresAt
        toTheEnd()
        expect(interfaces[0].address).toBe(0)
        expect(errors).toBe("ENETDOWN ")
        pollLease(lease, end)
        const f = said(phy)
        expect(typeOf(f)).toBe(1)
        expect(sourceOf(f)).toBe(0)
        expect(ciaddrOf(f)).toBe(0)
    })

    test("comes also while the link is down", async () => {
        await bound(3, TIMES)
        phy.cable(false)
        pollLease(lease, nextSendAt(lease))
        pollLease(lease, lease.expiresAt - 1)
        expect(errors).toBe("")
        pollLease(lease, lease.expiresAt)
        expect(errors).toBe("ENETDOWN ")
        expect(phy.count()).toBe(0)
    })

    test("by NAK to a renewal", async () => {
        await bound(3, TIMES)
        pollLease(lease, nextSendAt(lease))
        phy.count()
        expect(phy.counting(answerWith(lease, 6, 0, SERVER))).toBe("dhcpRx+1 dhcpNak+1")
        expect(errors).toBe("ENETDOWN ")
        expect(interfaces[3].address).toBe(0)
    })

    test("by NAK of any server while rebinding", async () => {
        await bound(3, TIMES)
        pollLease(lease, nextSendAt(lease))
        pollLease(lease, lease.rebindAt)
        phy.arrive(answerWith(lease, 6, 0, hex`36040a4d0002`))
        expect(errors).toBe("ENETDOWN ")
    })

    test("is not brought by answers that nobody asked for", async () => {
        await bound(3, TIMES)
        expect(phy.counting(answerWith(lease, 6, 0, SERVER))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(phy.counting(answerWith(lease, 5, offered(61), Buffer.concat(SERVER, TIMES)))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(interfaces[3].address).toBe(offered(60))
        expect(errors).toBe("")
    })
})

describe("release (RFC 2131, 4.4.6)", () => {
    test("goes to the server alone and says what RFC 2131, table 5, asks for", async () => {
        await bound(3, TIMES)
        // it was held for a while
        lease.started -= 90000
        const old = lease.xid
        await releaseLease(lease)
        const f = said(phy)
        expectBytes(copyOf(f, 0, 6), HOST_MAC)
        expect(typeOf(f)).toBe(7)
        expect(sourceOf(f)).toBe(offered(60))
        expect(targetOf(f)).toBe(HOST)
        expect(ciaddrOf(f)).toBe(offered(60))
        expect(flagsOf(f)).toBe(0)
        expect(option(f, 54)).toBe("0a4d0001")
        expect(option(f, 61)).toBe("ff0000000300030001025450000001")
        expect(option(f, 50)).toBe(undefined)
        expect(option(f, 55)).toBe(undefined)
        expect(option(f, 57)).toBe(undefined)
        expect(xidOf(f) !== old).toBe(true)
        expect(interfaces[3].address).toBe(0)
        expect(lease.state).toBe(LeaseState.Idle)
        expect(errors).toBe("")
        expect(secsOf(f)).toBe(0)
    })

    test("asks for the server's MAC address first", async () => {
        await bound(3, TIMES)
        while (neighbours.length > 0) neighbours.pop()
        let done = false
        const release = async () => {
            await releaseLease(lease)
            done = true
        }
        release.start()
        await ds.sleep(10)
        expect(get16(phy.one(), 12)).toBe(0x0806)
        expect(done).toBe(false)
        expect(interfaces[3].address).toBe(offered(60))
        phy.arrive(arp(2, HOST_MAC, HOST, offered(60), BOARD_MAC))
        await ds.sleep(10)
        expect(saidTypes(phy)).toBe("7")
        expect(done).toBe(true)
        expect(interfaces[3].address).toBe(0)
    })

    test("gives up a server that is gone", async () => {
        await bound(3, TIMES)
        while (neighbours.length > 0) neighbours.pop()
        const start = ds.millis()
        await releaseLease(lease)
        expect(ds.millis() - start >= 1400 && ds.millis() - start < 2500).toBe(true)
        expect(interfaces[3].address).toBe(0)
        expect(lease.state).toBe(LeaseState.Idle)
    })

    test("without an address, or without a link, says nothing", async () => {
        await bound(3, TIMES)
        phy.cable(false)
        await releaseLease(lease)
        phy.cable(true)
        lease = startLease(interfaces[3])
        phy.count()
        await releaseLease(lease)
        expect(phy.count()).toBe(0)
        expect(lease.state).toBe(LeaseState.Idle)
    })

    test("of an address in use tells its sockets", async () => {
        await bound(3, TIMES)
        await releaseAddress(lease)
        expect(saidTypes(phy)).toBe("7")
        expect(errors).toBe("ENETDOWN ")
    })

    test("of the common address stays so when the link comes back, until somebody asks for one", async () => {
        await bound(0, TIMES)
        await releaseAddress(lease)
        expect(saidTypes(phy)).toBe("7")
        transition(lease, LeaseEvent.Link, ds.millis())
        expect(saidTypes(phy)).toBe("")
        renewLease(lease)
        expect(saidTypes(phy)).toBe("1")
    })
})

await run()
