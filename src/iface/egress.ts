import * as ds from "@devicescript/core"
import { ARP_INTERVAL } from "../config"
import { counters } from "../counters"
import { HEADROOM, Phy, QUEUE_FULL, TAKEN } from "../phy/phy"
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
import { Interface, interfaces, isBroadcast } from "./interface"
import { Neighbour, addNeighbour, neighbourOf } from "./neighbours"

/** The one PHY under all interfaces. */
export let phy: Phy
/**
 * The PHY's `transmit`, and while its link is down one that takes nothing. Who calls it counts, and tells `refused` of
 * each frame that was not taken. Bound once: to find a method costs more than to run a short one.
 */
export let transmitFrame: (b: Buffer) => number
/** Its hardware address. */
export let ownMacHigh = 0
export let ownMacLow = 0
export function setPhy(p: Phy): void {
    phy = p
    ownMacHigh = p.macHigh
    ownMacLow = p.macLow
    for (const ifc of interfaces) ifc.macHigh = ownMacHigh
    arpFrame = Buffer.alloc(HEADROOM + ETH_MIN)
    followLink()
}

/** The link has come or gone. */
export function followLink(): void {
    transmitFrame = phy.up ? phy.transmit : takeNothing
}

const LINK_DOWN = -2
function takeNothing(): number {
    return LINK_DOWN
}

/** Count a frame that `transmitFrame` did not take. @param code what it gave */
export function refused(code: number): void {
    if (code === QUEUE_FULL) counters.phyTxFull++
    else {
        counters.phyTxDown++
        if (code !== LINK_DOWN) phy.lost()
    }
}

/** Send a frame, and count it. @returns whether the PHY took it */
export function transmitted(b: Buffer): boolean {
    const code = transmitFrame(b)
    if (code === TAKEN) counters.phyTx++
    else refused(code)
    return code === TAKEN
}

let arpFrame: Buffer

/** Where a transmit buffer has its destination's MAC address, and its IPv4 header. */
export const TX_MAC = HEADROOM + ETH_DST
export const TX_IP = HEADROOM + ETH_HEADER

/** What `output` made of a frame. */
export enum Output {
    Sent,
    /** waits for the neighbour's MAC address */
    Pending,
    Dropped,
    /** no route, or too many neighbours are being resolved */
    Unreachable,
}

/** Write the Ethernet header of a frame that fills a transmit buffer, and its length before it. */
function writeEthernet(b: Buffer, ifc: Interface, type: number, macHigh: number, macLow: number): void {
    const length = b.length - HEADROOM
    b[0] = length >> 8
    b[1] = length
    setMac(b, TX_MAC, macHigh, macLow)
    setMac(b, HEADROOM + ETH_SRC, ifc.macHigh, ownMacLow)
    b.setAt(HEADROOM + ETH_TYPE, "u16", type)
}

/**
 * A transmit buffer with its Ethernet and IPv4 headers written, but for the destination's MAC address.
 * @param length bytes behind the IPv4 header
 */
export function allocate(ifc: Interface, protocol: number, tos: number, dst: number, length: number): Buffer {
    const b = Buffer.alloc(TX_IP + IPV4_HEADER + length)
    writeHeaders(b, ifc, protocol, tos, dst)
    return b
}

/** Write the Ethernet and IPv4 headers of a packet that fills the buffer, but for the destination's MAC address. */
export function writeHeaders(b: Buffer, ifc: Interface, protocol: number, tos: number, dst: number): void {
    writeEthernet(b, ifc, ETHERTYPE_IPV4, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
    writeIpv4(b, TX_IP, protocol, tos, ifc.address, dst, b.length - TX_IP - IPV4_HEADER)
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
    // without an address everything would be on the link, and a request a probe
    if (hop === 0 || ifc.address === 0) return undefined
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
    setMac(b, TX_MAC, n.macHigh, n.macLow)
    return transmit(ifc, b)
}

function transmit(ifc: Interface, b: Buffer): Output {
    if (!transmitted(b)) return Output.Dropped
    ifc.tx++
    return Output.Sent
}

/** Send an ARP packet from an interface. @see RFC 826 */
export function sendArp(
    ifc: Interface,
    operation: number,
    sender: number,
    target: number,
    targetMacHigh: number,
    targetMacLow: number,
    macHigh: number,
    macLow: number
): void {
    writeEthernet(arpFrame, ifc, ETHERTYPE_ARP, macHigh, macLow)
    const arp = TX_IP
    writeArp(arpFrame, arp, operation)
    setMac(arpFrame, arp + ARP_SENDER_MAC, ifc.macHigh, ownMacLow)
    arpFrame.setAt(arp + ARP_SENDER_ADDRESS, "i32", sender)
    setMac(arpFrame, arp + ARP_TARGET_MAC, targetMacHigh, targetMacLow)
    arpFrame.setAt(arp + ARP_TARGET_ADDRESS, "i32", target)
    counters.arpTx++
    transmitted(arpFrame)
}

/** Ask for a neighbour: by unicast while its MAC address is believed (RFC 1122, 2.3.2.1 (2)), else by broadcast. */
export function sendRequest(n: Neighbour): void {
    if (n.known && n.attempts < 3) sendArp(n.ifc, ARP_REQUEST, n.ifc.address, n.address, 0, 0, n.macHigh, n.macLow)
    else sendArp(n.ifc, ARP_REQUEST, n.ifc.address, n.address, 0, 0, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
}

/** Ask whether another host has an address, as one that has none (RFC 5227, 2.1.1). */
export function sendProbe(ifc: Interface, address: number): void {
    sendArp(ifc, ARP_REQUEST, 0, address, 0, 0, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
}

/** Tell the link that an address is here (RFC 5227, 2.3): switches and neighbours learn it. */
export function announce(ifc: Interface): void {
    sendArp(ifc, ARP_REQUEST, ifc.address, ifc.address, 0, 0, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
}
