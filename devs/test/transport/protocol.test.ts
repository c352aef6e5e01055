/**
 * A transport protocol that nothing below knows of: what it takes to add one is `registerProtocol` and endpoints. See
 * docs/ARCHITECTURE.md.
 */
import { describe, expect, test } from "@devicescript/test"
import { receive } from "../../../src/ip/input"
import { Output, allocate, output } from "../../../src/ip/output"
import { registerProtocol } from "../../../src/ip/protocols"
import { TX_IP, setPhy } from "../../../src/link/ethernet"
import { Interface } from "../../../src/link/interface"
import { formatAddress } from "../../../src/wire/address"
import { IPV4_HEADER, IPV4_SRC, PROTOCOL_UDP } from "../../../src/wire/ipv4"
import { BOARD, BROADCAST_MAC, FakePhy, HOST, HOST_MAC, Silent, arp, give, icmp, ipv4, station } from "../support/lan"
import { copyOf, run } from "../support/support"

/** For experiments (RFC 3692, 2.1). Its header: source and destination port. */
const TOY = 253
const TOY_HEADER = 4

const phy = new FakePhy()
setPhy(phy)
phy.start(receive, () => {})
const ifc = station(0)
give(ifc, BOARD, 24, HOST)
phy.arrive(arp(1, HOST_MAC, HOST, BOARD, BROADCAST_MAC))

registerProtocol(TOY, toyInput)
let lost = 0
function toyInput(at: Interface, b: Buffer, ip: number, toy: number, length: number): void {
    const endpoint = length >= TOY_HEADER ? at.endpointOn(TOY, (b[toy + 2] << 8) | b[toy + 3]) : undefined
    if (endpoint) endpoint.onPacket(b, toy, length, ip)
    else lost++
}

let heard = ""
/** What the toy's and UDP's endpoint on port 5060 hear. */
function listenOn(protocol: number, name: string): void {
    const endpoint = new Silent(protocol, 5060)
    endpoint.onPacket = (b, at, length, ip) => {
        heard += `${name}:${length} from ${formatAddress(b.getAt(ip + IPV4_SRC, "i32"))} `
    }
    endpoint.onUnreachable = (code, dst, port) => {
        heard += `${name} unreachable ${code} ${formatAddress(dst)}:${port} `
    }
    endpoint.onNeighbour = n => {
        heard += `${name} neighbour ${n.known} `
    }
    endpoint.onError = code => {
        heard += `${name} ${code} `
    }
    ifc.add(endpoint)
}
listenOn(TOY, "toy")
listenOn(PROTOCOL_UDP, "udp")

function hears(f: Buffer): string {
    heard = ""
    phy.arrive(f)
    return heard
}

const TO_5060: Buffer = hex`1000 13c4 746f79`

describe("a transport protocol that is registered", () => {
    test("gets its packets, and the port of the same number in UDP does not", () => {
        expect(hears(ipv4(TOY, HOST, BOARD, TO_5060))).toBe("toy:7 from 10.77.0.1 ")
        expect(hears(ipv4(PROTOCOL_UDP, HOST, BOARD, hex`1000 13c4 0009 0000 61`))).toBe("udp:9 from 10.77.0.1 ")
    })

    test("sees to its own bad packets, and those of a protocol that is not there are counted", () => {
        expect(hears(ipv4(TOY, HOST, BOARD, hex`1000`))).toBe("")
        expect(hears(ipv4(TOY, HOST, BOARD, hex`1000 0001`))).toBe("")
        expect(lost).toBe(2)
        expect(phy.counting(ipv4(254, HOST, BOARD, TO_5060))).toBe("ipUnknownProtocol+1 icmpTx+1")
    })

    test("sends through IP", () => {
        phy.count()
        const b = allocate(ifc, TOY, 0, HOST, TO_5060.length)
        b.blitAt(TX_IP + IPV4_HEADER, TO_5060, 0, TO_5060.length)
        expect(output(ifc, b, HOST)).toBe(Output.Sent)
        expect(phy.one()[14 + 9]).toBe(TOY)
    })

    test("is told of what was not delivered", () => {
        const quoted = copyOf(ipv4(TOY, BOARD, HOST, hex`13c4 1000 00000000`), 14)
        expect(hears(icmp(HOST, BOARD, Buffer.concat(hex`0302 0000 00000000`, quoted)))).toBe("toy unreachable 2 10.77.0.1:4096 ")
        // of the protocol 0, which is not UDP
        const ofNone = copyOf(ipv4(0, BOARD, HOST, hex`13c4 1000 00000000`), 14)
        expect(hears(icmp(HOST, BOARD, Buffer.concat(hex`0302 0000 00000000`, ofNone)))).toBe("")
    })

    test("is told of neighbours, and of the loss of its address", () => {
        expect(hears(arp(1, hex`02000a4d0077`, HOST, BOARD, BROADCAST_MAC))).toBe("udp neighbour true toy neighbour true ")
        heard = ""
        ifc.fail("ENETDOWN")
        expect(heard).toBe("udp ENETDOWN toy ENETDOWN ")
    })

    test("has its ports to itself, and gives them back", () => {
        const endpoint = ifc.endpointOn(TOY, 5060)
        const other = ifc.endpointOn(PROTOCOL_UDP, 5060)
        expect(other !== endpoint).toBe(true)
        ifc.remove(endpoint)
        expect(ifc.endpointOn(TOY, 5060)).toBe(undefined)
        expect(ifc.endpointOn(PROTOCOL_UDP, 5060)).toBe(other)
    })
})

await run()
