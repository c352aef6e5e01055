import { beforeEach, describe, expect, test } from "@devicescript/test"
import { ARP_ATTEMPTS, ARP_INTERVAL, NEIGHBOURS, NEIGHBOUR_REACHABLE } from "../../../src/base/config"
import { setPhy } from "../../../src/link/ethernet"
import { Output, allocate, neighbourFor, nextHop, output } from "../../../src/ip/output"
import { receive } from "../../../src/ip/input"
import { setAddress } from "../../../src/link/interface"
import { Neighbour, addNeighbour, ageNeighbours, confirmNeighbour, neighbourOf, neighbours } from "../../../src/link/neighbours"
import { addressOf } from "../../../src/wire/address"
import { PROTOCOL_UDP } from "../../../src/wire/ipv4"
import { BOARD, BOARD_MAC, BROADCAST_MAC, FakePhy, HOST, HOST_MAC, arp, changes, give, station, Silent } from "../support/lan"
import { breathe, copyOf, expectBytes, run } from "../support/support"

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})

let heard = ""
const ifc = station(0)
const endpoint = new Silent(PROTOCOL_UDP, 4000)
endpoint.onNeighbour = n => {
    heard += n.known ? "known " : "gone "
}
ifc.add(endpoint)
const ROUTER = addressOf(10, 77, 0, 254)
give(ifc, BOARD, 24, ROUTER)

const host = (n: number) => addressOf(10, 77, 0, 100 + n)

function ready(): void {
    while (neighbours.length > 0) neighbours.pop()
    phy.sent = []
    phy.accepts = true
    heard = ""
}

/** A packet of 4 bytes, which say which one it is. */
function packet(dst: number, mark: number): Buffer {
    const b = allocate(ifc, PROTOCOL_UDP, 0, dst, 4)
    b[b.length - 1] = mark
    return b
}

describe("neighbours (RFC 1122, 2.3.2)", () => {
    beforeEach(async () => {
        await breathe()
        ready()
    })

    test("the next hop is the target on the link, the gateway otherwise, nothing without one (RFC 1122, 3.3.1.1)", () => {
        expect(nextHop(ifc, HOST)).toBe(HOST)
        expect(nextHop(ifc, addressOf(10, 77, 1, 1))).toBe(ROUTER)
        const lonely = station(1)
        give(lonely, addressOf(10, 77, 0, 200), 24, 0)
        expect(nextHop(lonely, addressOf(8, 8, 8, 8))).toBe(0)
        expect(neighbourFor(lonely, addressOf(8, 8, 8, 8))).toBe(undefined)
        expect(output(lonely, allocate(lonely, PROTOCOL_UDP, 0, addressOf(8, 8, 8, 8), 0), addressOf(8, 8, 8, 8))).toBe(Output.Unreachable)
        give(lonely, 0, 0, 0)
    })

    test("a packet waits for its neighbour, who is asked for by broadcast", () => {
        expect(output(ifc, packet(HOST, 7), HOST)).toBe(Output.Pending)
        expectBytes(
            phy.one(),
            hex`ffffffffffff0254500000010806 0001 0800 06 04 0001 025450000001 0a4d0039 000000000000 0a4d0001
                000000000000000000000000000000000000`
        )
        phy.arrive(arp(2, HOST_MAC, HOST, BOARD, BOARD_MAC))
        const f = phy.one()
        expectBytes(copyOf(f, 0, 12), hex`02000a4d0001 025450000001`)
        expect(f[f.length - 1]).toBe(7)
        expect(heard).toBe("known ")
        expect(ifc.tx > 0).toBe(true)
        // known now: at once
        expect(output(ifc, packet(HOST, 8), HOST)).toBe(Output.Sent)
        expectBytes(copyOf(phy.one(), 0, 6), HOST_MAC)
    })

    test("the latest packet waits; the one before it is counted (RFC 1122, 2.3.2.2)", () => {
        output(ifc, packet(HOST, 1), HOST)
        expect(changes(() => output(ifc, packet(HOST, 2), HOST))).toBe("arpPendingDropped+1")
        // one request was enough
        expect(phy.count()).toBe(1)
        phy.arrive(arp(2, HOST_MAC, HOST, BOARD, BOARD_MAC))
        const f = phy.one()
        expect(f[f.length - 1]).toBe(2)
    })

    test("a packet that waits is not sent once its address was given back (RFC 1122, 3.2.1.3)", () => {
        output(ifc, packet(HOST, 1), HOST)
        expect(phy.count()).toBe(1)
        const { address, mask, gateway } = ifc
        setAddress(ifc, 0, 0, 0)
        phy.arrive(arp(2, HOST_MAC, HOST, BOARD, BOARD_MAC))
        setAddress(ifc, address, mask, gateway)
        expect(phy.count()).toBe(0)
    })

    test("broadcasts ask nobody", () => {
        expect(output(ifc, packet(-1, 1), -1)).toBe(Output.Sent)
        expectBytes(copyOf(phy.one(), 0, 6), BROADCAST_MAC)
        const directed = addressOf(10, 77, 0, 255)
        expect(output(ifc, packet(directed, 1), directed)).toBe(Output.Sent)
        expectBytes(copyOf(phy.one(), 0, 6), BROADCAST_MAC)
        expect(neighbours.length).toBe(0)
    })

    test("a PHY that takes nothing drops", () => {
        phy.accepts = false
        expect(output(ifc, packet(-1, 1), -1)).toBe(Output.Dropped)
    })

    test("who does not answer is asked three times, a second apart, and given up", () => {
        output(ifc, packet(HOST, 1), HOST)
        const n = neighbourOf(HOST)
        const t0 = n.due - ARP_INTERVAL
        phy.count()
        ageNeighbours(t0 + ARP_INTERVAL - 1)
        expect(phy.count()).toBe(0)
        for (let i = 1; i < ARP_ATTEMPTS; i++) {
            ageNeighbours(t0 + i * ARP_INTERVAL)
            expectBytes(copyOf(phy.one(), 0, 6), BROADCAST_MAC)
        }
        expect(changes(() => ageNeighbours(t0 + ARP_ATTEMPTS * ARP_INTERVAL))).toBe("arpFailed+1 arpPendingDropped+1")
        expect(neighbourOf(HOST)).toBe(undefined)
        expect(heard).toBe("gone ")
    })

    test("an old entry is confirmed by unicast, then by broadcast, then given up", () => {
        const n = addNeighbour(HOST, ifc)
        confirmNeighbour(n, HOST_MAC.getAt(0, "i32"), HOST_MAC.getAt(4, "u16"), 5000)
        ageNeighbours(5000 + NEIGHBOUR_REACHABLE - 1)
        expect(phy.count()).toBe(0)
        let now = 5000 + NEIGHBOUR_REACHABLE
        const to: Buffer[] = [HOST_MAC, HOST_MAC, BROADCAST_MAC]
        for (const mac of to) {
            ageNeighbours(now)
            expectBytes(copyOf(phy.one(), 0, 6), mac)
            expect(n.known).toBe(true)
            now += ARP_INTERVAL
        }
        heard = ""
        ageNeighbours(now)
        expect(phy.count()).toBe(0)
        expect(heard).toBe("gone ")
    })

    test("an answer makes it young again, without news", () => {
        const n = addNeighbour(HOST, ifc)
        confirmNeighbour(n, 1, 2, 0)
        ageNeighbours(NEIGHBOUR_REACHABLE)
        expect(n.attempts).toBe(1)
        heard = ""
        confirmNeighbour(n, 1, 2, NEIGHBOUR_REACHABLE + 5)
        expect(n.attempts).toBe(0)
        expect(n.due).toBe(2 * NEIGHBOUR_REACHABLE + 5)
        expect(heard).toBe("")
        confirmNeighbour(n, 1, 3, NEIGHBOUR_REACHABLE + 5)
        expect(heard).toBe("known ")
    })

    test("a full table gives up the entry longest without confirmation", () => {
        for (let i = 0; i < NEIGHBOURS; i++) confirmNeighbour(addNeighbour(host(i), ifc), i, i, i === 5 ? 10 : 1000 + i)
        expect(addNeighbour(HOST, ifc).address).toBe(HOST)
        expect(neighbours.length).toBe(NEIGHBOURS)
        expect(neighbourOf(host(5))).toBe(undefined)
    })

    test("a table full of entries being resolved takes no more", () => {
        for (let i = 0; i < NEIGHBOURS; i++) expect(output(ifc, packet(host(i), i), host(i))).toBe(Output.Pending)
        phy.count()
        expect(output(ifc, packet(HOST, 1), HOST)).toBe(Output.Unreachable)
        expect(phy.count()).toBe(0)
        expect(neighbours.length).toBe(NEIGHBOURS)
    })
})

describe("a neighbour that several interfaces use", () => {
    beforeEach(async () => {
        await breathe()
        ready()
    })

    test("stays when the interface that asked for it has lost its address", () => {
        const second = station(1)
        give(second, addressOf(10, 77, 0, 200), 24, ROUTER)
        const n: Neighbour = addNeighbour(HOST, ifc)
        confirmNeighbour(n, 1, 2, 0)
        heard = ""
        give(ifc, 0, 0, 0)
        ageNeighbours(NEIGHBOUR_REACHABLE)
        expect(heard).toBe("")
        expect(neighbourOf(HOST)).toBe(n)
        // it is asked for on behalf of the one that is left
        expect(phy.one().getAt(28, "i32")).toBe(second.address)
        give(ifc, BOARD, 24, ROUTER)
    })
})

await run()
