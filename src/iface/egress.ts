import * as ds from "@devicescript/core"
import { ARP_INTERVAL } from "../config"
import { counters } from "../counters"
import { Phy } from "../phy/phy"
import { ARP_REQUEST, ARP_SENDER_ADDRESS, ARP_SENDER_MAC, ARP_TARGET_ADDRESS, ARP_TARGET_MAC, writeArp } from "../wire/arp"
import {
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETH_DST,
    ETH_HEADER,
    ETH_MIN,
    ETH_SRC,
    ETH_TYPE,
    MAC_BROADCAST_HIGH,
    MAC_BROADCAST_LOW,
    setMac,
} from "../wire/ethernet"
import { IPV4_HEADER, writeIpv4 } from "../wire/ipv4"
import { Interface, isBroadcast } from "./interface"
import { Neighbour, addNeighbour, neighbourOf } from "./neighbours"

/** The one PHY under all interfaces. */
export let phy: Phy
/** Its `transmit`, bound once: to find a method costs more than to run a short one. */
export let transmitFrame: (b: Buffer) => boolean
/** Its hardware address. */
export let ownMacHigh = 0
export let ownMacLow = 0
export function setPhy(p: Phy): void {
    phy = p
    ownMacHigh = p.macHigh
    ownMacLow = p.macLow
    transmitFrame = p.transmit
    arpFrame = Buffer.alloc(p.headroom + ETH_MIN)
}

let arpFrame: Buffer

/** What `output` made of a frame. */
export enum Output {
    Sent,
    /** waits for the neighbour's MAC address */
    Pending,
    Dropped,
    /** no route, or too many neighbours are being resolved */
    Unreachable,
}

/** Write the Ethernet header of a frame that fills a transmit buffer, and what the PHY puts before it. */
function writeEthernet(b: Buffer, type: number, macHigh: number, macLow: number): void {
    phy.prepare(b)
    const eth = phy.headroom
    setMac(b, eth + ETH_DST, macHigh, macLow)
    setMac(b, eth + ETH_SRC, ownMacHigh, ownMacLow)
    b.setAt(eth + ETH_TYPE, "u16", type)
}

/** Offset of the IPv4 header in a transmit buffer. */
export function ipOffset(): number {
    return phy.headroom + ETH_HEADER
}

/**
 * A transmit buffer with its Ethernet and IPv4 headers written, but for the destination's MAC address.
 * @param length bytes behind the IPv4 header
 */
export function allocate(ifc: Interface, protocol: number, tos: number, dst: number, length: number): Buffer {
    const b = Buffer.alloc(ipOffset() + IPV4_HEADER + length)
    writeHeaders(b, ifc, protocol, tos, dst)
    return b
}

/** Write the Ethernet and IPv4 headers of a packet that fills the buffer, but for the destination's MAC address. */
export function writeHeaders(b: Buffer, ifc: Interface, protocol: number, tos: number, dst: number): void {
    const ip = ipOffset()
    writeEthernet(b, ETHERTYPE_IPV4, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
    writeIpv4(b, ip, protocol, tos, ifc.address, dst, b.length - ip - IPV4_HEADER)
}

/** The address on the link to which a packet for `dst` goes; 0 if there is no route. @see RFC 1122, 3.3.1.1 */
export function nextHop(ifc: Interface, dst: number): number {
    return ((dst ^ ifc.address) & ifc.mask) === 0 ? dst : ifc.gateway
}

/**
 * The neighbour through which `dst` is reached; asked for if it is new.
 * @returns `undefined` without a route, or if the table is full of entries being resolved
 */
export function neighbourFor(ifc: Interface, dst: number): Neighbour {
    const hop = nextHop(ifc, dst)
    if (hop === 0) return undefined
    let n = neighbourOf(hop)
    if (!n) {
        n = addNeighbour(hop, ifc)
        if (n) {
            n.attempts = 1
            n.due = ds.millis() + ARP_INTERVAL
            sendRequest(n)
        }
    }
    return n
}

/** Send a frame from `allocate`; it waits for its neighbour if need be. */
export function output(ifc: Interface, b: Buffer, dst: number): Output {
    if (isBroadcast(ifc, dst)) return transmit(ifc, b)
    const n = neighbourFor(ifc, dst)
    if (!n) return Output.Unreachable
    if (!n.known) {
        if (n.pending) counters.arpPendingDropped++
        n.pending = b
        return Output.Pending
    }
    setMac(b, phy.headroom + ETH_DST, n.macHigh, n.macLow)
    return transmit(ifc, b)
}

function transmit(ifc: Interface, b: Buffer): Output {
    if (!phy.transmit(b)) return Output.Dropped
    ifc.tx++
    return Output.Sent
}

/** Send an ARP packet. @see RFC 826 */
export function sendArp(
    operation: number,
    sender: number,
    target: number,
    targetMacHigh: number,
    targetMacLow: number,
    macHigh: number,
    macLow: number
): void {
    writeEthernet(arpFrame, ETHERTYPE_ARP, macHigh, macLow)
    const arp = ipOffset()
    writeArp(arpFrame, arp, operation)
    setMac(arpFrame, arp + ARP_SENDER_MAC, ownMacHigh, ownMacLow)
    arpFrame.setAt(arp + ARP_SENDER_ADDRESS, "i32", sender)
    setMac(arpFrame, arp + ARP_TARGET_MAC, targetMacHigh, targetMacLow)
    arpFrame.setAt(arp + ARP_TARGET_ADDRESS, "i32", target)
    counters.arpTx++
    phy.transmit(arpFrame)
}

/** Ask for a neighbour: by unicast while its MAC address is believed (RFC 1122, 2.3.2.1 (2)), else by broadcast. */
export function sendRequest(n: Neighbour): void {
    if (n.known && n.attempts < 3) sendArp(ARP_REQUEST, n.ifc.address, n.address, 0, 0, n.macHigh, n.macLow)
    else sendArp(ARP_REQUEST, n.ifc.address, n.address, 0, 0, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
}

/** Tell the link that an address is here (RFC 5227, 2.3): switches and neighbours learn it. */
export function announce(ifc: Interface): void {
    sendArp(ARP_REQUEST, ifc.address, ifc.address, 0, 0, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
}
