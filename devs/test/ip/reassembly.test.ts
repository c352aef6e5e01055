import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { FRAGMENTS, REASSEMBLY_MOST, REASSEMBLY_TIMEOUT } from "../../../src/base/config"
import { runTimerClock } from "../../../src/base/timers"
import { receive } from "../../../src/ip/input"
import { startReassembly } from "../../../src/ip/reassembly"
import { setPhy } from "../../../src/link/ethernet"
import { addressOf } from "../../../src/wire/address"
import { PROTOCOL_UDP } from "../../../src/wire/ipv4"
import { BOARD, BROADCAST_MAC, FakePhy, HOST, Silent, changes, fixHeader, give, ipv4, station } from "../support/lan"
import { breathe, checksum, copyOf, expectBytes, get16, put16, run } from "../support/support"

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})
startReassembly()
runTimerClock.start()

const ifc = station(0)
give(ifc, BOARD, 24, HOST)

/** What has reached port 4000: the datagrams, and how the packet of the last one began. */
let heard: Buffer[] = []
let packet: Buffer
const port = new Silent(PROTOCOL_UDP, 4000)
port.onPacket = (b, udp, length, ip) => {
    heard.push(copyOf(b, udp, length))
    packet = copyOf(b, ip, udp - ip)
}
ifc.add(port)

/** The one datagram that has arrived since the last call. */
function one(): Buffer {
    if (heard.length !== 1) throw new Error(`${heard.length} datagrams arrived instead of one`)
    return heard.pop()
}

/** Bytes that tell their place: 251 is a prime. */
const PATTERN = Buffer.alloc(251)
for (let i = 0; i < PATTERN.length; i++) PATTERN[i] = i

/** A datagram of UDP of so many bytes. */
function datagram(length: number): Buffer {
    const d = Buffer.alloc(length)
    for (let i = 8; i < length; i += PATTERN.length) d.blitAt(i, PATTERN, 0, Math.min(PATTERN.length, length - i))
    put16(d, 0, 9000)
    put16(d, 2, 4000)
    put16(d, 4, length)
    return d
}

const MORE = 0x2000
let identification = 0

/** A fragment: `length` bytes of `d` from `start` on, in a frame. The datagram is the latest that `next` has begun. */
function fragment(d: Buffer, start: number, length: number, source?: number): Buffer {
    const f = ipv4(PROTOCOL_UDP, source === undefined ? HOST : source, BOARD, copyOf(d, start, length))
    put16(f, 18, identification)
    put16(f, 20, (start + length < d.length ? MORE : 0) | (start >> 3))
    return fixHeader(f)
}

/** A datagram with an identification of its own. */
function next(length: number): Buffer {
    identification = (identification + 1) & 0xffff
    return datagram(length)
}

/** Fail unless the one datagram that has arrived is this. Piece by piece: byte by byte would be more steps than a turn of the VM has. */
function expectOne(d: Buffer): void {
    const it = one()
    expect(it.length).toBe(d.length)
    for (let i = 0; i < d.length; i += 512) {
        const n = Math.min(512, d.length - i)
        expect(copyOf(it, i, n).toString("hex")).toBe(copyOf(d, i, n).toString("hex"))
    }
}

/** Wait until no fragment is remembered. */
async function settle(): Promise<void> {
    await ds.sleep(REASSEMBLY_TIMEOUT + 100)
    phy.count()
    heard = []
}

describe("a datagram in fragments (RFC 791, 3.2)", () => {
    beforeEach(async () => {
        await breathe()
        heard = []
        phy.count()
    })

    test("is put together, and comes in as if it had never been apart", () => {
        const d = next(2000)
        const rx = ifc.rx
        expect(phy.counting(fragment(d, 0, 1480))).toBe("")
        expect(heard.length).toBe(0)
        expect(phy.counting(fragment(d, 1480, 520))).toBe("ipReassembled+1")
        expectOne(d)
        expect(ifc.rx).toBe(rx + 1)
        // the header is that of a whole packet
        expect(get16(packet, 2)).toBe(2020)
        expect(get16(packet, 6)).toBe(0)
        expect(checksum(packet, 0, 20, 0)).toBe(0)
    })

    test("in any order of its fragments", async () => {
        const orders = ["0123", "3210", "1032", "2301", "3012", "1230"]
        for (const order of orders) {
            const d = next(3500)
            for (let i = 0; i < 4; i++) {
                const start = (order.charCodeAt(i) - 48) * 1000
                phy.arrive(fragment(d, start, Math.min(1000, 3500 - start)))
            }
            expectOne(d)
            await breathe()
        }
    })

    test("up to 4,096 bytes, and no longer", () => {
        expect(REASSEMBLY_MOST).toBe(4096)
        const d = next(REASSEMBLY_MOST)
        for (let start = 0; start < d.length; start += 1024) phy.arrive(fragment(d, start, 1024))
        expectOne(d)
        const long = next(REASSEMBLY_MOST + 1)
        const all = () => {
            for (let start = 0; start < long.length; start += 1024) phy.arrive(fragment(long, start, Math.min(1024, long.length - start)))
        }
        expect(changes(all)).toBe("ipFragment+1")
        expect(heard.length).toBe(0)
        // the longest that there can be, and beyond
        const beyond = fragment(next(64), 0, 64)
        put16(beyond, 20, 0x1fff)
        expect(phy.counting(fixHeader(beyond))).toBe("ipFragment+1")
    })

    test("with options in the first one is taken with them (RFC 1122, 3.2.1.8)", () => {
        const d = next(100)
        const f = fragment(d, 0, 48)
        const g = Buffer.concat(copyOf(f, 0, 34), Buffer.alloc(40), copyOf(f, 34))
        g.fillAt(34, 40, 1)
        g[14] = 0x4f
        put16(g, 16, 60 + 48)
        phy.arrive(fixHeader(g))
        phy.arrive(fragment(d, 48, 52))
        expectOne(d)
        expect(packet.length).toBe(60)
        expect(packet[59]).toBe(1)
        expect(checksum(packet, 0, 60, 0)).toBe(0)
    })

    test("that comes twice, fragment by fragment, comes once", () => {
        const d = next(2000)
        const twice = () => {
            for (const start of [0, 1000]) {
                phy.arrive(fragment(d, start, 1000))
                phy.arrive(fragment(d, start, 1000))
            }
        }
        expect(changes(twice)).toBe("ipFragment+2 ipReassembled+1")
        expectOne(d)
    })

    test("whose UDP header tells a wrong length is judged as a whole", async () => {
        for (const length of [0, 7, 8, 1000, 2001, 4097, 65535]) {
            const d = next(2000)
            put16(d, 4, length)
            phy.arrive(fragment(d, 0, 1000))
            const counted = phy.counting(fragment(d, 1000, 1000))
            const sound = length >= 8 && length <= 2000
            expect(counted).toBe(sound ? "ipReassembled+1" : "udpBadLength+1 ipReassembled+1")
            if (sound) expect(one().length).toBe(length)
            await breathe()
        }
    })

    test("of ICMP: a long echo request is answered as far as a frame goes (RFC 1122, 3.2.2.6)", async () => {
        const m = Buffer.alloc(3000)
        m[0] = 8
        m.fillAt(8, 2992, 0x61)
        put16(m, 2, checksum(m, 0, m.length, 0))
        await breathe()
        identification++
        for (const start of [0, 1480, 2960]) {
            const f = fragment(m, start, Math.min(1480, m.length - start))
            f[23] = 1
            phy.arrive(fixHeader(f))
        }
        const reply = phy.one()
        expect(reply.length).toBe(1514)
        expect(reply[34]).toBe(0)
        expect(checksum(reply, 34, 1480, 0)).toBe(0)
    })
})

describe("fragments that are dropped", () => {
    beforeEach(settle)

    test("an overlap drops the datagram, and what is still to come of it (RFC 5722)", () => {
        const starts = [992, 1000, 1008]
        for (const start of starts) {
            const d = next(2000)
            phy.arrive(fragment(d, 0, 1000))
            const length = d.length - start
            // 8 bytes of the first one once more, or none, or a hole
            const counted = phy.counting(fragment(d, start, length))
            expect(counted).toBe(start === 992 ? "ipReassemblyOverlap+1" : start === 1000 ? "ipReassembled+1" : "")
            if (start === 992) expect(phy.counting(fragment(d, 1000, 1000))).toBe("ipFragment+1")
        }
        expect(heard.length).toBe(1)
    })

    test("one in another, around it, and at its beginning or end, is an overlap", () => {
        const spans = [8, 8, 0, 8, 16, 8, 0, 32, 0, 16, 8, 16]
        for (let i = 0; i < spans.length; i += 2) {
            const d = next(64)
            phy.arrive(fragment(d, 0, 24))
            expect(phy.counting(fragment(d, spans[i], spans[i + 1]))).toBe("ipReassemblyOverlap+1")
        }
    })

    test("two that both say that they are the last one, or one behind that", () => {
        // 40 bytes end it, and then 64 do
        let d = next(64)
        phy.arrive(fragment(copyOf(d, 0, 40), 32, 8))
        expect(phy.counting(fragment(d, 48, 16))).toBe("ipReassemblyOverlap+1")
        d = next(64)
        phy.arrive(fragment(copyOf(d, 0, 40), 32, 8))
        expect(phy.counting(fragment(d, 48, 8))).toBe("ipReassemblyOverlap+1")
        // as many bytes as there should be, and not those
        d = next(64)
        phy.arrive(fragment(d, 24, 24))
        expect(phy.counting(fragment(copyOf(d, 0, 24), 16, 8))).toBe("ipReassemblyOverlap+1")
        expect(heard.length).toBe(0)
    })

    test("one that is not the last, and no whole blocks", () => {
        for (let length = 1; length < 8; length++) expect(phy.counting(fragment(next(64), 0, length))).toBe("ipFragment+1")
    })

    test("one without data changes nothing", () => {
        const d = next(64)
        phy.arrive(fragment(d, 0, 32))
        const empty = fragment(d, 16, 8)
        put16(empty, 16, 20)
        phy.arrive(fixHeader(empty))
        expect(heard.length).toBe(0)
    })

    test(`more than ${FRAGMENTS}`, async () => {
        const d = next(8 * FRAGMENTS + 8)
        for (let i = 0; i < FRAGMENTS; i++) phy.arrive(fragment(d, 8 * i, 8))
        expect(phy.counting(fragment(d, 8 * FRAGMENTS, 8))).toBe("ipReassemblyOverlap+1")
        expect(heard.length).toBe(0)
        const most = next(8 * FRAGMENTS)
        for (let i = 0; i < FRAGMENTS; i++) phy.arrive(fragment(most, 8 * i, 8))
        expectOne(most)
    })

    test("for another host, for all, or from nobody that there can be", () => {
        const d = next(64)
        const f = fragment(d, 0, 32)
        f[33] = 58
        expect(phy.counting(fixHeader(f))).toBe("ipForeign+1")
        f.setAt(30, "i32", -1)
        expect(phy.counting(fixHeader(f))).toBe("ipForeign+1")
        for (const source of [0, -1, BOARD, addressOf(10, 77, 0, 255), addressOf(224, 0, 0, 1)])
            expect(phy.counting(fragment(d, 0, 32, source))).toBe("ipBadSource+1")
        // in a frame to all
        const g = fragment(d, 0, 32)
        g.blitAt(0, BROADCAST_MAC, 0, 6)
        phy.arrive(g)
        expect(phy.counting(fragment(d, 32, 32))).toBe("ipForeign+1 ipReassembled+1")
        expect(heard.length).toBe(0)
    })

    test("those of two datagrams are not mixed: source, identification, protocol and target tell them apart", () => {
        const d = next(64)
        const tells = [
            [26, 192],
            [19, 77],
            [23, 200],
        ]
        for (const tell of tells) {
            identification++
            phy.arrive(fragment(d, 0, 32))
            const g = fragment(d, 32, 32)
            g[tell[0]] ^= tell[1]
            expect(phy.counting(fixHeader(g))).toBe("ipFragment+1")
        }
        const second = station(1)
        give(second, addressOf(10, 77, 0, 58), 24, HOST)
        identification++
        phy.arrive(fragment(d, 0, 32))
        const g = fragment(d, 32, 32)
        g[33] = 58
        expect(phy.counting(fixHeader(g))).toBe("ipFragment+1")
        give(second, 0, 0, 0)
        expect(heard.length).toBe(0)
    })
})

describe("who has the place", () => {
    beforeEach(settle)

    test("a flood of first fragments does not hold it: a datagram between two of them arrives", async () => {
        for (let i = 0; i < 50; i++) {
            const flood = fragment(next(4000), 0, 1480, addressOf(10, 77, 0, 3))
            expect(phy.counting(flood)).toBe(i === 0 ? "" : "ipReassemblyDisplaced+1")
            if (i % 10 === 9) {
                const d = next(2000)
                expect(phy.counting(fragment(d, 0, 1480))).toBe("ipReassemblyDisplaced+1")
                expect(phy.counting(fragment(d, 1480, 520))).toBe("ipReassembled+1")
                expectOne(d)
                phy.arrive(fragment(next(4000), 0, 1480, addressOf(10, 77, 0, 3)))
            }
            await breathe()
        }
    })

    test("a flood of later fragments does not take it", () => {
        const d = next(2000)
        const its = identification
        phy.arrive(fragment(d, 0, 1480))
        const flood = () => {
            for (let i = 0; i < 20; i++) phy.arrive(fragment(next(4000), 1480, 1480, addressOf(10, 77, 0, 3)))
        }
        expect(changes(flood)).toBe("ipFragment+20")
        identification = its
        phy.arrive(fragment(d, 1480, 520))
        expectOne(d)
    })

    test("the last of two senders at once", () => {
        const first = next(2000)
        const firstId = identification
        phy.arrive(fragment(first, 0, 1480))
        const second = next(2000)
        second[100] = 1
        phy.arrive(fragment(second, 0, 1480))
        const secondId = identification
        identification = firstId
        expect(phy.counting(fragment(first, 1480, 520))).toBe("ipFragment+1")
        identification = secondId
        phy.arrive(fragment(second, 1480, 520))
        expectOne(second)
    })

    test("nobody when the time is up; who has sent the first fragment is told (RFC 1122, 3.3.2)", async () => {
        const d = next(2000)
        const f = fragment(d, 0, 1480)
        phy.arrive(f)
        await ds.sleep(REASSEMBLY_TIMEOUT - 1000)
        expect(phy.count()).toBe(0)
        // a second fragment does not make it longer
        phy.arrive(fragment(d, 1480, 504))
        await ds.sleep(2000)
        const error = phy.one()
        // to the address and the station that it came from, as the packet was
        expectBytes(copyOf(error, 0, 6), copyOf(f, 6, 6))
        expect(error.getAt(30, "i32")).toBe(HOST)
        expectBytes(copyOf(error, 34, 2), hex`0b01`)
        expect(checksum(error, 34, error.length - 34, 0)).toBe(0)
        expectBytes(copyOf(error, 42), copyOf(f, 14, 28))
        // what is still to come of it begins anew
        expect(phy.counting(fragment(d, 1984, 16))).toBe("")
        await settle()
    })

    test("nobody is told without the first fragment, and it is counted", async () => {
        const d = next(2000)
        phy.arrive(fragment(d, 1480, 520))
        await ds.sleep(REASSEMBLY_TIMEOUT + 100)
        expect(phy.count()).toBe(0)
        // it is forgotten: with the rest alone it is not whole
        phy.arrive(fragment(d, 0, 1480))
        expect(heard.length).toBe(0)
    })

    test("nobody is told of what was put together, or dropped", async () => {
        let d = next(2000)
        phy.arrive(fragment(d, 0, 1000))
        phy.arrive(fragment(d, 1000, 1000))
        await ds.sleep(REASSEMBLY_TIMEOUT + 100)
        d = next(2000)
        phy.arrive(fragment(d, 0, 1000))
        phy.arrive(fragment(d, 0, 1008))
        await ds.sleep(REASSEMBLY_TIMEOUT + 100)
        expect(phy.count()).toBe(0)
    })
})

describe("fragments at random", () => {
    beforeEach(settle)

    test("a datagram arrives as it was sent, or not at all", async () => {
        let seed = 12345
        const random = (below: number) => {
            seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
            return (seed >> 8) % below
        }
        let whole = 0
        for (let round = 0; round < 150; round++) {
            const d = next(64 + random(300))
            const blocks = (d.length + 7) >> 3
            // cut at random, some twice, some not at all, some wrong
            for (let at = 0; at < blocks; ) {
                const n = 1 + random(12)
                const start = 8 * at
                const length = Math.min(8 * n, d.length - start)
                const what = random(24)
                if (what !== 0) phy.arrive(fragment(d, start, length))
                if (what === 1) phy.arrive(fragment(d, start, length))
                if (what === 2) phy.arrive(fragment(d, 8 * random(blocks - 1), 8))
                at += n
            }
            if (heard.length > 0) {
                expectOne(d)
                whole++
            }
            await breathe()
        }
        expect(whole > 50).toBe(true)
        expect(whole < 150).toBe(true)
    })
})

await run()
