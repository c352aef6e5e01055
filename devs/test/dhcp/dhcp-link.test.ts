import { beforeEach, describe, expect, test } from "@devicescript/test"
import { LeaseEvent, nextSendAt, renewLease, startLease, transition } from "../../../src/dhcp/client"
import { Lease, LeaseState, leases } from "../../../src/dhcp/lease"
import { interfaces } from "../../../src/link/interface"
import { BROADCAST_MAC, HOST, HOST_MAC, arp, clear, dhcp, listen, station } from "../support/lan"
import {
    NET,
    SERVER,
    TIMES,
    answer,
    answerWith,
    beginLease,
    ciaddrOf,
    offered,
    option,
    pollLease,
    said,
    saidTypes,
    startClient,
    typeOf,
} from "../support/server"
import { run } from "../support/support"

// The link goes and comes, perhaps elsewhere: what a lease does in each of its states (RFC 2131, 3.7; RFC 4436, 1.1).

const phy = startClient()
let lease: Lease
let errors = ""

const DAY: Buffer = hex`330400015180`
const ENDLESS: Buffer = hex`3304ffffffff`

/** An interface alone in the world that has 10.77.0.60 for so long; the server's MAC address is known. */
async function bound(slot: number, time: Buffer): Promise<void> {
    await begin(slot)
    const ifc = lease.ifc
    listen(
        ifc,
        5004,
        () => {},
        code => {
            errors += code
        }
    )
    phy.arrive(answerWith(lease, 5, offered(60), Buffer.concat(SERVER, time, NET, hex`5000`)))
    phy.arrive(arp(1, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
    expect(lease.state).toBe(LeaseState.Bound)
    phy.count()
}

async function begin(slot: number): Promise<void> {
    errors = ""
    for (const l of leases) l.notBefore = 0
    lease = await beginLease(phy, slot)
}

/** The link comes up at this time. */
function up(now: number): void {
    transition(lease, LeaseEvent.Link, now)
}

/** An ACK for the address of the lease. */
function ack(): Buffer {
    return dhcp(lease.xid, offered(60), Buffer.concat(hex`350105`, SERVER, TIMES, NET))
}

/** Asks until it says something else, without an answer. @returns seconds between what was said, and what: `3 4 3 8 3 ...` */
function unanswered(now: number, steps: number): string {
    let told = ""
    for (let i = 0; i < steps; i++) {
        told += saidTypes(phy)
        const next = nextSendAt(lease)
        // +-1 s (RFC 2131, 4.1)
        told += ` ${Math.round((next - now) / 4000) * 4} `
        now = next
        pollLease(lease, now)
    }
    return told + saidTypes(phy)
}

describe("the address of a lease on a link that has come up", () => {
    const confirmed = async (time: Buffer) => {
        await bound(0, time)
        const now = lease.started + 600000
        up(now)
        expect(unanswered(now, 6)).toBe("3 4 3 8 3 16 3 32 1 4 1 8 1")
        expect(lease.state).toBe(LeaseState.Reselecting)
        expect(interfaces[0].address).toBe(offered(60))
        expect(errors).toBe("")
    }
    test("is asked for after 0, 4, 12 and 28 s, and after a minute whether another is to be had", async () => await confirmed(DAY))
    test("also if its lease has no end", async () => await confirmed(ENDLESS))

    test("also when somebody asks for more time", async () => {
        await bound(1, ENDLESS)
        const now = lease.started
        renewLease(lease)
        // the first one goes to the server alone
        expect(lease.state).toBe(LeaseState.Renewing)
        expect(unanswered(now, 5)).toBe("3 4 3 8 3 16 3 32 1 4 1")
    })

    test("is confirmed by any answer, and then asked for at T1 again", async () => {
        await bound(0, DAY)
        const now = lease.started + 1000
        up(now)
        pollLease(lease, nextSendAt(lease))
        phy.arrive(ack())
        expect(lease.state).toBe(LeaseState.Bound)
        expect(nextSendAt(lease)).toBe(lease.started + 3600000)
    })

    test("that a server offers again is kept: it is requested, and no socket hears of it", async () => {
        await bound(1, DAY)
        up(lease.started)
        unanswered(lease.started, 4)
        expect(lease.state).toBe(LeaseState.Reselecting)
        phy.arrive(answer(lease, 2, offered(60)))
        const f = said(phy)
        expect(typeOf(f)).toBe(3)
        expect(ciaddrOf(f)).toBe(0)
        expect(option(f, 50)).toBe("0a4d003c")
        expect(option(f, 54)).toBe("0a4d0001")
        phy.arrive(ack())
        expect(lease.state).toBe(LeaseState.Bound)
        expect(lease.ifc.address).toBe(offered(60))
        expect(errors).toBe("")
    })

    test("gives way to another that is offered: the network is another one", async () => {
        await bound(0, DAY)
        up(lease.started)
        unanswered(lease.started, 4)
        phy.arrive(answer(lease, 2, offered(77)))
        expect(errors).toBe("ENETDOWN")
        expect(interfaces[0].address).toBe(0)
        expect(lease.state).toBe(LeaseState.Init)
    })

    test("that a server refuses is given up at once, in each of these states", async () => {
        for (let messages = 0; messages < 6; messages++) {
            await bound(0, DAY)
            up(lease.started)
            unanswered(lease.started, messages)
            phy.arrive(answerWith(lease, 6, 0, SERVER))
            expect(errors).toBe("ENETDOWN")
        }
    })

    test("ends with its lease", async () => {
        await bound(0, hex`330400000050`)
        const now = lease.started
        up(now)
        let at = now
        for (let i = 0; i < 20 && interfaces[0].address !== 0; i++) {
            at = nextSendAt(lease)
            pollLease(lease, at)
        }
        expect(at).toBe(now + 80000)
        expect(errors).toBe("ENETDOWN")
    })

    test("is used meanwhile, and asked for once more when the link goes and comes again", async () => {
        await bound(0, DAY)
        up(lease.started)
        unanswered(lease.started, 5)
        up(lease.started + 100000)
        expect(lease.state).toBe(LeaseState.Rebinding)
        expect(saidTypes(phy)).toBe("3")
    })
})

describe("an exchange that is under way when the link comes up", () => {
    beforeEach(async () => await begin(0))

    test("begins anew at once, however long the old servers were silent", () => {
        let now = lease.started
        for (let i = 0; i < 6; i++) {
            now = nextSendAt(lease)
            pollLease(lease, now)
        }
        phy.count()
        const old = lease.xid
        up(now + 1)
        expect(saidTypes(phy)).toBe("1")
        expect(lease.xid !== old).toBe(true)
        expect(nextSendAt(lease) - lease.started < 5100).toBe(true)
    })

    test("asks no more for what was offered on the old one", () => {
        phy.arrive(answer(lease, 2, offered(60)))
        expect(lease.state).toBe(LeaseState.Requesting)
        phy.count()
        up(lease.started + 1)
        expect(saidTypes(phy)).toBe("1")
        expect(lease.address).toBe(0)
        expect(lease.state).toBe(LeaseState.Selecting)
    })

    test("asks for a remembered address once more", async () => {
        clear()
        lease = startLease(station(0), offered(66))
        expect(saidTypes(phy)).toBe("13")
        pollLease(lease, nextSendAt(lease))
        phy.count()
        up(lease.started + 1)
        expect(lease.state).toBe(LeaseState.Rebooting)
        expect(option(said(phy), 50)).toBe("0a4d0042")
        // twice, as at first
        pollLease(lease, nextSendAt(lease))
        expect(saidTypes(phy)).toBe("3")
        // the third deadline is the beginning of another exchange
        pollLease(lease, nextSendAt(lease))
        pollLease(lease, nextSendAt(lease))
        expect(saidTypes(phy)).toBe("1")
    })

    test("waits as long as it must after a refusal", () => {
        lease.notBefore = lease.started + 500000000
        up(lease.started + 1)
        expect(saidTypes(phy)).toBe("1")
        expect(nextSendAt(lease)).toBe(lease.notBefore)
        lease.notBefore = 0
    })
})

await run()
