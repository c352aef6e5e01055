import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { runTimers } from "../../../src/base/timers"
import { nextSendAt, startLease } from "../../../src/dhcp/client"
import { Acd, nextStepAt, setAcd } from "../../../src/link/acd"
import { interfaces, isBroadcast } from "../../../src/link/interface"
import { Lease, LeaseState, leaseChanged } from "../../../src/dhcp/lease"
import { addressOf, formatAddress, maskOf } from "../../../src/wire/address"
import { BROADCAST_MAC, HOST, dhcp, give, station, udp } from "../support/lan"
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
import { breathe, checksum, copyOf, expectBytes, get16, run } from "../support/support"

const phy = startClient()

/** A new interface that has said DISCOVER, alone in the world. */
let lease: Lease
let discover: Buffer
async function begin(): Promise<void> {
    lease = await beginLease(phy)
    discover = said(phy)
}

function ignored(f: Buffer, reason: string): void {
    const state = lease.state
    const c = phy.counting(f)
    if (c !== `dhcpRx+1 ${reason}+1` || lease.state !== state || phy.count() !== 0)
        throw new Error(`${reason} expected: ${c}, state ${lease.state}`)
}

describe("DISCOVER", () => {
    beforeEach(begin)

    test("goes from nobody to everybody, with what RFC 2131, table 5, asks for", () => {
        expectBytes(copyOf(discover, 0, 14), hex`ffffffffffff 025450000001 0800`)
        expect(sourceOf(discover)).toBe(0)
        expect(targetOf(discover)).toBe(-1)
        expectBytes(copyOf(discover, 34, 4), hex`0044 0043`)
        expect(checksum(discover, 14, 20, 0)).toBe(0)
        expect(typeOf(discover)).toBe(1)
        expect(ciaddrOf(discover)).toBe(0)
        // one hardware address for many leases: answers must be broadcast
        expect(flagsOf(discover)).toBe(0x8000)
        expect(option(discover, 80)).toBe("")
        expect(option(discover, 50)).toBe(undefined)
        expect(option(discover, 54)).toBe(undefined)
        expect(option(discover, 61)).toBe("ff0000000000030001025450000001")
        expect(xidOf(discover)).toBe(lease.xid)
        // the checksum over pseudo-header and datagram
        const pseudo = copyOf(discover, 26, 8)
        const s = ~checksum(pseudo, 0, 8, 17 + get16(discover, 38)) & 0xffff
        expect(checksum(discover, 34, get16(discover, 38), s)).toBe(0)
    })

    test("is repeated after 4, 8, 16, 32, 64, 64 s, each +-1 s (RFC 2131, 4.1)", async () => {
        let now = lease.started
        let sum = 0
        for (const seconds of [4, 8, 16, 32, 64, 64, 64]) {
            const wait = nextSendAt(lease) - now
            // the random part is 11 bits of milliseconds
            if (wait < seconds * 1000 - 1024 || wait > seconds * 1000 + 1024) throw new Error(`${wait} ms instead of ${seconds} s`)
            sum += Math.abs(wait - seconds * 1000)
            pollLease(lease, nextSendAt(lease) - 1)
            expect(saidTypes(phy)).toBe("")
            now = nextSendAt(lease)
            pollLease(lease, now)
            const f = said(phy)
            expect(typeOf(f)).toBe(1)
            expect(xidOf(f)).toBe(lease.xid)
            await breathe()
        }
        // seven times no randomness at all is no randomness
        expect(sum > 0).toBe(true)
    })

    test("waits while the link is down", () => {
        phy.cable(false)
        pollLease(lease, nextSendAt(lease))
        expect(phy.sent.length).toBe(0)
        phy.cable(true)
        pollLease(lease, nextSendAt(lease))
        expect(saidTypes(phy)).toBe("1")
    })
})

describe("an address", () => {
    beforeEach(begin)

    test("in four messages", async () => {
        let told = 0
        const waiter = async () => {
            if (await leaseChanged.wait(1000)) told++
        }
        waiter.start()
        await ds.sleep(5)
        phy.arrive(answer(lease, 2, offered(60)))
        const request = said(phy)
        expect(typeOf(request)).toBe(3)
        expect(xidOf(request)).toBe(xidOf(discover))
        expect(sourceOf(request)).toBe(0)
        expect(targetOf(request)).toBe(-1)
        expect(ciaddrOf(request)).toBe(0)
        expect(flagsOf(request)).toBe(0x8000)
        expect(option(request, 50)).toBe("0a4d003c")
        expect(option(request, 54)).toBe("0a4d0001")
        expect(option(request, 61)).toBe(option(discover, 61))
        expect(option(request, 80)).toBe(undefined)
        expect(interfaces[0].address).toBe(0)
        expect(phy.counting(answer(lease, 5, offered(60)))).toBe("arpTx+1 dhcpRx+1")
        expect(lease.state).toBe(LeaseState.Bound)
        const ifc = interfaces[0]
        expect(formatAddress(ifc.address)).toBe("10.77.0.60")
        expect(ifc.mask).toBe(maskOf(24))
        expect(isBroadcast(ifc, offered(255))).toBe(true)
        expect(ifc.gateway).toBe(HOST)
        expect(lease.expiresAt).toBe(lease.started + 7200000)
        expect(nextSendAt(lease)).toBe(lease.started + 3600000)
        expect(lease.rebindAt).toBe(lease.started + 6300000)
        // the link is told (RFC 5227, 2.3)
        const arp = phy.one()
        expectBytes(copyOf(arp, 0, 6), BROADCAST_MAC)
        expect(arp.getAt(28, "i32")).toBe(offered(60))
        expect(arp.getAt(38, "i32")).toBe(offered(60))
        await ds.sleep(5)
        expect(told).toBe(1)
    })

    test("in two messages, with rapid commit (RFC 4039)", () => {
        phy.arrive(answerWith(lease, 5, offered(60), Buffer.concat(SERVER, TIMES, NET, hex`5000`)))
        expect(lease.state).toBe(LeaseState.Bound)
        expect(saidTypes(phy)).toBe("")
        expect(interfaces[0].address).toBe(offered(60))
    })

    test("an ACK without rapid commit is no answer to DISCOVER", () => ignored(answer(lease, 5, offered(60)), "dhcpForeign"))

    test("a message whose REQUEST repeats the secs of its DISCOVER (RFC 2131, 3.1, 3)", () => {
        // the offer takes its time
        lease.started -= 5000
        phy.arrive(answer(lease, 2, offered(60)))
        expect(secsOf(said(phy))).toBe(secsOf(discover))
    })

    test("without a netmask, and with a router elsewhere", () => {
        phy.arrive(answerWith(lease, 5, offered(60), Buffer.concat(SERVER, TIMES, hex`03040a4e0001 5000`)))
        expect(interfaces[0].mask).toBe(maskOf(24))
        // on the link all the same (RFC 3442)
        expect(interfaces[0].gateway).toBe(addressOf(10, 78, 0, 1))
    })

    test("of two leases at once: told apart by xid, named by IAID (RFC 4361, 6.1)", () => {
        const second = startLease(station(5))
        const other = said(phy)
        expect(option(other, 61)).toBe("ff0000000500030001025450000001")
        expect(xidOf(other) !== xidOf(discover)).toBe(true)
        expect(option(other, 12) !== option(discover, 12)).toBe(true)
        phy.arrive(answer(second, 2, offered(65)))
        phy.arrive(answer(lease, 2, offered(60)))
        expect(saidTypes(phy)).toBe("33")
        phy.arrive(answer(lease, 5, offered(60)))
        expect(second.state).toBe(LeaseState.Requesting)
        phy.arrive(answer(second, 5, offered(65)))
        expect(interfaces[0].address).toBe(offered(60))
        expect(interfaces[5].address).toBe(offered(65))
    })

    test("that another interface has is refused: the server looks at the hardware address alone", () => {
        give(station(5), offered(60), 24, 0)
        ignored(answer(lease, 2, offered(60)), "dhcpBad")
    })
})

describe("answers that are none", () => {
    beforeEach(begin)

    test("to another xid", () => {
        ignored(dhcp(lease.xid ^ 0x01000000, offered(60), Buffer.concat(hex`350102`, SERVER, TIMES)), "dhcpForeign")
        ignored(dhcp(lease.xid ^ 1, offered(60), Buffer.concat(hex`350106`, SERVER)), "dhcpForeign")
    })

    test("of types that no server sends", () => {
        for (const type of [0, 1, 3, 4, 7, 8, 255]) ignored(answer(lease, type, offered(60)), "dhcpForeign")
    })

    test("without a server, or with one that is no host", () => {
        ignored(answerWith(lease, 2, offered(60), TIMES), "dhcpBad")
        for (const server of [hex`360400000000`, hex`36047f000001`, hex`3604e0000001`, hex`3604ffffffff`])
            ignored(answerWith(lease, 2, offered(60), Buffer.concat(server, TIMES)), "dhcpBad")
    })

    test("without a time, or with none left", () => {
        ignored(answerWith(lease, 2, offered(60), SERVER), "dhcpBad")
        ignored(answerWith(lease, 2, offered(60), Buffer.concat(SERVER, hex`330400000000`)), "dhcpBad")
    })

    test("of an address that no host may have", () => {
        for (const address of [
            0,
            -1,
            addressOf(127, 0, 0, 1),
            addressOf(224, 0, 0, 1),
            addressOf(239, 255, 255, 255),
            addressOf(240, 0, 0, 1),
        ])
            ignored(answer(lease, 2, address), "dhcpBad")
    })

    test("with a mask that is none", () => {
        for (const mask of [hex`010400000000`, hex`0104ff00ff00`, hex`010400ffffff`])
            ignored(answerWith(lease, 2, offered(60), Buffer.concat(SERVER, TIMES, mask)), "dhcpBad")
    })

    test("from another port, cut, or with a wrong checksum", () => {
        const whole = answer(lease, 2, offered(60))
        const port = copyOf(whole)
        port[35] = 68
        ignored(port, "dhcpBad")
        ignored(udp(HOST, 67, -1, 68, copyOf(whole, 42, 200), BROADCAST_MAC), "dhcpBad")
        ignored(udp(HOST, 67, -1, 68, Buffer.alloc(0), BROADCAST_MAC), "dhcpBad")
        const sum = copyOf(whole)
        sum[41] = 1
        expect(phy.counting(sum)).toBe("udpBadChecksum+1 dhcpRx+1")
        expect(phy.count()).toBe(0)
    })

    test("and after all of them the right one is taken", () => {
        phy.arrive(answer(lease, 2, offered(60)))
        expect(saidTypes(phy)).toBe("3")
    })
})

describe("one offer for two leases that ask at the same time", () => {
    beforeEach(begin)

    test("is requested for the first, and the second asks again when that one has it", async () => {
        const second = startLease(station(1))
        said(phy)
        phy.arrive(answer(lease, 2, offered(60)))
        expect(saidTypes(phy)).toBe("3")
        phy.arrive(answer(second, 2, offered(60)))
        expect(saidTypes(phy)).toBe("")
        expect(second.state).toBe(LeaseState.Selecting)
        await breathe()
        phy.arrive(answer(lease, 5, offered(60)))
        expect(saidTypes(phy)).toBe("1")
        expect(nextSendAt(second) > ds.millis() + 2000).toBe(true)
        await breathe()
        phy.arrive(answer(second, 2, offered(61)))
        expect(saidTypes(phy)).toBe("3")
        phy.arrive(answer(second, 5, offered(61)))
        expect(formatAddress(interfaces[1].address)).toBe("10.77.0.61")
    })

    test("is repeated by the second like any other DISCOVER if the first never gets it", async () => {
        const second = startLease(station(1))
        phy.arrive(answer(lease, 2, offered(60)))
        phy.arrive(answer(second, 2, offered(60)))
        phy.count()
        await breathe()
        pollLease(second, nextSendAt(second))
        expect(saidTypes(phy)).toBe("1")
    })
})

describe("while an offer is asked for", () => {
    beforeEach(async () => {
        await begin()
        phy.arrive(answer(lease, 2, offered(60)))
        phy.count()
    })

    test("an ACK of another address than was offered is that one's, which is probed like any (RFC 2131, 3.1)", () => {
        setAcd(Acd.Quick)
        phy.arrive(answer(lease, 5, offered(61)))
        setAcd(Acd.Off)
        expect(lease.state).toBe(LeaseState.Probing)
        expect(lease.address).toBe(offered(61))
        expect(interfaces[0].address).toBe(0)
        runTimers(nextStepAt(interfaces[0]))
        expect(lease.state).toBe(LeaseState.Bound)
        expect(interfaces[0].address).toBe(offered(61))
    })

    test("a broadcast frame whose packet is to the address itself is taken", () => {
        const f = dhcp(lease.xid, offered(60), Buffer.concat(hex`350105`, SERVER, TIMES, NET), offered(60))
        f.blitAt(0, BROADCAST_MAC, 0, 6)
        phy.arrive(f)
        expect(lease.state).toBe(LeaseState.Bound)
    })

    test("other offers and other servers are ignored", () => {
        ignored(answer(lease, 2, offered(61)), "dhcpForeign")
        ignored(answerWith(lease, 5, offered(60), Buffer.concat(hex`36040a4d0002`, TIMES, NET)), "dhcpForeign")
        expect(lease.state).toBe(LeaseState.Requesting)
    })

    test("NAK begins anew, a second later and with another xid", () => {
        const xid = lease.xid
        expect(phy.counting(answerWith(lease, 6, 0, SERVER))).toBe("dhcpRx+1 dhcpNak+1")
        expect(lease.state).toBe(LeaseState.Init)
        pollLease(lease, nextSendAt(lease) - 1)
        expect(saidTypes(phy)).toBe("")
        expect(nextSendAt(lease) >= ds.millis() + 900).toBe(true)
        pollLease(lease, nextSendAt(lease))
        const f = said(phy)
        expect(typeOf(f)).toBe(1)
        expect(option(f, 50)).toBe(undefined)
        expect(lease.xid !== xid).toBe(true)
    })

    test("NAK of another server, or of nobody, is ignored", () => {
        ignored(answerWith(lease, 6, 0, hex`36040a4d0002`), "dhcpForeign")
        ignored(answerWith(lease, 6, 0, Buffer.alloc(0)), "dhcpForeign")
    })

    test("without an answer REQUEST is repeated, then all begins anew (RFC 2131, 3.1.5)", () => {
        let now = ds.millis()
        for (let i = 0; i < 2; i++) {
            const wait = nextSendAt(lease) - now
            expect(wait >= (4 << i) * 1000 - 1100 && wait <= (4 << i) * 1000 + 1100).toBe(true)
            now = nextSendAt(lease)
            pollLease(lease, now)
            expect(saidTypes(phy)).toBe("3")
        }
        now = nextSendAt(lease)
        pollLease(lease, now)
        expect(saidTypes(phy)).toBe("")
        pollLease(lease, now)
        expect(saidTypes(phy)).toBe("1")
        expect(lease.state).toBe(LeaseState.Selecting)
    })
})

describe("NAK to DISCOVER", () => {
    beforeEach(begin)
    test("is nonsense", () => ignored(answerWith(lease, 6, 0, SERVER), "dhcpForeign"))
})

await run()
