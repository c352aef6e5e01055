/**
 * IPv4 out: a packet's headers, the way to its destination, and the wait for the neighbour on it.
 * @see RFC 791, RFC 1122 3.3.1
 */
import * as ds from "@devicescript/core"
import { ARP_INTERVAL } from "../base/config"
import { count, Counter } from "../base/counters"
import { TX_IP, TX_MAC, transmitted, writeEthernet } from "../link/ethernet"
import { Interface, interfaceOf, isBroadcast } from "../link/interface"
import { Neighbour, addNeighbour, askFor, neighbourOf, setDue } from "../link/neighbours"
import { isUnicast } from "../wire/address"
import { ETHERTYPE_IPV4, ETH_HEADER, ETH_SRC, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW, setMac } from "../wire/ethernet"
import { IPV4_HEADER, writeIpv4 } from "../wire/ipv4"
import { routerTo } from "./redirects"

/** What `output` made of a frame. */
export enum Output {
    Sent,
    /** waits for the neighbour's MAC address */
    Pending,
    Dropped,
    /** no route, or too many neighbours are being resolved */
    Unreachable,
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
    if (isBroadcast(ifc, dst)) return dst
    // loopback, "this network" and groups (RFC 1122, 3.2.1.3)
    if (!isUnicast(dst)) return 0
    if (((dst ^ ifc.address) & ifc.mask) === 0) return dst
    return routerTo(ifc, dst)
}

/**
 * The neighbour through which `dst` is reached; asked for if it is new.
 * @returns `undefined` without a route, for an address of ours, or if the table is full of entries being resolved
 */
export function neighbourFor(ifc: Interface, dst: number): Neighbour {
    return neighbourOn(ifc, nextHop(ifc, dst))
}

/** The neighbour at an address on the link, whatever the subnet. @returns as `neighbourFor` */
export function neighbourOn(ifc: Interface, hop: number): Neighbour {
    // without an address everything would be on the link, and a request a probe; an address of ours has no neighbour
    if (hop === 0) return undefined
    if (ifc.address === 0) return undefined
    if (interfaceOf(hop)) return undefined
    let n = neighbourOf(hop)
    if (!n) {
        n = addNeighbour(hop, ifc)
        if (n) {
            n.attempts = 1
            setDue(n, ds.millis() + ARP_INTERVAL)
            askFor(n)
        }
    }
    return n
}

/** Send a frame from `allocate`; it waits for its neighbour if need be. */
export function output(ifc: Interface, b: Buffer, dst: number): Output {
    return outputTo(ifc, b, nextHop(ifc, dst))
}

/** Send a frame to an address on the link, whatever the subnet. */
export function outputTo(ifc: Interface, b: Buffer, hop: number): Output {
    if (!isBroadcast(ifc, hop)) {
        const n = neighbourOn(ifc, hop)
        if (!n) return Output.Unreachable
        if (!n.known) {
            if (n.pending) count(Counter.ArpPendingDropped)
            n.pending = b
            return Output.Pending
        }
        setMac(b, TX_MAC, n.macHigh, n.macLow)
    }
    if (!transmitted(b)) return Output.Dropped
    ifc.tx = ifc.tx + 1
    return Output.Sent
}

/**
 * Send a frame the way a packet came, by the MAC address of its frame: strangers that are answered must neither push the neighbours of
 * calls out of the cache nor have frames wait in the heap.
 * @param ip where the packet's header is in `b`
 */
export function sendBack(ifc: Interface, f: Buffer, b: Buffer, ip: number): void {
    const from = ip - (ETH_HEADER - ETH_SRC)
    setMac(f, TX_MAC, b.getAt(from, "i32"), b.getAt(from + 4, "u16"))
    if (transmitted(f)) ifc.tx = ifc.tx + 1
}
