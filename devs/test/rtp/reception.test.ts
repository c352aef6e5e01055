import { beforeEach, describe, expect, test } from "@devicescript/test"
import { RECEPTION_SIZE, countOther, countPacket, jitterOf, lostOf, receivedOf, reorderedOf } from "../../../src/rtp/reception"
import { breathe, run } from "../support/support"

const SSRC = 0x268e3971

function nothing(): Buffer {
    return Buffer.alloc(RECEPTION_SIZE)
}

function count(r: Buffer, ssrc: number, sequence: number, timestamp: number, arrival: number): void {
    countPacket(r, ssrc, sequence, (arrival - timestamp) | 0)
}

/** Packets in time: sequence numbers alone matter. */
function receive(r: Buffer, sequences: number[]): void {
    for (const s of sequences) count(r, SSRC, s, s * 160, s * 160)
}

describe("loss and order (RFC 3550, A.1 and A.3)", () => {
    beforeEach(breathe)

    test("nothing yet", () => {
        const r = nothing()
        expect(receivedOf(r)).toBe(0)
        expect(lostOf(r)).toBe(0)
        expect(jitterOf(r)).toBe(0)
    })

    test("all there", () => {
        const r = nothing()
        receive(r, [281, 282, 283, 284])
        expect(receivedOf(r)).toBe(4)
        expect(lostOf(r)).toBe(0)
        expect(reorderedOf(r)).toBe(0)
    })

    test("some lost", () => {
        const r = nothing()
        receive(r, [10, 11, 13, 14, 18])
        expect(receivedOf(r)).toBe(5)
        expect(lostOf(r)).toBe(4)
    })

    test("some late: counted as reordered, and no longer as lost", () => {
        const r = nothing()
        receive(r, [10, 12, 13])
        expect(lostOf(r)).toBe(1)
        receive(r, [11])
        expect(lostOf(r)).toBe(0)
        expect(reorderedOf(r)).toBe(1)
        receive(r, [14])
        expect(lostOf(r)).toBe(0)
        expect(receivedOf(r)).toBe(5)
    })

    test("duplicates make the loss negative (RFC 3550, 6.4.1)", () => {
        const r = nothing()
        receive(r, [10, 10, 11, 11])
        expect(receivedOf(r)).toBe(4)
        expect(lostOf(r)).toBe(-2)
    })

    test("the sequence wraps at 65535", () => {
        const r = nothing()
        receive(r, [65533, 65534, 65535, 0, 1])
        expect(lostOf(r)).toBe(0)
        expect(reorderedOf(r)).toBe(0)
        receive(r, [4])
        expect(lostOf(r)).toBe(2)
        receive(r, [65535])
        expect(reorderedOf(r)).toBe(1)
    })

    test("and again, for hours", async () => {
        const r = nothing()
        // every 1000th packet of two and a half rounds
        for (let i = 0; i <= 163; i++) {
            receive(r, [(i * 1000) & 0xffff])
            if ((i & 15) === 0) await breathe()
        }
        expect(receivedOf(r)).toBe(164)
        expect(lostOf(r)).toBe(163001 - 164)
        expect(reorderedOf(r)).toBe(0)
    })

    test("one stray packet from far away is no new beginning", () => {
        const r = nothing()
        receive(r, [100, 101, 30000, 102, 103])
        expect(receivedOf(r)).toBe(4)
        expect(lostOf(r)).toBe(0)
    })

    test("two in a row from far away are one: what was lost before stays counted", () => {
        const r = nothing()
        receive(r, [100, 102, 30000, 30001, 30002])
        expect(lostOf(r)).toBe(1)
        receive(r, [30004])
        expect(lostOf(r)).toBe(2)
        expect(receivedOf(r)).toBe(5)
    })

    test("the borders: 2999 forward is loss, 3000 is a leap; 99 back is late, 100 is a leap", () => {
        const a = nothing()
        receive(a, [0, 2999])
        expect(lostOf(a)).toBe(2998)
        const b = nothing()
        receive(b, [0, 3000])
        expect(receivedOf(b)).toBe(1)
        const c = nothing()
        receive(c, [1000, 901])
        expect(reorderedOf(c)).toBe(1)
        const d = nothing()
        receive(d, [1000, 900])
        expect(reorderedOf(d)).toBe(0)
        expect(receivedOf(d)).toBe(1)
    })

    test("another source begins anew when three of its packets follow one another (RFC 3550, A.1)", () => {
        const r = nothing()
        receive(r, [10, 12])
        for (let i = 0; i < 2; i++) count(r, SSRC + 1, 50000 + i, 160 * i, 160 * i)
        expect(receivedOf(r)).toBe(2)
        count(r, SSRC + 1, 50002, 320, 320)
        count(r, SSRC + 1, 50004, 640, 640)
        expect(receivedOf(r)).toBe(4)
        // one of each
        expect(lostOf(r)).toBe(2)
    })

    test("a stray packet of another source changes no figure of the present one", () => {
        const r = nothing()
        receive(r, [10, 12])
        count(r, SSRC + 1, 50000, 0, 0)
        receive(r, [13, 15])
        count(r, SSRC + 1, 50001, 160, 160)
        receive(r, [16])
        expect(receivedOf(r)).toBe(5)
        expect(lostOf(r)).toBe(2)
    })

    test("of two sources that alternate, the first is heard, and its losses are counted", () => {
        const r = nothing()
        for (let i = 0; i < 20; i++) {
            if (i !== 7) receive(r, [i])
            count(r, SSRC + 1, 300 + i, 160 * i, 160 * i)
        }
        expect(receivedOf(r)).toBe(19)
        expect(lostOf(r)).toBe(1)
    })

    test("late packets of the source before change nothing", () => {
        const r = nothing()
        receive(r, [10, 11])
        for (let i = 0; i < 4; i++) count(r, SSRC + 1, 304 + i, 160 * i, 160 * i)
        expect(receivedOf(r)).toBe(4)
        receive(r, [12, 13])
        count(r, SSRC + 1, 308, 0, 0)
        expect(receivedOf(r)).toBe(5)
        expect(lostOf(r)).toBe(0)
    })

    test("other payloads of the source have their place in its sequence, and no jitter (RFC 4733, 2.1)", () => {
        const r = nothing()
        expect(countOther(r, SSRC, 1)).toBe(false)
        receive(r, [10, 11])
        const jitter = jitterOf(r)
        for (let i = 12; i < 18; i++) expect(countOther(r, SSRC, i)).toBe(true)
        expect(countOther(r, SSRC + 1, 18)).toBe(false)
        expect(jitterOf(r)).toBe(jitter)
        receive(r, [18])
        expect(receivedOf(r)).toBe(9)
        expect(lostOf(r)).toBe(0)
    })
})

describe("interarrival jitter (RFC 3550, A.8)", () => {
    beforeEach(breathe)

    test("none, when all come as they were sent", () => {
        const r = nothing()
        for (let i = 0; i < 20; i++) count(r, SSRC, i, 1000 + i * 160, 77 + i * 160)
        expect(jitterOf(r)).toBe(0)
    })

    test("by hand", () => {
        // arrivals 0, +40, 0, -24 units off: D = 40, 40, 24; scaled by 16, as in A.8:
        // J = 40; 40 + 40 - (48 >> 4) = 77; 77 + 24 - (85 >> 4) = 96; 96/16 = 6 units of 1/8 ms
        const r = nothing()
        const off = [0, 40, 0, -24]
        for (let i = 0; i < 4; i++) count(r, SSRC, i, i * 160, 5000 + i * 160 + off[i])
        expect(jitterOf(r)).toBe(0.75)
    })

    test("settles at the mean deviation", () => {
        const r = nothing()
        for (let i = 0; i < 200; i++) count(r, SSRC, i, i * 160, i * 160 + (i & 1) * 80)
        // 10 ms each time
        expect(jitterOf(r) > 9.5 && jitterOf(r) <= 10).toBe(true)
    })

    test("timestamps and the clock wrap", () => {
        const first = nothing()
        for (let i = 0; i < 6; i++) count(first, SSRC, i, (-320 + i * 160) | 0, (-200 + i * 160) | 0)
        expect(jitterOf(first)).toBe(0)
        const signed = nothing()
        for (let i = 0; i < 6; i++) count(signed, SSRC, i, (0x7ffffec0 + i * 160) | 0, (0x7fffff60 + i * 160) | 0)
        expect(jitterOf(signed)).toBe(0)
    })

    test("of a new source owes nothing to the one before", () => {
        const r = nothing()
        for (let i = 0; i < 50; i++) count(r, SSRC, i, i * 160, i * 160 + (i & 1) * 800)
        expect(jitterOf(r) > 50).toBe(true)
        for (let i = 0; i < 5; i++) count(r, SSRC + 1, i, 160 * i, 123456 + 160 * i)
        expect(jitterOf(r)).toBe(0)
    })
})

await run()
