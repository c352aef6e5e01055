import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { deadlineOf, setTimer } from "../../../src/base/timers"
import { close, recv, send } from "../../../src/socket/api"
import { setsockopt } from "../../../src/socket/options"
import { SocketOption } from "../../../src/socket/socket"
import { startStreams } from "../../../src/socket/stream"
import { run } from "../support/support"
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
    newPeer,
    opening,
    peer,
    state,
} from "../support/tcp"
import { startWorld } from "../support/world"

await startWorld()
startStreams(4)
/** A full segment. */
const FULL = 536
const LONG = Buffer.alloc(6 * FULL)
for (let i = 0; i < LONG.length; i += 20) LONG.blitAt(i, "abcdefghijklmnopqrst", 0, 20)

/** Send on a fiber of its own: it waits for room. */
function sending(sd: number, n: number): void {
    const run = async () => {
        await codeOf(async () => await send(sd, LONG.slice(0, n)))
    }
    run.start()
}

/** Wait until something is heard. @returns it, and after how many milliseconds, to a tenth of a second */
async function next(atMost: number): Promise<string> {
    const from = ds.millis()
    while (ds.millis() - from < atMost) {
        const what = await heard()
        if (what) return `${what} after ${Math.round((ds.millis() - from) / 100) / 10}`
    }
    return "nothing"
}

async function reset(): Promise<void> {
    const c = connectionOf()
    if (c) await expectSays("", RST, (c.rcvNxt - peer.mine) | 0, 0)
}

describe("what is lost is sent again", () => {
    beforeEach(newPeer)

    test("a SYN after 1, 2, 4, ... s (RFC 6298, 5.7), and after more than 180 s no more", async () => {
        const o = await opening()
        await expectHeard("S 0")
        const began = ds.millis()
        let times = ""
        for (let i = 0; i < 8; i++) {
            const what = await next(70000)
            if (!what.startsWith("S 0 after")) throw new Error(what)
            times += what.slice(9)
        }
        expect(times).toBe(" 1 2 4 8 16 32 60 60")
        expect(await next(70000)).toBe("nothing")
        expect(o.result).toBe("ETIMEDOUT")
        expect(ds.millis() - began > 180000).toBe(true)
        expect(state()).toBe("CLOSED")
    })

    test("data after a time that follows the round trip, doubled each time (RFC 6298, 5.5)", async () => {
        const sd = await active()
        expect(await send(sd, Buffer.from("abc"))).toBe(3)
        await expectHeard("PA 1 1 <abc>")
        expect(await next(1000)).toBe("PA 1 1 <abc> after 0.3")
        expect(await next(1000)).toBe("PA 1 1 <abc> after 0.6")
        expect(await next(2000)).toBe("PA 1 1 <abc> after 1.2")
        await expectSays("", ACK, 1, 4)
        expect(await next(5000)).toBe("nothing")
        expect(connectionOf().retransmitted).toBe(3)
        // Karn: what was sent twice is not measured, and the time goes back with the next measurement
        await send(sd, Buffer.from("d"))
        await expectHeard("PA 4 1 <d>")
        await ds.sleep(200)
        await expectSays("", ACK, 1, 5)
        expect(connectionOf().rto >= 300).toBe(true)
        expect(connectionOf().rto < 500).toBe(true)
        await reset()
    })

    test("a SYN-ACK, and the connection is up with the peer's next word", async () => {
        const sd = await active()
        await reset()
        expect(await codeOf(async () => await recv(sd, 0))).toBe("ECONNRESET")
        expect((await codeOf(async () => await recv(sd, 0))).length).toBe(0)
        expect(await codeOf(async () => await send(sd, LONG))).toBe("EPIPE")
    })

    test("a FIN", async () => {
        const sd = await active()
        await close(sd)
        await expectHeard("FA 1 1")
        expect(await next(1000)).toBe("FA 1 1 after 0.3")
        await expectSays("", ACK, 1, 2)
        expect(await next(5000)).toBe("nothing")
        await reset()
    })

    test("a peer that says nothing is given up after 100 s or more", async () => {
        const sd = await active()
        await send(sd, Buffer.from("abc"))
        const began = ds.millis()
        expect(await codeOf(async () => await recv(sd))).toBe("ETIMEDOUT")
        expect(ds.millis() - began > 100000).toBe(true)
        expect(state()).toBe("CLOSED")
        await heard()
    })

    test("fast: with two segments on their way one ACK more is enough (RFC 5827)", async () => {
        const sd = await active()
        sending(sd, 2 * FULL)
        await expectHeard(`A 1 1 <${FULL}>, PA ${FULL + 1} 1 <${FULL}>`)
        await expectSays("", ACK, 1, 1)
        expect(await next(1000)).toBe(`A 1 1 <${FULL}> after 0`)
        // once alone
        await expectSays("", ACK, 1, 1)
        await expectSays("", ACK, 1, 2 * FULL + 1)
        expect(connectionOf().retransmitted).toBe(1)
        // the peer has said so: its time was not too short
        expect(connectionOf().rto).toBe(300)
        await reset()
    })

    test("fast: not for a segment that was only overtaken, or came twice", async () => {
        const sd = await active()
        for (let i = 0; i < 3; i++) {
            const first = 1 + 2 * FULL * i
            sending(sd, 2 * FULL)
            await heard()
            await expectSays("", ACK, 1, first)
            await expectSays("", ACK, 1, first + 2 * FULL)
            expect(await next(1000)).toBe("nothing")
        }
        expect(connectionOf().retransmitted).toBe(0)
        await reset()
    })

    test("fast: one segment may be on its way then, until something is acknowledged; what is still missing goes at once (RFC 6582, 3.2)", async () => {
        peer.window = 20000
        const sd = await active()
        sending(sd, 2 * FULL)
        await heard()
        await expectSays("", ACK, 1, 1)
        expect(await next(1000)).toBe(`A 1 1 <${FULL}> after 0`)
        await expectHeard("")
        await expectSays(`PA ${FULL + 1} 1 <${FULL}>`, ACK, 1, FULL + 1)
        await expectSays("", ACK, 1, 2 * FULL + 1)
        await reset()
    })

    test("does not make our ACKs older: a peer that has all would drop them, and send its own data for ever (RFC 9293, 3.10.7.4)", async () => {
        const sd = await active()
        sending(sd, 2 * FULL)
        await heard()
        expect(await next(1000)).toBe(`A 1 1 <${FULL}> after 0.3`)
        // the peer's ACK was lost, and ours of what it sends
        await expectSays("", PSH | ACK, 1, 1, "abc")
        expect(await next(200)).toBe(`A ${2 * FULL + 1} 4 after 0.1`)
        await expectSays(`A ${2 * FULL + 1} 4`, PSH | ACK, 1, 2 * FULL + 1, "abc")
        await expectSays("", ACK, 4, 2 * FULL + 1)
        await reset()
    })

    test("an ACK with another window is no sign of loss", async () => {
        const sd = await active()
        sending(sd, 2 * FULL)
        await heard()
        peer.window = 9000
        await expectSays("", ACK, 1, 1)
        await reset()
    })
})

describe("windows", () => {
    beforeEach(newPeer)

    test("the peer's is not overrun, and a small one not filled with crumbs (RFC 9293, 3.8.6.2.1)", async () => {
        const sd = await active()
        peer.window = 1000
        await expectSays("", ACK, 1, 1)
        sending(sd, 2 * FULL)
        await expectHeard(`A 1 1 <${FULL}>`)
        await expectSays(`PA ${FULL + 1} 1 <${FULL}>`, ACK, 1, FULL + 1)
        await reset()
    })

    test("a closed one is probed with an octet, and goes on when it opens", async () => {
        const sd = await active()
        peer.window = 0
        await expectSays("", ACK, 1, 1)
        sending(sd, 10)
        expect(await next(2000)).toBe("A 1 1 <a> after 0.3")
        await expectSays("", ACK, 1, 1)
        expect(await next(2000)).toBe("A 1 1 <a> after 0.6")
        // for as long as the peer answers
        for (let i = 0; i < 12; i++) {
            await expectSays("", ACK, 1, 1)
            const what = await next(70000)
            if (!what.startsWith("A 1 1 <a>")) throw new Error(what)
        }
        peer.window = 1000
        await expectSays("PA 2 1 <bcdefghij>", ACK, 1, 2)
        await expectSays("", ACK, 1, 11)
        await reset()
    })

    test("of a peer that takes the octet is only moved on", async () => {
        const sd = await active()
        peer.window = 0
        await expectSays("", ACK, 1, 1)
        sending(sd, 3)
        expect(await next(2000)).toBe("A 1 1 <a> after 0.3")
        await expectSays("", ACK, 1, 2)
        expect(await next(2000)).toBe("A 2 1 <b> after 0.3")
        await reset()
    })

    test("ours closes while nobody reads, and opens by a segment", async () => {
        const sd = await active()
        const data = LONG.slice(0, FULL).toString()
        await expectSays("", PSH | ACK, 1, 1, data)
        await expectSays("", PSH | ACK, FULL + 1, 1, data)
        expect(connectionOf().rxCount).toBe(2 * FULL)
        expect(await next(1000)).toBe(`A 1 ${2 * FULL + 1} after 0.1`)
        // a probe is answered, not taken
        await expectSays(`A 1 ${2 * FULL + 1}`, ACK, 2 * FULL + 1, 1, "x")
        expect((await recv(sd, 0)).length).toBe(FULL)
        await expectHeard(`A 1 ${2 * FULL + 1}`)
        // the peer may send a segment: the rest of the room is told with its ACK
        expect((await recv(sd, 0)).length).toBe(FULL)
        await expectHeard("")
        expect(await codeOf(async () => await recv(sd, 0))).toBe("EAGAIN")
        await reset()
    })

    test("data that are too many for it are taken as far as they fit", async () => {
        const sd = await active()
        const data = LONG.slice(0, FULL).toString()
        await expectSays("", PSH | ACK, 1, 1, data)
        await expectSays("", PSH | ACK, FULL + 1, 1, data.slice(0, 500))
        await expectSays(`A 1 ${2 * FULL + 1}`, FIN | PSH | ACK, FULL + 501, 1, data)
        expect(state()).toBe("ESTABLISHED")
        await expectHeard("")
        await reset()
        expect(sd >= 0).toBe(true)
    })
})

describe("when it is sent", () => {
    beforeEach(newPeer)

    test("Nagle's algorithm holds small data while others are on their way (RFC 9293, 3.7.4)", async () => {
        const sd = await active()
        await send(sd, Buffer.from("a"))
        await send(sd, Buffer.from("b"))
        await send(sd, Buffer.from("c"))
        await expectHeard("PA 1 1 <a>")
        await expectSays("PA 2 1 <bc>", ACK, 1, 2)
        await reset()
    })

    test("TCP_NODELAY does not", async () => {
        const sd = await active()
        setsockopt(sd, SocketOption.TCP_NODELAY, true)
        await send(sd, Buffer.from("a"))
        await send(sd, Buffer.from("b"))
        await expectHeard("PA 1 1 <a>, PA 2 1 <b>")
        await reset()
    })

    test("an ACK is held back for 100 ms, or until data go", async () => {
        const sd = await active()
        await expectSays("", PSH | ACK, 1, 1, "a")
        expect(await next(1000)).toBe("A 1 2 after 0.1")
        await expectSays("", PSH | ACK, 2, 1, "b")
        await send(sd, Buffer.from("x"))
        await expectHeard("PA 1 3 <x>")
        expect(await next(250)).toBe("nothing")
        await reset()
    })

    test("of two full segments as soon as somebody reads them, with the room that there is then", async () => {
        const sd = await active()
        const data = LONG.slice(0, FULL).toString()
        read = 0
        readTwice.start(sd)
        await expectSays("", PSH | ACK, 1, 1, data)
        expect(read).toBe(FULL)
        await expectSays(`A 1 ${2 * FULL + 1}`, PSH | ACK, FULL + 1, 1, data)
        expect(read).toBe(2 * FULL)
        expect(connectionOf().rcvAdv).toBe((connectionOf().rcvNxt + 2 * FULL) | 0)
        expect(await next(250)).toBe("nothing")
        await reset()
    })

    test("SO_KEEPALIVE asks a silent peer after two hours, and gives it up after nine questions", async () => {
        const sd = await active()
        expect(deadline()).toBe(Infinity)
        setsockopt(sd, SocketOption.SO_KEEPALIVE, true)
        await expectSays("", PSH | ACK, 1, 1, "a")
        await recv(sd, 0)
        await ds.sleep(200)
        await heard()
        expect(Math.abs(deadline() - ds.millis() - 7200000) < 1000).toBe(true)
        // it is asked two hours after it was heard, whenever the timer was set
        later(7000000)
        await ds.sleep(100)
        await expectHeard("")
        expect(Math.abs(deadline() - ds.millis() - 200000) < 1000).toBe(true)
        later(200000)
        expect((await next(1000)).slice(0, 6)).toBe("A 0 2 ")
        await expectSays("", ACK, 2, 1)
        expect(Math.abs(deadline() - ds.millis() - 7200000) < 1000).toBe(true)
        later(7200000)
        expect((await next(1000)).slice(0, 6)).toBe("A 0 2 ")
        for (let i = 0; i < 7; i++) expect((await next(80000)).slice(0, 6)).toBe("A 0 2 ")
        expect(await codeOf(async () => await recv(sd))).toBe("ETIMEDOUT")
    })

    test("without it nothing is asked", async () => {
        await active()
        expect(deadline()).toBe(Infinity)
        await reset()
    })
})

/** Octets that `readTwice` has got. */
let read = 0

async function readTwice(sd: number) {
    for (let i = 0; i < 2; i++) read += (await recv(sd)).length
}

/** When the connection's time is up, by `ds.millis()`. */
function deadline(): number {
    return deadlineOf(connectionOf().timer)
}

/** As if so many milliseconds had passed in silence. */
function later(ms: number): void {
    const c = connectionOf()
    c.heardAt -= ms
    setTimer(c.timer, ds.millis() + 1)
}

describe("order", () => {
    beforeEach(newPeer)

    test("what lies beyond a hole is kept, and a hole told at once", async () => {
        const sd = await active()
        await expectSays("A 1 1", PSH | ACK, 4, 1, "def")
        await expectSays("A 1 1", PSH | ACK, 7, 1, "ghi")
        await expectSays("A 1 10", PSH | ACK, 1, 1, "abc")
        expect((await recv(sd, 0)).toString()).toBe("abcdefghi")
        await reset()
    })

    test("what comes before the piece that is kept, or overlaps it, is not kept: the peer sends it again", async () => {
        const sd = await active()
        await expectSays("A 1 1", PSH | ACK, 7, 1, "ghi")
        await expectSays("A 1 1", PSH | ACK, 4, 1, "defg")
        await expectSays("A 1 1", PSH | ACK, 8, 1, "hij")
        await expectSays("A 1 5", PSH | ACK, 1, 1, "abcd")
        await expectSays("A 1 10", PSH | ACK, 4, 1, "defg")
        expect((await recv(sd, 0)).toString()).toBe("abcdefghi")
        await reset()
    })

    test("a second hole is not kept: what is behind it comes again", async () => {
        const sd = await active()
        await expectSays("A 1 1", PSH | ACK, 4, 1, "d")
        await expectSays("A 1 1", PSH | ACK, 8, 1, "h")
        await expectSays("A 1 5", PSH | ACK, 1, 1, "abc")
        await expectSays("", PSH | ACK, 5, 1, "efg")
        await expectSays("", PSH | ACK, 8, 1, "hi")
        expect((await recv(sd, 0)).toString()).toBe("abcdefghi")
        await reset()
    })

    test("a piece that covers what is there and what is kept", async () => {
        const sd = await active()
        await expectSays("", PSH | ACK, 1, 1, "ab")
        await expectSays("A 1 3", PSH | ACK, 5, 1, "ef")
        await expectSays("A 1 9", PSH | ACK, 1, 1, "abcdefgh")
        expect((await recv(sd, 0)).toString()).toBe("abcdefgh")
        await reset()
    })

    test("a FIN beyond a hole comes again", async () => {
        const sd = await active()
        await expectSays("A 1 1", FIN | PSH | ACK, 4, 1, "def")
        expect(state()).toBe("ESTABLISHED")
        await expectSays("A 1 7", PSH | ACK, 1, 1, "abc")
        await expectSays("A 1 8", FIN | PSH | ACK, 4, 1, "def")
        expect(state()).toBe("CLOSE-WAIT")
        expect((await recv(sd, 0)).toString()).toBe("abcdef")
        expect((await recv(sd, 0)).length).toBe(0)
        await close(sd)
        await expectHeard("FA 1 8")
        await expectSays("", ACK, 8, 2)
        expect(state()).toBe("CLOSED")
    })

    test("urgent data are data (RFC 6093, 3.1)", async () => {
        const sd = await active()
        await expectSays("", 32 | PSH | ACK, 1, 1, "urgent")
        expect((await recv(sd, 0)).toString()).toBe("urgent")
        await reset()
    })
})

/** As if it had begun there: both sides' numbers are about to wrap, or to become negative. */
async function near(edge: number): Promise<void> {
    peer.mine = edge
    const sd = await active()
    const c = connectionOf()
    c.sndUna = edge
    c.sndNxt = edge
    c.sndMax = edge
    peer.theirs = (edge - 1) | 0
    for (let i = 0; i < 3; i++) {
        sending(sd, 10)
        await expectHeard(`PA ${1 + 10 * i} ${1 + 10 * i} <abcdefghij>`)
        await expectSays("", PSH | ACK, 1 + 10 * i, 11 + 10 * i, "ABCDEFGHIJ")
        expect((await recv(sd, 0)).toString()).toBe("ABCDEFGHIJ")
    }
    // and once with a retransmission and a hole across it
    sending(sd, 10)
    await expectHeard("PA 31 31 <abcdefghij>")
    expect(await next(1000)).toBe("PA 31 31 <abcdefghij> after 0.3")
    await expectSays("A 41 31", PSH | ACK, 36, 41, "FGHIJ")
    await expectSays("A 41 41", PSH | ACK, 31, 41, "ABCDE")
    await close(sd)
    await heard()
    await reset()
    peer.mine = 0x7ffffff0 | 0
}

describe("sequence numbers", () => {
    beforeEach(newPeer)

    test("pass 2^31", async () => await near(0x7fffffe8 | 0))
    test("wrap", async () => await near(0xffffffe8 | 0))
    test("pass 0 in the middle of a segment", async () => await near(-35))

    test("begin elsewhere for each connection (RFC 6528)", async () => {
        await active()
        const first = peer.theirs
        await reset()
        await newPeer()
        await active()
        const second = peer.theirs
        await reset()
        // another port: another place, not a clock's next one
        expect(Math.abs((second - first) | 0) > 100000).toBe(true)
        expect(SYN).toBe(2)
    })
})

await run()
