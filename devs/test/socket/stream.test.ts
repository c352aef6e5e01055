import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { releaseAddress } from "../../../src/dhcp/client"
import { leaseOf } from "../../../src/dhcp/lease"
import { interfaces } from "../../../src/link/interface"
import {
    AF_INET,
    IPPROTO_TCP,
    IPPROTO_UDP,
    SOCK_DGRAM,
    SOCK_STREAM,
    bind,
    close,
    connect,
    getpeername,
    getsockname,
    recv,
    recvfrom,
    send,
    sendto,
    setreceiver,
    socket,
} from "../../../src/socket/api"
import { getsockopt, setsockopt } from "../../../src/socket/options"
import { SocketOption } from "../../../src/socket/socket"
import { SHUT_RD, SHUT_RDWR, SHUT_WR, accept, listen, shutdown, startStreams } from "../../../src/socket/stream"
import { TUPLE_DHCP, TUPLE_STATIC, tupleOf } from "../../../src/socket/tuple"
import { setAddress } from "../../../src/link/interface"
import { connections } from "../../../src/transport/tcp/connection"
import { addressOf, maskOf } from "../../../src/wire/address"
import { stream } from "../support/echo"
import { BOARD, BROADCAST_MAC, HOST, HOST_MAC, arp, stations } from "../support/lan"
import { expectBytes, run, until } from "../support/support"
import {
    ACK,
    FIN,
    PSH,
    RST,
    active,
    codeOf,
    connectionOf,
    expectHeard,
    expectSays,
    heard,
    listening,
    newPeer,
    opening,
    passive,
    peer,
    segmentOf,
    state,
} from "../support/tcp"
import { host, openSockets, phy, seen, spawn, startWorld } from "../support/world"

await startWorld()
startStreams(4)

const FULL = Buffer.alloc(536)
const ROUTER = addressOf(10, 77, 0, 254)
const OTHER_MAC: Buffer = hex`02000a4d00fe`
const TO_PEER = { address: HOST, port: 80 }

/** Runs `f` on a fiber of its own. */
class Waiting {
    result: any = "waits"

    constructor(private f: () => Promise<any>) {
        this.run.start()
    }

    async run(): Promise<void> {
        this.result = await codeOf(this.f)
    }
}

describe("socket", () => {
    beforeEach(newPeer)

    test("knows streams, by their type and protocol", async () => {
        expect(await codeOf(async () => await socket(AF_INET, SOCK_STREAM, IPPROTO_UDP))).toBe("EPROTONOSUPPORT")
        expect(await codeOf(async () => await socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP))).toBe("EPROTONOSUPPORT")
        expect(await codeOf(async () => await socket(AF_INET, 3, 0))).toBe("EPROTONOSUPPORT")
        expect(await socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)).toBe(0)
        expect(await socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP)).toBe(1)
        expect(await socket(AF_INET, SOCK_STREAM)).toBe(2)
    })

    test("one table of descriptors: a stream's is a datagram's afterwards", async () => {
        const a = await stream(0)
        await close(a)
        const b = await socket(AF_INET, SOCK_DGRAM)
        expect(b).toBe(a)
        await sendto(b, FULL, TO_PEER)
        await close(b)
        await expectHeard("protocol 17")
        expect(await stream(0)).toBe(a)
    })

    test("a port is a stream's and a datagram's at once, and each kind has it once", async () => {
        const a = await stream(0)
        const b = await socket(AF_INET, SOCK_DGRAM)
        const c = await stream(0)
        await bind(a, { port: 5060 })
        await bind(b, { port: 5060 })
        expect(await codeOf(async () => await bind(c, { port: 5060 }))).toBe("EADDRINUSE")
        expect(await codeOf(async () => await bind(a, { port: 5061 }))).toBe("EINVAL")
    })
})

describe("what a state does not allow", () => {
    beforeEach(newPeer)

    test("before connect", async () => {
        const sd = await stream(0)
        expect(await codeOf(async () => await send(sd, FULL))).toBe("ENOTCONN")
        expect(await codeOf(async () => await recv(sd, 0))).toBe("ENOTCONN")
        expect(await codeOf(async () => getpeername(sd))).toBe("ENOTCONN")
        expect(await codeOf(async () => shutdown(sd, SHUT_WR))).toBe("ENOTCONN")
        expect(await codeOf(async () => listen(sd, 1))).toBe("EINVAL")
        await bind(sd, {})
        expect(await codeOf(async () => await send(sd, FULL))).toBe("ENOTCONN")
        expect(await codeOf(async () => await accept(sd, 0))).toBe("EINVAL")
    })

    test("on a listener", async () => {
        const l = await listening()
        expect(await codeOf(async () => await connect(l, TO_PEER))).toBe("EISCONN")
        expect(await codeOf(async () => await send(l, FULL))).toBe("ENOTCONN")
        expect(await codeOf(async () => await recv(l, 0))).toBe("ENOTCONN")
        expect(await codeOf(async () => await accept(l, 0))).toBe("EAGAIN")
        // once more is no mistake: the backlog is another one
        listen(l, 1)
        expect(await codeOf(async () => await accept(l, 10))).toBe("EAGAIN")
    })

    test("on one that is connected", async () => {
        const sd = await active()
        expect(await codeOf(async () => await connect(sd, TO_PEER))).toBe("EISCONN")
        expect(await codeOf(async () => listen(sd, 1))).toBe("EINVAL")
        expect(await codeOf(async () => await accept(sd, 0))).toBe("EINVAL")
        expect(getpeername(sd).port).toBe(peer.port)
        expect(getpeername(sd).address).toBe(peer.address)
    })

    test("of datagrams alone, and of streams alone", async () => {
        const sd = await active()
        expect(await codeOf(async () => await sendto(sd, hex`00`, TO_PEER))).toBe("EOPNOTSUPP")
        expect(await codeOf(async () => await recvfrom(sd, 0))).toBe("EOPNOTSUPP")
        expect(await codeOf(async () => setreceiver(sd, undefined))).toBe("EOPNOTSUPP")
        const d = await socket(AF_INET, SOCK_DGRAM)
        expect(await codeOf(async () => listen(d, 1))).toBe("EOPNOTSUPP")
        expect(await codeOf(async () => await accept(d, 0))).toBe("EOPNOTSUPP")
        expect(await codeOf(async () => shutdown(d, SHUT_WR))).toBe("EOPNOTSUPP")
    })

    test("targets that are none", async () => {
        const sd = await stream(0)
        expect(await codeOf(async () => await connect(sd, { address: HOST, port: 0 }))).toBe("EINVAL")
        expect(await codeOf(async () => await connect(sd, { port: 80 }))).toBe("EINVAL")
        expect(await codeOf(async () => await connect(sd, { address: -1, port: 80 }))).toBe("EACCES")
        setsockopt(sd, SocketOption.SO_BROADCAST, true)
        expect(await codeOf(async () => await connect(sd, { address: -1, port: 80 }))).toBe("ENETUNREACH")
        expect(await codeOf(async () => await connect(sd, getsockname(sd)))).toBe("ENETUNREACH")
        await expectHeard("")
    })

    test("descriptors that are closed, or another group's", async () => {
        const sd = await active()
        const other = spawn(async () => {
            const codes: string[] = []
            codes.push(await codeOf(async () => await send(sd, FULL)))
            codes.push(await codeOf(async () => await recv(sd, 0)))
            codes.push(await codeOf(async () => listen(sd, 1)))
            codes.push(await codeOf(async () => await accept(sd, 0)))
            codes.push(await codeOf(async () => shutdown(sd, SHUT_WR)))
            if (codes.join(" ") !== "EACCES EACCES EACCES EACCES EACCES") throw new Error(codes.join(" "))
        })
        await other.wait()
        await close(sd)
        for (const code of [
            await codeOf(async () => await send(sd, FULL)),
            await codeOf(async () => await recv(sd, 0)),
            await codeOf(async () => listen(sd, 1)),
            await codeOf(async () => shutdown(sd, SHUT_WR)),
        ])
            expect(code).toBe("EBADF")
    })

    test("too many: connections, and those that have buffers", async () => {
        const first: number[] = []
        for (let i = 0; i < 4; i++) {
            peer.port = 5000 + i
            first.push(await active())
        }
        peer.port = 5010
        const o = await opening()
        await ds.sleep(5)
        expect(o.result).toBe("ENOBUFS")
        // a listener needs none
        const more: number[] = []
        for (let i = 0; i < 3; i++) {
            more.push(await stream(0))
            await bind(more[i], {})
        }
        const last = await stream(0)
        expect(await codeOf(async () => await bind(last, {}))).toBe("ENOBUFS")
        await close(more[0])
        expect((await codeOf(async () => await bind(last, {}))).port > 0).toBe(true)
    })
})

describe("send and recv", () => {
    beforeEach(newPeer)

    test("send waits for room, and says after its time how much was taken", async () => {
        const sd = await active()
        expect(await send(sd, FULL)).toBe(536)
        expect(await send(sd, FULL)).toBe(536)
        expect(await codeOf(async () => await send(sd, FULL, 100))).toBe("EAGAIN")
        await heard()
        const w = new Waiting(async () => await send(sd, FULL))
        await ds.sleep(5)
        expect(w.result).toBe("waits")
        phy.arrive(segmentOf(ACK, 1, 501))
        await ds.sleep(5)
        expect(w.result).toBe("waits")
        phy.arrive(segmentOf(ACK, 1, 1001))
        await ds.sleep(5)
        expect(w.result).toBe(536)
        phy.arrive(segmentOf(ACK, 1, 1051))
        await ds.sleep(5)
        expect(await send(sd, FULL, 0)).toBe(514)
    })

    test("recv gives the end again and again, what came before it first", async () => {
        const sd = await active()
        await expectSays("A 1 5", FIN | PSH | ACK, 1, 1, "abc")
        expect((await recv(sd)).toString()).toBe("abc")
        expect((await recv(sd)).length).toBe(0)
        expect((await recv(sd)).length).toBe(0)
    })

    test("what was received can be read after a reset", async () => {
        const sd = await active()
        await expectSays("", PSH | ACK, 1, 1, "abc")
        await expectSays("", RST, 4, 0)
        expect((await recv(sd)).toString()).toBe("abc")
        expect(await codeOf(async () => await recv(sd))).toBe("ECONNRESET")
        expect((await recv(sd)).length).toBe(0)
        expect(await codeOf(async () => await send(sd, FULL))).toBe("EPIPE")
    })

    test("whoever waits hears of a reset, of a close and of shutdown at once", async () => {
        const sd = await active()
        const r = new Waiting(async () => await recv(sd))
        const s = new Waiting(async () => await send(sd, Buffer.alloc(2000)))
        await ds.sleep(5)
        await heard()
        await expectSays("", RST, 1, 0)
        // the error is told once
        const both = [r.result, s.result].map(x => (x.length === 0 ? "end" : x)).join(" ")
        expect(both === "ECONNRESET EPIPE" ? true : both === "end ECONNRESET").toBe(true)

        await newPeer()
        const other = await active()
        const w = new Waiting(async () => await recv(other))
        await ds.sleep(5)
        shutdown(other, SHUT_RD)
        await ds.sleep(5)
        expect(w.result.length).toBe(0)
        const x = new Waiting(async () => await send(other, Buffer.alloc(2000)))
        await ds.sleep(5)
        await close(other)
        await ds.sleep(5)
        expect(x.result).toBe("EBADF")
    })

    test("shutdown ends sending, and both", async () => {
        const sd = await active()
        shutdown(sd, SHUT_RDWR)
        await expectHeard("FA 1 1")
        expect(await codeOf(async () => await send(sd, FULL))).toBe("EPIPE")
        expect((await recv(sd)).length).toBe(0)
        shutdown(sd, SHUT_WR)
        await expectHeard("")
    })
})

describe("the class of what is sent", () => {
    beforeEach(newPeer)

    test("follows IP_TOS and IP_DSCP also while connected", async () => {
        const sd = await active()
        expect(await tosOfNext(sd)).toBe(0)
        setsockopt(sd, SocketOption.IP_DSCP, 24)
        expect(await tosOfNext(sd)).toBe(24 << 2)
        setsockopt(sd, SocketOption.IP_TOS, 184)
        expect(await tosOfNext(sd)).toBe(184)
        setsockopt(sd, SocketOption.IP_DSCP, 0)
        phy.arrive(segmentOf(RST, 1, 4))
        await heard()
    })
})

describe("the way of a stream", () => {
    beforeEach(newPeer)

    test("follows the MAC address of its neighbour, and a mask that puts the peer behind the router", async () => {
        const sd = await active()
        const { ifc } = connectionOf()
        const { mask, gateway } = ifc
        expectBytes((await nextOf(sd)).slice(0, 6), HOST_MAC)
        phy.arrive(arp(2, OTHER_MAC, HOST, BOARD, BROADCAST_MAC))
        expectBytes((await nextOf(sd)).slice(0, 6), OTHER_MAC)
        phy.arrive(arp(2, HOST_MAC, HOST, BOARD, BROADCAST_MAC))
        expectBytes((await nextOf(sd)).slice(0, 6), HOST_MAC)
        setAddress(ifc, BOARD, maskOf(32), ROUTER)
        await nextOf(sd)
        phy.arrive(arp(2, OTHER_MAC, ROUTER, BOARD, BROADCAST_MAC))
        expectBytes((await nextOf(sd)).slice(0, 6), OTHER_MAC)
        setAddress(ifc, BOARD, mask, gateway)
        expectBytes((await nextOf(sd)).slice(0, 6), HOST_MAC)
        phy.arrive(segmentOf(RST, 1, 7))
        await heard()
    })
})

async function tosOfNext(sd: number): Promise<number> {
    return (await nextOf(sd))[15]
}

/** The segment that carries the next octet, which is acknowledged. */
async function nextOf(sd: number): Promise<Buffer> {
    await send(sd, Buffer.from("x"))
    await ds.sleep(5)
    const f = seen[0]
    const end = (connectionOf().sndNxt - peer.theirs) | 0
    await heard()
    await expectSays("", ACK, 1, end)
    return f
}

describe("close", () => {
    beforeEach(newPeer)

    test("sends what waits, and then the FIN", async () => {
        peer.window = 100
        const sd = await active()
        await send(sd, Buffer.alloc(250))
        await close(sd)
        expect(openSockets()).toBe(0)
        await expectHeard("A 1 1 <100>")
        await expectSays("A 101 1 <100>", ACK, 1, 101)
        await expectSays("FPA 201 1 <50>", ACK, 1, 201)
        await expectSays("A 252 2", FIN | ACK, 1, 252)
    })

    test("with data that nobody has read resets: they are lost (RFC 9293, 3.6.1)", async () => {
        const sd = await active()
        await expectSays("", PSH | ACK, 1, 1, "unread")
        await close(sd)
        await expectHeard("RA 1 7")
        expect(state()).toBe("CLOSED")
    })

    test("and data that come afterwards are reset", async () => {
        const sd = await active()
        await close(sd)
        await expectHeard("FA 1 1")
        await expectSays("", ACK, 1, 2)
        await expectSays("RA 2 1", PSH | ACK, 1, 2, "too late")
        expect(state()).toBe("CLOSED")
    })

    test("with SO_LINGER of 0 resets", async () => {
        const sd = await active()
        setsockopt(sd, SocketOption.SO_LINGER, 0)
        expect(getsockopt(sd, SocketOption.SO_LINGER)).toBe(0)
        await send(sd, Buffer.from("lost"))
        await heard()
        await close(sd)
        await expectHeard("RA 5 1")
        expect(state()).toBe("CLOSED")
    })

    test("with SO_LINGER waits until the peer has all, or the time is up", async () => {
        const sd = await active()
        setsockopt(sd, SocketOption.SO_LINGER, 5)
        await send(sd, Buffer.from("last"))
        const w = new Waiting(async () => {
            await close(sd)
            return "closed"
        })
        await ds.sleep(5)
        await heard()
        expect(w.result).toBe("waits")
        await expectSays("", ACK, 1, 6)
        expect(w.result).toBe("closed")

        await newPeer()
        const other = await active()
        setsockopt(other, SocketOption.SO_LINGER, 5)
        await send(other, Buffer.from("last"))
        const began = ds.millis()
        await close(other)
        expect(Math.abs(ds.millis() - began - 5000) < 100).toBe(true)
    })

    test("of a listener lets the others go on", async () => {
        const l = await listening()
        const a = await passive(l)
        await close(l)
        await expectSays("", PSH | ACK, 1, 1, "still")
        expect((await recv(a)).toString()).toBe("still")
    })

    test("of a process closes all that it has", async () => {
        const child = spawn(async () => {
            await passive(await listening(1, TUPLE_STATIC))
            await listening(1, TUPLE_STATIC)
        })
        await child.wait()
        expect((await heard()).startsWith("FA 1 1")).toBe(true)
        expect(openSockets()).toBe(0)
    })
})

describe("the address of a stream", () => {
    beforeEach(newPeer)

    test("is given back only when the last connection on it is over: TIME-WAIT too", async () => {
        const released = host.released
        const sd = await active(TUPLE_DHCP)
        await close(sd)
        await expectHeard("FA 1 1")
        expect(stations()).toBe(2)
        await expectSays("", ACK, 1, 2)
        await expectSays("A 2 2", FIN | ACK, 1, 2)
        expect(state()).toBe("TIME-WAIT")
        await ds.sleep(9000)
        // the FIN once more is still answered, as it must be
        await expectSays("A 2 2", FIN | ACK, 1, 2)
        expect(stations()).toBe(2)
        expect(host.released).toBe(released)
        await ds.sleep(9000)
        expect(stations()).toBe(2)
        await ds.sleep(1500)
        expect(stations()).toBe(1)
        expect(host.released).toBe(released + 1)
        // whoever has it next gets nothing of it: not even a reset leaves from here
        await expectSays("", FIN | ACK, 1, 2)
    })

    test("is shared by all that a listener has accepted, and goes with the last of them", async () => {
        const released = host.released
        const l = await listening(2, TUPLE_DHCP)
        const a = await passive(l)
        const first = peer.port
        peer.port = 7000
        const b = await passive(l)
        for (const sd of [a, b]) expect(getsockname(sd).address).toBe(peer.local)
        await close(l)
        await close(a)
        await close(b)
        await heard()
        expect(stations()).toBe(2)
        peer.theirs = (connectionOf().sndUna - 1) | 0
        await expectSays("", RST, 1, 0)
        expect(stations()).toBe(2)
        peer.port = first
        await expectSays("", RST, 1, 0)
        await until("the release", () => host.released === released + 1)
        expect(stations()).toBe(1)
    })

    test("that is lost ends its streams with ENETDOWN, for good, and nothing leaves from it", async () => {
        const sd = await active(TUPLE_DHCP)
        const shared = await stream(tupleOf(sd))
        const w = new Waiting(async () => await recv(sd))
        await ds.sleep(5)
        await releaseAddress(leaseOf(interfaces[1]))
        await ds.sleep(5)
        expect(w.result).toBe("ENETDOWN")
        for (let i = 0; i < 2; i++) {
            expect(await codeOf(async () => await send(sd, FULL))).toBe("ENETDOWN")
            expect(await codeOf(async () => await recv(sd))).toBe("ENETDOWN")
        }
        expect(await codeOf(async () => await connect(shared, TO_PEER))).toBe("ENETDOWN")
        await close(sd)
        await close(shared)
        await ds.sleep(5)
        expect(seen.length).toBe(0)
        expect(stations()).toBe(1)
    })

    test("common: a connection in TIME-WAIT gives way to a new one, and its port pair is not used twice", async () => {
        const sd = await active()
        const { port } = getsockname(sd)
        await close(sd)
        await heard()
        await expectSays("A 2 2", FIN | ACK, 1, 2)
        const again = await stream(0)
        expect((await codeOf(async () => await bind(again, { port }))) === "EADDRINUSE").toBe(true)
        for (let i = 0; i < 12; i++) {
            peer.port++
            const next = await active()
            await close(next)
            await heard()
            await expectSays("A 2 2", FIN | ACK, 1, 2)
        }
        expect(connections.length).toBe(8)
    })
})

describe("errors of connect", () => {
    beforeEach(newPeer)

    test("a peer that is not there, and one that refuses", async () => {
        const o = await opening()
        await heard()
        await expectSays("", RST | ACK, 0, 1)
        expect(o.result).toBe("ECONNREFUSED")
        // what became of it is not known: POSIX has a program take a new socket
        expect(await codeOf(async () => await connect(o.sd, TO_PEER))).toBe("EISCONN")
        await newPeer()
        host.arp = false
        const sd = await stream(0)
        const began = ds.millis()
        expect(await codeOf(async () => await connect(sd, { address: HOST + (5 << 24), port: 80 }))).toBe("EHOSTUNREACH")
        expect(ds.millis() - began < 5000).toBe(true)
    })
})

await run()
