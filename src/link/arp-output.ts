/**
 * ARP out: requests, replies, probes and announcements (RFC 826; RFC 5227). `arp.ts` takes what comes in.
 */
import { count, Counter } from "../base/counters"
import { HEADROOM } from "../phy/phy"
import { ARP_REQUEST, ARP_SENDER_ADDRESS, ARP_SENDER_MAC, ARP_TARGET_ADDRESS, ARP_TARGET_MAC, writeArp } from "../wire/arp"
import { ETHERTYPE_ARP, ETH_MIN, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW, setMac } from "../wire/ethernet"
import { TX_IP, ownMacLow, transmitted, writeEthernet } from "./ethernet"
import { Interface } from "./interface"

/** The PHY copies what it sends, so one frame serves all packets. */
const arpFrame = Buffer.alloc(HEADROOM + ETH_MIN)

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
    count(Counter.ArpTx)
    transmitted(arpFrame)
}

/** Ask whether another host has an address, as one that has none (RFC 5227, 2.1.1). */
export function sendProbe(ifc: Interface, address: number): void {
    sendArp(ifc, ARP_REQUEST, 0, address, 0, 0, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
}

/** Tell the link that an address is here (RFC 5227, 2.3): switches and neighbours learn it. */
export function announce(ifc: Interface): void {
    sendArp(ifc, ARP_REQUEST, ifc.address, ifc.address, 0, 0, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
}
