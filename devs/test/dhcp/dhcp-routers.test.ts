import { beforeEach, describe, expect, test } from "@devicescript/test"
import { ARP_ATTEMPTS, ARP_INTERVAL } from "../../../src/base/config"
import { configured } from "../../../src/dhcp/configuration"
import { nextSendAt, releaseLease } from "../../../src/dhcp/client"
import { Lease, LeaseState } from "../../../src/dhcp/lease"
import { neighbourFor } from "../../../src/ip/output"
import { interfaces } from "../../../src/link/interface"
import { ageNeighbours } from "../../../src/link/neighbours"
import { addressOf, formatAddress, prefixOf } from "../../../src/wire/address"
import { OPTION_DNS, OPTION_DOMAIN } from "../../../src/wire/dhcp"
import { BROADCAST_MAC, HOST, HOST_MAC, arp, dhcp } from "../support/lan"
import { SERVER, offered, pollLease, said, saidTypes, beginLease, startClient, targetOf, typeOf } from "../support/server"
import { copyOf, expectBytes, run } from "../support/support"

// Where the router is, and what a renewal may change.

const phy = startClient()
const TIME: Buffer = hex`330400001c20`
const ALL: Buffer = hex`0104ffffff00 03040a4d00fe 06040a4d0008 0f036c616e`
const OUTSIDE = addressOf(8, 8, 8, 8)
let lease: Lease

async function begin(slot = 0): Promise<void> {
    lease = await beginLease(phy, slot)
    phy.count()
}

/** The server grants 10.77.0.60 with these options. */
function grant(options: Buffer): void {
    phy.arrive(dhcp(lease.xid, offered(60), Buffer.concat(hex`350105 5000`, SERVER, TIME, options)))
    phy.count()
    expect(lease.state).toBe(LeaseState.Bound)
}

/** The lease is renewed, and the server says this beside its time. */
function renewed(options: Buffer): void {
    pollLease(lease, nextSendAt(lease))
    phy.arrive(dhcp(lease.xid, offered(60), Buffer.concat(hex`350105`, SERVER, TIME, options)))
    phy.count()
    expect(lease.state).toBe(LeaseState.Bound)
}

const state = () =>
    `/${prefixOf(interfaces[0].mask)} ${formatAddress(interfaces[0].gateway)} ${configured(OPTION_DNS)} ${configured(OPTION_DOMAIN)}`

describe("what a renewal's ACK says, and what it leaves out", () => {
    beforeEach(async () => {
        await begin()
        grant(ALL)
    })

    test("nothing: all stays", () => {
        renewed(Buffer.alloc(0))
        expect(state()).toBe("/24 10.77.0.254 10.77.0.8 lan")
    })
    test("each field by itself is changed, and the others stay", () => {
        renewed(hex`0104ffff0000`)
        expect(state()).toBe("/16 10.77.0.254 10.77.0.8 lan")
        renewed(hex`03040a4d00fd`)
        expect(state()).toBe("/16 10.77.0.253 10.77.0.8 lan")
        renewed(hex`06040a4d0009`)
        expect(state()).toBe("/16 10.77.0.253 10.77.0.9 lan")
        renewed(hex`0f0568656c6c6f`)
        expect(state()).toBe("/16 10.77.0.253 10.77.0.9 hello")
    })
    test("what is flawed is as if it were not said", () => {
        renewed(hex`0103ffff00 03050a4d00fd00 06060a4d00090000 0f00`)
        expect(state()).toBe("/24 10.77.0.254 10.77.0.8 lan")
    })
    test("classless routes without a default route take the router away (RFC 3442)", () => {
        renewed(hex`7908 18 0a4e00 0a4d0009`)
        expect(state()).toBe("/24 0.0.0.0 10.77.0.8 lan")
    })
    test("a new lease begins with what its own ACK says", async () => {
        await begin()
        grant(Buffer.alloc(0))
        expect(state()).toBe("/24 0.0.0.0 null null")
    })
})

/** The neighbour towards the outside does not answer any more. */
function routerIsSilent(): void {
    const n = neighbourFor(interfaces[0], OUTSIDE)
    for (let i = 0; i <= ARP_ATTEMPTS; i++) ageNeighbours(n.due + i * ARP_INTERVAL)
}

function routerAnswers(): void {
    const { address } = neighbourFor(interfaces[0], OUTSIDE)
    phy.arrive(arp(2, HOST_MAC, address, offered(60), BROADCAST_MAC))
}

const router = () => formatAddress(interfaces[0].gateway)

describe("of several routers (RFC 1122, 3.3.1.4)", () => {
    beforeEach(async () => await begin())

    test("the first that can be one is taken", () => {
        grant(hex`0310 00000000 e0000001 0a4d003c 0a4d0009`)
        // three are read, and an address of our own is no router
        expect(router()).toBe("0.0.0.0")
        renewed(hex`030c 7f000001 0a4d0009 0a4d0008`)
        expect(router()).toBe("10.77.0.9")
    })

    test("the next one serves when one does not answer, round and round", () => {
        grant(hex`030c 0a4d0007 0a4d0008 0a4d0009`)
        expect(router()).toBe("10.77.0.7")
        routerIsSilent()
        expect(router()).toBe("10.77.0.8")
        routerAnswers()
        routerIsSilent()
        expect(router()).toBe("10.77.0.9")
        routerAnswers()
        routerIsSilent()
        expect(router()).toBe("10.77.0.7")
    })

    test("the last one is kept when none answers, and the round begins anew with it", () => {
        grant(hex`0308 0a4d0007 0a4d0008`)
        routerIsSilent()
        expect(router()).toBe("10.77.0.8")
        routerIsSilent()
        expect(router()).toBe("10.77.0.8")
        routerIsSilent()
        expect(router()).toBe("10.77.0.7")
    })
})

describe("a router that is not in the subnet is on the link all the same", () => {
    const isAsked = async (options: Buffer) => {
        await begin()
        grant(options)
        const n = neighbourFor(interfaces[0], OUTSIDE)
        expect(n.address).toBe(interfaces[0].gateway)
        expect(interfaces[0].gateway !== 0).toBe(true)
        // asked for by ARP
        expect(phy.one().getAt(38, "i32")).toBe(n.address)
    }
    test("/32 with option 3 (clouds, PPP)", async () => await isAsked(hex`0104ffffffff 03040a4d0001`))
    test("/28 with a router beside it", async () => await isAsked(hex`0104fffffff0 03040a4d0001`))
    test("a route to the router itself, and the default route by it (RFC 3442)", async () =>
        await isAsked(hex`0104ffffffff 790e 20 0a4d0001 00000000 00 0a4d0001`))
    test("no mask, and a router outside of /24", async () => await isAsked(hex`0304 0a4e0001`))
})

describe("a server that is not in the subnet", () => {
    test("gets RENEW and RELEASE by unicast: by the router, or without one directly", async () => {
        for (const options of [hex`0104ffffffff 03040a4d0001`, hex`0104ffffffff`]) {
            await begin(1)
            grant(options)
            pollLease(lease, nextSendAt(lease))
            // it is asked for first
            expect(phy.one().getAt(38, "i32")).toBe(HOST)
            phy.arrive(arp(2, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
            const renewal = said(phy)
            expect(targetOf(renewal)).toBe(HOST)
            expectBytes(copyOf(renewal, 0, 6), HOST_MAC)
            await releaseLease(lease)
            const release = said(phy)
            expect(typeOf(release)).toBe(7)
            expect(targetOf(release)).toBe(HOST)
            expectBytes(copyOf(release, 0, 6), HOST_MAC)
        }
        expect(saidTypes(phy)).toBe("")
    })
})

await run()
