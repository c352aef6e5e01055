import { PROTOCOL_UDP } from "../../../src/wire/ipv4"
import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { ICMP_ERRORS_PER_SECOND } from "../../../src/base/config"
import { setPhy } from "../../../src/link/ethernet"
import { ping } from "../../../src/ip/icmp"
import { receive } from "../../../src/ip/input"
import { interfaces } from "../../../src/link/interface"
import { addressOf, formatAddress } from "../../../src/wire/address"
import { writeIcmpChecksum } from "../../../src/wire/icmp"
import {
    Silent,
    BOARD,
    BOARD_MAC,
    BROADCAST_MAC,
    FakePhy,
    fixHeader,
    HOST,
    HOST_MAC,
    arp,
    changes,
    give,
    icmp,
    ipv4,
    station,
    udp,
} from "../support/lan"
import { breathe, checksum, copyOf, expectBytes, get16, run } from "../support/support"

// captured on a TAP device from Linux, 10.77.0.1
const ECHO: Buffer = hex`02545000000102000a4d00010800
    4500003303dd40004001221a0a4d00010a4d0039 0800d12112340001 6162636465666768696a6b6c6d6e6f7071727374757677`
/** The same with a record-route option. */
const RECORD_ROUTE: Buffer = hex`02545000000102000a4d00010800
    4700003b03df40004001c2fe0a4d00010a4d0039 0707080a4d000100 0800d12012340002 6162636465666768696a6b6c6d6e6f7071727374757677`
/** What Linux said to a datagram of 10.77.0.57:5004 to its port 5004. */
const UNREACHABLE: Buffer = hex`02545000000102000a4d00010800
    45c0004703de0000400161450a4d00010a4d0039 030311f900000000
    4500002b00004000401125ef0a4d00390a4d0001 138c138c0017bc17 6e6f626f6479206973207468657265`
/** A datagram from Linux to our port 4000. */
const DATAGRAM: Buffer = hex`02545000000102000a4d00010800
    45000035b826400040116dbe0a4d00010a4d0039 9c400fa000213cd5 6f6e65206164647265737320666f7220656163682063616c6c`

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})
let told = ""
const PROTOCOL_TCP = 6
const ifc = station(0)
/** Two ports are the same number in two protocols. */
function listenOn5004(protocol: number, name: string): void {
    const endpoint = new Silent(protocol, 5004)
    endpoint.onUnreachable = (code, dst, dstPort) => {
        told += `${name} ${code} ${formatAddress(dst)} 5004 ${dstPort}`
    }
    ifc.add(endpoint)
}
listenOn5004(PROTOCOL_UDP, "udp")
listenOn5004(PROTOCOL_TCP, "tcp")
give(ifc, BOARD, 24, HOST)
// the host is known
phy.arrive(arp(1, HOST_MAC, HOST, BOARD, BROADCAST_MAC))

/** The error limit counts by the second of the clock: begin one. */
async function nextSecond(): Promise<void> {
    await ds.sleep(1001 - (ds.millis() % 1000))
}

describe("echo (RFC 792; RFC 1122, 3.2.2.6)", () => {
    beforeEach(async () => {
        await breathe()
        phy.count()
    })

    test("a request from Linux is answered, byte for byte", () => {
        expect(phy.counting(ECHO)).toBe("icmpRx+1 icmpTx+1")
        expectBytes(
            phy.one(),
            hex`02000a4d0001 025450000001 0800  45000033 0000 4000 40 01 25f7 0a4d0039 0a4d0001
                0000d92112340001 6162636465666768696a6b6c6d6e6f7071727374757677`
        )
    })

    test("with IP options too", () => {
        phy.arrive(RECORD_ROUTE)
        const f = phy.one()
        expect(f[14]).toBe(0x45)
        expectBytes(copyOf(f, 34), hex`0000d92012340002 6162636465666768696a6b6c6d6e6f7071727374757677`)
    })

    test("from the address that was asked", () => {
        const second = station(1)
        give(second, addressOf(10, 77, 0, 200), 24, 0)
        phy.arrive(icmp(HOST, second.address, hex`0800000012340001`))
        expect(phy.one().getAt(26, "i32")).toBe(second.address)
    })

    test("of every length, without data and of 1472 bytes", async () => {
        for (const n of [0, 1, 2, 3, 56, 1471, 1472]) {
            const m = Buffer.alloc(8 + n)
            m.fillAt(8, n, 0x5a)
            m[0] = 8
            const f = icmp(HOST, BOARD, m)
            await breathe()
            phy.arrive(f)
            const reply = phy.one()
            expect(reply.length).toBe(42 + n)
            await breathe()
            expect(checksum(reply, 34, 8 + n, 0)).toBe(0)
            expect(checksum(reply, 14, 20, 0)).toBe(0)
            await breathe()
        }
    })

    test("is not answered if its checksum is wrong or it is cut", async () => {
        for (let at = 34; at < ECHO.length; at++) {
            const f = copyOf(ECHO)
            f[at] ^= 0x20
            if (phy.counting(f) !== "icmpBad+1") throw new Error(`octet ${at}`)
            await breathe()
        }
        const arrive = () => {
            for (let n = 0; n < 8; n++) phy.arrive(ipv4(1, HOST, BOARD, copyOf(ECHO, 34, n)))
        }
        expect(changes(arrive)).toBe("icmpBad+8")
        expect(phy.count()).toBe(0)
    })

    test("to a broadcast address is not answered", () => {
        phy.arrive(ipv4(1, HOST, -1, copyOf(ECHO, 34), BROADCAST_MAC))
        phy.arrive(ipv4(1, HOST, addressOf(10, 77, 0, 255), copyOf(ECHO, 34), BROADCAST_MAC))
        expect(phy.count()).toBe(0)
    })

    test("from a broadcast address, the network's or our own is not answered (RFC 1122, 3.2.1.3, 3.2.2)", () => {
        for (const source of [addressOf(10, 77, 0, 255), addressOf(10, 77, 0, 0), BOARD, -1])
            expect(phy.counting(icmp(source, BOARD, copyOf(ECHO, 34)))).toBe("ipBadSource+1")
        expect(phy.count()).toBe(0)
    })

    test("is answered in its own class (RFC 1122, 3.2.2.6)", () => {
        const f = icmp(HOST, BOARD, copyOf(ECHO, 34))
        f[15] = 0xb8
        phy.arrive(fixHeader(f))
        expect(phy.one()[15]).toBe(0xb8)
    })

    test("our own request is well-formed, and its reply ends the wait", async () => {
        let result: number
        const ask = async () => {
            result = await ping(ifc, HOST, 400)
        }
        ask.start()
        await ds.sleep(5)
        const f = phy.one()
        expectBytes(copyOf(f, 34, 2), hex`0800`)
        expect(checksum(f, 34, f.length - 34, 0)).toBe(0)
        const m = copyOf(f, 34)
        m[0] = 0
        // another sequence number, another identifier: not the reply
        const other = copyOf(m)
        other[6]++
        phy.arrive(icmp(HOST, BOARD, other))
        const foreign = copyOf(m)
        foreign[4]++
        phy.arrive(icmp(HOST, BOARD, foreign))
        await ds.sleep(20)
        expect(result).toBe(undefined)
        phy.arrive(icmp(HOST, BOARD, m))
        await ds.sleep(5)
        expect(result >= 15 && result < 400).toBe(true)
    })

    test("without a reply, and without a route", async () => {
        expect(await ping(ifc, HOST, 30)).toBe(-1)
        expect(await ping(interfaces[1], addressOf(8, 8, 8, 8), 30)).toBe(-2)
    })
})

describe("what ICMP does not answer", () => {
    beforeEach(async () => {
        await nextSecond()
        phy.count()
        told = ""
    })

    test("messages of other types are dropped in silence (RFC 1122, 3.2.2)", () => {
        // among them timestamp, information and address mask requests, and numbers that mean nothing
        for (const type of [1, 2, 6, 9, 10, 13, 14, 15, 16, 17, 18, 42, 255]) {
            const m = copyOf(UNREACHABLE, 34)
            m[0] = type
            expect(phy.counting(icmp(HOST, BOARD, m))).toBe("icmpRx+1")
        }
        expect(phy.count()).toBe(0)
        expect(told).toBe("")
    })

    test("errors, whatever they are about, and what is sent to all, draw no error (RFC 1122, 3.2.2)", () => {
        const error = (at: number, value: number) => {
            const m = copyOf(UNREACHABLE, 34)
            m[at] = value
            phy.arrive(icmp(HOST, BOARD, m))
        }
        // about a protocol, and a port, that nobody has; and one that we do not take
        error(17, 253)
        error(29, 1)
        error(0, 12)
        // a protocol that nobody has: by both kinds of broadcast address, and in a broadcast frame
        for (const to of [-1, addressOf(10, 77, 0, 255), BOARD]) phy.arrive(ipv4(253, HOST, to, Buffer.alloc(8), BROADCAST_MAC))
        expect(phy.count()).toBe(0)
        // to us alone it does
        phy.arrive(ipv4(253, HOST, BOARD, Buffer.alloc(8)))
        expect(phy.count()).toBe(1)
    })
})

describe("destination unreachable", () => {
    beforeEach(async () => {
        await breathe()
        phy.count()
        told = ""
    })

    test("of Linux is told to the layer above", () => {
        expect(phy.counting(UNREACHABLE)).toBe("icmpRx+1")
        expect(told).toBe("udp 3 10.77.0.1 5004 5004")
    })

    test("time exceeded is told too (RFC 1122, 3.2.2.4)", () => {
        const m = copyOf(UNREACHABLE, 34)
        m[0] = 11
        m[1] = 0
        phy.arrive(icmp(HOST, BOARD, m))
        expect(told).toBe("udp 0 10.77.0.1 5004 5004")
    })

    test("quotes with IP options are read past them", () => {
        const quoted: Buffer = hex`4600002f000040004011 0000 0a4d0039 0a4d0001 01010101 138c 1f40 0017 bc17`
        phy.arrive(icmp(HOST, BOARD, Buffer.concat(hex`0301000000000000`, quoted)))
        expect(told).toBe("udp 1 10.77.0.1 5004 8000")
    })

    test("whose quote is cut, not ours, or nonsense is dropped", () => {
        const message = copyOf(UNREACHABLE, 34)
        const cut = () => {
            for (let n = 8; n < 36; n++) phy.arrive(icmp(HOST, BOARD, copyOf(message, 0, n)))
        }
        expect(changes(cut)).toBe("icmpRx+28 icmpBad+28")
        const foreign = copyOf(message)
        foreign[23]++
        const header = copyOf(message)
        header[8] = 0x4f
        const short = copyOf(message)
        short[8] = 0x44
        const bad = () => {
            phy.arrive(icmp(HOST, BOARD, foreign))
            phy.arrive(icmp(HOST, BOARD, header))
            phy.arrive(icmp(HOST, BOARD, short))
        }
        expect(changes(bad)).toBe("icmpRx+3 icmpBad+3")
        // a protocol and a port that nobody has here
        const unknown = copyOf(message)
        unknown[17] = 253
        phy.arrive(icmp(HOST, BOARD, unknown))
        const port = copyOf(message)
        port[29]++
        phy.arrive(icmp(HOST, BOARD, port))
        expect(told).toBe("")
    })

    test("of a packet of another protocol is told to that protocol's port", () => {
        const tcp = copyOf(UNREACHABLE, 34)
        tcp[17] = PROTOCOL_TCP
        phy.arrive(icmp(HOST, BOARD, tcp))
        expect(told).toBe("tcp 3 10.77.0.1 5004 5004")
    })
})

describe("port unreachable, ours (RFC 1122, 3.2.2)", () => {
    beforeEach(async () => {
        await nextSecond()
        phy.count()
    })

    test("quotes header and 8 octets of what nobody wanted", () => {
        expect(phy.counting(DATAGRAM)).toBe("icmpTx+1 udpNoPort+1")
        expectBytes(
            phy.one(),
            hex`02000a4d0001 025450000001 0800  45000038 0000 4000 40 01 25f2 0a4d0039 0a4d0001
                0303 1426 00000000 45000035b826400040116dbe0a4d00010a4d0039 9c400fa000213cd5`
        )
    })

    test("quotes no more than there was: what lies behind the packet is another's", () => {
        const f = copyOf(DATAGRAM)
        // protocol 200, two octets behind the header
        f[23] = 200
        f[17] = 22
        phy.arrive(fixHeader(f))
        const error = phy.one()
        expect(error.length).toBe(14 + 20 + 8 + 22)
        expectBytes(copyOf(error, 42), copyOf(f, 14, 22))
    })

    test("is in no class, whatever the class of what nobody wanted (RFC 1122, 3.2.2)", () => {
        const f = copyOf(DATAGRAM)
        f[15] = 0xb8
        phy.arrive(fixHeader(f))
        const error = phy.one()
        expect(error[15]).toBe(0)
        // and quotes it as it was
        expect(error[43]).toBe(0xb8)
    })

    test(`is sent ${ICMP_ERRORS_PER_SECOND} times a second at most, and again in the next`, async () => {
        const flood = () => {
            for (let i = 0; i < ICMP_ERRORS_PER_SECOND + 5; i++) phy.arrive(DATAGRAM)
        }
        expect(changes(flood)).toBe(`icmpTx+${ICMP_ERRORS_PER_SECOND} icmpErrorsLimited+5 udpNoPort+${ICMP_ERRORS_PER_SECOND + 5}`)
        expect(phy.count()).toBe(ICMP_ERRORS_PER_SECOND)
        await nextSecond()
        phy.arrive(DATAGRAM)
        expect(phy.count()).toBe(1)
    })

    test("is not sent for a source that is no host", () => {
        phy.arrive(udp(-1, 1, BOARD, 9, hex`00`, BOARD_MAC))
        phy.arrive(udp(0, 1, BOARD, 9, hex`00`, BOARD_MAC))
        expect(phy.count()).toBe(0)
    })
})

describe("ICMP checksums", () => {
    test("are written whatever was there", () => {
        const b = copyOf(ECHO, 33)
        b[3] = 0x77
        writeIcmpChecksum(b, 1)
        expect(get16(b, 3)).toBe(0xd121)
    })
})

await run()
