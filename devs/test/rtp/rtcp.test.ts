import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Counter, countOf } from "../../../src/base/counters"
import { AF_INET, SOCK_DGRAM, bind, connect, socket } from "../../../src/socket/api"
import { Codec } from "../../../src/voice/g711"
import { mosOf, roundTripOf } from "../../../src/rtp/quality"
import { LATEST, RECEIVED, RECEPTION_SIZE, REMOTE_LOSS, REPORT_AT, ROUND_TRIP, RTCP_PORT, countPacket } from "../../../src/rtp/reception"
import { hearReport, reportOf } from "../../../src/rtp/rtcp"
import { Session, sendFrame } from "../../../src/rtp/session"
import { Play } from "../../../src/voice/source"
import { addressOf } from "../../../src/wire/address"
import { htonl } from "../../../src/wire/order"
import { HOST } from "../support/lan"
import { breathe, copyOf, expectBytes, get16, get32, run } from "../support/support"
import { seen, startWorld, tidy } from "../support/world"

await startWorld()

/** Three octets that do not matter, then the next packet of a session: its timestamp is 0x01020304, its SSRC 0xa1a2a3a4. */
const NEXT: Buffer = hex`ffffff 80000119 01020304 a1a2a3a4`
const SSRC = htonl(0xa1a2a3a4 | 0)
const ADDRESS = addressOf(10, 77, 0, 51)
/** Octets of a sender report with a block. */
const REPORT = 52

function nothing(): Buffer {
    return Buffer.alloc(RECEPTION_SIZE)
}

/** Packets in time, from a source of SSRC 7. */
function receive(r: Buffer, sequences: number[]): void {
    for (const s of sequences) countPacket(r, htonl(7), s, 0)
}

/** A report about a session: its end, or not. */
function report(r: Buffer, isOver = false, packets = 500): Buffer {
    return reportOf(NEXT, 3, r, packets, 160, ADDRESS, isOver)
}

/** Without the time at which it was made. */
function timeless(b: Buffer): Buffer {
    b.fillAt(8, 8, 0)
    return b
}

/** An RR of somebody with one block about a source. */
function receiverReport(about: number, fraction: number, last: number, delay: number): Buffer {
    const b = hex`81c90007 00000009 00000000 00000000 00000000 00000000 00000000 00000000`.slice(0)
    b.setAt(8, "i32", about)
    b[12] = fraction
    b.setAt(24, "i32", htonl(last))
    b.setAt(28, "i32", htonl(delay))
    return b
}

function hear(r: Buffer, b: Buffer): number {
    const before = countOf(Counter.RtpBad)
    hearReport(r, SSRC, b, 0, b.length)
    return countOf(Counter.RtpBad) - before
}

describe("a report (RFC 3550, 6.4.1)", () => {
    beforeEach(breathe)

    test("is SR and SDES with the address as CNAME, and at the end BYE (6.6)", () => {
        const head = hex`
            81c8000c a1a2a3a4 0000000000000000 01020304 000001f4 00013880
            00000000 00000000 00000000 00000000 00000000 00000000
            81ca0005 a1a2a3a4 010a31302e37372e302e3531 00000000`
        expectBytes(timeless(report(nothing())), head)
        const last = timeless(report(nothing(), true))
        expectBytes(copyOf(last, 0, head.length), head)
        expectBytes(copyOf(last, head.length), hex`81cb0001 a1a2a3a4`)
    })

    test("has one null octet or more behind each CNAME, and lengths that hold, whatever the length of the address", () => {
        // 7 to 15 characters
        for (const address of [
            addressOf(1, 2, 3, 4),
            addressOf(11, 2, 3, 4),
            addressOf(11, 22, 3, 4),
            addressOf(11, 22, 33, 4),
            addressOf(11, 22, 33, 44),
            addressOf(111, 22, 33, 44),
            addressOf(111, 222, 33, 44),
            addressOf(111, 222, 133, 44),
            addressOf(111, 222, 133, 144),
        ]) {
            const b = reportOf(NEXT, 3, nothing(), 1, 160, address, true)
            const name = REPORT + 10
            const length = b[name - 1]
            expect(b[name + length]).toBe(0)
            let at = 0
            let packets = ""
            while (at < b.length) {
                packets += `${b[at + 1]} `
                at += 4 * (((b[at + 2] << 8) | b[at + 3]) + 1)
            }
            expect(at).toBe(b.length)
            expect(packets).toBe("200 202 203 ")
            expect(
                b
                    .slice(name, name + length)
                    .toString()
                    .split(".").length
            ).toBe(4)
        }
    })

    test("counts up to 32 bits of octets", () => {
        expectBytes(report(nothing(), false, 20000000).slice(20, 28), hex`01312d00 bebc2000`)
    })

    test("tells what was heard: of the source all that is lost, and the share of the last interval (A.3)", () => {
        const r = nothing()
        receive(r, [10, 11, 13, 14, 18])
        // nine were expected, and four are lost
        expectBytes(report(r).slice(28, 48), hex`00000007 71000004 00000012 00000000 00000000`)
        receive(r, [19, 20, 21, 22])
        expectBytes(report(r).slice(28, 40), hex`00000007 00000004 00000016`)
        receive(r, [24, 26])
        expectBytes(report(r).slice(28, 40), hex`00000007 80000006 0000001a`)
        // duplicates are no negative loss
        receive(r, [26, 26, 26, 26, 26, 26, 26, 26])
        expectBytes(report(r).slice(28, 36), hex`00000007 00000000`)
    })

    test("answers the other side's report with its time and how long ago it came", async () => {
        const r = nothing()
        receive(r, [1, 2])
        hear(r, hex`80c80006 00000009 11112222 33334444 00000000 00000000 00000000`)
        await ds.sleep(50)
        const b = report(r)
        expect(get32(b, 44) >>> 0).toBe(0x22223333)
        const delay = get32(b, 48)
        expect(delay >= 49 * 65).toBe(true)
        expect(delay < 400 * 65).toBe(true)
    })

    test("comes of a session that has sent something, and of no other (6.3.7): from the port above, to that above or the one that was told", async () => {
        const sd = await socket(AF_INET, SOCK_DGRAM)
        await bind(sd, { port: 5004 })
        await connect(sd, { address: HOST, port: 4000 })
        const session = new Session()
        session.open(Codec.PCMU, Play.Tone)
        session.begin(sd)
        session.report(true)
        await ds.sleep(5)
        expect(seen.length).toBe(0)
        sendFrame(session)
        sendFrame(session)
        session.report(true)
        session.reception.setAt(RTCP_PORT, "u16", 4444)
        session.report(false)
        // it shares the voice's (RFC 5761)
        session.reception.setAt(RTCP_PORT, "u16", 4000)
        session.report(false)
        sendFrame(session)
        await ds.sleep(5)
        expect(seen.length).toBe(6)
        const [, , last, told, shared, voice] = seen
        expect(`${get16(last, 34)} ${get16(last, 36)}`).toBe("5005 4001")
        expect(get32(last, 42 + 20)).toBe(2)
        expect(get32(last, 42 + 24)).toBe(320)
        expect(`${get16(told, 34)} ${get16(told, 36)}`).toBe("5005 4444")
        expect(`${get16(shared, 34)} ${get16(shared, 36)}`).toBe("5004 4000")
        expect(`${get16(voice, 34)} ${get16(voice, 36)}`).toBe("5004 4000")
        // the next one is due in 2 to 6.2 s (6.2)
        const due = session.reception.getAt(REPORT_AT, "u32") - ds.millis()
        expect(due > 1900 ? due < 6300 : false).toBe(true)
        session.end()
        await tidy()
    })
})

describe("the other side's reports", () => {
    beforeEach(breathe)

    test("tell the round trip and what it misses", async () => {
        const r = nothing()
        expect(roundTripOf(r)).toBe(0)
        const sent = report(r)
        const last = get32(sent, 8 + 2)
        await ds.sleep(100)
        expect(hear(r, receiverReport(SSRC, 64, last, 40 * 65))).toBe(0)
        expect(r[REMOTE_LOSS]).toBe(64)
        const trip = roundTripOf(r)
        expect(trip >= 58 ? trip < 300 : false).toBe(true)
    })

    test("about others say nothing; nor does one that has heard none of ours, or answers before it was asked", () => {
        const r = nothing()
        expect(hear(r, receiverReport(htonl(8), 64, 1, 1))).toBe(0)
        expect(hear(r, receiverReport(SSRC, 0, 0, 0))).toBe(0)
        expect(hear(r, receiverReport(SSRC, 0, get32(report(r), 10), 100000000))).toBe(0)
        expect(r[REMOTE_LOSS]).toBe(0)
        expect(r.getAt(ROUND_TRIP, "u32")).toBe(0)
    })

    test("our own, sent back, is no time of another", () => {
        const r = nothing()
        receive(r, [1, 2])
        hear(r, report(r))
        expect(get32(report(r), 44)).toBe(0)
    })

    test("behind others in a compound, or alone (RFC 5506)", () => {
        const r = nothing()
        const block = receiverReport(SSRC, 9, 0, 0)
        expect(hear(r, Buffer.concat(hex`80c90001 00000009 81ca0003 00000009 01026162 00000000`, block))).toBe(0)
        expect(r[REMOTE_LOSS]).toBe(9)
        // an APP packet, and one of a type that nobody knows
        expect(hear(r, hex`80cc0002 00000009 41424344 80ff0001 00000001`)).toBe(0)
    })

    test("with lengths that lie, of another version, or cut off are counted, and read no further than they go", () => {
        const r = nothing()
        const b = receiverReport(SSRC, 77, 0, 0)
        b[3] = 8
        expect(hear(r, b)).toBe(1)
        b[3] = 7
        b[0] = 0x41
        expect(hear(r, b)).toBe(1)
        b[0] = 0x81
        for (let n = 1; n < b.length; n++) expect(hear(r, copyOf(b, 0, n))).toBe(1)
        expect(hear(r, hex`80c90000 80c90000`)).toBe(1)
        expect(r[REMOTE_LOSS]).toBe(0)
        // more blocks than it has
        b[0] = 0x9f
        expect(hear(r, b)).toBe(0)
        expect(r[REMOTE_LOSS]).toBe(77)
        // a sender report too short for what it has
        expect(hear(r, hex`81c80001 00000009`)).toBe(0)
        expect(hear(r, hex`9fc80005 00000009 00000000 00000000 00000000 00000000`)).toBe(0)
    })
})

describe("how good a call is (G.107)", () => {
    /** One that has missed `lost` of 100 packets, with a round trip. */
    const quality = (lost: number, trip: number) => {
        const r = nothing()
        // the last one tells how many were expected
        r.setAt(RECEIVED, "i32", 100 - lost)
        r.setAt(LATEST, "i32", 99)
        if (trip > 0) r.setAt(ROUND_TRIP, "u32", trip + 1)
        return mosOf(r)
    }

    test("nothing was heard", () => {
        expect(mosOf(nothing())).toBe(0)
    })

    test("without a loss it is 4.4, and as R says for what is lost", () => {
        expect(quality(0, 0)).toBe(4.41)
        // Ie,eff = 95 * 1 / (1 + 25.1), and so on
        expect(quality(1, 0)).toBe(4.33)
        expect(quality(5, 0)).toBe(3.92)
        expect(quality(20, 0)).toBe(2.63)
        expect(quality(90, 0)).toBe(1.22)
    })

    test("a delay of less than 100 ms is not noticed, one of half a second is", () => {
        expect(quality(0, 150)).toBe(4.41)
        expect(quality(0, 400) < 4.4).toBe(true)
        expect(quality(0, 1000) < quality(0, 400)).toBe(true)
        expect(quality(0, 1000) > 3).toBe(true)
    })
})

await run()
