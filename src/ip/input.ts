/** IPv4 in: from a frame of the PHY to the endpoint that its packet is for. The fast path; read it with `transport/endpoint.ts`. */
import { INTERFACES } from "../base/config"
import { count, Counter } from "../base/counters"
import { sum } from "../wire/checksum"
import {
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_VLAN,
    ETH_HEADER,
    ETH_SRC,
    ETH_TYPE,
    TAGGED,
    TAGGED_MASK,
    VLAN_TAG,
} from "../wire/ethernet"
import { ICMP_UNREACHABLE, UNREACHABLE_PORT, UNREACHABLE_PROTOCOL } from "../wire/icmp"
import {
    FRAGMENT_MASK,
    IPV4_DST,
    IPV4_FLAGS_FRAGMENT,
    IPV4_HEADER,
    IPV4_PROTOCOL,
    IPV4_SRC,
    IPV4_TOTAL_LENGTH,
    PROTOCOL_ICMP,
    PROTOCOL_UDP,
} from "../wire/ipv4"
import { UDP_DST_PORT, UDP_HEADER, UDP_LENGTH } from "../wire/udp"
import { arpInput } from "../link/arp"
import { ownMacHigh, ownMacLow } from "../link/ethernet"
import { fragmentInput } from "./fragments"
import { icmpInput, sendError } from "./icmp"
import { inputOf } from "./protocols"
import { Interface, endpointEverywhere, interfaceOf, interfaces, isBroadcast, isSource, slotByOctet } from "../link/interface"
import { isOurMac, severalMacs } from "../link/macs"

/**
 * Take a received frame: everything that comes in comes through here. The destination address alone finds the
 * interface, the port the socket in it, and the socket reads in place.
 * @see RFC 894, RFC 1122 3.2.1
 */
export function receive(b: Buffer, eth: number, length: number): void {
    if (length < ETH_HEADER + IPV4_HEADER) return count(Counter.EthShort)
    // no station sends from a group address
    if ((b[eth + ETH_SRC] & 1) !== 0) return count(Counter.EthBadSource)
    let unicast = false
    if (b.getAt(eth, "i32") === ownMacHigh) unicast = b.getAt(eth + 4, "u16") === ownMacLow
    const type = b.getAt(eth + ETH_TYPE, "u16")
    if (!unicast)
        if ((b[eth] & 1) === 0) {
            if (severalMacs) unicast = isToInterface(b, eth, type)
            if (!unicast) return count(Counter.EthForeign)
        }
    if (type !== ETHERTYPE_IPV4) {
        if (type === ETHERTYPE_ARP) return arpInput(b, eth + ETH_HEADER, length - ETH_HEADER)
        if (type !== ETHERTYPE_VLAN) return count(Counter.EthUnknown)
        // a tag of the VLAN 0 has a priority alone (IEEE 802.1Q, 6.9.1): the frame is taken as if it had none. No tag follows: as
        // many as fit in a frame would fill the stack
        if ((b.getAt(eth + ETH_HEADER, "i32") & TAGGED_MASK) !== TAGGED) return count(Counter.EthUnknown)
        // the addresses move over the tag, from the last octets on
        b.setAt(eth + (8 + VLAN_TAG), "u32", b.getAt(eth + 8, "u32"))
        b.setAt(eth + (4 + VLAN_TAG), "u32", b.getAt(eth + 4, "u32"))
        b.setAt(eth + VLAN_TAG, "u32", b.getAt(eth, "u32"))
        return receive(b, eth + VLAN_TAG, length - VLAN_TAG)
    }

    const ip = eth + ETH_HEADER
    let header = IPV4_HEADER
    let s: number
    if (b[ip] === 0x45) {
        // the usual header, summed in place
        s = b.getAt(ip, "u32") + b.getAt(ip + 4, "u32") + b.getAt(ip + 8, "u32") + b.getAt(ip + 12, "u32") + b.getAt(ip + 16, "u32")
    } else {
        // options: their length is checked, and nothing in them concerns a host that routes nothing (RFC 1122, 3.2.1.8)
        header = (b[ip] & 15) * 4
        if (b[ip] >> 4 !== 4) return count(Counter.IpBadHeader)
        if (header < IPV4_HEADER) return count(Counter.IpBadHeader)
        if (header > length - ETH_HEADER) return count(Counter.IpBadHeader)
        s = sum(b, ip, header)
    }
    // what `checksumHolds` does, without a call: the first octet is not 0
    if (((s / 65535) | 0) * 65535 !== s) return count(Counter.IpBadChecksum)
    const total = (b[ip + IPV4_TOTAL_LENGTH] << 8) | b[ip + (IPV4_TOTAL_LENGTH + 1)]
    if (total < header) return count(Counter.IpBadLength)
    if (total > length - ETH_HEADER) return count(Counter.IpBadLength)
    if ((b.getAt(ip + IPV4_FLAGS_FRAGMENT, "u16") & FRAGMENT_MASK) !== 0) {
        if (fragmentInput) return fragmentInput(b, ip, header, total)
        return count(Counter.IpFragment)
    }

    const dst = b.getAt(ip + IPV4_DST, "i32")
    // what `interfaceOf` does, without a call where no two addresses share the octet
    let slot = 0
    if (unicast) slot = slotByOctet[b[ip + (IPV4_DST + 3)]]
    let ifc: Interface
    if (slot !== 0) {
        ifc = interfaces[slot - 1]
        if (ifc.address !== dst) ifc = interfaceOf(dst)
    }
    const protocol = b[ip + IPV4_PROTOCOL]
    if (ifc) {
        const first = b[ip + IPV4_SRC]
        // what `isUnicast` does, without a call
        if (first >= 224) return count(Counter.IpBadSource)
        if (first === 127) return count(Counter.IpBadSource)
        if (first === 0) return count(Counter.IpBadSource)
        // here and elsewhere no `++`: for a field of another object than `this` it costs a copy of that
        ifc.rx = ifc.rx + 1
    }
    if (protocol === PROTOCOL_UDP) {
        // RFC 768: the length includes the header, and is not more than the IP packet holds
        const udp = ip + header
        const n = (b[udp + UDP_LENGTH] << 8) | b[udp + (UDP_LENGTH + 1)]
        if (n < UDP_HEADER) return count(Counter.UdpBadLength)
        if (n > total - header) return count(Counter.UdpBadLength)
        const port = (b[udp + UDP_DST_PORT] << 8) | b[udp + (UDP_DST_PORT + 1)]
        if (!ifc) return broadcastInput(b, ip, udp, n, port, dst, unicast)
        let e = ifc.endpoints
        while (e) {
            if (e.port === port) {
                const onPacket = e.onPacket
                return onPacket(b, udp, n, ip)
            }
            e = e.next
        }
        e = endpointEverywhere(PROTOCOL_UDP, port)
        if (e) return e.onPacket(b, udp, n, ip)
    } else {
        if (!ifc) return count(Counter.IpForeign)
        const input = inputOf(protocol)
        if (input) return input(ifc, b, ip, ip + header, total - header)
    }
    // what answers, or believes, wants to know who it is
    if (!isSource(ifc, b.getAt(ip + IPV4_SRC, "i32"))) return count(Counter.IpBadSource)
    if (protocol === PROTOCOL_ICMP) return icmpInput(ifc, b, ip, ip + header, total - header)
    if (protocol === PROTOCOL_UDP) {
        const udp = ip + header
        if (takeStray) if (takeStray(ifc, b, ip, udp)) return
        count(Counter.UdpNoPort)
        return sendError(ifc, b, ip, header, ICMP_UNREACHABLE, UNREACHABLE_PORT)
    }
    count(Counter.IpUnknownProtocol)
    sendError(ifc, b, ip, header, ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL)
}

/**
 * Whether a frame is to the MAC address of an interface, and not for the address of another one: an interface with a
 * MAC address of its own is a host of its own to the link.
 */
function isToInterface(b: Buffer, eth: number, type: number): boolean {
    const macHigh = b.getAt(eth, "i32")
    if (!isOurMac(macHigh, b.getAt(eth + 4, "u16"))) return false
    if (type !== ETHERTYPE_IPV4) return true
    const ifc = interfaceOf(b.getAt(eth + (ETH_HEADER + IPV4_DST), "i32"))
    if (!ifc) return true
    return ifc.macHigh === macHigh
}

/** Takes a datagram for a port that no endpoint has. @returns whether it was for somebody all the same */
type Stray = (ifc: Interface, b: Buffer, ip: number, udp: number) => boolean
let takeStray: Stray

/** Have datagrams taken that are for no endpoint: an endpoint takes 0.7 KB of the heap, which RTCP of each call would. */
export function takeStrays(that: Stray): void {
    takeStray = that
}

/**
 * A datagram for no address of ours: broadcasts go to every endpoint on their port, and one of no interface hears
 * also what is for an address that we do not have yet, by broadcast too. Errors are never sent for these (RFC 1122, 3.2.2).
 */
function broadcastInput(b: Buffer, ip: number, udp: number, n: number, port: number, dst: number, unicast: boolean): void {
    // the common interface knows the limited broadcast address also while it has none itself
    const everywhere = endpointEverywhere(PROTOCOL_UDP, port)
    if (everywhere) return everywhere.onPacket(b, udp, n, ip)
    if (unicast) return count(Counter.IpForeign)
    // of no interface, or of one without an endpoint on the port
    let drop = Counter.IpForeign
    for (let i = 0; i < INTERFACES; i++) {
        const ifc = interfaces[i]
        if (isBroadcast(ifc, dst)) {
            if (drop === Counter.IpForeign) drop = Counter.UdpNoPort
            if (ifc.address !== 0) {
                if (!isSource(ifc, b.getAt(ip + IPV4_SRC, "i32"))) return count(Counter.IpBadSource)
                const e = ifc.endpointOn(PROTOCOL_UDP, port)
                if (e) {
                    drop = undefined
                    e.onPacket(b, udp, n, ip)
                }
            }
        }
    }
    if (drop !== undefined) count(drop)
}
