import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Counter, countOf } from "../../../src/base/counters"
import { getpgrp } from "../../../src/base/process"
import { LeaseState, leaseOf } from "../../../src/dhcp/lease"
import { interfaces } from "../../../src/link/interface"
import { bind, close, connect, getpeername, getsockname, recv } from "../../../src/socket/api"
import { StreamSocket, accept, listen, startStreams } from "../../../src/socket/stream"
import { sockets } from "../../../src/socket/table"
import { TUPLE_DEFER, TUPLE_DHCP, TUPLE_STATIC, tupleOf } from "../../../src/socket/tuple"
import { connections } from "../../../src/transport/tcp/connection"
import { addressOf, formatAddress } from "../../../src/wire/address"
import { echo, expectEcho, expectTalk, serveEcho, stream } from "../support/echo"
import { BROADCAST_MAC, HOST, HOST_MAC, arp, stations } from "../support/lan"
import { codeOf, run, until } from "../support/support"
import { newPeer } from "../support/tcp"
import { atOnce, host, nameOf, openSockets, phy, spawn, startWorld } from "../support/world"

/** The claims of the patent application one by one, for streams; docs/claims.md says where each is shown. */
const STATIC_DEFERRED = TUPLE_STATIC | TUPLE_DEFER
const DHCP_DEFERRED = TUPLE_DHCP | TUPLE_DEFER
/** The pool begins here. */
const FIRST_RESERVED = "10.77.0.200"

const THIRD = addressOf(10, 77, 0, 2)
const TO_HOST = { address: HOST, port: 7 }

/** Fails unless there are three, and no two are equal. */
function expectThreeDifferent(values: number[]): void {
    expect(values.length).toBe(3)
    for (let i = 0; i < 3; i++) expect(values.indexOf(values[i])).toBe(i)
}

function connectionOf(sd: number) {
    return (sockets[sd] as StreamSocket).connection
}

await startWorld()
startStreams(4)
serveEcho.start()

describe("method and program (claims 1 to 8)", () => {
    beforeEach(newPeer)

    test("claims 1 and 2: two streams with two addresses communicate with two devices through one physical layer", async () => {
        const first = await stream(TUPLE_STATIC)
        await expectTalk(first, HOST, "to the second device")
        expect(echo.path).toBe(`200:${getsockname(first).port} 1:7`)
        const second = await stream(TUPLE_DHCP)
        await expectTalk(second, THIRD, "to the third device")
        const { address, port } = getsockname(second)
        expect(echo.path).toBe(`${address >>> 24}:${port} 2:7`)
        expect(getsockname(first).address !== address).toBe(true)
        await expectEcho(first, "once more")
    })

    test("claims 3, 4 and 5: each structure is a socket, a descriptor and an IP address", async () => {
        const first = await stream(TUPLE_STATIC)
        const second = await stream(TUPLE_STATIC)
        expect(first !== second).toBe(true)
        expect(sockets[first].ifc.address).toBe(addressOf(10, 77, 0, 200))
        expect(sockets[second].ifc.address).toBe(addressOf(10, 77, 0, 201))
        // the same port on both
        for (const sd of [first, second]) expect((await bind(sd, { port: 80 })).address).toBe(sockets[sd].ifc.address)
    })

    test("claim 6: socket is called by several fibers at once, and gives each another address", async () => {
        const addresses: number[] = []
        const most = await atOnce(3, async () => {
            addresses.push(getsockname(await stream(TUPLE_DHCP)).address)
        })
        expect(most).toBe(3)
        expectThreeDifferent(addresses)
    })

    test("claim 7: bind is called by several fibers at once, and gives each another address", async () => {
        for (let n = 0; n < 3; n++) await stream(DHCP_DEFERRED)
        const addresses: number[] = []
        const most = await atOnce(3, async n => {
            addresses.push((await bind(n, { port: 80 })).address)
        })
        expect(most).toBe(3)
        expectThreeDifferent(addresses)
    })

    test("claim 8: connect is called by several fibers at once, and gives each another address", async () => {
        for (let n = 0; n < 3; n++) await stream(DHCP_DEFERRED)
        const addresses: number[] = []
        const most = await atOnce(3, async n => {
            await connect(n, TO_HOST)
            addresses.push(getsockname(n).address)
        })
        expect(most).toBe(3)
        expectThreeDifferent(addresses)
    })
})

describe("library and its interface (claims 9 and 10)", () => {
    beforeEach(newPeer)

    test("claims 9 and 10: two applications create, bind, connect, name and close streams over one physical layer", async () => {
        const addresses: number[] = []
        const application = async () => {
            const sd = await stream(TUPLE_DHCP)
            const bound = await bind(sd, { port: 80 })
            await connect(sd, TO_HOST)
            const name = getsockname(sd)
            if (name.address !== bound.address || name.port !== 80) throw new Error("another name")
            if (sockets[sd].ifc.process !== getpgrp()) throw new Error("not an interface of its own")
            addresses.push(name.address)
            await until("the other application", () => addresses.length === 2)
            await expectEcho(sd, formatAddress(name.address))
            await close(sd)
        }
        const both = [spawn(application), spawn(application)]
        for (const one of both) await one.wait()
        expect(addresses[0] !== addresses[1]).toBe(true)
        expect(openSockets()).toBe(0)
    })
})

describe("create (claims 11 to 16)", () => {
    beforeEach(newPeer)

    test("claims 11 and 15: a descriptor is returned, by which the other functions know the socket; it is slated for an address", async () => {
        const free = sockets.findIndex(s => s.ifc === undefined)
        const sd = await stream(STATIC_DEFERRED)
        expect(sd).toBe(free)
        expect(openSockets()).toBe(1)
        expect(getsockname(sd).address).toBe(0)
        expect((await bind(sd, { port: 80 })).address).toBe(addressOf(10, 77, 0, 200))
    })

    test("claims 12, 14 and 16: an IP address is chosen from the pool, tied to the descriptor, and both are stored", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await stream(TUPLE_STATIC)
        expect(countOf(Counter.DhcpTx)).toBe(messages)
        expect(nameOf(sd)).toBe(FIRST_RESERVED)
        expect(sockets[sd].ifc).toBe(interfaces[1])
        expect(interfaces[1].address).toBe(addressOf(10, 77, 0, 200))
    })

    test("claim 12: the socket of a connection that is accepted has its listener's address", async () => {
        const l = await stream(TUPLE_STATIC)
        await bind(l, { port: 80 })
        listen(l, 1)
        const shared = await stream(tupleOf(l))
        expect(nameOf(shared)).toBe(FIRST_RESERVED)
        expect(await codeOf(async () => await bind(shared, { port: 80 }))).toBe("EADDRINUSE")
        expect(await codeOf(async () => await accept(l, 0))).toBe("EAGAIN")
    })

    test("claim 13: the address is requested from a server and received", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await stream(TUPLE_DHCP)
        expect(countOf(Counter.DhcpTx) > messages).toBe(true)
        const lease = leaseOf(sockets[sd].ifc)
        expect(lease.state).toBe(LeaseState.Bound)
        expect(lease.server).toBe(HOST)
        expect(getsockname(sd).address).toBe(lease.address)
    })
})

describe("bind (claims 17 to 24)", () => {
    beforeEach(newPeer)

    test("claims 17, 18 and 19: of several descriptors the one that is passed is bound, to the address that is stored with it", async () => {
        const before = await stream(TUPLE_STATIC)
        const sd = await stream(TUPLE_STATIC)
        const after = await stream(TUPLE_STATIC)
        const bound = await bind(sd, { port: 80 })
        expect(formatAddress(bound.address)).toBe("10.77.0.201")
        expect(sockets[sd].ifc.endpointOn(6, 80)).toBe(connectionOf(sd))
        for (const other of [before, after]) expect(getsockname(other).port).toBe(0)
        expect(await codeOf(async () => await bind(7, { port: 80 }))).toBe("EBADF")
        await expectTalk(sd, HOST, "from there")
        expect(echo.path).toBe("201:80 1:7")
    })

    test("claims 20, 22, 23 and 24: bind finds an IP address in the pool, stores it with the descriptor, and returns it", async () => {
        const sd = await stream(STATIC_DEFERRED)
        expect(stations()).toBe(1)
        const bound = await bind(sd, {})
        expect(formatAddress(bound.address)).toBe(FIRST_RESERVED)
        expect(nameOf(sd)).toBe(FIRST_RESERVED)
        expect(stations()).toBe(2)
    })

    test("claim 21: bind requests the address from a server", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await stream(DHCP_DEFERRED)
        expect(countOf(Counter.DhcpTx)).toBe(messages)
        const bound = await bind(sd, { port: 80 })
        expect(countOf(Counter.DhcpTx) > messages).toBe(true)
        expect(leaseOf(sockets[sd].ifc).address).toBe(bound.address)
    })
})

describe("connect (claims 25 to 31)", () => {
    beforeEach(newPeer)

    test("claims 25, 26 and 27: of several descriptors the one that is passed is connected from its stored address, with memory for the connection", async () => {
        const other = await stream(TUPLE_STATIC)
        const sd = await stream(TUPLE_STATIC)
        await connect(sd, TO_HOST)
        expect(getpeername(sd).address).toBe(HOST)
        expect(await codeOf(async () => getpeername(other))).toBe("ENOTCONN")
        expect(await codeOf(async () => await connect(7, TO_HOST))).toBe("EBADF")
        expect(echo.path).toBe(`201:${getsockname(sd).port} 1:7`)
        // the control block is of that connection alone, and so are its buffers
        expect(connections.filter(c => c.tx !== undefined).length).toBe(1)
        expect(connectionOf(sd).remote).toBe(HOST)
        await expectEcho(sd, "both ways")
    })

    test("claims 28, 30 and 31: connect finds an IP address in the pool, and stores it with the descriptor", async () => {
        const sd = await stream(STATIC_DEFERRED)
        await connect(sd, TO_HOST)
        expect(nameOf(sd)).toBe(FIRST_RESERVED)
        expect(echo.path).toBe(`200:${getsockname(sd).port} 1:7`)
    })

    test("claim 29: connect requests the address from a server", async () => {
        const messages = countOf(Counter.DhcpTx)
        const sd = await stream(DHCP_DEFERRED)
        expect(countOf(Counter.DhcpTx)).toBe(messages)
        await connect(sd, TO_HOST)
        expect(countOf(Counter.DhcpTx) > messages).toBe(true)
        expect(leaseOf(sockets[sd].ifc).address).toBe(getsockname(sd).address)
    })
})

describe("getsockname (claims 32 to 35)", () => {
    beforeEach(newPeer)

    test("claims 32 to 35: tells the IP address that is stored with a descriptor, whichever call assigned it", async () => {
        const created = await stream(TUPLE_STATIC)
        const bound = await stream(STATIC_DEFERRED)
        const connected = await stream(STATIC_DEFERRED)
        expect(nameOf(created)).toBe(FIRST_RESERVED)
        expect(nameOf(connected)).toBe("0.0.0.0")
        await connect(connected, TO_HOST)
        await bind(bound, { port: 80 })
        expect(nameOf(created)).toBe(FIRST_RESERVED)
        expect(nameOf(connected)).toBe("10.77.0.201")
        expect(nameOf(bound)).toBe("10.77.0.202")
        expect(getsockname(bound).port).toBe(80)
        expect(await codeOf(async () => getsockname(7))).toBe("EBADF")
    })
})

describe("close (claims 36 to 39)", () => {
    beforeEach(newPeer)

    test("claims 36 to 39: the IP address of the descriptor that is passed is given back, as soon as no segment of its connection can come", async () => {
        const released = host.released
        const other = await stream(TUPLE_STATIC)
        const sd = await stream(TUPLE_DHCP)
        const address = getsockname(sd).address
        await connect(sd, TO_HOST)
        const ask = arp(1, HOST_MAC, HOST, address, BROADCAST_MAC)
        expect(phy.counting(ask)).toBe("arpRx+1 arpTx+1")
        await close(sd)
        // the descriptor is gone at once
        expect(await codeOf(async () => getsockname(sd))).toBe("EBADF")
        expect(openSockets()).toBe(1)
        // its last word may get lost: the address stays for as long as TIME-WAIT
        await ds.sleep(9500)
        expect(host.released).toBe(released)
        await until("the release", () => host.released === released + 1)
        expect(interfaces.find(i => i.address === address)).toBe(undefined)
        expect(phy.counting(ask)).toBe("arpRx+1")
        // the other one keeps its own; a reserved address can be had again as well
        expect(nameOf(other)).toBe(FIRST_RESERVED)
        await close(other)
        expect(nameOf(await stream(TUPLE_STATIC))).toBe(FIRST_RESERVED)
        expect(await codeOf(async () => await close(7))).toBe("EBADF")
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EBADF")
    })
})

await run()
