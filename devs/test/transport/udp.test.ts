import { beforeEach, describe, expect, test } from "@devicescript/test"
import { setPhy } from "../../../src/link/ethernet"
import { receive } from "../../../src/ip/input"
import { udpChecksumHolds } from "../../../src/wire/udp"
import { Interface, addEverywhere, isBroadcast } from "../../../src/link/interface"
import { addressOf } from "../../../src/wire/address"
import { writeUdp, writeUdpChecksum } from "../../../src/wire/udp"
import { PROTOCOL_UDP } from "../../../src/wire/ipv4"
import { BOARD, BOARD_MAC, BROADCAST_MAC, FakePhy, HOST, clear, give, listen, station, udp, Silent } from "../support/lan"
import { breathe, copyOf, expectBytes, get16, put16, run } from "../support/support"

// captured on a TAP device: Linux, 10.77.0.1:40000, to 10.77.0.57:4000
const DATAGRAM: Buffer = hex`02545000000102000a4d00010800
    45000035b826400040116dbe0a4d00010a4d0039 9c400fa000213cd5 6f6e65206164647265737320666f7220656163682063616c6c`
/** Its checksum computes to 0. */
const ALL_ONES: Buffer = hex`02545000000102000a4d00010800
    4500001eb827400040116dd40a4d00010a4d0039 9c400fa0000affff 3f26`
/** Sent with SO_NO_CHECK. */
const NO_CHECK: Buffer = hex`02545000000102000a4d00010800
    45000024b828400040116dcd0a4d00010a4d0039 9c400fa000100000 6e6f20636865636b`
/** To 10.77.0.255. */
const DIRECTED: Buffer = hex`ffffffffffff02000a4d00010800
    4500002298a5400040118c8c0a4d00010a4d00ff 9c410fa0000e3d1a 746f20616c6c`

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})
let toDhcp = 0
const client = new Silent(PROTOCOL_UDP, 68)
client.onPacket = (b, at, length) => {
    toDhcp += length
}
addEverywhere(client)

const ifc = station(0)
give(ifc, BOARD, 24, HOST)

let log = ""
function note(i: Interface, port: number): void {
    listen(i, port, length => {
        log += `${i.name()}:${port}/${length} `
    })
}
note(ifc, 4000)
note(ifc, 4001)

function heard(f: Buffer): string {
    log = ""
    phy.arrive(f)
    return log
}

describe("UDP headers (RFC 768)", () => {
    beforeEach(breathe)

    test("are written as Linux writes them", () => {
        const f = copyOf(DATAGRAM)
        f.fillAt(34, 8, 0xee)
        writeUdp(f, 34, 40000, 4000, 25)
        expectBytes(copyOf(f, 34, 8), hex`9c400fa000210000`)
        writeUdpChecksum(f, 14, 34, 33)
        expectBytes(f, DATAGRAM)
    })

    test("a checksum of 0 is sent as ffff", () => {
        const f = copyOf(ALL_ONES)
        put16(f, 40, 0x1234)
        writeUdpChecksum(f, 14, 34, 10)
        expectBytes(f, ALL_ONES)
    })

    test("checksums of Linux hold; one that is left out does too", () => {
        expect(udpChecksumHolds(DATAGRAM, 14, 34, 33)).toBe(true)
        expect(udpChecksumHolds(ALL_ONES, 14, 34, 10)).toBe(true)
        expect(udpChecksumHolds(NO_CHECK, 14, 34, 16)).toBe(true)
        expect(udpChecksumHolds(DIRECTED, 14, 34, 14)).toBe(true)
    })

    test("any one bit wrong in addresses, header or payload is noticed", async () => {
        for (let at = 26; at < DATAGRAM.length; at++) {
            const f = copyOf(DATAGRAM)
            f[at] ^= 1 << (at & 7)
            if (udpChecksumHolds(f, 14, 34, 33)) throw new Error(`bit in octet ${at}`)
            if ((at & 7) === 0) await breathe()
        }
        // an odd octet at the end counts
        expect(udpChecksumHolds(DATAGRAM, 14, 34, 32)).toBe(false)
    })
})

describe("datagrams", () => {
    beforeEach(async () => {
        await breathe()
        phy.count()
    })

    test("go to the socket on their port", () => {
        expect(heard(DATAGRAM)).toBe("tp0:4000/25 ")
        expect(heard(udp(HOST, 1, BOARD, 4001, hex`010203`))).toBe("tp0:4001/3 ")
        expect(heard(udp(HOST, 1, BOARD, 4000, Buffer.alloc(0)))).toBe("tp0:4000/0 ")
    })

    test("whose length is not within the packet are dropped", () => {
        for (const length of [0, 7, 34, 65535]) {
            const f = copyOf(DATAGRAM)
            put16(f, 38, length)
            log = ""
            const c = phy.counting(f)
            if (c !== "udpBadLength+1" || log !== "") throw new Error(`length ${length}: ${c} ${log}`)
        }
        // shorter than the packet is RFC 768's business
        const f = copyOf(DATAGRAM)
        put16(f, 38, 20)
        expect(heard(f)).toBe("tp0:4000/12 ")
    })

    test("without room for a header are dropped", () => {
        for (let n = 0; n < 8; n++) {
            const f = udp(HOST, 1, BOARD, 4000, Buffer.alloc(0))
            const cut = copyOf(f, 0, 34 + n)
            put16(cut, 16, 20 + n)
            put16(cut, 24, get16(cut, 24) + 8 - n)
            const c = phy.counting(cut)
            if (c !== "udpBadLength+1") throw new Error(`${n} bytes: ${c}`)
        }
    })

    test("to a port that is bound to no address go there, also before the address is ours, as DHCP needs it", () => {
        toDhcp = 0
        expect(heard(udp(HOST, 67, BOARD, 68, hex`0102`))).toBe("")
        expect(toDhcp).toBe(10)
        // for an address that is offered, and not ours yet (RFC 2131, 4.1)
        heard(udp(HOST, 67, addressOf(10, 77, 0, 99), 68, hex`0102`))
        expect(toDhcp).toBe(20)
        heard(udp(HOST, 67, -1, 68, hex`0102`, BROADCAST_MAC))
        expect(toDhcp).toBe(30)
        expect(phy.count()).toBe(0)
    })
})

describe("broadcasts", () => {
    beforeEach(async () => {
        await breathe()
        phy.count()
        clear()
        give(station(0), BOARD, 24, HOST)
        note(ifc, 4000)
    })

    test("to the subnet and to all reach the port's socket", () => {
        expect(heard(DIRECTED)).toBe("tp0:4000/6 ")
        expect(heard(udp(HOST, 1, -1, 4000, hex`00`, BROADCAST_MAC))).toBe("tp0:4000/1 ")
    })

    test("reach the sockets of every address, those to a subnet its own alone", () => {
        const second = station(1)
        give(second, addressOf(10, 78, 0, 9), 24, 0)
        note(second, 4000)
        expect(heard(udp(HOST, 1, -1, 4000, hex`00`, BROADCAST_MAC))).toBe("tp0:4000/1 tp1:4000/1 ")
        expect(heard(DIRECTED)).toBe("tp0:4000/6 ")
        give(second, 0, 0, 0)
        expect(heard(udp(HOST, 1, -1, 4000, hex`00`, BROADCAST_MAC))).toBe("tp0:4000/1 ")
    })

    test("are never answered, whatever is wrong with them (RFC 1122, 3.2.2)", () => {
        expect(phy.counting(udp(HOST, 1, -1, 9, hex`00`, BROADCAST_MAC))).toBe("udpNoPort+1")
        expect(phy.count()).toBe(0)
    })

    test("from an address that no host has are dropped", () => {
        for (const src of [0, -1, addressOf(127, 0, 0, 1), addressOf(224, 0, 0, 1)])
            expect(heard(udp(src, 1, -1, 4000, hex`00`, BROADCAST_MAC))).toBe("")
    })

    test("to another subnet, or in a frame to us alone, are dropped", () => {
        expect(phy.counting(udp(HOST, 1, addressOf(10, 78, 0, 255), 4000, hex`00`, BROADCAST_MAC))).toBe("ipForeign+1")
        expect(phy.counting(udp(HOST, 1, -1, 4000, hex`00`, BOARD_MAC))).toBe("ipForeign+1")
    })

    test("a /31 has no broadcast address (RFC 3021)", () => {
        give(ifc, BOARD, 31, 0)
        expect(isBroadcast(ifc, addressOf(10, 77, 0, 57))).toBe(false)
        expect(phy.counting(udp(HOST, 1, addressOf(10, 77, 0, 57), 4000, hex`00`, BROADCAST_MAC))).toBe("ipForeign+1")
        give(ifc, BOARD, 24, HOST)
        expect(isBroadcast(ifc, addressOf(10, 77, 0, 255))).toBe(true)
    })
})

await run()
