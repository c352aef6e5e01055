/** ARP in: from here neighbours are learned and conflicts found. `arp-output.ts` sends. */
import * as ds from "@devicescript/core"
import { NEIGHBOURS } from "../base/config"
import { count, Counter } from "../base/counters"
import { ARP_OPERATION, ARP_REPLY, ARP_REQUEST, ARP_SENDER_ADDRESS, ARP_SENDER_MAC, ARP_TARGET_ADDRESS, isArp } from "../wire/arp"
import { isUnicast } from "../wire/address"
import { setMac } from "../wire/ethernet"
import { IPV4_SRC } from "../wire/ipv4"
import { findConflict } from "./acd"
import { TX_IP, TX_MAC, transmitted } from "./ethernet"
import { sendArp } from "./arp-output"
import { interfaceOf, interfaceOnLink } from "./interface"
import { isOurMac } from "./macs"
import { addNeighbour, confirmNeighbour, neighbourOf, neighbours } from "./neighbours"

/** Take an ARP packet: answer for every address that is ours, learn from who talks to us (RFC 826). */
export function arpInput(b: Buffer, arp: number, length: number): void {
    count(Counter.ArpRx)
    if (!isArp(b, arp, length)) return count(Counter.ArpBad)
    const operation = b.getAt(arp + ARP_OPERATION, "u16")
    const sender = b.getAt(arp + ARP_SENDER_ADDRESS, "i32")
    const request = operation === ARP_REQUEST
    if (!request) if (operation !== ARP_REPLY) return count(Counter.ArpBad)
    if ((b[arp + ARP_SENDER_MAC] & 1) !== 0) return count(Counter.ArpBad)
    // nobody's; the last two octets of a MAC address may be 0
    const macHigh = b.getAt(arp + ARP_SENDER_MAC, "i32")
    if (macHigh === 0) return count(Counter.ArpBad)
    const macLow = b.getAt(arp + ARP_SENDER_MAC + 4, "u16")
    const address = b.getAt(arp + ARP_TARGET_ADDRESS, "i32")
    if (isOurMac(macHigh, macLow)) return
    if (findConflict(request, sender, address)) return
    const target = interfaceOf(address)
    let n = neighbourOf(sender)
    // who talks to us is learned, but an entry that is in use makes room for no stranger
    if (!n)
        if (target)
            if (neighbours.length < NEIGHBOURS)
                if (isUnicast(sender)) {
                    const ifc = interfaceOnLink(sender)
                    if (ifc) n = addNeighbour(sender, ifc)
                }
    if (n) {
        const pending = confirmNeighbour(n, macHigh, macLow, ds.millis())
        if (pending) {
            setMac(pending, TX_MAC, macHigh, macLow)
            // its address may have been given back while it waited
            const ifc = interfaceOf(pending.getAt(TX_IP + IPV4_SRC, "i32"))
            if (ifc) if (transmitted(pending)) ifc.tx = ifc.tx + 1
        }
    }
    // RFC 5227, 2.1.1: a probe has sender address 0, is learned from no more than any that no host can have, and is answered like a request
    if (request) if (target) sendArp(target, ARP_REPLY, target.address, sender, macHigh, macLow, macHigh, macLow)
}
