import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Source, openInterface } from "../../../src/address/assign"
import { closeInterface } from "../../../src/address/release"
import { nextSendAt, releaseLease, startLease } from "../../../src/dhcp/client"
import { ownMacHigh, ownMacLow, setPhy } from "../../../src/link/ethernet"
import { announce } from "../../../src/link/arp-output"
import { FREE, interfaces } from "../../../src/link/interface"
import { Lease, LeaseState, leases } from "../../../src/dhcp/lease"
import { forgetServer, giveCommonMac, giveOwnMac, severalMacs } from "../../../src/link/macs"
import { neighbours } from "../../../src/link/neighbours"
import { formatMac } from "../../../src/wire/address"
import { BOARD, BOARD_MAC, BROADCAST_MAC, FakePhy, HOST, HOST_MAC, arp, clear, give, icmp, listen, station, udp } from "../support/lan"
import {
    NET,
    SERVER,
    TIMES,
    answer,
    answerWith,
    offered,
    option,
    said,
    saidTypes,
    startClient,
    typeOf,
    xidOf,
    pollLease,
} from "../support/server"
import { breathe, copyOf, expectBytes, run, until } from "../support/support"

// Servers that know clients by their hardware address alone (against RFC 2131, 4.2), and the MAC address of its own that
// an interface has for one.

const OTHER_SERVER: Buffer = hex`36040a4d0002`
/** The board's own MAC addresses of these slots. */
const MAC_0: Buffer = hex`12 54 50 00 00 01`
const MAC_1: Buffer = hex`22 54 50 00 00 01`
const MAC_2: Buffer = hex`32 54 50 00 00 01`
const MAC_3: Buffer = hex`42 54 50 00 00 01`
const MAC_5: Buffer = hex`62 54 50 00 00 01`

const phy = startClient()

const macOf = (slot: number) => formatMac(interfaces[slot].macHigh, ownMacLow)
/** Where a frame is from, and the `chaddr` of a DHCP message. */
const from = (f: Buffer) => copyOf(f, 6, 6)
const chaddrOf = (f: Buffer) => copyOf(f, 70, 6)

/** A server's message to another hardware address than the board's. */
function to(mac: Buffer, f: Buffer): Buffer {
    f.blitAt(70, mac, 0, 6)
    return f
}

/** The common interface is bound to .57; nothing else is there, and nothing known of the server. */
async function begin(): Promise<void> {
    await breathe()
    clear()
    for (const ifc of interfaces) giveCommonMac(ifc)
    while (neighbours.length > 0) neighbours.pop()
    phy.canTakeAll = true
    phy.cable(true)
    forgetServer()
    interfaces[0].process = 0
    bind(startLease(interfaces[0]), BOARD, BOARD_MAC)
    expect(interfaces[0].address).toBe(BOARD)
    phy.count()
}

/** Rapid commit (RFC 4039). */
function bind(lease: Lease, address: number, mac: Buffer): void {
    phy.arrive(to(mac, committed(lease, address)))
}

function committed(lease: Lease, address: number): Buffer {
    return answerWith(lease, 5, address, Buffer.concat(SERVER, TIMES, NET, hex`5000`))
}

/** A lease of this slot, which the server has made take a MAC address of its own. */
function apart(slot: number): Lease {
    const lease = startLease(station(slot))
    phy.arrive(answer(lease, 2, BOARD))
    phy.count()
    expect(interfaces[slot].macHigh === ownMacHigh).toBe(false)
    return lease
}

describe("a MAC address of its own", () => {
    beforeEach(begin)

    test("is unicast, administered locally, and the PHY's but for the first octet, which tells the slots apart", () => {
        let first = ""
        for (const ifc of interfaces) {
            giveOwnMac(ifc)
            const mac = macOf(ifc.slot)
            first += `${mac.slice(0, 2)} `
            expect(mac.slice(2)).toBe(":54:50:00:00:01")
        }
        expect(first).toBe("12 22 32 42 52 62 72 82 92 ")
    })

    test("is none of the PHY's if that is administered universally, either", async () => {
        const universal = new FakePhy()
        universal.macHigh = hex`24 0a c4 11`.getAt(0, "i32")
        universal.macLow = 0x3322
        setPhy(universal)
        let first = ""
        for (const ifc of interfaces) {
            expect(macOf(ifc.slot)).toBe("24:0a:c4:11:22:33")
            giveOwnMac(ifc)
            first += `${macOf(ifc.slot).slice(0, 2)} `
        }
        expect(first).toBe("32 02 12 62 72 42 52 a2 b2 ")
        setPhy(phy)
    })
})

describe("a server that gives an address which another interface has of it", () => {
    beforeEach(begin)

    const asksAgain = (rapid: boolean) => {
        const lease = startLease(station(3))
        const before = said(phy)
        expectBytes(chaddrOf(before), BOARD_MAC)
        expect(phy.all).toBe(false)
        const f = rapid ? committed(lease, BOARD) : answer(lease, 2, BOARD)
        expect(phy.counting(f)).toBe("dhcpTx+1 dhcpRx+1 dhcpSameClient+1")
        const after = said(phy)
        expect(typeOf(after)).toBe(1)
        expect(xidOf(after) !== xidOf(before)).toBe(true)
        expectBytes(from(after), MAC_3)
        expectBytes(chaddrOf(after), MAC_3)
        // the device and the lease are what they were (RFC 4361, 6.1)
        expect(option(after, 61)).toBe("ff0000000300030001025450000001")
        expect(option(after, 61)).toBe(option(before, 61))
        expect(phy.all).toBe(true)
        expect(macOf(0)).toBe("02:54:50:00:00:01")
        // ... and not sooner than any other client after that
        expect(nextSendAt(lease) >= ds.millis() + 2900).toBe(true)
    }
    test("is asked again at once by another client, after an OFFER", () => asksAgain(false))
    test("... and after an ACK with rapid commit", () => asksAgain(true))

    test("binds the other client: announced, renewed and released with its MAC address", async () => {
        const lease = apart(3)
        expect(phy.counting(answer(lease, 2, offered(60)))).toBe("dhcpRx+1 dhcpBad+1")
        phy.arrive(to(MAC_3, answer(lease, 2, offered(60))))
        const request = said(phy)
        expect(typeOf(request)).toBe(3)
        expectBytes(chaddrOf(request), MAC_3)
        phy.arrive(to(MAC_3, answer(lease, 5, offered(60))))
        expect(interfaces[3].address).toBe(offered(60))
        const announcement = phy.one()
        expectBytes(from(announcement), MAC_3)
        expectBytes(copyOf(announcement, 22, 6), MAC_3)
        expect(announcement.getAt(28, "i32")).toBe(offered(60))

        phy.arrive(arp(1, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
        phy.count()
        pollLease(lease, nextSendAt(lease))
        const renewal = said(phy)
        expect(lease.state).toBe(LeaseState.Renewing)
        expectBytes(from(renewal), MAC_3)
        expectBytes(chaddrOf(renewal), MAC_3)
        phy.arrive(to(MAC_3, answer(lease, 5, offered(60))))
        expect(lease.state).toBe(LeaseState.Bound)
        await closeInterface(interfaces[3])
        const release = said(phy)
        expect(typeOf(release)).toBe(7)
        expectBytes(chaddrOf(release), MAC_3)
        // free again, for whoever needs no lease
        expect(macOf(3)).toBe("02:54:50:00:00:01")
        expect(severalMacs).toBe(false)
    })

    test("is not asked a third time, if it does so to the other client too", () => {
        const lease = apart(3)
        expect(phy.counting(to(MAC_3, answer(lease, 2, BOARD)))).toBe("dhcpRx+1 dhcpBad+1")
        expect(phy.count()).toBe(0)
        expect(lease.state).toBe(LeaseState.Selecting)
    })

    test("is known from then on, until the link goes", async () => {
        const first = apart(1)
        bind(first, offered(61), MAC_1)
        phy.count()
        startLease(station(2))
        expectBytes(chaddrOf(said(phy)), MAC_2)
        // a call is up: frames to its MAC address are still wanted
        forgetServer()
        expect(phy.all).toBe(true)
        startLease(station(5))
        expectBytes(chaddrOf(said(phy)), BOARD_MAC)
        expect(macOf(1)).toBe("22:54:50:00:00:01")
        for (const slot of [1, 2, 5]) await closeInterface(interfaces[slot])
        expect(phy.all).toBe(true)
        forgetServer()
        expect(phy.all).toBe(false)
    })

    test("may also give the common interface what a call has", () => {
        const call = startLease(station(1))
        bind(call, offered(61), BOARD_MAC)
        const common = startLease(station(0))
        phy.count()
        phy.arrive(answer(common, 2, offered(61)))
        expectBytes(chaddrOf(said(phy)), MAC_0)
        bind(common, BOARD, MAC_0)
        expect(interfaces[0].address).toBe(BOARD)
        expect(macOf(1)).toBe("02:54:50:00:00:01")
        // when it begins anew the next time, it is the PHY's again
        startLease(interfaces[0])
        expectBytes(chaddrOf(said(phy)), BOARD_MAC)
    })

    test("is not meant if the address is only offered there: it may be given to one of both (RFC 2131, 4.3.1)", () => {
        const first = startLease(station(1))
        const second = startLease(station(2))
        phy.arrive(answer(first, 2, offered(61)))
        phy.count()
        phy.arrive(answer(second, 2, offered(61)))
        expect(phy.all).toBe(false)
        expect(saidTypes(phy).indexOf("1")).toBe(-1)
        expect(macOf(2)).toBe("02:54:50:00:00:01")
    })

    test("is not meant if it is another server, or the address is a reserved one", async () => {
        // which has the place of an address that was the server's
        const past = startLease(station(5))
        bind(past, offered(65), BOARD_MAC)
        phy.arrive(arp(1, HOST_MAC, HOST, offered(65), BROADCAST_MAC))
        await releaseLease(past)
        give(interfaces[5], offered(200), 24, 0)
        const lease = startLease(station(2))
        phy.count()
        for (const f of [
            answerWith(lease, 2, BOARD, Buffer.concat(OTHER_SERVER, TIMES, NET)),
            answerWith(lease, 2, BOARD, Buffer.concat(TIMES, NET)),
            answer(lease, 2, offered(200)),
        ])
            expect(phy.counting(f)).toBe("dhcpRx+1 dhcpBad+1")
        expect(phy.count()).toBe(0)
        expect(phy.all).toBe(false)
    })
})

describe("a PHY that takes frames to one MAC address alone", () => {
    beforeEach(async () => {
        await begin()
        phy.canTakeAll = false
    })

    test("has the caller told at once, and nothing left", async () => {
        let error = ""
        const caller = async () => {
            try {
                await openInterface(Source.Dhcp, 1)
                error = "none"
            } catch (e) {
                error = `${(e as any).code}: ${(e as Error).message}`
            }
        }
        for (let i = 0; i < 2; i++) {
            error = ""
            caller.start()
            await until("DISCOVER", () => phy.sent.length > 0)
            const discover = said(phy)
            expectBytes(chaddrOf(discover), BOARD_MAC)
            phy.arrive(answer(leases[1], 2, BOARD))
            expect(phy.count()).toBe(0)
            const began = ds.millis()
            await until("the error", () => error.length > 0)
            expect(ds.millis() - began < 1000).toBe(true)
            const expected = "EADDRNOTAVAIL: the DHCP server gives one address per hardware address, and this PHY has only one: "
            expect(error.slice(0, expected.length)).toBe(expected)
            expect(error.length > expected.length + 20).toBe(true)
            expect(interfaces[1].process).toBe(FREE)
        }
        expect(interfaces[0].address).toBe(BOARD)
    })

    test("has the common interface wait until the other one gives the address back", async () => {
        const call = startLease(station(1))
        bind(call, offered(61), BOARD_MAC)
        const common = startLease(station(0))
        phy.count()
        phy.arrive(answer(common, 2, offered(61)))
        expect(common.state).toBe(LeaseState.Selecting)
        expect(nextSendAt(common) >= ds.millis() + 2900).toBe(true)
        expect(phy.count()).toBe(0)
        phy.arrive(arp(1, HOST_MAC, HOST, offered(61), BROADCAST_MAC))
        await releaseLease(call)
        bind(common, offered(61), BOARD_MAC)
        expect(interfaces[0].address).toBe(offered(61))
    })
})

/** Slots 0 with the PHY's MAC address and 3 and 5 with their own have .57, .63 and .65. What came to port 5004, by slot. */
let heard = ""
async function three(): Promise<void> {
    await begin()
    for (const slot of [3, 5]) {
        giveOwnMac(station(slot))
        give(interfaces[slot], offered(60 + slot), 24, 0)
    }
    heard = ""
    interfaces[0].endpoints = undefined
    listen(interfaces[0], 5004, () => (heard += "0"))
    listen(interfaces[3], 5004, () => (heard += "3"))
    listen(interfaces[5], 5004, () => (heard += "5"))
}

/** What is heard of a datagram to an address, in a frame to a MAC address; and what is counted. */
function hear(mac: Buffer, address: number): string {
    heard = ""
    const c = phy.counting(udp(HOST, 4000, address, 5004, hex`010203`, mac))
    return heard + c
}

describe("frames to MAC addresses of their own", () => {
    beforeEach(three)

    test("are taken by their interface", () => {
        expect(hear(BOARD_MAC, BOARD)).toBe("0")
        expect(hear(MAC_3, offered(63))).toBe("3")
        expect(hear(MAC_5, offered(65))).toBe("5")
        expect(interfaces[3].rx).toBe(1)
    })

    test("are foreign to the others", () => {
        expect(hear(MAC_3, offered(65))).toBe("ethForeign+1")
        expect(hear(MAC_5, offered(63))).toBe("ethForeign+1")
        expect(hear(MAC_3, BOARD)).toBe("ethForeign+1")
        // nobody has these
        expect(hear(MAC_1, offered(63))).toBe("ethForeign+1")
        expect(hear(MAC_1, offered(77))).toBe("ethForeign+1")
        expect(hear(HOST_MAC, offered(63))).toBe("ethForeign+1")
        const nearly = copyOf(MAC_3)
        nearly[5]++
        expect(hear(nearly, offered(63))).toBe("ethForeign+1")
    })

    test("may be broadcast", () => {
        expect(hear(BROADCAST_MAC, -1)).toBe("035")
    })

    test("are foreign as soon as the interface has the PHY's", () => {
        giveCommonMac(interfaces[3])
        expect(hear(MAC_3, offered(63))).toBe("ethForeign+1")
        expect(hear(BOARD_MAC, offered(63))).toBe("3")
        expect(hear(MAC_5, offered(65))).toBe("5")
        giveCommonMac(interfaces[5])
        expect(severalMacs).toBe(false)
        expect(hear(MAC_5, offered(65))).toBe("ethForeign+1")
    })

    test("bring what a server says to an address that is not there yet (RFC 2131, 4.1)", () => {
        const lease = startLease(interfaces[5])
        give(interfaces[5], 0, 0, 0)
        giveOwnMac(interfaces[5])
        const f = to(MAC_5, committed(lease, offered(66)))
        f.blitAt(0, MAC_5, 0, 6)
        phy.arrive(f)
        expect(interfaces[5].address).toBe(offered(66))
    })
})

describe("what is sent", () => {
    beforeEach(three)

    test("ARP answers for each address with its interface's MAC address", () => {
        for (const slot of [0, 3, 5]) {
            const ifc = interfaces[slot]
            const mac = slot === 0 ? BOARD_MAC : slot === 3 ? MAC_3 : MAC_5
            // by broadcast, and to confirm
            for (const where of [BROADCAST_MAC, mac]) {
                expect(phy.counting(arp(1, HOST_MAC, HOST, ifc.address, where))).toBe("arpRx+1 arpTx+1")
                const reply = phy.one()
                expectBytes(from(reply), mac)
                expectBytes(copyOf(reply, 22, 6), mac)
                expect(reply.getAt(28, "i32")).toBe(ifc.address)
            }
        }
    })

    test("is not taken for a stranger's when it comes back", () => {
        for (const mac of [MAC_3, MAC_5, BOARD_MAC]) {
            expect(phy.counting(arp(1, mac, offered(63), HOST, BROADCAST_MAC))).toBe("arpRx+1")
            expect(phy.counting(arp(1, mac, offered(63), BOARD, BROADCAST_MAC))).toBe("arpRx+1")
        }
        expect(phy.count()).toBe(0)
        // one that nobody has is
        expect(phy.counting(arp(1, MAC_2, offered(63), BOARD, BROADCAST_MAC))).toBe("arpRx+1 arpConflict+1")
    })

    test("echo replies and announcements come from the address that is asked, in both senses", () => {
        const f = icmp(HOST, offered(65), hex`0800 0000 1234 0001 aabb`)
        f.blitAt(0, MAC_5, 0, 6)
        phy.arrive(f)
        expectBytes(from(phy.one()), MAC_5)
        announce(interfaces[3])
        expectBytes(from(phy.one()), MAC_3)
        announce(interfaces[0])
        expectBytes(from(phy.one()), BOARD_MAC)
    })
})

await run()
