import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Acd, claimDue, endClaim, forgetConflicts, parseAcd, setAcd } from "../../src/iface/acd"
import { closeInterface, keepReady } from "../../src/iface/addresses"
import { pollLease, startLease } from "../../src/iface/dhcp"
import { FREE, Interface, interfaces } from "../../src/iface/interface"
import { Lease, LeaseState, leaseOf } from "../../src/iface/lease"
import { neighbourOf } from "../../src/iface/neighbours"
import { TUPLE_DHCP, TUPLE_STATIC, AF_INET_TUPLE, SOCK_DGRAM, bind, close, getsockname, recv, socket } from "../../src/socket/socket"
import { formatAddress } from "../../src/wire/address"
import { BOARD, BOARD_MAC, BROADCAST_MAC, HOST, HOST_MAC, arp, listen, station } from "./lan"
import { NET, SERVER, TIMES, answerWith, ciaddrOf, flagsOf, offered, option, secsOf, sourceOf, targetOf, typeOf, xidOf } from "./server"
import { codeOf, expectBytes, copyOf, get16, millis, run, until } from "./support"
import { host, openSockets, phy, startWorld, tidy } from "./world"

/** Another host, and what it says. */
const OTHER_MAC: Buffer = hex`02 00 0a 4d 00 99`
const has = (address: number, target?: number) => arp(2, OTHER_MAC, address, target || 0, BOARD_MAC)
const probes = (address: number) => arp(1, OTHER_MAC, 0, address, BROADCAST_MAC)
const claims = (address: number) => arp(1, OTHER_MAC, address, address, BROADCAST_MAC)

/**
 * The clock of the code under test: real time and what was skipped of it. A test that looks at each step of a lease has
 * it stand still, so that housekeeping finds nothing due.
 */
let skipped = 0
let stoppedAt = 0
const runtime = ds as any
const now = () => (stoppedAt || millis()) + skipped

/**
 * What the board has sent since the last call, in a word each: `probe 60`, `announce 60`, `reply 60`, and DHCP by its
 * type; the number is the last octet of the target.
 */
let taken: Buffer[] = []
function said(): string {
    let text = ""
    taken = []
    while (phy.sent.length > 0) {
        const f = phy.sent.shift()
        taken.push(f)
        const type = typeOf(f)
        let word = ""
        if (type === 1) word = "DISCOVER"
        else if (type === 3) word = "REQUEST"
        else if (type === 4) word = "DECLINE"
        else if (type === 7) word = "RELEASE"
        else if (f.getAt(12, "u16") !== 0x0608) word = "?"
        else if (f.getAt(28, "i32") === 0) word = `probe ${f[41]}`
        else if (f.getAt(28, "i32") === f.getAt(38, "i32")) word = `announce ${f[41]}`
        else if (get16(f, 20) === 2) word = `reply ${f[41]}`
        // the cache of neighbours has its own tests
        else continue
        text += `${text.length > 0 ? ", " : ""}${word}`
    }
    return text
}

let lease: Lease
let errors = ""

/** A new interface that has said DISCOVER. */
async function begin(policy: Acd, slot: number): Promise<void> {
    await ds.sleep(0)
    stoppedAt = stoppedAt || millis()
    setAcd(policy)
    errors = ""
    const ifc = station(slot)
    const note = (code: string) => {
        errors += `${code} `
    }
    listen(ifc, 5004, () => {}, note)
    said()
    lease = startLease(ifc)
    expect(said()).toBe("DISCOVER")
}

function ack(address: number): void {
    phy.arrive(answerWith(lease, 5, address, Buffer.concat(SERVER, TIMES, NET, hex`5000`)))
}

/** Milliseconds until the next step, which is done. */
function step(): number {
    const due = lease.state === LeaseState.Probing ? claimDue(lease.ifc) : lease.due
    const wait = due - ds.millis()
    skipped += Math.max(wait, 0)
    pollLease(lease, ds.millis())
    return Math.round(wait)
}

/** A lease in use. */
async function bound(slot: number): Promise<void> {
    await begin(Acd.Quick, slot)
    ack(offered(60))
    step()
    expect(lease.state).toBe(LeaseState.Bound)
    expect(said()).toBe("probe 60, announce 60")
    phy.arrive(arp(1, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
    said()
}

await startWorld()
runtime.millis = now

/** The common interface alone is left, with a lease for ever. */
async function reset(): Promise<void> {
    stoppedAt = 0
    await tidy()
    for (const ifc of interfaces) {
        const l = leaseOf(ifc)
        l.due = Infinity
        if (ifc.isCommon()) {
            l.expiresAt = Infinity
            endClaim(ifc)
            forgetConflicts(l.ifc)
        } else {
            l.state = LeaseState.Idle
            await closeInterface(ifc)
            ifc.endpoints = undefined
        }
    }
}

/** The host of the world says nothing by itself, so that the test does. */
async function alone(): Promise<void> {
    await reset()
    host.quiet = true
    said()
}

describe("the setting", () => {
    test("has three values", async () => {
        expect(parseAcd("off")).toBe(Acd.Off)
        expect(parseAcd("quick")).toBe(Acd.Quick)
        expect(parseAcd("full")).toBe(Acd.Full)
        expect((await codeOf(async () => parseAcd("on"))).endsWith("quick, full or off")).toBe(true)
    })
})

describe("probing", () => {
    beforeEach(alone)

    test("full: as RFC 5227, 2.1.1 and 2.3 want it, and within the time that a caller waits", async () => {
        let spread = 0
        for (let i = 0; i < 4; i++) {
            await begin(Acd.Full, 1)
            ack(offered(60))
            expect(lease.state).toBe(LeaseState.Probing)
            expect(interfaces[1].address).toBe(0)
            expect(said()).toBe("")
            let whole = 0
            // PROBE_WAIT, then PROBE_MIN to PROBE_MAX
            for (const least of [0, 1000, 1000]) {
                const wait = step()
                if (wait < least - 1 || wait > least + 1000) throw new Error(`${wait} ms are not ${least} and up to 1000 more`)
                whole += wait
                spread += wait % 1000
                expect(said()).toBe("probe 60")
            }
            pollLease(lease, claimDue(lease.ifc) - 1)
            expect(lease.state).toBe(LeaseState.Probing)
            // ANNOUNCE_WAIT
            const wait = step()
            if (wait < 1999 || whole + wait > 7000) throw new Error(`${whole} and ${wait} ms`)
            expect(said()).toBe("announce 60")
            expect(lease.state).toBe(LeaseState.Bound)
            expect(interfaces[1].address).toBe(offered(60))
        }
        // twelve times no randomness at all is no randomness
        expect(spread > 0).toBe(true)
    })

    test("quick: one probe from nobody to everybody (RFC 5227, 2.1.1), 25 ms", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        expect(said()).toBe("probe 60")
        expectBytes(copyOf(taken[0], 0, 42), hex`ffffffffffff 025450000001 0806 0001 0800 06 04 0001 025450000001 00000000 000000000000 0a4d003c`)
        expect(lease.state).toBe(LeaseState.Probing)
        expect(step() > 20).toBe(true)
        expect(said()).toBe("announce 60")
        expect(lease.state).toBe(LeaseState.Bound)
        // T1 counts from the request
        expect(lease.due).toBe(lease.started + 3600000)
    })

    test("off: the address is there at once", async () => {
        await begin(Acd.Off, 1)
        ack(offered(60))
        expect(said()).toBe("announce 60")
        expect(lease.state).toBe(LeaseState.Bound)
    })

    test("is followed by ANNOUNCE_NUM announcements, ANNOUNCE_INTERVAL apart (RFC 5227, 2.3)", async () => {
        await bound(1)
        await ds.sleep(300)
        expect(said()).toBe("")
        skipped += 2000
        await until("the second announcement", () => phy.sent.length > 0)
        expect(said()).toBe("announce 60")
        skipped += 5000
        await ds.sleep(300)
        expect(said()).toBe("")
    })

    test("a lease is not renewed nor refused while it is probed", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
        expect(phy.counting(answerWith(lease, 5, offered(60), Buffer.concat(SERVER, TIMES, NET, hex`5000`)))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(phy.counting(answerWith(lease, 6, 0, SERVER))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(lease.state).toBe(LeaseState.Probing)
    })

    test("the address is not answered for, nor given to a second lease", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        const first = lease
        await begin(Acd.Quick, 2)
        ack(offered(60))
        expect(lease.state).toBe(LeaseState.Selecting)
        phy.arrive(arp(1, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
        expect(said()).toBe("")
        expect(first.state).toBe(LeaseState.Probing)
    })

    test("begins anew when the link comes back (RFC 5227, 2.1)", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
        phy.cable(false)
        skipped += 1000
        await ds.sleep(300)
        expect(lease.state).toBe(LeaseState.Probing)
        phy.setUp(true)
        expect(lease.state).toBe(LeaseState.Probing)
        expect(said().endsWith("probe 60, REQUEST")).toBe(true)
        skipped += 25
        await until("the address", () => lease.state === LeaseState.Bound)
    })

    test("a lease given up while it is asked for gives back what is granted later, once", async () => {
        await begin(Acd.Quick, 1)
        const granted = answerWith(lease, 5, offered(60), Buffer.concat(SERVER, TIMES, NET, hex`5000`))
        await closeInterface(interfaces[1])
        expect(said()).toBe("")
        expect(phy.counting(answerWith(lease, 2, offered(60), Buffer.concat(SERVER, TIMES, NET)))).toBe("dhcpRx+1 dhcpForeign+1")
        phy.arrive(granted)
        expect(said()).toBe("RELEASE")
        expect(targetOf(taken[0])).toBe(-1)
        expect(ciaddrOf(taken[0])).toBe(offered(60))
        expect(option(taken[0], 54)).toBe("0a4d0001")
        expect(option(taken[0], 61)).toBe("ff0000000100030001025450000001")
        expect(phy.counting(granted)).toBe("dhcpRx+1 dhcpForeign+1")
        expect(interfaces[1].address).toBe(0)
        expect(lease.state).toBe(LeaseState.Idle)
    })

    test("a lease given back while it is probed is released, from nobody", async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
        await closeInterface(interfaces[1])
        expect(said()).toBe("RELEASE")
        expect(sourceOf(taken[0])).toBe(0)
        expect(ciaddrOf(taken[0])).toBe(offered(60))
        await ds.sleep(300)
        expect(said()).toBe("")
        expect(interfaces[1].address).toBe(0)
    })
})

describe("a conflict while a lease is probed", () => {
    beforeEach(alone)
    beforeEach(async () => {
        await begin(Acd.Quick, 1)
        ack(offered(60))
        said()
    })

    test("by an answer: DECLINE as RFC 2131, 4.4.4 and table 5 want it, then DISCOVER", () => {
        const xid = lease.xid
        expect(phy.counting(has(offered(60)))).toBe("arpRx+1 arpConflict+1 dhcpTx+2 dhcpDeclined+1")
        expect(said()).toBe("DECLINE, DISCOVER")
        const decline = taken[0]
        expectBytes(copyOf(decline, 0, 6), BROADCAST_MAC)
        expect(sourceOf(decline)).toBe(0)
        expect(targetOf(decline)).toBe(-1)
        expect(xidOf(decline)).toBe(xid)
        expect(ciaddrOf(decline)).toBe(0)
        expect(secsOf(decline)).toBe(0)
        expect(flagsOf(decline)).toBe(0)
        expect(option(decline, 50)).toBe("0a4d003c")
        expect(option(decline, 54)).toBe("0a4d0001")
        expect(option(decline, 61)).toBe("ff0000000100030001025450000001")
        for (const none of [51, 55, 57, 12, 80]) expect(option(decline, none)).toBe(undefined)
        expect(xidOf(taken[1]) !== xid).toBe(true)
        expect(option(taken[1], 50)).toBe(undefined)
        expect(lease.state).toBe(LeaseState.Selecting)
        // and the next one is free
        ack(offered(61))
        step()
        expect(said()).toBe("probe 61, announce 61")
        expect(interfaces[1].address).toBe(offered(61))
        expect(errors).toBe("")
    })

    test("by any ARP packet whose sender has it (RFC 5227, 2.1.1), which is heard otherwise", () => {
        phy.arrive(arp(1, OTHER_MAC, offered(60), BOARD, BROADCAST_MAC))
        expect(said()).toBe("DECLINE, DISCOVER, reply 60")
        expect(neighbourOf(offered(60)).known).toBe(true)
    })

    test("by the probe of another host (RFC 5227, 2.1.1)", () => {
        phy.arrive(probes(offered(60)))
        expect(said()).toBe("DECLINE, DISCOVER")
    })

    test("is not: our own probe sent back (RFC 5227, 2.1.1), another address, a request for it", () => {
        phy.arrive(arp(1, BOARD_MAC, 0, offered(60), BROADCAST_MAC))
        phy.arrive(probes(offered(61)))
        phy.arrive(has(offered(61)))
        phy.arrive(arp(1, OTHER_MAC, offered(61), offered(60), BROADCAST_MAC))
        phy.arrive(arp(1, OTHER_MAC, 0, 0, BROADCAST_MAC))
        expect(said()).toBe("")
        expect(lease.state).toBe(LeaseState.Probing)
    })

    test("pauses grow: none, 1 s, 1 s, 10 s (RFC 2131, 3.1 (5)), and 60 s after MAX_CONFLICTS (RFC 5227, 2.1.1)", async () => {
        // so that there is time
        await begin(Acd.Full, 1)
        ack(offered(60))
        let pauses = ""
        for (let i = 1; i <= 11; i++) {
            phy.arrive(has(offered(60)))
            const wait = lease.state === LeaseState.Init ? step() : 0
            pauses += `${Math.round(wait / 1000)} `
            ack(offered(60))
            await ds.sleep(0)
        }
        expect(pauses).toBe("0 1 1 10 10 10 10 10 10 60 60 ")
    })

    test("full: also between the last probe and ANNOUNCE_WAIT (RFC 5227, 2.1.1)", async () => {
        await begin(Acd.Full, 1)
        ack(offered(60))
        for (let i = 0; i < 3; i++) step()
        skipped += 1990
        pollLease(lease, ds.millis())
        said()
        phy.arrive(has(offered(60)))
        expect(said()).toBe("DECLINE, DISCOVER")
    })
})

describe("an address in use (RFC 5227, 2.4)", () => {
    beforeEach(alone)

    test("is defended by one announcement, and again after DEFEND_INTERVAL", async () => {
        await bound(1)
        for (let i = 0; i < 3; i++) {
            expect(phy.counting(claims(offered(60)))).toBe("arpRx+1 arpTx+1 arpConflict+1 arpDefended+1")
            expect(said()).toBe("announce 60")
            skipped += 10001
        }
        expect(errors).toBe("")
        expect(interfaces[1].address).toBe(offered(60))
    })

    test("is given up at the second conflict within DEFEND_INTERVAL: DECLINE, ENETDOWN", async () => {
        await bound(1)
        phy.arrive(claims(offered(60)))
        said()
        skipped += 9000
        expect(phy.counting(claims(offered(60)))).toBe("arpRx+1 arpConflict+1 dhcpTx+1 dhcpDeclined+1")
        expect(said()).toBe("DECLINE")
        expect(sourceOf(taken[0])).toBe(0)
        expect(ciaddrOf(taken[0])).toBe(0)
        expect(option(taken[0], 50)).toBe("0a4d003c")
        expect(option(taken[0], 54)).toBe("0a4d0001")
        expect(errors).toBe("ENETDOWN ")
        expect(interfaces[1].address).toBe(0)
        expect(lease.state).toBe(LeaseState.Idle)
        // neither defended nor announced any more
        skipped += 3000
        phy.arrive(claims(offered(60)))
        await ds.sleep(300)
        expect(said()).toBe("")
    })

    test("is given up at once for a host that answers the probe late (2.4 (a)): it was there before", async () => {
        await bound(1)
        phy.arrive(has(offered(60)))
        expect(said()).toBe("DECLINE")
        expect(errors).toBe("ENETDOWN ")
    })

    test("is defended against an answer that nobody asked for any more", async () => {
        await bound(1)
        skipped += 2000
        await until("the last announcement", () => phy.sent.length > 0)
        expect(said()).toBe("announce 60")
        expect(phy.counting(has(offered(60)))).toBe("arpRx+1 arpTx+1 arpConflict+1 arpDefended+1")
        expect(errors).toBe("")
    })

    test("is answered for when another host probes it (2.4), and that is no conflict", async () => {
        await bound(1)
        expect(phy.counting(probes(offered(60)))).toBe("arpRx+1 arpTx+1")
        expect(phy.counting(probes(offered(60)))).toBe("arpRx+1 arpTx+1")
        expect(errors).toBe("")
    })

    test("the common one begins anew", async () => {
        const common = leaseOf(interfaces[0])
        setAcd(Acd.Quick)
        phy.arrive(claims(BOARD))
        phy.arrive(claims(BOARD))
        expect(said()).toBe("announce 57, DECLINE")
        expect(interfaces[0].address).toBe(0)
        lease = common
        step()
        expect(said()).toBe("DISCOVER")
        ack(BOARD)
        step()
        expect(said()).toBe("probe 57, announce 57")
        expect(interfaces[0].address).toBe(BOARD)
    })

    test("off: a conflict is counted alone", async () => {
        await bound(1)
        setAcd(Acd.Off)
        for (let i = 0; i < 3; i++) expect(phy.counting(claims(offered(60)))).toBe("arpRx+1 arpConflict+1")
        expect(errors).toBe("")
    })

    test("is probed and announced when the link comes back (RFC 5227, 2.1 and 2.3), and all servers are asked (RFC 2131, 3.7)", async () => {
        await bound(1)
        phy.setUp(false)
        phy.setUp(true)
        expect(said()).toBe("probe 57, announce 57, probe 60, announce 60, REQUEST, REQUEST")
    })
})

const own = async (tuple: number) => await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, tuple)
const nameOf = (sd: number) => formatAddress(getsockname(sd).address)

/** With which code and text a call fails; "" if it does not. */
async function toldOf(f: () => Promise<any>): Promise<string> {
    try {
        await f()
    } catch (e) {
        return `${(e as any).code} ${(e as Error).message}`
    }
    return ""
}

/** Sockets on a LAN with a host that answers, and another that has some addresses, by their last octets. */
async function crowded(): Promise<void> {
    setAcd(Acd.Quick)
    await reset()
    // nothing that was in conflict before is avoided any more
    skipped += 600001
    host.used = ""
    host.declined = ""
}

describe("who asks for an address", () => {
    beforeEach(async () => await crowded())

    test("by DHCP has another one after a conflict, and does not notice", async () => {
        host.used = ` ${host.next()} `
        const taken = host.next()
        const start = millis()
        const sd = await own(TUPLE_DHCP)
        expect(getsockname(sd).address).toBe(offered(taken + 1))
        expect(millis() - start < 500).toBe(true)
        expect(host.declined).toBe(`${taken} `)
        await close(sd)
    })

    test("by DHCP is told after the fourth conflict, and nothing stays behind", async () => {
        host.used = "all"
        const message = await toldOf(async () => await own(TUPLE_DHCP))
        expect(message.startsWith("EADDRNOTAVAIL other hosts use the addresses that the DHCP server gives;")).toBe(true)
        expect(host.declined.split(" ").length).toBe(5)
        expect(openSockets()).toBe(0)
        expect(interfaces.filter(i => i.process !== FREE).length).toBe(1)
    })

    test("at the same time as seven others has one of its own, probed once", async () => {
        host.probed = ""
        let got = ""
        const ask = async () => {
            got += ` ${getsockname(await own(TUPLE_DHCP)).address >> 24}`
        }
        const first = host.next()
        for (let i = 0; i < 8; i++) ask.start()
        await until("eight addresses", () => got.split(" ").length === 9)
        for (let i = 0; i < 8; i++) {
            expect(got.split(" ").includes(`${first + i}`)).toBe(true)
            expect(host.probed.split(" ").includes(`${first + i}`)).toBe(true)
        }
        expect(host.probed.split(" ").length).toBe(9)
    })

    test("of the pool has the next one after a conflict, which is avoided for a while", async () => {
        host.used = " 200 202 "
        const a = await own(TUPLE_STATIC)
        expect(nameOf(a)).toBe("10.77.0.201")
        host.used = ""
        const b = await own(TUPLE_STATIC)
        expect(nameOf(b)).toBe("10.77.0.202")
        await close(a)
        await close(b)
        skipped += 600001
        const c = await own(TUPLE_STATIC)
        expect(nameOf(c)).toBe("10.77.0.200")
        await close(c)
    })

    test("of the pool is told if other hosts have all of it", async () => {
        host.used = " 200 201 202 203 "
        const message = await toldOf(async () => await own(TUPLE_STATIC))
        expect(message).toBe("EADDRNOTAVAIL all reserved addresses 10.77.0.200-10.77.0.203/24 are in use, also by other hosts; see that they are reserved")
        expect(interfaces.filter(i => i.process !== FREE).length).toBe(1)
    })

    test("and loses it is told why; a reserved one is avoided then", async () => {
        const sd = await own(TUPLE_STATIC)
        expect(nameOf(sd)).toBe("10.77.0.200")
        const unbound = await own(TUPLE_STATIC)
        await bind(sd, { port: 5004 })
        for (const address of [offered(200), offered(201)]) {
            phy.arrive(claims(address))
            phy.arrive(claims(address))
        }
        expect(await toldOf(async () => await recv(sd, 0))).toBe("ENETDOWN another host uses the socket's address")
        expect(await toldOf(async () => await bind(unbound, {}))).toBe("ENETDOWN another host uses the socket's address")
        expect(interfaces.filter(i => i.address !== 0).length).toBe(1)
        await close(sd)
        await close(unbound)
        const next = await own(TUPLE_STATIC)
        expect(nameOf(next)).toBe("10.77.0.202")
        await close(next)
    })

    test("and is robbed of what is kept ready, again and again, does not wear out the server's pool (RFC 5227, 2.1.1)", async () => {
        host.declined = ""
        await keepReady(1)
        for (const pause of [0, 1000, 1000, 10000, 10000]) {
            await until("a lease", () => interfaces[1].address !== 0)
            phy.arrive(claims(interfaces[1].address))
            phy.arrive(claims(interfaces[1].address))
            expect(interfaces[1].address).toBe(0)
            const lost = now()
            while (interfaces[1].address === 0 && now() - lost < 20000) {
                await ds.sleep(270)
                if (interfaces[1].address === 0) skipped += 700
            }
            const wait = now() - lost
            if (wait < pause || wait > pause + 2500) throw new Error(`${wait} ms instead of ${pause}`)
        }
        await keepReady(0)
    })

    test("has a lease that was kept ready, probed before; one that was lost is replaced", async () => {
        const ready = (): Interface => interfaces.find(i => !i.isCommon() && i.address !== 0)
        await keepReady(1)
        await until("a lease", () => ready() !== undefined)
        expect(host.probed.endsWith(` ${(ready().address >> 24) & 255}`)).toBe(true)
        const lost = ready().address
        phy.arrive(claims(lost))
        phy.arrive(claims(lost))
        expect(ready()).toBe(undefined)
        await until("another one", () => ready() !== undefined)
        const sd = await own(TUPLE_DHCP)
        expect(getsockname(sd).address !== lost).toBe(true)
        await keepReady(0)
        await close(sd)
    })
})

await run()
