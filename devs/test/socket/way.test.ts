import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { ARP_ATTEMPTS, ARP_INTERVAL, HEARD, NEW_LINK_ATTEMPTS } from "../../../src/base/config"
import { LeaseState, leaseOf } from "../../../src/dhcp/lease"
import { nextHop } from "../../../src/ip/output"
import { receive } from "../../../src/ip/input"
import { forgetRedirects } from "../../../src/ip/redirects"
import { setPhy } from "../../../src/link/ethernet"
import { GATEWAY_COMMON, setAddress } from "../../../src/link/interface"
import { ageNeighbours, doubtNeighbours, neighbourOf, neighbours } from "../../../src/link/neighbours"
import { AF_INET, SOCK_DGRAM, bind, close, connect, send, socket } from "../../../src/socket/api"
import { addressOf, maskOf } from "../../../src/wire/address"
import { BOARD, BROADCAST_MAC, FakePhy, arp, give, icmp, station, udp } from "../support/lan"
import { breathe, codeOf, copyOf, expectBytes, run } from "../support/support"

// A way that a socket has found is asked anew whenever something on it has changed.

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})
const ifc = station(0)
// the address is not asked for here
leaseOf(ifc).state = LeaseState.Bound
const mask = maskOf(24)
const FAR = addressOf(10, 99, 0, 1)
const ROUTER = addressOf(10, 77, 0, 254)
const OTHER = addressOf(10, 77, 0, 253)
const MAC: Buffer = hex`02000a4d00fe`
const OTHER_MAC: Buffer = hex`02000a4d00fd`
let sd = -1

/** A socket to a target off the link, whose router is known. */
async function toFar(): Promise<void> {
    await breathe()
    while (neighbours.length > 0) neighbours.pop()
    forgetRedirects()
    give(ifc, BOARD, 24, ROUTER)
    if (sd >= 0) await close(sd)
    sd = await socket(AF_INET, SOCK_DGRAM)
    await bind(sd, { port: 5060 })
    await connect(sd, { address: FAR, port: 4000 })
    phy.arrive(arp(2, MAC, ROUTER, BOARD, BROADCAST_MAC))
    phy.count()
}

/** Where the next datagram goes. */
async function goesTo(mac: Buffer): Promise<void> {
    await send(sd, hex`01`)
    expectBytes(copyOf(phy.one(), 0, 6), mac)
}

describe("the way of a connected socket", () => {
    beforeEach(toFar)

    test("follows another router, and asks for it", async () => {
        await goesTo(MAC)
        setAddress(ifc, BOARD, mask, OTHER)
        await send(sd, hex`01`)
        expect(phy.one().getAt(38, "i32")).toBe(OTHER)
        phy.arrive(arp(2, OTHER_MAC, OTHER, BOARD, BROADCAST_MAC))
        expect(phy.count()).toBe(1)
        await goesTo(OTHER_MAC)
    })

    test("is on the link when the mask says so", async () => {
        await goesTo(MAC)
        setAddress(ifc, BOARD, maskOf(8), ROUTER)
        await send(sd, hex`01`)
        expect(phy.one().getAt(38, "i32")).toBe(FAR)
    })

    test("ends when the router is taken away", async () => {
        await goesTo(MAC)
        setAddress(ifc, BOARD, mask, 0)
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("ENOBUFS")
        expect(phy.count()).toBe(0)
    })

    test("of an address of the pool follows the common interface's router", () => {
        const own = station(1)
        give(own, addressOf(10, 77, 0, 200), 24, GATEWAY_COMMON)
        expect(nextHop(own, FAR)).toBe(ROUTER)
        setAddress(ifc, BOARD, mask, OTHER)
        expect(nextHop(own, FAR)).toBe(OTHER)
        give(own, 0, 0, 0)
    })
})

/** A router says that another one is better for the far target. @param code for the host (1) if it is left out */
function redirect(from: number, via: number, code = 1): string {
    const m = copyOf(hex`05010000 00000000  4500001d00004000 4011 0000 0a4d0039 0a630001  13c4 0fa0 0009 0000`)
    m[1] = code
    m.setAt(4, "i32", via)
    return phy.counting(icmp(from, BOARD, m))
}

describe("redirects (RFC 1122, 3.2.2.2)", () => {
    beforeEach(toFar)

    test("of the present router are followed, as long as the one that it names answers", async () => {
        expect(redirect(ROUTER, OTHER)).toBe("arpTx+1 icmpRx+1")
        phy.arrive(arp(2, OTHER_MAC, OTHER, BOARD, BROADCAST_MAC))
        phy.count()
        await goesTo(OTHER_MAC)
        // another target goes on by the first one
        expect(nextHop(ifc, addressOf(10, 99, 0, 2))).toBe(ROUTER)
        // it is asked whether it is there, and the first router is not yet
        neighbourOf(OTHER).due = 0
        for (let i = 0; i <= ARP_ATTEMPTS; i++) ageNeighbours(i * ARP_INTERVAL)
        phy.count()
        expect(nextHop(ifc, FAR)).toBe(ROUTER)
        await goesTo(MAC)
    })

    test("for a network, or for a class of service, are for the host all the same (RFC 1122, 3.3.1.2)", () => {
        for (let code = 0; code <= 3; code++) {
            forgetRedirects()
            expect(nextHop(ifc, FAR)).toBe(ROUTER)
            redirect(ROUTER, OTHER, code)
            expect(nextHop(ifc, FAR)).toBe(OTHER)
            expect(nextHop(ifc, addressOf(10, 99, 0, 2))).toBe(ROUTER)
        }
    })

    test("of another host, or to a router that is not on the link, a group or ourselves are not", () => {
        expect(redirect(OTHER, OTHER)).toBe("icmpRx+1 icmpUnbelieved+1")
        for (const via of [addressOf(10, 78, 0, 1), addressOf(224, 0, 0, 1), BOARD, 0])
            expect(redirect(ROUTER, via)).toBe("icmpRx+1 icmpUnbelieved+1")
        expect(nextHop(ifc, FAR)).toBe(ROUTER)
    })

    test("are forgotten with the router that has sent them, and with the link", () => {
        redirect(ROUTER, OTHER)
        expect(nextHop(ifc, FAR)).toBe(OTHER)
        const third = addressOf(10, 77, 0, 252)
        setAddress(ifc, BOARD, mask, third)
        expect(nextHop(ifc, FAR)).toBe(third)
        setAddress(ifc, BOARD, mask, ROUTER)
        expect(nextHop(ifc, FAR)).toBe(OTHER)
        forgetRedirects()
        expect(nextHop(ifc, FAR)).toBe(ROUTER)
    })
})

describe("a neighbour that does not answer any more", () => {
    beforeEach(toFar)

    /** It is asked for, and asked for again, and silent. @returns whether it is still in the table */
    const silent = () => {
        const n = neighbourOf(ROUTER)
        for (let i = 0; i <= 2 * ARP_ATTEMPTS; i++) ageNeighbours(n.due)
        return neighbourOf(ROUTER) !== undefined
    }

    test("is there as long as something is heard through it, and is asked for by broadcast", async () => {
        phy.arrive(udp(FAR, 4000, BOARD, 5060, hex`2a`))
        expect(silent()).toBe(true)
        expectBytes(copyOf(phy.sent[phy.sent.length - 1], 0, 6), BROADCAST_MAC)
        phy.count()
        await goesTo(MAC)
    })

    test("is gone when nothing is heard", async () => {
        expect(silent()).toBe(false)
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("EHOSTUNREACH")
        // or nothing more
        await toFar()
        phy.arrive(udp(FAR, 4000, BOARD, 5060, hex`2a`))
        expect(silent()).toBe(true)
        await ds.sleep(HEARD + 10)
        expect(silent()).toBe(false)
    })

    test("on a link that has come up is in doubt: asked for by broadcast at once and for half a minute, and used until it answers", async () => {
        const n = neighbourOf(ROUTER)
        doubtNeighbours(1000)
        expectBytes(copyOf(phy.one(), 0, 6), BROADCAST_MAC)
        await goesTo(MAC)
        for (let i = 1; i < NEW_LINK_ATTEMPTS; i++) ageNeighbours(1000 + i * ARP_INTERVAL)
        for (const f of phy.sent) expectBytes(copyOf(f, 0, 6), BROADCAST_MAC)
        expect(phy.count()).toBe(NEW_LINK_ATTEMPTS - 1)
        expect(neighbourOf(ROUTER)).toBe(n)
        // it is another one, and says so
        phy.arrive(arp(2, OTHER_MAC, ROUTER, BOARD, BROADCAST_MAC))
        await goesTo(OTHER_MAC)
    })
})

await run()
