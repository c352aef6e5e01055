import { beforeEach, describe, expect, test } from "@devicescript/test"
import { setPhy } from "../../../src/link/ethernet"
import { receive } from "../../../src/ip/input"
import { addressOf } from "../../../src/wire/address"
import { IPV4_HEADER, PROTOCOL_UDP, pseudoSum, writeIpv4 } from "../../../src/wire/ipv4"
import { BOARD, BOARD_MAC, BROADCAST_MAC, FakePhy, HOST, ethernet, fixHeader, give, listen, station, udp } from "../support/lan"
import { breathe, copyOf, expectBytes, put16, run } from "../support/support"

/** A datagram from Linux to 10.77.0.57:4000, captured on a TAP device. */
const DATAGRAM: Buffer = hex`02545000000102000a4d00010800
    45000035b826400040116dbe0a4d00010a4d0039 9c400fa000213cd5 6f6e65206164647265737320666f7220656163682063616c6c`
/** An echo request from Linux with a record-route option: 28 bytes of header. */
const RECORD_ROUTE: Buffer = hex`02545000000102000a4d00010800
    4700003b03df40004001c2fe0a4d00010a4d0039 0707080a4d000100 0800d12012340002 6162636465666768696a6b6c6d6e6f7071727374757677`

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})

const ifc = station(0)
give(ifc, BOARD, 24, HOST)

let got = 0
listen(ifc, 4000, length => {
    got += length
})

/** The datagram with one octet changed; its header's checksum is right. */
function changed(at: number, value: number): Buffer {
    const f = copyOf(DATAGRAM)
    f[at] = value
    return fixHeader(f)
}

function refused(f: Buffer, reason: string): void {
    got = 0
    const c = phy.counting(f)
    if (c !== reason || got !== 0 || phy.sent.length !== 0)
        throw new Error(`${reason} expected: counted ${c}, got ${got} bytes, sent ${phy.sent.length}; ${f.toString("hex")}`)
}

describe("IPv4 headers (RFC 791)", () => {
    beforeEach(breathe)

    test("are written as RFC 6864 has them: DF, identification 0", () => {
        const b = Buffer.alloc(22)
        b.fillAt(0, 22, 0xee)
        writeIpv4(b, 1, PROTOCOL_UDP, 0xb8, BOARD, HOST, 180)
        // the checksum was computed by another program
        expectBytes(b, hex`ee 45b8 00c8 0000 4000 40 11 249a 0a4d0039 0a4d0001 ee`)
    })

    test("the pseudo-header's sum is that of its twelve octets", () => {
        const b = Buffer.alloc(IPV4_HEADER)
        writeIpv4(b, 0, PROTOCOL_UDP, 0, BOARD, HOST, 0x0102)
        const p: Buffer = hex`0a4d0039 0a4d0001 00 11 0102`
        expect(pseudoSum(b, 0, PROTOCOL_UDP, 0x0102)).toBe(p.getAt(0, "u32") + p.getAt(4, "u32") + p.getAt(8, "u16") + p.getAt(10, "u16"))
    })
})

describe("what comes in", () => {
    beforeEach(async () => {
        await breathe()
        phy.count()
    })

    test("a datagram from Linux reaches its port", () => {
        got = 0
        const rx = ifc.rx
        expect(phy.counting(DATAGRAM)).toBe("")
        expect(got).toBe(25)
        expect(ifc.rx).toBe(rx + 1)
    })

    test("padding behind the packet is cut off", () => {
        got = 0
        phy.arrive(Buffer.concat(DATAGRAM, Buffer.alloc(20)))
        expect(got).toBe(25)
    })

    test("a header with options is read past them (RFC 1122, 3.2.1.8)", () => {
        expect(phy.counting(RECORD_ROUTE)).toBe("icmpRx+1 icmpTx+1")
        // no-operation options before the datagram
        const f = Buffer.concat(copyOf(DATAGRAM, 0, 34), hex`01010101`, copyOf(DATAGRAM, 34))
        f[14] = 0x46
        put16(f, 16, 57)
        got = 0
        expect(phy.counting(fixHeader(f))).toBe("")
        expect(got).toBe(25)
    })

    test("options that nobody knows, a stream's, and a source route that is done, are ignored (RFC 1122, 3.2.1.8)", () => {
        const ignored = (option: Buffer) => {
            const f = Buffer.concat(copyOf(DATAGRAM, 0, 34), option, copyOf(DATAGRAM, 34))
            f[14] = 0x46
            put16(f, 16, 57)
            got = 0
            expect(phy.counting(fixHeader(f))).toBe("")
            expect(got).toBe(25)
        }
        // unknown, copied and not; a stream identifier; a source route that has no way left; one whose length is nonsense
        for (const option of [hex`de04aaaa`, hex`5e04aaaa`, hex`88040001`, hex`83030400`, hex`8800ffff`]) ignored(option)
        expect(phy.count()).toBe(0)
    })

    test("frames too short for a header", () => {
        for (let length = 0; length < 34; length++) refused(copyOf(DATAGRAM, 0, length), "ethShort+1")
    })

    test("frames to another station, and types that we do not speak", () => {
        const foreign = copyOf(DATAGRAM)
        for (let at = 0; at < 6; at++) {
            foreign[at] ^= 0x10
            refused(foreign, "ethForeign+1")
            foreign[at] ^= 0x10
        }
        for (const type of [0x86dd, 0x8100, 0x88b5, 0x0000, 0x0008])
            refused(ethernet(BOARD_MAC, type, copyOf(DATAGRAM, 14)), "ethUnknown+1")
    })

    test("another version", () => {
        for (const version of [0x05, 0x55, 0x65]) refused(changed(14, version), "ipBadHeader+1")
    })

    test("a header shorter than its least, or longer than its frame", () => {
        for (let words = 0; words < 5; words++) {
            const f = copyOf(DATAGRAM)
            f[14] = 0x40 | words
            refused(f, "ipBadHeader+1")
        }
        const f = copyOf(DATAGRAM, 0, 50)
        f[14] = 0x4a
        refused(f, "ipBadHeader+1")
    })

    test("a checksum with any one bit wrong", async () => {
        for (let at = 15; at < 34; at++) {
            const f = copyOf(DATAGRAM)
            f[at] ^= 1 << (at & 7)
            refused(f, "ipBadChecksum+1")
            await breathe()
        }
        const f = copyOf(RECORD_ROUTE)
        f[36] ^= 4
        refused(f, "ipBadChecksum+1")
    })

    test("a length beyond the frame, or within the header", async () => {
        for (const total of [0, 19, 54, 1500, 65535]) {
            const f = copyOf(DATAGRAM)
            put16(f, 16, total)
            refused(fixHeader(f), "ipBadLength+1")
        }
        for (let length = 34; length < DATAGRAM.length; length++) {
            refused(copyOf(DATAGRAM, 0, length), "ipBadLength+1")
            if ((length & 7) === 0) await breathe()
        }
    })

    test("fragments: the first, one in the middle, the last", () => {
        refused(changed(20, 0x20), "ipFragment+1")
        const middle = copyOf(DATAGRAM)
        put16(middle, 20, 0x2003)
        refused(fixHeader(middle), "ipFragment+1")
        refused(changed(21, 0xb9), "ipFragment+1")
        // DF alone, or nothing, is none
        got = 0
        phy.arrive(changed(20, 0))
        expect(got).toBe(25)
    })

    test("a packet that has no hop left is taken (RFC 1122, 3.2.1.7)", () => {
        got = 0
        for (const ttl of [1, 0]) phy.arrive(changed(22, ttl))
        expect(got).toBe(50)
    })

    test("packets for an address that is not ours", () => {
        refused(changed(33, 58), "ipForeign+1")
        refused(changed(30, 11), "ipForeign+1")
        refused(changed(30, 224), "ipForeign+1")
        // the last octet is the same
        refused(changed(32, 1), "ipForeign+1")
    })

    test("packets for our address in a broadcast frame (RFC 1122, 3.3.6)", () => {
        const f = copyOf(DATAGRAM)
        f.blitAt(0, BROADCAST_MAC, 0, 6)
        refused(f, "ipForeign+1")
        f.blitAt(0, hex`01 00 5e 00 00 01`, 0, 6)
        refused(f, "ipForeign+1")
    })

    test("packets from an address that no host has (RFC 1122, 3.2.1.3)", () => {
        for (const first of [0, 127, 224, 239, 240, 255]) refused(changed(26, first), "ipBadSource+1")
    })

    test("frames from a group address, which no station has", () => {
        for (const first of [1, 3, 255]) refused(changed(6, first), "ethBadSource+1")
    })

    test("a tag of the VLAN 0 is a priority alone (IEEE 802.1Q, 6.9.1); of other VLANs nothing is for us", () => {
        const tagged = (vlan: number) => {
            const f = Buffer.alloc(DATAGRAM.length + 4)
            f.blitAt(0, DATAGRAM, 0, 12)
            f.blitAt(12, hex`8100 a000`, 0, 4)
            f[15] = vlan
            f.blitAt(16, DATAGRAM, 12, DATAGRAM.length - 12)
            return f
        }
        got = 0
        expect(phy.counting(tagged(0))).toBe("")
        expect(got > 0).toBe(true)
        refused(tagged(1), "ethUnknown+1")
        refused(copyOf(tagged(0), 0, 20), "ethShort+1")
        // the tag of a tag, also if it is a priority
        const twice = tagged(0)
        twice.blitAt(16, hex`8100 0001`, 0, 4)
        refused(twice, "ethUnknown+1")
        twice[19] = 0
        refused(twice, "ethUnknown+1")
    })

    test("a frame full of tags, which is no deeper for the stack than any other one", () => {
        const f = Buffer.alloc(1514)
        f.blitAt(0, DATAGRAM, 0, 12)
        for (let at = 12; at + 4 <= f.length; at += 4) f[at] = 0x81
        refused(f, "ethUnknown+1")
    })

    test("protocols that we do not speak", () => {
        for (const protocol of [0, 2, 6, 41, 132, 255]) {
            expect(phy.counting(changed(23, protocol))).toBe("ipUnknownProtocol+1 icmpTx+1")
            // RFC 1122, 3.2.2.1: destination unreachable, protocol
            expect(phy.one().slice(34, 36).toString("hex")).toBe("0302")
        }
    })

    test("an interface without an address hears nothing", () => {
        give(ifc, 0, 0, 0)
        refused(DATAGRAM, "ipForeign+1")
        refused(udp(HOST, 1, 0, 4000, hex`00`), "ipForeign+1")
        give(ifc, BOARD, 24, HOST)
    })

    test("two interfaces whose addresses share the last octet", () => {
        const second = station(1)
        give(second, addressOf(10, 77, 1, 57), 24, 0)
        let other = 0
        listen(second, 4000, length => {
            other += length
        })
        got = 0
        phy.arrive(changed(32, 1))
        expect(other).toBe(25)
        expect(got).toBe(0)
        phy.arrive(DATAGRAM)
        expect(got).toBe(25)
        // the one that is found first goes
        give(ifc, 0, 0, 0)
        refused(DATAGRAM, "ipForeign+1")
        phy.arrive(changed(32, 1))
        expect(other).toBe(50)
    })
})

await run()
