import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { recv, send } from "../../../src/socket/api"
import { accept, startStreams } from "../../../src/socket/stream"
import { connections } from "../../../src/transport/tcp/connection"
import { BOARD, BROADCAST_MAC, HOST, changes, icmp, ipv4 } from "../support/lan"
import { addressOf } from "../../../src/wire/address"
import { breathe, copyOf, put16, run } from "../support/support"
import {
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
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
    sealed,
    segmentOf,
    state,
} from "../support/tcp"
import { phy, seen, startWorld } from "../support/world"

await startWorld()
startStreams(4)

/** Where the TCP header is in a frame. */
const TCP = 34

/** Have the phone receive a segment that was changed, with a checksum that is right. @returns what was counted */
function changed(change: (t: Buffer) => void): string {
    const f = segmentOf(PSH | ACK, 1, 1, "data")
    const t = copyOf(f, TCP, f.length - TCP)
    change(t)
    const g = sealed(t)
    return changes(() => phy.arrive(g))
}

/** Have the phone receive so many octets. @returns what was counted */
function short(n: number): string {
    const f = ipv4(6, HOST, BOARD, Buffer.alloc(n))
    return changes(() => phy.arrive(f))
}

describe("segments that are none", () => {
    beforeEach(newPeer)

    test("are counted, and nothing else happens", async () => {
        await active()
        const c = connectionOf()
        const next = c.rcvNxt
        expect(changed(t => (t[12] = 0x40))).toBe("tcpBad+1")
        expect(changed(t => (t[12] = 0x00))).toBe("tcpBad+1")
        expect(changed(t => (t[12] = 0x70))).toBe("tcpBad+1")
        expect(changed(t => (t[12] = 0xf0))).toBe("tcpBad+1")
        expect(changed(t => put16(t, 0, 0))).toBe("tcpBad+1")
        const f = segmentOf(PSH | ACK, 1, 1, "data")
        f[TCP + 20] ^= 1
        expect(changes(() => phy.arrive(f))).toBe("tcpBadChecksum+1")
        for (let n = 0; n < 20; n++) {
            expect(short(n)).toBe("tcpBad+1")
            await breathe()
        }
        expect(c.rcvNxt).toBe(next)
        await expectHeard("")
    })

    test("to a group or from one are for nobody (RFC 9293, 3.9.2.3)", async () => {
        await listening()
        for (const to of [-1, addressOf(10, 77, 0, 255), addressOf(224, 0, 0, 1)]) {
            peer.local = to
            const f = segmentOf(SYN, 0, 0)
            f.blitAt(0, BROADCAST_MAC, 0, 6)
            phy.arrive(f)
            await expectHeard("")
        }
        peer.local = BOARD
        expect(state()).toBe("CLOSED")
    })

    test("to no port are reset, by the way that they came, at most ten a second", async () => {
        peer.ours = 999
        const before = seen.length
        for (let i = 0; i < 30; i++) {
            phy.arrive(segmentOf(SYN, i, 0))
            await breathe()
        }
        await ds.sleep(5)
        expect(seen.length - before <= 11).toBe(true)
        expect(seen.length - before >= 10).toBe(true)
        await ds.sleep(2000)
        await heard()
        await expectSays("RA 0 1", SYN, 0, 0)
        await expectSays("", RST, 0, 0)
        await expectSays("RA 0 5", FIN | PSH, 0, 0, "data")
        await expectSays("R 7", ACK | PSH, 0, 7, "data")
    })
})

describe("options", () => {
    beforeEach(newPeer)

    test("the other side's segment size is kept to, from 64 to 536, which is also what it takes if it says none (RFC 9293 3.7.1)", async () => {
        expect(await mssFor(hex`020405b4`)).toBe(536)
        expect(await mssFor(hex`02040064`)).toBe(100)
        expect(await mssFor(hex`02040001`)).toBe(64)
        expect(await mssFor(hex`02042328`)).toBe(536)
        expect(await mssFor(hex`0101010102040200`)).toBe(512)
        expect(await mssFor(hex`0402080a000000010000000001030307020401f4`)).toBe(500)
        // none, cut off, after the end, of length 0, beyond the header
        expect(await mssFor(hex`01010101`)).toBe(536)
        expect(await mssFor(hex`01010204`)).toBe(536)
        expect(await mssFor(hex`00020405b4000000`)).toBe(536)
        expect(await mssFor(hex`0800020405b40000`)).toBe(536)
        expect(await mssFor(hex`08ff020405b40000`)).toBe(536)
    })

    test("of a segment in a connection are passed over", async () => {
        const sd = await active()
        const f = segmentOf(PSH | ACK, 1, 1, "data", hex`0101080a0000000100000002`)
        phy.arrive(f)
        expect((await recv(sd, 0)).toString()).toBe("data")
    })
})

async function mssFor(options: Buffer): Promise<number> {
    await newPeer()
    await listening()
    phy.arrive(segmentOf(SYN, 0, 0, "", options))
    const { mss } = connectionOf()
    await heard()
    return mss
}

describe("every combination of flags", () => {
    beforeEach(newPeer)

    test("in ESTABLISHED: only a reset ends it, only a FIN with an ACK half closes it", async () => {
        for (let flags = 0; flags < 64; flags++) {
            await newPeer()
            await active()
            phy.arrive(segmentOf(flags, 1, 1))
            let expected = "ESTABLISHED"
            if ((flags & RST) !== 0) expected = "CLOSED"
            else if ((flags & (SYN | FIN | ACK)) === (FIN | ACK)) expected = "CLOSE-WAIT"
            if (state() !== expected) throw new Error(`flags ${flags}: ${state()}, not ${expected}`)
        }
    })

    test("in SYN-SENT: only a SYN opens it, only an acceptable reset refuses it", async () => {
        for (let flags = 0; flags < 64; flags++) {
            await newPeer()
            await opening()
            await expectHeard("S 0")
            phy.arrive(segmentOf(flags, 0, 1))
            let expected = "SYN-SENT"
            if ((flags & RST) !== 0) {
                if ((flags & ACK) !== 0) expected = "CLOSED"
            } else if ((flags & SYN) !== 0) expected = (flags & ACK) !== 0 ? "ESTABLISHED" : "SYN-RECEIVED"
            if (state() !== expected) throw new Error(`flags ${flags}: ${state()}, not ${expected}`)
        }
    })

    test("to a listener: only a SYN without ACK and RST opens", async () => {
        for (let flags = 0; flags < 64; flags++) {
            await newPeer()
            await listening()
            phy.arrive(segmentOf(flags, 0, 0))
            const expected = (flags & (SYN | ACK | RST)) === SYN ? "SYN-RECEIVED" : "CLOSED"
            if (state() !== expected) throw new Error(`flags ${flags}: ${state()}, not ${expected}`)
        }
    })

    test("in SYN-RECEIVED: only an ACK opens it", async () => {
        for (let flags = 0; flags < 64; flags++) {
            await newPeer()
            await listening()
            await expectSays("SA 0 1", SYN, 0, 0)
            phy.arrive(segmentOf(flags, 1, 1))
            let expected = "SYN-RECEIVED"
            if ((flags & RST) !== 0) expected = "CLOSED"
            else if ((flags & (SYN | ACK)) === ACK) expected = (flags & FIN) !== 0 ? "CLOSE-WAIT" : "ESTABLISHED"
            if (state() !== expected) throw new Error(`flags ${flags}: ${state()}, not ${expected}`)
        }
    })
})

describe("guesses within the window (RFC 5961)", () => {
    beforeEach(newPeer)

    test("neither resets nor SYNs nor old ACKs end a connection; of ten thousand two a second are answered", async () => {
        const sd = await active()
        let answers = 0
        const began = ds.millis()
        for (let i = 0; i < 100; i++) {
            for (let k = 0; k < 33; k++) {
                const far = 2 + ((i * 33 + k) % 2900)
                phy.arrive(segmentOf(RST, far, 0))
                phy.arrive(segmentOf(SYN, far, 0))
                phy.arrive(segmentOf(ACK | PSH, 1, -70000 - far, "guessed"))
                await breathe()
            }
            await ds.sleep(10)
            answers += seen.length
            while (seen.length > 0) seen.pop()
        }
        expect(state()).toBe("ESTABLISHED")
        expect(answers >= 2).toBe(true)
        expect(answers <= (ds.millis() - began) / 500 + 1).toBe(true)
        await expectSays("", PSH | ACK, 1, 1, "true")
        expect((await recv(sd, 0)).toString()).toBe("true")
    })
})

describe("a flood of SYNs", () => {
    beforeEach(newPeer)

    test("does not disturb who is connected, and leaves nothing", async () => {
        const l = await listening(4)
        const a = await passive(l)
        const { port } = peer
        for (let i = 0; i < 1000; i++) {
            peer.port = 10000 + i
            phy.arrive(segmentOf(SYN, 0, 0))
            if (i % 10 === 9) await ds.sleep(10)
            else await breathe()
        }
        expect(connections.filter(c => c.ifc !== undefined).length <= 8).toBe(true)
        while (seen.length > 0) seen.pop()
        // the established one goes on
        peer.port = port
        const c = connectionOf()
        peer.theirs = (c.sndUna - 1) | 0
        phy.arrive(segmentOf(PSH | ACK, 1, 1, "still there"))
        expect((await recv(a, 0)).toString()).toBe("still there")
        await send(a, Buffer.from("yes"))
        expect((await heard()).includes("<yes>")).toBe(true)
        // half-open ones are forgotten after 15 s
        await ds.sleep(20000)
        expect(connections.filter(k => k.ifc !== undefined && k.remotePort >= 10000).length).toBe(0)
        while (seen.length > 0) seen.pop()
        // and a new peer comes in
        peer.port = 20000
        await passive(l)
        await expectSays("", RST, 1, 0)
    })

    test("one that has not answered for a second gives way to one that asks anew", async () => {
        const l = await listening(9)
        for (let i = 0; i < 4; i++) {
            peer.port = 30000 + i
            await expectSays("SA 0 1", SYN, 0, 0)
        }
        peer.port = 31000
        await expectSays("", SYN, 0, 0)
        await ds.sleep(1100)
        await heard()
        await passive(l)
        expect(state()).toBe("ESTABLISHED")
    })

    test("a peer beyond the backlog is not answered, and comes in when there is room", async () => {
        const l = await listening(1)
        await expectSays("SA 0 1", SYN, 0, 0)
        await expectSays("", ACK, 1, 1)
        const { port } = peer
        peer.port = 40000
        await expectSays("", SYN, 0, 0)
        peer.port = port
        await accept(l, 0)
        peer.port = 40000
        await passive(l)
        expect(state()).toBe("ESTABLISHED")
    })
})

describe("ICMP errors about a connection", () => {
    beforeEach(newPeer)

    test("refuse one that is not open yet, and are remembered for one that is (RFC 1122, 4.2.3.9)", async () => {
        const o = await opening()
        await ds.sleep(5)
        phy.arrive(unreachable(3, 1, seen[0]))
        await heard()
        await ds.sleep(5)
        expect(o.result).toBe("EHOSTUNREACH")
        expect(state()).toBe("CLOSED")

        await newPeer()
        const sd = await active()
        await send(sd, Buffer.from("abc"))
        await ds.sleep(5)
        phy.arrive(unreachable(3, 1, seen[0]))
        await heard()
        expect(state()).toBe("ESTABLISHED")
        expect(await codeOf(async () => await recv(sd))).toBe("EHOSTUNREACH")
        await heard()
    })

    test("about segments that are too long say nothing: they are as short as any link takes", async () => {
        const sd = await active()
        await send(sd, Buffer.from("abc"))
        await ds.sleep(5)
        phy.arrive(unreachable(3, 4, seen[0]))
        expect(connectionOf().hint).toBe(undefined)
        expect(state()).toBe("ESTABLISHED")
        expect(sd >= 0).toBe(true)
    })
})

/** An ICMP error about a frame that we have sent. */
function unreachable(type: number, code: number, f: Buffer): Buffer {
    const message = Buffer.alloc(8 + 28)
    message[0] = type
    message[1] = code
    message.blitAt(8, f, 14, 28)
    return icmp(HOST, BOARD, message)
}

await run()
