import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { close, send } from "../../../src/socket/api"
import { SHUT_WR, accept, listen, shutdown, startStreams } from "../../../src/socket/stream"
import { run } from "../support/support"
import {
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    active,
    codeOf,
    expectHeard,
    expectSays,
    heard,
    listening,
    newPeer,
    opening,
    passive,
    state,
} from "../support/tcp"
import { startWorld } from "../support/world"

await startWorld()
startStreams(4)

describe("RFC 9293, figure 5: the arrows", () => {
    beforeEach(newPeer)

    test("CLOSED -> SYN-SENT -> ESTABLISHED: an active open", async () => {
        const o = await opening()
        await expectHeard("S 0")
        expect(state()).toBe("SYN-SENT")
        expect(o.result).toBe("")
        await expectSays("A 1 1", SYN | ACK, 0, 1)
        expect(state()).toBe("ESTABLISHED")
        expect(o.result).toBe("open")
        await expectSays("", RST, 1, 0)
    })

    test("SYN-SENT -> CLOSED: close", async () => {
        const o = await opening()
        await expectHeard("S 0")
        await close(o.sd)
        await expectHeard("")
        expect(state()).toBe("CLOSED")
        expect(o.result).toBe("EBADF")
        // what the peer says now belongs to nobody
        await expectSays("R 1", SYN | ACK, 0, 1)
    })

    test("SYN-SENT -> CLOSED: a reset that acknowledges the SYN, and no other", async () => {
        const o = await opening()
        await expectHeard("S 0")
        await expectSays("", RST, 0, 0)
        await expectSays("", RST | ACK, 0, 7)
        expect(state()).toBe("SYN-SENT")
        await expectSays("", RST | ACK, 0, 1)
        expect(state()).toBe("CLOSED")
        expect(o.result).toBe("ECONNREFUSED")
    })

    test("SYN-SENT: an ACK of something else is answered by a reset, and the connection goes on", async () => {
        const o = await opening()
        await expectHeard("S 0")
        await expectSays("R 5", ACK, 1, 5)
        await expectSays("R 5", SYN | ACK, 0, 5)
        await expectSays("", ACK, 1, 1)
        expect(state()).toBe("SYN-SENT")
        await expectSays("A 1 1", SYN | ACK, 0, 1)
        expect(o.result).toBe("open")
        await expectSays("", RST, 1, 0)
    })

    test("SYN-SENT -> SYN-RECEIVED -> ESTABLISHED: both open at once", async () => {
        const o = await opening()
        await expectHeard("S 0")
        await expectSays("SA 0 1", SYN, 0, 0)
        expect(state()).toBe("SYN-RECEIVED")
        await expectSays("", SYN | ACK, 0, 1)
        expect(state()).toBe("ESTABLISHED")
        expect(o.result).toBe("open")
        await expectSays("", RST, 1, 0)
    })

    test("CLOSED -> LISTEN -> SYN-RECEIVED -> ESTABLISHED: a passive open", async () => {
        const l = await listening()
        await expectSays("SA 0 1", SYN, 0, 0)
        expect(state()).toBe("SYN-RECEIVED")
        await expectSays("", ACK, 1, 1)
        expect(state()).toBe("ESTABLISHED")
        const sd = await accept(l, 10)
        await expectSays("", RST, 1, 0)
        expect(state()).toBe("CLOSED")
        expect(sd > l).toBe(true)
    })

    test("LISTEN: an ACK is answered by a reset, a reset by nothing", async () => {
        await listening()
        await expectSays("R 9", ACK, 1, 9)
        await expectSays("R 9", SYN | ACK, 1, 9)
        await expectSays("", RST, 1, 9)
        await expectSays("RA 0 2", FIN, 1, 0)
        expect(state()).toBe("CLOSED")
    })

    test("LISTEN -> CLOSED: close, which resets those that nobody has accepted", async () => {
        const l = await listening()
        await expectSays("SA 0 1", SYN, 0, 0)
        await expectSays("", ACK, 1, 1)
        await close(l)
        await expectHeard("RA 1 1")
        expect(state()).toBe("CLOSED")
        await expectSays("RA 0 1", SYN, 0, 0)
    })

    test("SYN-RECEIVED -> LISTEN: a reset", async () => {
        const l = await listening()
        await expectSays("SA 0 1", SYN, 0, 0)
        await expectSays("", RST, 1, 0)
        expect(state()).toBe("CLOSED")
        expect(await passive(l)).toBe(l + 1)
        await expectSays("", RST, 1, 0)
    })

    test("SYN-RECEIVED -> CLOSED: a reset of one that we have opened", async () => {
        const o = await opening()
        await expectHeard("S 0")
        await expectSays("SA 0 1", SYN, 0, 0)
        await expectSays("", RST, 1, 0)
        expect(o.result).toBe("ECONNREFUSED")
        expect(state()).toBe("CLOSED")
    })

    test("SYN-RECEIVED: closed by its user, it ends as soon as it is open", async () => {
        const o = await opening()
        await expectHeard("S 0")
        await expectSays("SA 0 1", SYN, 0, 0)
        await close(o.sd)
        expect(state()).toBe("SYN-RECEIVED")
        await expectSays("FA 1 1", ACK, 1, 1)
        expect(state()).toBe("FIN-WAIT-1")
        await expectSays("", RST, 1, 0)
    })

    test("SYN-RECEIVED: an ACK of something else is answered by a reset", async () => {
        await listening()
        await expectSays("SA 0 1", SYN, 0, 0)
        await expectSays("R 9", ACK, 1, 9)
        expect(state()).toBe("SYN-RECEIVED")
        // the SYN once more: its answer was lost
        await expectSays("SA 0 1", SYN, 0, 0)
        await expectSays("", RST, 1, 0)
    })

    test("SYN-RECEIVED -> CLOSE-WAIT: the ACK, data and FIN in one segment", async () => {
        const l = await listening()
        await expectSays("SA 0 1", SYN, 0, 0)
        await expectSays("A 1 5", FIN | ACK, 1, 1, "abc")
        expect(state()).toBe("CLOSE-WAIT")
        await accept(l, 10)
        await expectSays("", RST, 5, 0)
    })

    test("ESTABLISHED -> FIN-WAIT-1 -> FIN-WAIT-2 -> TIME-WAIT -> CLOSED: we close first", async () => {
        const sd = await active()
        await close(sd)
        await expectHeard("FA 1 1")
        expect(state()).toBe("FIN-WAIT-1")
        await expectSays("", ACK, 1, 2)
        expect(state()).toBe("FIN-WAIT-2")
        await expectSays("A 2 2", FIN | ACK, 1, 2)
        expect(state()).toBe("TIME-WAIT")
        await ds.sleep(9000)
        expect(state()).toBe("TIME-WAIT")
        await ds.sleep(1100)
        expect(state()).toBe("CLOSED")
        await expectHeard("")
    })

    test("FIN-WAIT-1 -> CLOSING -> TIME-WAIT: both close at once", async () => {
        const sd = await active()
        await close(sd)
        await expectHeard("FA 1 1")
        await expectSays("A 2 2", FIN | ACK, 1, 1)
        expect(state()).toBe("CLOSING")
        await expectSays("", ACK, 2, 2)
        expect(state()).toBe("TIME-WAIT")
    })

    test("FIN-WAIT-1 -> TIME-WAIT: the FIN acknowledges ours", async () => {
        const sd = await active()
        await close(sd)
        await expectHeard("FA 1 1")
        await expectSays("A 2 2", FIN | ACK, 1, 2)
        expect(state()).toBe("TIME-WAIT")
    })

    test("ESTABLISHED -> CLOSE-WAIT -> LAST-ACK -> CLOSED: the peer closes first", async () => {
        const sd = await active()
        await expectSays("A 1 2", FIN | ACK, 1, 1)
        expect(state()).toBe("CLOSE-WAIT")
        await close(sd)
        await expectHeard("FA 1 2")
        expect(state()).toBe("LAST-ACK")
        await expectSays("", ACK, 2, 1)
        expect(state()).toBe("LAST-ACK")
        await expectSays("", ACK, 2, 2)
        expect(state()).toBe("CLOSED")
    })

    test("half closed by us, it still receives", async () => {
        const sd = await active()
        shutdown(sd, SHUT_WR)
        await expectHeard("FA 1 1")
        await expectSays("", ACK, 1, 2)
        expect(state()).toBe("FIN-WAIT-2")
        await ds.sleep(70000)
        expect(state()).toBe("FIN-WAIT-2")
        await expectSays("", PSH | ACK, 1, 2, "late")
        await ds.sleep(200)
        await expectHeard("A 2 5")
        await expectSays("A 2 6", FIN | ACK, 5, 2)
        expect(state()).toBe("TIME-WAIT")
    })

    test("half closed by the peer, it still sends", async () => {
        const sd = await active()
        await expectSays("A 1 2", FIN | ACK, 1, 1)
        await send(sd, Buffer.from("late"))
        await expectHeard("PA 1 2 <late>")
        await expectSays("", ACK, 2, 5)
        await close(sd)
        await expectHeard("FA 5 2")
        await expectSays("", ACK, 2, 6)
        expect(state()).toBe("CLOSED")
    })

    test("FIN-WAIT-2 that nobody has any more ends after a minute", async () => {
        const sd = await active()
        await close(sd)
        await expectHeard("FA 1 1")
        await expectSays("", ACK, 1, 2)
        await ds.sleep(59000)
        expect(state()).toBe("FIN-WAIT-2")
        await ds.sleep(2000)
        expect(state()).toBe("CLOSED")
        await expectHeard("")
    })

    test("what is on its way may be acknowledged in CLOSING and LAST-ACK, FIN last", async () => {
        const sd = await active()
        await send(sd, Buffer.from("abc"))
        await expectHeard("PA 1 1 <abc>")
        await close(sd)
        await expectHeard("FA 4 1")
        await expectSays("A 5 2", FIN | ACK, 1, 1)
        expect(state()).toBe("CLOSING")
        await expectSays("", ACK, 2, 4)
        expect(state()).toBe("CLOSING")
        await expectSays("", ACK, 2, 5)
        expect(state()).toBe("TIME-WAIT")
    })
})

/** Brings a connection into a state. */
class Way {
    constructor(
        public name: string,
        public go: () => Promise<number>,
        /** Sequence numbers of the peer and of ours that come next. */
        public seq: number,
        public ack: number
    ) {}
}

async function finWait1(): Promise<number> {
    const sd = await active()
    await close(sd)
    await expectHeard("FA 1 1")
    return sd
}

async function closeWait(): Promise<number> {
    const sd = await active()
    await expectSays("A 1 2", FIN | ACK, 1, 1)
    return sd
}

const ways = [
    new Way("ESTABLISHED", async () => await active(), 1, 1),
    new Way("FIN-WAIT-1", finWait1, 1, 2),
    new Way(
        "FIN-WAIT-2",
        async () => {
            const sd = await finWait1()
            await expectSays("", ACK, 1, 2)
            return sd
        },
        1,
        2
    ),
    new Way(
        "CLOSING",
        async () => {
            const sd = await finWait1()
            await expectSays("A 2 2", FIN | ACK, 1, 1)
            return sd
        },
        2,
        2
    ),
    new Way("CLOSE-WAIT", closeWait, 2, 1),
    new Way(
        "LAST-ACK",
        async () => {
            const sd = await closeWait()
            await close(sd)
            await expectHeard("FA 1 2")
            return sd
        },
        2,
        2
    ),
    new Way(
        "TIME-WAIT",
        async () => {
            const sd = await finWait1()
            await expectSays("A 2 2", FIN | ACK, 1, 2)
            return sd
        },
        2,
        2
    ),
]

describe("segments that a state does not expect", () => {
    beforeEach(newPeer)

    ways.forEach(way => {
        test(`in ${way.name}: out of the window`, async () => await outside(way))
        test(`in ${way.name}: a SYN`, async () => await synIn(way))
        test(`in ${way.name}: a reset`, async () => await resetIn(way))
        test(`in ${way.name}: without an ACK, or with one of what was never sent`, async () => await badAck(way))
    })

    test("one connection has one peer: its port from another address is another's", async () => {
        const l = await listening()
        await passive(l)
        expect(await codeOf(async () => listen(l + 1, 1))).toBe("EINVAL")
        await expectSays("", RST, 1, 0)
    })
})

/** RFC 9293, 3.10.7.4, first. */
async function outside(way: Way): Promise<void> {
    await way.go()
    expect(state()).toBe(way.name)
    // data before the window, and behind it, are acknowledged again; half of the number space away too
    for (const far of [-1000, 6000, 0x7fff0000, 0x80000000 | 0]) {
        await expectSays(`A ${way.ack} ${way.seq}`, PSH | ACK, (way.seq + far) | 0, way.ack, "outside")
        expect(state()).toBe(way.name)
    }
    await end(way)
}

/** RFC 5961, 4.2: an ACK, whatever its number; seldom. */
async function synIn(way: Way): Promise<void> {
    await way.go()
    await expectSays(`A ${way.ack} ${way.seq}`, SYN, way.seq, 0)
    await expectSays("", SYN, way.seq, 0)
    expect(state()).toBe(way.name)
    await ds.sleep(600)
    await heard()
    await expectSays(`A ${way.ack} ${way.seq}`, SYN | ACK, way.seq + 4000, way.ack)
    expect(state()).toBe(way.name)
    await end(way)
}

/** RFC 5961, 3.2: the next number resets, another one in the window asks whether it was meant. */
async function resetIn(way: Way): Promise<void> {
    await way.go()
    await expectSays("", RST, way.seq - 1, 0)
    await expectSays("", RST, way.seq + 4000, 0)
    expect(state()).toBe(way.name)
    await expectSays(`A ${way.ack} ${way.seq}`, RST, way.seq + 1, 0)
    expect(state()).toBe(way.name)
    await expectSays("", RST, way.seq, 0)
    expect(state()).toBe(way.name === "TIME-WAIT" ? "TIME-WAIT" : "CLOSED")
}

/** RFC 9293, 3.10.7.4, fifth. */
async function badAck(way: Way): Promise<void> {
    await way.go()
    await expectSays("", PSH, way.seq, 0, "no ACK")
    await expectSays(`A ${way.ack} ${way.seq}`, ACK, way.seq, way.ack + 1)
    await expectSays("", ACK, way.seq, way.ack + 100)
    expect(state()).toBe(way.name)
    await end(way)
}

/** Leave nothing behind. */
async function end(way: Way): Promise<void> {
    await expectSays("", RST, way.seq, 0)
}

await run()
