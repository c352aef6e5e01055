import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { DATAGRAMS, EPHEMERAL_FIRST, SOCKETS } from "../../../src/base/config"
import {
    AF_INET,
    AF_INET_TUPLE,
    SOCK_DGRAM,
    SOCK_STREAM,
    SocketAddress,
    bind,
    close,
    connect,
    getpeername,
    getsockname,
    recv,
    send,
    sendto,
    setreceiver,
    socket,
} from "../../../src/socket/api"
import { SocketOption } from "../../../src/socket/socket"
import { TUPLE_DEFER, TUPLE_DHCP, TUPLE_STATIC, tupleOf } from "../../../src/socket/tuple"
import { getsockopt, setsockopt } from "../../../src/socket/options"
import { lookup } from "../../../src/socket/table"
import { addressOf } from "../../../src/wire/address"
import { BOARD, HOST } from "../support/lan"
import { checksum, codeOf, get16, run } from "../support/support"
import { TO_HOST, inProcess, openSockets, plain, sawOne, seen, startWorld, tidy } from "../support/world"

await startWorld()

describe("socket", () => {
    beforeEach(tidy)

    test("gives the lowest free descriptor", async () => {
        expect(await plain()).toBe(0)
        expect(await socket(AF_INET, SOCK_DGRAM, 17)).toBe(1)
        await close(0)
        expect(await socket(AF_INET, SOCK_DGRAM, 0)).toBe(0)
    })

    test("refuses what it does not know", async () => {
        expect(await codeOf(async () => await socket(1, SOCK_DGRAM))).toBe("EAFNOSUPPORT")
        expect(await codeOf(async () => await socket(10, SOCK_DGRAM))).toBe("EAFNOSUPPORT")
        expect(await codeOf(async () => await socket(AF_INET, SOCK_STREAM))).toBe("EPROTONOSUPPORT")
        expect(await codeOf(async () => await socket(AF_INET, SOCK_DGRAM, 6))).toBe("EPROTONOSUPPORT")
        for (const tuple of [3, 4, 0x13, TUPLE_DEFER]) if ((await refusal(tuple)) !== "EINVAL") throw new Error(`tuple ${tuple}`)
        expect(await refusal(tupleOf(5))).toBe("EBADF")
        expect(await refusal(tupleOf(99))).toBe("EBADF")
        expect(await refusal(-1)).toBe("EBADF")
        expect(openSockets()).toBe(0)
    })

    const refusal = async (tuple: number) => await codeOf(async () => await socket(AF_INET, SOCK_DGRAM, 0, tuple))

    test(`ENFILE when ${SOCKETS} are open`, async () => {
        for (let i = 0; i < SOCKETS; i++) expect(await plain()).toBe(i)
        expect(await codeOf(plain)).toBe("ENFILE")
        await close(7)
        expect(await plain()).toBe(7)
    })
})

describe("bind", () => {
    beforeEach(tidy)

    test("says what it bound", async () => {
        const sd = await plain()
        expect(getsockname(sd).port).toBe(0)
        expect(getsockname(sd).address).toBe(BOARD)
        const a = await bind(sd, { port: 5060 })
        expect(a.address).toBe(BOARD)
        expect(a.port).toBe(5060)
        expect(getsockname(sd).port).toBe(5060)
        expect((await bind(await plain(), { address: BOARD, port: 65535 })).port).toBe(65535)
    })

    test("without a port takes an ephemeral one, each time another", async () => {
        const first = (await bind(await plain(), {})).port
        const second = (await bind(await plain(), { port: 0 })).port
        expect(first >= EPHEMERAL_FIRST && first <= 65535).toBe(true)
        expect(second >= EPHEMERAL_FIRST && second <= 65535).toBe(true)
        expect(first !== second).toBe(true)
    })

    test("fails for a reason", async () => {
        const sd = await plain()
        const code = async (to: SocketAddress) => await codeOf(async () => await bind(sd, to))
        expect(await code({ port: -1 })).toBe("EINVAL")
        expect(await code({ port: 65536 })).toBe("EINVAL")
        expect(await code({ address: HOST })).toBe("EADDRNOTAVAIL")
        await bind(sd, { port: 5060 })
        expect(await code({ port: 5061 })).toBe("EINVAL")
        const other = await plain()
        expect(await codeOf(async () => await bind(other, { port: 5060 }))).toBe("EADDRINUSE")
        // and the failure has left nothing behind
        expect((await bind(other, { port: 5061 })).port).toBe(5061)
        await close(sd)
        expect((await bind(await plain(), { port: 5060 })).port).toBe(5060)
    })

    test("does not give away the port on which leases are renewed", async () => {
        const sd = await plain()
        expect(await codeOf(async () => await bind(sd, { port: 68 }))).toBe("EADDRINUSE")
    })
})

describe("connect", () => {
    beforeEach(tidy)

    test("binds, and remembers its target", async () => {
        const sd = await plain()
        expect(await codeOf(async () => getpeername(sd))).toBe("ENOTCONN")
        await connect(sd, TO_HOST)
        expect(getpeername(sd).address).toBe(HOST)
        expect(getpeername(sd).port).toBe(4000)
        expect(getsockname(sd).port >= EPHEMERAL_FIRST).toBe(true)
        // again, elsewhere
        const port = getsockname(sd).port
        await connect(sd, { address: HOST, port: 4001 })
        expect(getpeername(sd).port).toBe(4001)
        expect(getsockname(sd).port).toBe(port)
    })

    test("fails for a reason", async () => {
        const sd = await plain()
        const code = async (to: SocketAddress) => await codeOf(async () => await connect(sd, to))
        expect(await code({ port: 4000 })).toBe("EINVAL")
        expect(await code({ address: HOST })).toBe("EINVAL")
        expect(await code({ address: HOST, port: 65536 })).toBe("EINVAL")
        expect(await code({ address: -1, port: 4000 })).toBe("EACCES")
        expect(await code({ address: addressOf(10, 77, 0, 255), port: 4000 })).toBe("EACCES")
        expect(await codeOf(async () => getpeername(sd))).toBe("ENOTCONN")
        setsockopt(sd, SocketOption.SO_BROADCAST, true)
        expect(await code({ address: -1, port: 4000 })).toBe("")
    })
})

describe("an address of the device itself", () => {
    beforeEach(tidy)

    test("is no target: there is no way back up, and nothing is sent", async () => {
        const sd = await plain()
        for (const how of [
            async () => await connect(sd, { address: BOARD, port: 9 }),
            async () => await sendto(sd, Buffer.alloc(1), { address: BOARD, port: 9 }),
        ]) {
            let message = ""
            try {
                await how()
            } catch (e) {
                message = `${(e as any).code}: ${(e as Error).message}`
            }
            expect(message).toBe("ENETUNREACH: that is an address of this device itself")
        }
        expect(seen.length).toBe(0)
    })
})

describe("options", () => {
    beforeEach(tidy)

    test("come back as they were set, and are in the next frame", async () => {
        const sd = await plain()
        await connect(sd, TO_HOST)
        expect(getsockopt(sd, SocketOption.SO_NO_CHECK)).toBe(false)
        expect(getsockopt(sd, SocketOption.SO_BROADCAST)).toBe(false)
        expect(getsockopt(sd, SocketOption.SO_RCVBUF)).toBe(DATAGRAMS)
        expect(getsockopt(sd, SocketOption.IP_TOS)).toBe(0)
        await send(sd, hex`01`)
        expect(get16(await sawOne(), 40) !== 0).toBe(true)
        setsockopt(sd, SocketOption.SO_NO_CHECK, true)
        setsockopt(sd, SocketOption.IP_TOS, 0xb8)
        setsockopt(sd, SocketOption.SO_RCVBUF, 2)
        setsockopt(sd, SocketOption.SO_BROADCAST, true)
        expect(getsockopt(sd, SocketOption.SO_NO_CHECK)).toBe(true)
        expect(getsockopt(sd, SocketOption.SO_BROADCAST)).toBe(true)
        expect(getsockopt(sd, SocketOption.SO_RCVBUF)).toBe(2)
        expect(getsockopt(sd, SocketOption.IP_TOS)).toBe(0xb8)
        await send(sd, hex`01`)
        const f = await sawOne()
        expect(get16(f, 40)).toBe(0)
        expect(f[15]).toBe(0xb8)
        expect(checksum(f, 14, 20, 0)).toBe(0)
    })

    test("IP_DSCP is the class of all that leaves from an address, but for sockets with an IP_TOS of their own", async () => {
        const a = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        const b = await socket(AF_INET, SOCK_DGRAM, 0, tupleOf(a))
        const c = await socket(AF_INET, SOCK_DGRAM, 0, tupleOf(a))
        const common = await socket(AF_INET, SOCK_DGRAM)
        setsockopt(c, SocketOption.IP_TOS, 0x20)
        for (const sd of [a, b, c, common]) await connect(sd, { address: HOST, port: 7 })
        setsockopt(b, SocketOption.SO_NO_CHECK, true)
        await ds.sleep(5)
        await send(b, hex`00`)
        setsockopt(a, SocketOption.IP_DSCP, 46)
        for (const sd of [a, b, c, common]) await send(sd, hex`00`)
        await ds.sleep(5)
        expect(seen.map(f => f[15]).join()).toBe("0,184,184,32,0")
        expect(getsockopt(b, SocketOption.IP_DSCP)).toBe(46)
        expect(getsockopt(b, SocketOption.IP_TOS)).toBe(184)
        expect(lookup(a).ifc.dscp).toBe(46)
        const ifc = lookup(a).ifc
        for (const sd of [a, b, c]) await close(sd)
        expect(ifc.dscp).toBe(0)
    })

    test("out of range are EINVAL", async () => {
        const sd = await plain()
        const code = async (option: SocketOption, value: number) => await codeOf(async () => setsockopt(sd, option, value))
        expect(await code(SocketOption.SO_RCVBUF, 0)).toBe("EINVAL")
        expect(await code(SocketOption.IP_DSCP, 64)).toBe("EINVAL")
        expect(await code(SocketOption.SO_RCVBUF, DATAGRAMS + 1)).toBe("EINVAL")
        expect(await code(SocketOption.IP_TOS, -1)).toBe("EINVAL")
        expect(await code(SocketOption.IP_TOS, 256)).toBe("EINVAL")
        expect(await code(99 as SocketOption, 1)).toBe("EINVAL")
        expect(await codeOf(async () => getsockopt(sd, 99 as SocketOption))).toBe("EINVAL")
    })
})

/** Every call on a descriptor that must not work; the codes that are not `expected`. */
async function allFail(sd: number, expected: string): Promise<void> {
    const results = [
        await codeOf(async () => await bind(sd, {})),
        await codeOf(async () => await connect(sd, TO_HOST)),
        await codeOf(async () => getsockname(sd)),
        await codeOf(async () => getpeername(sd)),
        await codeOf(async () => await send(sd, hex`00`)),
        await codeOf(async () => await sendto(sd, hex`00`, TO_HOST)),
        await codeOf(async () => await recv(sd, 0)),
        await codeOf(async () => setsockopt(sd, SocketOption.IP_TOS, 0)),
        await codeOf(async () => getsockopt(sd, SocketOption.IP_TOS)),
        await codeOf(async () => setreceiver(sd, undefined)),
        await codeOf(async () => await socket(AF_INET, SOCK_DGRAM, 0, tupleOf(sd))),
        await codeOf(async () => await close(sd)),
    ]
    for (let i = 0; i < results.length; i++) if (results[i] !== expected) throw new Error(`call ${i}: ${results[i]}`)
}

describe("descriptors", () => {
    beforeEach(tidy)

    test("that are closed, or never were, are EBADF everywhere", async () => {
        await plain()
        await close(0)
        await allFail(0, "EBADF")
        await allFail(23, "EBADF")
        await allFail(24, "EBADF")
    })

    test("of another process are EACCES everywhere (FIG. 4)", async () => {
        const sd = await plain()
        await inProcess(async () => await allFail(sd, "EACCES"))
        expect(getsockname(sd).address).toBe(BOARD)
        await inProcess(async () => {
            const own = await socket(AF_INET, SOCK_DGRAM, 0, TUPLE_STATIC)
            await bind(own, { port: 5004 })
            await close(own)
        })
    })

    test("closed while fibers wait in recv end their wait", async () => {
        const sd = await plain()
        await bind(sd, { port: 5060 })
        let codes = ""
        const wait = async () => {
            codes += `${await codeOf(async () => await recv(sd, 500))} `
        }
        wait.start()
        wait.start()
        await ds.sleep(10)
        await close(sd)
        await ds.sleep(20)
        expect(codes).toBe("EBADF EBADF ")
    })
})

await run()
