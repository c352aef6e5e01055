import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { INTERFACES, NEIGHBOURS } from "../../../src/base/config"
import { releaseAddress } from "../../../src/dhcp/client"
import { interfaces, setAddress } from "../../../src/link/interface"
import { leaseOf } from "../../../src/dhcp/lease"
import {
    AF_INET,
    AF_INET_TUPLE,
    SOCK_DGRAM,
    bind,
    close,
    connect,
    getsockname,
    recv,
    recvfrom,
    send,
    sendto,
    socket,
    startSockets,
} from "../../../src/socket/api"
import { TUPLE_COMMON, TUPLE_DEFER, TUPLE_DHCP, TUPLE_STATIC, tupleOf } from "../../../src/socket/tuple"
import { addressOf, formatAddress } from "../../../src/wire/address"
import { BOARD, BROADCAST_MAC, HOST, HOST_MAC, arp, stations, udp } from "../support/lan"
import { codeOf, run } from "../support/support"
import { TO_HOST, host, nameOf, openSockets, own, phy, sawOne, startWorld, tidy } from "../support/world"

await startWorld()

describe("an address of its own (claims 12 to 16)", () => {
    beforeEach(tidy)

    test("from the pool", async () => {
        const a = await own(TUPLE_STATIC)
        const b = await own(TUPLE_STATIC)
        expect(nameOf(a)).toBe("10.77.0.200")
        expect(nameOf(b)).toBe("10.77.0.201")
        expect(stations()).toBe(3)
        await close(a)
        expect(nameOf(await own(TUPLE_STATIC))).toBe("10.77.0.200")
    })

    test("by DHCP", async () => {
        const a = await own(TUPLE_DHCP)
        const b = await own(TUPLE_DHCP)
        expect(getsockname(a).address !== getsockname(b).address).toBe(true)
        expect(getsockname(a).address !== BOARD).toBe(true)
        const released = host.released
        await close(a)
        await ds.sleep(5)
        expect(host.released).toBe(released + 1)
        expect(stations()).toBe(2)
    })

    test("is what the configured policy says without a tuple; plain sockets have the common one", async () => {
        startSockets(TUPLE_STATIC)
        expect(nameOf(await socket(AF_INET_TUPLE, SOCK_DGRAM))).toBe("10.77.0.200")
        startSockets(TUPLE_COMMON)
        expect(getsockname(await socket(AF_INET_TUPLE, SOCK_DGRAM)).address).toBe(BOARD)
        startSockets(TUPLE_DHCP)
        expect(getsockname(await socket(AF_INET_TUPLE, SOCK_DGRAM)).address !== BOARD).toBe(true)
        expect(getsockname(await socket(AF_INET, SOCK_DGRAM)).address).toBe(BOARD)
    })

    test("the same port on two addresses", async () => {
        const a = await own(TUPLE_STATIC)
        const b = await own(TUPLE_STATIC)
        await bind(a, { port: 5004 })
        await bind(b, { port: 5004 })
        phy.arrive(udp(HOST, 1, getsockname(b).address, 5004, hex`62`))
        phy.arrive(udp(HOST, 1, getsockname(a).address, 5004, hex`61`))
        expect((await recv(a, 0))[0]).toBe(0x61)
        expect((await recv(b, 0))[0]).toBe(0x62)
        expect(await codeOf(async () => await recv(a, 0))).toBe("EAGAIN")
        await sendto(b, hex`62`, TO_HOST)
        expect((await sawOne()).getAt(26, "i32")).toBe(getsockname(b).address)
    })

    test("answers ARP while it is there, and not after", async () => {
        const a = await own(TUPLE_STATIC)
        const address = getsockname(a).address
        const ask = arp(1, HOST_MAC, HOST, address, BROADCAST_MAC)
        expect(phy.counting(ask)).toBe("arpRx+1 arpTx+1")
        await close(a)
        expect(phy.counting(ask)).toBe("arpRx+1")
    })

    test("is shared by tupleOf, and goes with its last socket", async () => {
        const rtp = await own(TUPLE_STATIC)
        const rtcp = await own(tupleOf(rtp))
        expect(getsockname(rtcp).address).toBe(getsockname(rtp).address)
        expect(stations()).toBe(2)
        await bind(rtp, { port: 5004 })
        expect(await codeOf(async () => await bind(rtcp, { port: 5004 }))).toBe("EADDRINUSE")
        await bind(rtcp, { port: 5005 })
        await close(rtp)
        expect(stations()).toBe(2)
        expect(nameOf(rtcp)).toBe("10.77.0.200")
        await close(rtcp)
        expect(stations()).toBe(1)
    })

    test("none left: EADDRNOTAVAIL, and nothing stays behind", async () => {
        for (let i = 0; i < 4; i++) await own(TUPLE_STATIC)
        expect(await codeOf(async () => await own(TUPLE_STATIC))).toBe("EADDRNOTAVAIL")
        expect(stations()).toBe(5)
        expect(openSockets()).toBe(4)
        for (let i = stations(); i < INTERFACES; i++) await own(TUPLE_DHCP)
        expect(await codeOf(async () => await own(TUPLE_DHCP))).toBe("EADDRNOTAVAIL")
        expect(openSockets()).toBe(INTERFACES - 1)
        await close(3)
        expect(nameOf(await own(TUPLE_STATIC))).toBe("10.77.0.203")
    })

    test("a pool of another LAN is EADDRNOTAVAIL", async () => {
        const common = interfaces[0]
        setAddress(common, addressOf(192, 168, 0, 9), common.mask, 0)
        const code = await codeOf(async () => await own(TUPLE_STATIC))
        setAddress(common, BOARD, common.mask, HOST)
        expect(code).toBe("EADDRNOTAVAIL")
        expect(stations()).toBe(1)
    })
})

describe("a deferred address (claims 17 and 25)", () => {
    beforeEach(tidy)

    test("is taken at bind", async () => {
        const sd = await own(TUPLE_STATIC | TUPLE_DEFER)
        expect(stations()).toBe(1)
        expect(getsockname(sd).address).toBe(0)
        expect(await codeOf(async () => await own(tupleOf(sd)))).toBe("EINVAL")
        const a = await bind(sd, { port: 5004 })
        expect(formatAddress(a.address)).toBe("10.77.0.200")
        expect(stations()).toBe(2)
        await close(sd)
        expect(stations()).toBe(1)
    })

    test("is taken at connect, and by sendto", async () => {
        const sd = await own(TUPLE_STATIC | TUPLE_DEFER)
        await connect(sd, TO_HOST)
        expect(nameOf(sd)).toBe("10.77.0.200")
        const other = await own(TUPLE_DHCP | TUPLE_DEFER)
        await sendto(other, hex`00`, TO_HOST)
        expect((await sawOne()).getAt(26, "i32")).toBe(getsockname(other).address)
    })

    test("never taken costs nothing", async () => {
        const sd = await own(TUPLE_DHCP | TUPLE_DEFER)
        await close(sd)
        expect(stations()).toBe(1)
    })

    test("that cannot be had", async () => {
        const sd = await own(TUPLE_STATIC | TUPLE_DEFER)
        for (let i = 0; i < 4; i++) await own(TUPLE_STATIC)
        expect(await codeOf(async () => await bind(sd, {}))).toBe("EADDRNOTAVAIL")
        expect(stations()).toBe(5)
    })

    test("for which two fibers ask at once is taken once", async () => {
        const sd = await own(TUPLE_DHCP | TUPLE_DEFER)
        let codes = 0
        let bound = 0
        const ask = async () => {
            const code = await codeOf(async () => await bind(sd, {}))
            if (code === "") bound++
            codes++
        }
        ask.start()
        ask.start()
        for (let i = 0; i < 100 && codes < 2; i++) await ds.sleep(5)
        expect(bound).toBe(1)
        expect(stations()).toBe(2)
        expect(interfaces[1].endpoints.next).toBe(undefined)
        await close(sd)
        expect(stations()).toBe(1)
    })

    test("whose socket is closed while it is asked for is given back", async () => {
        host.dhcp = false
        const sd = await own(TUPLE_DHCP | TUPLE_DEFER)
        let code = ""
        const ask = async () => {
            code = await codeOf(async () => await bind(sd, {}))
        }
        ask.start()
        await ds.sleep(10)
        expect(stations()).toBe(2)
        await close(sd)
        host.dhcp = true
        // the client repeats its question after 4 s
        for (let i = 0; i < 60 && code === ""; i++) await ds.sleep(100)
        expect(code).toBe("EBADF")
        expect(stations()).toBe(1)
    })
})

describe("the end of an address", () => {
    beforeEach(tidy)

    test("is ENETDOWN for all its sockets, for good", async () => {
        const a = await own(TUPLE_DHCP)
        const b = await own(tupleOf(a))
        const other = await own(TUPLE_STATIC)
        await bind(a, { port: 5004 })
        await connect(a, TO_HOST)
        await bind(other, { port: 5004 })
        let waited = ""
        const wait = async () => {
            waited = await codeOf(async () => await recv(a))
        }
        wait.start()
        await ds.sleep(5)
        await releaseAddress(leaseOf(interfaces[1]))
        await ds.sleep(5)
        expect(waited).toBe("ENETDOWN")
        for (let i = 0; i < 2; i++) {
            expect(await codeOf(async () => await send(a, hex`00`))).toBe("ENETDOWN")
            expect(await codeOf(async () => await sendto(a, hex`00`, TO_HOST))).toBe("ENETDOWN")
            expect(await codeOf(async () => await recvfrom(a, 0))).toBe("ENETDOWN")
        }
        expect(await codeOf(async () => await bind(b, {}))).toBe("ENETDOWN")
        expect(await codeOf(async () => await recv(other, 0))).toBe("EAGAIN")
        await close(a)
        await close(b)
        expect(stations()).toBe(2)
    })
})

describe("a call in a busy LAN", () => {
    beforeEach(tidy)

    test("goes on when its neighbour must make room in the cache", async () => {
        const sd = await own(TUPLE_STATIC)
        await connect(sd, TO_HOST)
        await send(sd, hex`01`)
        await sawOne()
        // every other device of the LAN asks for us
        for (let i = 0; i < NEIGHBOURS; i++) {
            const mac = Buffer.from([2, 0, 0, 0, 1, i])
            phy.arrive(arp(1, mac, addressOf(10, 77, 0, 100 + i), BOARD, BROADCAST_MAC))
            await ds.sleep(1)
        }
        expect(await codeOf(async () => await send(sd, hex`02`))).toBe("")
        const f = await sawOne()
        expect(f[42]).toBe(2)
        expect(f.getAt(0, "i32")).toBe(HOST_MAC.getAt(0, "i32"))
    })
})

await run()
