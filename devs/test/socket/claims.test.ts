import { beforeEach, describe, expect, test } from "@devicescript/test"
import { DatagramSocket } from "../../../src/socket/datagram"
import { Counter, countOf } from "../../../src/base/counters"
import { interfaces } from "../../../src/link/interface"
import { LeaseState, leaseOf } from "../../../src/dhcp/lease"
import { getpgrp } from "../../../src/base/process"
import { TUPLE_DEFER, TUPLE_DHCP, TUPLE_STATIC } from "../../../src/socket/tuple"
import { bind, close, connect, getpeername, getsockname, recv, send } from "../../../src/socket/api"
import { sockets } from "../../../src/socket/table"
import { addressOf, formatAddress } from "../../../src/wire/address"
import { BOARD, BROADCAST_MAC, HOST, HOST_MAC, arp, stations, udp } from "../support/lan"
import { codeOf, copyOf, expectBytes, get16, run, until } from "../support/support"
import { TO_HOST, atOnce, host, nameOf, openSockets, own, phy, seen, spawn, startWorld, tidy } from "../support/world"

/** The claims of the patent application one by one, for datagrams; docs/claims.md says where each is shown. */
const STATIC_DEFERRED = TUPLE_STATIC | TUPLE_DEFER
const DHCP_DEFERRED = TUPLE_DHCP | TUPLE_DEFER
/** The pool begins here. */
const FIRST_RESERVED = "10.77.0.200"

const TO_THIRD = { address: addressOf(10, 77, 0, 2), port: 4001 }

/** Source and target of a frame with a datagram. */
function pathOf(f: Buffer): string {
    const source = `${formatAddress(f.getAt(26, "i32"))}:${get16(f, 34)}`
    return `${source} ${formatAddress(f.getAt(30, "i32"))}:${get16(f, 36)}`
}

/** The next frame that the host sees. */
async function nextFrame(): Promise<Buffer> {
    await until("a frame", () => seen.length > 0)
    return seen.shift()
}

/** Fails unless there are four, and no two are equal. */
function expectFourDifferent(values: number[]): void {
    expect(values.length).toBe(4)
    for (let i = 0; i < 4; i++) expect(values.indexOf(values[i])).toBe(i)
}

await startWorld()

describe("method and program (claims 1 to 8)", () => {
    beforeEach(tidy)

    test("claims 1 and 2: two structures with two addresses communicate with two devices through one physical layer", async () => {
        const first = await own(TUPLE_STATIC)
        await connect(first, TO_HOST)
        await send(first, Buffer.from("to the second device"))
        const a = await nextFrame()
        const second = await own(TUPLE_DHCP)
        await connect(second, TO_THIRD)
        await send(second, Buffer.from("to the third device"))
        const b = await nextFrame()
        expect(getsockname(first).address !== getsockname(second).address).toBe(true)
        expect(pathOf(a)).toBe(`${nameOf(first)}:${getsockname(first).port} 10.77.0.1:4000`)
        expect(pathOf(b)).toBe(`${nameOf(second)}:${getsockname(second).port} 10.77.0.2:4001`)
        // from one hardware address
        expectBytes(copyOf(a, 6, 6), copyOf(b, 6, 6))
        phy.arrive(udp(TO_THIRD.address, 4001, getsockname(second).address, getsockname(second).port, Buffer.from("third")))
        phy.arrive(udp(HOST, 4000, getsockname(first).address, getsockname(first).port, Buffer.from("second")))
        expect((await recv(first, 0)).toString()).toBe("second")
        expect((await recv(second, 0)).toString()).toBe("third")
    })

    test("claims 3, 4 and 5: each structure is a socket, a descriptor and an IP address", async () => {
        const first = await own(TUPLE_STATIC)
        const second = await own(TUPLE_STATIC)
        expect(first !== second).toBe(true)
        expect(sockets[first].ifc.address).toBe(addressOf(10, 77, 0, 200))
        expect(sockets[second].ifc.address).toBe(addressOf(10, 77, 0, 201))
        for (const sd of [first, second]) expect((await bind(sd, { port: 5004 })).address).toBe(sockets[sd].ifc.address)
    })

    test("claim 6: socket is called by several fibers at once, and gives each another address", async () => {
        const addresses: number[] = []
        const most = await atOnce(4, async () => {
            addresses.push(getsockname(await own(TUPLE_DHCP)).address)
        })
        expect(most).toBe(4)
        expectFourDifferent(addresses)
    })

    test("claim 7: bind is called by several fibers at once, and gives each another address", async () => {
        for (let n = 0; n < 4; n++) await own(DHCP_DEFERRED)
        const addresses: number[] = []
        const most = await atOnce(4, async n => {
            addresses.push((await bind(n, { port: 5004 })).address)
        })
        expect(most).toBe(4)
        expectFourDifferent(addresses)
    })

    test("claim 8: connect is called by several fibers at once, and gives each another address", async () => {
        for (let n = 0; n < 4; n++) await own(DHCP_DEFERRED)
        const addresses: number[] = []
        const most = await atOnce(4, async n => {
            await connect(n, TO_HOST)
            addresses.push(getsockname(n).address)
        })
        expect(most).toBe(4)
        expectFourDifferent(addresses)
    })
})

describe("library and its interface (claims 9 and 10)", () => {
    beforeEach(tidy)

    test("claims 9 and 10: two applications create, bind, connect, name and close sockets over one physical layer", async () => {
        const addresses: number[] = []
        const application = async () => {
            const sd = await own(TUPLE_DHCP)
            const bound = await bind(sd, { port: 5004 })
            await connect(sd, TO_HOST)
            const name = getsockname(sd)
            if (name.address !== bound.address || name.port !== 5004) throw new Error("another name")
            if (sockets[sd].ifc.process !== getpgrp()) throw new Error("not an interface of its own")
            addresses.push(name.address)
            await until("the other application", () => addresses.length === 2)
            await send(sd, Buffer.from("x"))
            phy.arrive(udp(HOST, 4000, name.address, 5004, Buffer.from(formatAddress(name.address))))
            if ((await recv(sd, 1000)).toString() !== formatAddress(name.address)) throw new Error("what the other one should hear")
            await close(sd)
        }
        const both = [spawn(application), spawn(application)]
        for (const one of both) await one.wait()
        expect(addresses[0] !== addresses[1]).toBe(true)
        for (const address of addresses) {
            const source = pathOf(await nextFrame()).split(":")[0]
            expect(source === formatAddress(addresses[0]) || source === formatAddress(addresses[1])).toBe(true)
            expect(address !== BOARD).toBe(true)
        }
        expect(stations()).toBe(1)
    })
})

describe("create (claims 11 to 16)", () => {
    beforeEach(tidy)

    test("claims 11 and 15: a descriptor is returned, by which the other functions know the socket; it is slated for an address", async () => {
        const free = sockets.findIndex(s => s.ifc === undefined)
        const sd = await own(STATIC_DEFERRED)
        expect(sd).toBe(free)
        expect(openSockets()).toBe(1)
        // none yet, but it has to have one of its own, whatever is done with it
        expect(getsockname(sd).address).toBe(0)
        expect((await bind(sd, { port: 5004 })).address).toBe(addressOf(10, 77, 0, 200))
    })

    test("claims 12, 14 and 16: an IP address is chosen from the pool, tied to the descriptor, and both are stored", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await own(TUPLE_STATIC)
        expect(countOf(Counter.DhcpTx)).toBe(messages)
        expect(nameOf(sd)).toBe(FIRST_RESERVED)
        expect(sockets[sd].ifc).toBe(interfaces[1])
        expect(interfaces[1].address).toBe(addressOf(10, 77, 0, 200))
    })

    test("claim 13: the address is requested from a server and received", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await own(TUPLE_DHCP)
        expect(countOf(Counter.DhcpTx) > messages).toBe(true)
        const lease = leaseOf(sockets[sd].ifc)
        expect(lease.state).toBe(LeaseState.Bound)
        expect(lease.server).toBe(HOST)
        expect(getsockname(sd).address).toBe(lease.address)
    })
})

describe("bind (claims 17 to 24)", () => {
    beforeEach(tidy)

    test("claims 17, 18 and 19: of several descriptors the one that is passed is bound, to the address that is stored with it", async () => {
        const before = await own(TUPLE_STATIC)
        const sd = await own(TUPLE_STATIC)
        const after = await own(TUPLE_STATIC)
        const bound = await bind(sd, { port: 5004 })
        expect(formatAddress(bound.address)).toBe("10.77.0.201")
        expect(sockets[sd].ifc.endpointOn(17, 5004)).toBe(sockets[sd] as DatagramSocket)
        for (const other of [before, after]) expect(getsockname(other).port).toBe(0)
        expect(await codeOf(async () => await bind(7, { port: 5004 }))).toBe("EBADF")
        // what arrives there is the socket's
        phy.arrive(udp(HOST, 1, bound.address, 5004, hex`2a`))
        expect((await recv(sd, 0))[0]).toBe(42)
    })

    test("claims 20, 22, 23 and 24: bind finds an IP address in the pool, stores it with the descriptor, and returns it", async () => {
        const sd = await own(STATIC_DEFERRED)
        expect(stations()).toBe(1)
        const bound = await bind(sd, {})
        expect(formatAddress(bound.address)).toBe(FIRST_RESERVED)
        expect(nameOf(sd)).toBe(FIRST_RESERVED)
        expect(stations()).toBe(2)
    })

    test("claim 21: bind requests the address from a server", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await own(DHCP_DEFERRED)
        expect(countOf(Counter.DhcpTx)).toBe(messages)
        const bound = await bind(sd, { port: 5004 })
        expect(countOf(Counter.DhcpTx) > messages).toBe(true)
        expect(leaseOf(sockets[sd].ifc).address).toBe(bound.address)
    })
})

describe("connect (claims 25 to 31)", () => {
    beforeEach(tidy)

    test("claims 25, 26 and 27: of several descriptors the one that is passed is connected from its stored address, with memory for what it sends", async () => {
        const other = await own(TUPLE_STATIC)
        const sd = await own(TUPLE_STATIC)
        await connect(sd, TO_HOST)
        expect(getpeername(sd).address).toBe(HOST)
        expect(await codeOf(async () => getpeername(other))).toBe("ENOTCONN")
        expect(await codeOf(async () => await connect(7, TO_HOST))).toBe("EBADF")
        await send(sd, Buffer.alloc(160))
        expect(pathOf(await nextFrame())).toBe(`10.77.0.201:${getsockname(sd).port} 10.77.0.1:4000`)
        // one frame, whose headers were written once, serves all that follows
        const { frame } = sockets[sd] as DatagramSocket
        for (let i = 0; i < 2; i++) {
            await send(sd, Buffer.alloc(160))
            await nextFrame()
            expect((sockets[sd] as DatagramSocket).frame).toBe(frame)
        }
        // and it hears its target alone
        phy.arrive(udp(HOST, 4009, getsockname(sd).address, getsockname(sd).port, hex`01`))
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
    })

    test("claims 28, 30 and 31: connect finds an IP address in the pool, and stores it with the descriptor", async () => {
        const sd = await own(STATIC_DEFERRED)
        await connect(sd, TO_HOST)
        expect(nameOf(sd)).toBe(FIRST_RESERVED)
        await send(sd, hex`01`)
        expect(pathOf(await nextFrame())).toBe(`${FIRST_RESERVED}:${getsockname(sd).port} 10.77.0.1:4000`)
    })

    test("claim 29: connect requests the address from a server", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await own(DHCP_DEFERRED)
        expect(countOf(Counter.DhcpTx)).toBe(messages)
        await connect(sd, TO_HOST)
        expect(countOf(Counter.DhcpTx) > messages).toBe(true)
        expect(leaseOf(sockets[sd].ifc).address).toBe(getsockname(sd).address)
    })
})

describe("getsockname (claims 32 to 35)", () => {
    beforeEach(tidy)

    test("claims 32 to 35: tells the IP address that is stored with a descriptor, whichever call assigned it", async () => {
        const created = await own(TUPLE_STATIC)
        const bound = await own(STATIC_DEFERRED)
        const connected = await own(STATIC_DEFERRED)
        expect(nameOf(created)).toBe(FIRST_RESERVED)
        expect(nameOf(connected)).toBe("0.0.0.0")
        await connect(connected, TO_HOST)
        await bind(bound, { port: 5004 })
        expect(nameOf(created)).toBe(FIRST_RESERVED)
        expect(nameOf(connected)).toBe("10.77.0.201")
        expect(nameOf(bound)).toBe("10.77.0.202")
        expect(getsockname(bound).port).toBe(5004)
        expect(await codeOf(async () => getsockname(7))).toBe("EBADF")
    })
})

describe("close (claims 36 to 39)", () => {
    beforeEach(tidy)

    test("claims 36 to 39: the IP address of the descriptor that is passed is given back; both are gone from the stack", async () => {
        const released = host.released
        const other = await own(TUPLE_STATIC)
        const sd = await own(TUPLE_DHCP)
        const address = getsockname(sd).address
        await bind(sd, { port: 5004 })
        const ask = arp(1, HOST_MAC, HOST, address, BROADCAST_MAC)
        expect(phy.counting(ask)).toBe("arpRx+1 arpTx+1")
        await close(sd)
        await until("the release", () => host.released === released + 1)
        expect(await codeOf(async () => getsockname(sd))).toBe("EBADF")
        expect(openSockets()).toBe(1)
        expect(interfaces.find(i => i.address === address)).toBe(undefined)
        expect(phy.counting(ask)).toBe("arpRx+1")
        expect(phy.counting(udp(HOST, 1, address, 5004, hex`00`))).toBe("ipForeign+1")
        // the other one keeps its own; a reserved address can be had again as well
        expect(nameOf(other)).toBe(FIRST_RESERVED)
        await close(other)
        expect(nameOf(await own(TUPLE_STATIC))).toBe(FIRST_RESERVED)
        expect(await codeOf(async () => await close(7))).toBe("EBADF")
    })
})

await run()
