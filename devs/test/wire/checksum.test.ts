import { beforeEach, describe, expect, test } from "@devicescript/test"
import { checksumHolds, checksumOf, sum } from "../../../src/wire/checksum"
import { breathe, checksum, run } from "../support/support"

/** What a checksum field read as a little-endian `u16` shows, in the order of the wire. */
function swapped(value: number): number {
    return ((value & 255) << 8) | (value >> 8)
}

/** Octets without a pattern that an error in the order of words could hide in. */
function noise(length: number): Buffer {
    const b = Buffer.alloc(length)
    for (let i = 0; i < length; i++) b[i] = (i * i * 7 + i * 31 + 113) >> 2
    return b
}

describe("Internet checksum (RFC 1071)", () => {
    beforeEach(breathe)

    test("example of section 3: ddf2, so the field is 220d", () => {
        const example: Buffer = hex`00 01 f2 03 f4 f5 f6 f7`
        expect(checksumOf(sum(example, 0, 8))).toBe(swapped(0x220d))
        expect(checksumHolds(sum(hex`00 01 f2 03 f4 f5 f6 f7 22 0d`, 0, 10))).toBe(true)
        expect(checksumHolds(sum(hex`00 01 f2 03 f4 f5 f6 f7 22 0c`, 0, 10))).toBe(false)
    })

    test("header of a packet from Linux", () => {
        // UDP datagram to 10.77.0.57, captured on a TAP device: its checksum is 6dbe
        const header: Buffer = hex`45000035b826400040116dbe0a4d00010a4d0039`
        expect(checksumHolds(sum(header, 0, 20))).toBe(true)
        expect(checksumHolds(sum(header, 0, 19))).toBe(false)
    })

    test("nothing, zeros and ones", () => {
        const zeros = Buffer.alloc(1500)
        expect(checksumOf(sum(zeros, 0, 0))).toBe(0xffff)
        expect(checksumOf(sum(zeros, 0, 1500))).toBe(0xffff)
        expect(checksumHolds(sum(zeros, 0, 1500))).toBe(false)
        const ones = Buffer.alloc(1500)
        ones.fillAt(0, 1500, 0xff)
        expect(checksumOf(sum(ones, 0, 1500))).toBe(0)
        expect(checksumHolds(sum(ones, 0, 1500))).toBe(true)
    })

    test("every length to 40, odd ones too, at every alignment", async () => {
        const b = noise(44)
        for (let at = 0; at < 4; at++)
            for (let length = 0; length <= 40; length++) {
                if (swapped(checksumOf(sum(b, at, length))) !== checksum(b, at, length, 0)) throw new Error(`${length} bytes at ${at}`)
                if ((length & 7) === 0) await breathe()
            }
    })

    test("lengths to 1500", () => {
        const b = noise(1500)
        // computed by another program
        expect(swapped(checksumOf(sum(b, 0, 1500)))).toBe(0x454b)
        expect(swapped(checksumOf(sum(b, 0, 1499)))).toBe(0x4624)
        expect(swapped(checksumOf(sum(b, 1, 1472)))).toBe(0x1fc9)
    })

    test("sums beyond 2^32 fold with both carries", () => {
        // 375 words of ffffffff: more than 2^40
        expect(checksumOf(375 * 4294967295)).toBe(0)
        expect(checksumOf(4294967296)).toBe(0xfffe)
        expect(checksumOf(4294967295 + 1)).toBe(0xfffe)
        expect(checksumOf(4294967296 * 32766 + 32769)).toBe(0)
        expect(checksumOf(2147483648)).toBe(0x7fff)
        expect(checksumOf(0xffff0001)).toBe(0xfffe)
    })

    test("partial sums at an even offset add up", () => {
        const b = noise(212)
        const whole = checksumOf(sum(b, 0, 211))
        for (let at = 0; at <= 210; at += 14) expect(checksumOf(sum(b, 0, at) + sum(b, at, 211 - at))).toBe(whole)
    })
})

await run()
