import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { DATAGRAMS, HEARD } from "../../../src/base/config"
import { Counter, countOf } from "../../../src/base/counters"
import { SocketAddress, bind, close, connect, getsockname, recv, recvfrom, send, sendto, setreceiver } from "../../../src/socket/api"
import { SocketOption } from "../../../src/socket/socket"
import { setsockopt } from "../../../src/socket/options"
import { sockets } from "../../../src/socket/table"
import { addressOf } from "../../../src/wire/address"
import { BOARD, HOST, fixHeader, icmp, udp } from "../support/lan"
import { checksum, codeOf, copyOf, expectBytes, get16, put16, run } from "../support/support"
import { TO_HOST, host, phy, plain, sawOne, startWorld, tidy } from "../support/world"

/** A socket on port 5060, and one that is connected to the host. */
async function bound(): Promise<number> {
    const sd = await plain()
    await bind(sd, { port: 5060 })
    return sd
}
async function connected(): Promise<number> {
    const sd = await bound()
    await connect(sd, TO_HOST)
    return sd
}

await startWorld()

describe("send and sendto", () => {
    beforeEach(tidy)

    test("a datagram, byte for byte", async () => {
        const sd = await plain()
        await bind(sd, { port: 5004 })
        await connect(sd, { address: HOST, port: 5004 })
        await send(sd, Buffer.from("nobody is there"))
        // computed by another program and taken by Linux
        const expected: Buffer = hex`02000a4d00010254500000010800 4500002b00004000401125ef0a4d00390a4d0001 138c138c0017bc17 6e6f626f6479206973207468657265`
        expectBytes(await sawOne(), expected)
        await close(sd)
        const other = await plain()
        await bind(other, { port: 5004 })
        await sendto(other, Buffer.from("nobody is there"), { address: HOST, port: 5004 })
        expectBytes(await sawOne(), expected)
    })

    test("the prepared frame serves payloads of every length", async () => {
        const sd = await plain()
        await connect(sd, TO_HOST)
        for (const n of [10, 0, 1, 10, 1472]) {
            const data = Buffer.alloc(n)
            data.fillAt(0, n, 0x41)
            await send(sd, data)
            const f = await sawOne()
            expect(f.length).toBe(42 + n)
            expect(get16(f, 16)).toBe(28 + n)
            expect(get16(f, 38)).toBe(8 + n)
            expectBytes(copyOf(f, 42), data)
            expect(checksum(f, 14, 20, 0)).toBe(0)
        }
    })

    test("more than a packet holds is EMSGSIZE", async () => {
        const sd = await plain()
        await connect(sd, TO_HOST)
        expect(await codeOf(async () => await send(sd, Buffer.alloc(1473)))).toBe("EMSGSIZE")
        expect(await codeOf(async () => await sendto(sd, Buffer.alloc(1473), TO_HOST))).toBe("EMSGSIZE")
    })

    test("sendto binds if need be", async () => {
        const sd = await plain()
        await sendto(sd, hex`01`, TO_HOST)
        const f = await sawOne()
        expect(get16(f, 34)).toBe(getsockname(sd).port)
        expect(get16(f, 36)).toBe(4000)
    })

    test("fail for a reason", async () => {
        const sd = await plain()
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("ENOTCONN")
        const code = async (to: SocketAddress) => await codeOf(async () => await sendto(sd, hex`01`, to))
        expect(await code({ port: 1 })).toBe("EINVAL")
        expect(await code({ address: HOST })).toBe("EINVAL")
        expect(await code({ address: HOST, port: 65536 })).toBe("EINVAL")
        expect(await code({ address: -1, port: 1 })).toBe("EACCES")
        // RFC 1122, 3.2.1.3
        for (const address of [addressOf(0, 0, 0, 5), addressOf(127, 0, 0, 1), addressOf(224, 0, 0, 1)])
            expect(await code({ address, port: 1 })).toBe("ENETUNREACH")
        expect(await codeOf(async () => await connect(sd, { address: addressOf(127, 0, 0, 1), port: 1 }))).toBe("ENETUNREACH")
        await connect(sd, TO_HOST)
        await send(sd, hex`01`)
        await sawOne()
        phy.accepts = false
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("ENOBUFS")
        expect(await code(TO_HOST)).toBe("ENOBUFS")
    })
})

describe("recv and recvfrom", () => {
    beforeEach(tidy)

    test("a datagram and where it came from", async () => {
        const sd = await bound()
        phy.arrive(udp(HOST, 4321, BOARD, 5060, Buffer.from("hello")))
        const d = await recvfrom(sd, 0)
        expect(d.data.toString()).toBe("hello")
        expect(d.address).toBe(HOST)
        expect(d.port).toBe(4321)
    })

    test("wait for one, and no longer than they are told", async () => {
        const sd = await bound()
        const start = ds.millis()
        expect(await codeOf(async () => await recv(sd, 50))).toBe("EAGAIN")
        expect(ds.millis() - start >= 49 && ds.millis() - start < 200).toBe(true)
        let data: Buffer
        const wait = async () => {
            data = await recv(sd)
        }
        wait.start()
        await ds.sleep(10)
        phy.arrive(udp(HOST, 1, BOARD, 5060, hex`2a`))
        await ds.sleep(5)
        expect(data[0]).toBe(42)
    })

    test("an unbound socket is EINVAL", async () => {
        const sd = await plain()
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EINVAL")
    })

    test(`no more than ${DATAGRAMS} wait; the others are counted`, async () => {
        const sd = await bound()
        const before = countOf(Counter.UdpQueueFull)
        for (let i = 0; i < DATAGRAMS + 3; i++) phy.arrive(udp(HOST, 1, BOARD, 5060, Buffer.from([i])))
        expect(countOf(Counter.UdpQueueFull) - before).toBe(3)
        expect(sockets[sd].drops).toBe(3)
        for (let i = 0; i < DATAGRAMS; i++) {
            const d = await recv(sd, 0)
            expect(d[0]).toBe(i)
        }
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
        setsockopt(sd, SocketOption.SO_RCVBUF, 1)
        for (let i = 0; i < 3; i++) phy.arrive(udp(HOST, 1, BOARD, 5060, Buffer.from([i])))
        expect(sockets[sd].drops).toBe(5)
        // what waits goes with its socket, and makes room
        await close(sd)
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EBADF")
    })

    test("no more than 6144 bytes wait in all sockets together", async () => {
        const big = udp(HOST, 1, BOARD, 5060, Buffer.alloc(1400))
        const a = await plain()
        await bind(a, { port: 5060 })
        const b = await plain()
        await bind(b, { port: 5061 })
        for (let i = 0; i < 4; i++) phy.arrive(big)
        put16(big, 36, 5061)
        phy.arrive(big)
        expect(sockets[b].drops).toBe(1)
        await recv(a, 0)
        phy.arrive(big)
        expect((await recv(b, 0)).length).toBe(1400)
    })

    test("a connected socket hears its target alone", async () => {
        const sd = await connected()
        const before = countOf(Counter.UdpForeignPeer)
        phy.arrive(udp(HOST, 4001, BOARD, 5060, hex`01`))
        phy.arrive(udp(addressOf(10, 77, 0, 9), 4000, BOARD, 5060, hex`02`))
        phy.arrive(udp(HOST, 4000, BOARD, 5060, hex`03`))
        expect(countOf(Counter.UdpForeignPeer) - before).toBe(2)
        expect((await recv(sd, 0))[0]).toBe(3)
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
    })

    test("a wrong checksum is dropped and counted", async () => {
        const sd = await bound()
        const f = udp(HOST, 1, BOARD, 5060, hex`01`)
        put16(f, 40, 0x1234)
        expect(phy.counting(f)).toBe("udpBadChecksum+1")
        expect(sockets[sd].drops).toBe(1)
    })

    test("a receiver reads in place, and hears of errors", async () => {
        const sd = await connected()
        let got = ""
        setreceiver(sd, {
            txFrames: 0,
            onPayload: (b, at, length) => {
                got += `${length}:${b[at]} `
            },
            onSocketError: code => {
                got += code
            },
        })
        phy.arrive(udp(HOST, 4000, BOARD, 5060, hex`2a2b`))
        phy.arrive(refusedBy(5060, 3))
        expect(got).toBe("2:42 ")
        await ds.sleep(HEARD + 10)
        phy.arrive(refusedBy(5060, 3))
        expect(got).toBe("2:42 ECONNREFUSED")
    })
})

/** The host says that its port 4000 cannot be reached, to our port. */
function refusedBy(port: number, code: number): Buffer {
    const m = copyOf(hex`03000000 00000000  4500001d00004000 4011 0000 0a4d0039 0a4d0001  0000 0fa0 0009 0000`)
    m[1] = code
    put16(m, 28, port)
    return icmp(HOST, BOARD, m)
}

describe("errors of the network", () => {
    beforeEach(tidy)

    test("are told once, by the next call", async () => {
        const sd = await connected()
        phy.arrive(refusedBy(5060, 3))
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("ECONNREFUSED")
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("")
        phy.arrive(refusedBy(5060, 1))
        expect(await codeOf(async () => await sendto(sd, hex`01`, TO_HOST))).toBe("EHOSTUNREACH")
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
    })

    test("of a peer that is heard are not believed, and a packet of ours is never too long (RFC 1122, 3.2.2.1)", async () => {
        const sd = await connected()
        phy.arrive(refusedBy(5060, 4))
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("")
        phy.arrive(udp(HOST, 4000, BOARD, 5060, hex`2a`))
        for (const code of [0, 1, 2, 3]) expect(phy.counting(refusedBy(5060, code))).toBe("icmpRx+1 icmpUnbelieved+1")
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("")
        // still heard a moment ago
        await ds.sleep(HEARD - 500)
        phy.arrive(udp(HOST, 4000, BOARD, 5060, hex`2a`))
        phy.arrive(refusedBy(5060, 3))
        await ds.sleep(HEARD - 500)
        phy.arrive(refusedBy(5060, 3))
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("")
        await ds.sleep(600)
        phy.arrive(refusedBy(5060, 3))
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("ECONNREFUSED")
    })

    test("of somebody who cannot know are not believed", async () => {
        const sd = await connected()
        const forged = refusedBy(5060, 3)
        forged.setAt(26, "i32", addressOf(10, 77, 0, 9))
        expect(phy.counting(fixHeader(forged))).toBe("icmpRx+1 icmpUnbelieved+1")
        expect(await codeOf(async () => await send(sd, hex`01`))).toBe("")
    })

    test("end the wait of recv", async () => {
        const sd = await connected()
        let code = ""
        const wait = async () => {
            code = await codeOf(async () => await recv(sd))
        }
        wait.start()
        await ds.sleep(10)
        phy.arrive(refusedBy(5060, 3))
        await ds.sleep(5)
        expect(code).toBe("ECONNREFUSED")
    })

    test("concern the connected socket alone (RFC 1122, 4.1.3.3)", async () => {
        const sd = await bound()
        phy.arrive(refusedBy(5060, 3))
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
        // without a target its address and port are 0
        const toNobody = copyOf(hex`03030000 00000000  4500001c00004000 4011 0000 0a4d0039 00000000  13c4 0000 0008 0000`)
        phy.arrive(icmp(HOST, BOARD, toNobody))
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
        await connect(sd, { address: HOST, port: 4001 })
        phy.arrive(refusedBy(5060, 3))
        phy.arrive(refusedBy(5061, 3))
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
    })

    test("EHOSTUNREACH when the target does not answer ARP", async () => {
        host.arp = false
        const sd = await plain()
        await connect(sd, { address: addressOf(10, 77, 0, 99), port: 1 })
        await send(sd, hex`01`)
        expect(await codeOf(async () => await recv(sd, 4000))).toBe("EHOSTUNREACH")
    })
})

await run()
