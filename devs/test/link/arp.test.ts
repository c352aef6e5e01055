import { beforeEach, describe, expect, test } from "@devicescript/test"
import { setPhy } from "../../../src/link/ethernet"
import { receive } from "../../../src/ip/input"
import { interfaces } from "../../../src/link/interface"
import { neighbourOf, neighbours } from "../../../src/link/neighbours"
import { addressOf } from "../../../src/wire/address"
import { ARP_LENGTH, ARP_REPLY, ARP_REQUEST, isArp, writeArp } from "../../../src/wire/arp"
import { BOARD, BOARD_MAC, BROADCAST_MAC, FakePhy, HOST, HOST_MAC, arp, changes, clear, give, station } from "../support/lan"
import { breathe, copyOf, expectBytes, get16, run } from "../support/support"

/** Linux asks for 10.77.0.57 (captured on a TAP device). */
const REQUEST: Buffer = hex`ffffffffffff02000a4d00010806 0001 0800 06 04 0001 02000a4d0001 0a4d0001 000000000000 0a4d0039`
/** What it must hear, padded to the least length of a frame. */
const REPLY: Buffer = hex`02000a4d00010254500000010806 0001 0800 06 04 0002 025450000001 0a4d0039 02000a4d0001 0a4d0001
    000000000000000000000000000000000000`

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})

/** Interfaces with these addresses; the first is the common one. */
function own(addresses: number[], prefix: number): void {
    clear()
    for (let i = 0; i < addresses.length; i++) give(station(i), addresses[i], prefix, 0)
    while (neighbours.length > 0) neighbours.pop()
    phy.count()
}

describe("ARP packets (RFC 826)", () => {
    beforeEach(breathe)

    test("a request from Linux is one", () => {
        expect(isArp(REQUEST, 14, 28)).toBe(true)
        expect(REQUEST.getAt(20, "u16")).toBe(ARP_REQUEST)
        expect(REPLY.getAt(20, "u16")).toBe(ARP_REPLY)
    })

    test("another hardware, protocol or length of address is none, nor a cut one", () => {
        for (let length = 0; length < ARP_LENGTH; length++) expect(isArp(REQUEST, 14, length)).toBe(false)
        for (let at = 0; at < 6; at++) {
            const f = copyOf(REQUEST)
            f[14 + at]++
            expect(isArp(f, 14, 28)).toBe(false)
        }
    })

    test("the common part is written", () => {
        const b = Buffer.alloc(10)
        writeArp(b, 1, ARP_REPLY)
        expectBytes(b, hex`00 0001 0800 06 04 0002 00`)
    })
})

describe("ARP for our addresses", () => {
    beforeEach(breathe)

    test("a request from Linux is answered, byte for byte", () => {
        own([BOARD], 24)
        expect(phy.counting(REQUEST)).toBe("arpRx+1 arpTx+1")
        expectBytes(phy.one(), REPLY)
    })

    test("for every address of its own, each with the one hardware address, and for no other", () => {
        const mine: number[] = []
        for (let i = 0; i < 9; i++) mine.push(addressOf(10, 77, 0, 50 + i))
        own(mine, 24)
        for (const address of mine) {
            phy.arrive(arp(1, HOST_MAC, HOST, address, BROADCAST_MAC))
            const f = phy.one()
            expect(f.getAt(28, "i32")).toBe(address)
            expectBytes(copyOf(f, 22, 6), BOARD_MAC)
        }
        for (const other of [addressOf(10, 77, 0, 49), addressOf(10, 77, 0, 59), addressOf(10, 77, 1, 50), addressOf(11, 77, 0, 50), -1, 0])
            phy.arrive(arp(1, HOST_MAC, HOST, other, BROADCAST_MAC))
        expect(phy.count()).toBe(0)
    })

    test("two addresses that share their last octet are both found", () => {
        own([addressOf(10, 77, 0, 57), addressOf(10, 77, 1, 57), addressOf(10, 78, 0, 57)], 8)
        for (const ifc of [interfaces[2], interfaces[0], interfaces[1]]) {
            phy.arrive(arp(1, HOST_MAC, HOST, ifc.address, BROADCAST_MAC))
            expect(phy.one().getAt(28, "i32")).toBe(ifc.address)
        }
        // the first goes: the others stay
        give(interfaces[0], 0, 0, 0)
        phy.arrive(arp(1, HOST_MAC, HOST, addressOf(10, 77, 0, 57), BROADCAST_MAC))
        expect(phy.count()).toBe(0)
        phy.arrive(arp(1, HOST_MAC, HOST, addressOf(10, 77, 1, 57), BROADCAST_MAC))
        phy.arrive(arp(1, HOST_MAC, HOST, addressOf(10, 78, 0, 57), BROADCAST_MAC))
        expect(phy.count()).toBe(2)
    })

    test("a probe, which has no sender address, is answered and teaches nothing (RFC 5227, 2.1.1)", () => {
        own([BOARD], 24)
        phy.arrive(arp(1, HOST_MAC, 0, BOARD, BROADCAST_MAC))
        const f = phy.one()
        expect(f.getAt(38, "i32")).toBe(0)
        expect(get16(f, 20)).toBe(2)
        expect(neighbours.length).toBe(0)
    })

    test("who asks for us is learned, who asks for others is not (RFC 826)", () => {
        own([BOARD], 24)
        phy.arrive(arp(1, hex`02 00 00 00 00 09`, addressOf(10, 77, 0, 9), addressOf(10, 77, 0, 8), BROADCAST_MAC))
        expect(neighbours.length).toBe(0)
        phy.arrive(REQUEST)
        const n = neighbourOf(HOST)
        expect(n.known).toBe(true)
        expect(n.macHigh).toBe(HOST_MAC.getAt(0, "i32"))
        expect(n.macLow).toBe(HOST_MAC.getAt(4, "u16"))
        // a neighbour that is known and moves is followed, whomever it asks for
        phy.arrive(arp(1, hex`02 00 00 00 00 09`, HOST, addressOf(10, 77, 0, 8), BROADCAST_MAC))
        expect(n.macHigh).toBe(hex`02 00 00 00`.getAt(0, "i32"))
        // nobody outside the subnet is a neighbour
        phy.arrive(arp(1, HOST_MAC, addressOf(10, 78, 0, 1), BOARD, BROADCAST_MAC))
        expect(neighbours.length).toBe(1)
    })

    test("bad packets are counted, and neither answered nor believed", () => {
        own([BOARD], 24)
        const operation = copyOf(REQUEST)
        operation[21] = 3
        expect(phy.counting(operation)).toBe("arpRx+1 arpBad+1")
        const hardware = copyOf(REQUEST)
        hardware[15] = 6
        expect(phy.counting(hardware)).toBe("arpRx+1 arpBad+1")
        // a multicast address is nobody's
        expect(phy.counting(arp(1, hex`03 00 00 00 00 01`, HOST, BOARD, BROADCAST_MAC))).toBe("arpRx+1 arpBad+1")
        expect(
            changes(() => {
                for (let length = 34; length < 42; length++) phy.arrive(copyOf(REQUEST, 0, length))
            })
        ).toBe("arpRx+8 arpBad+8")
        expect(
            changes(() => {
                for (let length = 0; length < 34; length++) phy.arrive(copyOf(REQUEST, 0, length))
            })
        ).toBe("ethShort+34")
        expect(phy.count()).toBe(0)
        expect(neighbours.length).toBe(0)
    })

    test("our own packets, sent back by the link, are ignored", () => {
        own([BOARD], 24)
        expect(phy.counting(arp(1, BOARD_MAC, BOARD, BOARD, BROADCAST_MAC))).toBe("arpRx+1")
        expect(phy.count()).toBe(0)
    })

    test("another device with an address of ours is a conflict and no neighbour (RFC 5227, 2.4)", () => {
        own([BOARD], 24)
        expect(phy.counting(arp(1, HOST_MAC, BOARD, BOARD, BROADCAST_MAC))).toBe("arpRx+1 arpConflict+1")
        expect(neighbours.length).toBe(0)
    })
})

await run()
