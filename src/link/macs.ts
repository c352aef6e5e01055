/** MAC addresses of their own for interfaces: only for a DHCP server that tells its clients apart by nothing else. */
import { INTERFACES } from "../base/config"
import { ownMacHigh, ownMacLow, phy } from "./ethernet"
import { Interface, interfaces } from "./interface"

// All interfaces have the PHY's MAC address, which works on every link. A DHCP server that knows its clients by nothing
// else makes them take addresses of their own; the PHY must take frames to these then.

/** Whether some interface has another MAC address than the PHY's. */
export let severalMacs = false

/**
 * Whether the DHCP server has been seen to know its clients by their hardware address alone, against RFC 2131, 4.2: new
 * leases are for interfaces with MAC addresses of their own then, from the first message on.
 */
let oneEach = false

/**
 * From now on each lease asks with a MAC address of its own, since the DHCP server gives one address to each of these.
 * @returns whether this PHY takes frames to several
 */
export function takeOwnMacs(): boolean {
    if (!phy.promiscuous(true)) return false
    if (!oneEach) console.log("dhcp: the server gives one address per hardware address; each lease takes one of its own")
    oneEach = true
    return true
}

/** The link has gone; what comes next may be another one. */
export function forgetServer(): void {
    oneEach = false
    if (!severalMacs) phy.promiscuous(false)
}

/** Give an interface without an address the MAC address with which it asks for one. */
export function giveMac(ifc: Interface): void {
    giveCommonMac(ifc)
    if (oneEach) if (!ifc.isCommon()) giveOwnMac(ifc)
}

/**
 * Give an interface without an address a MAC address of its own: the PHY's, but for the first octet. That is unicast and
 * administered locally as the administrator likes (x2; IEEE 802c, 8.4.4.1), and has the slot in the half that is left
 * to it, which is enough for 15: so five octets stay those of the board, and where they tell all boards apart, so do
 * they with all of their interfaces.
 */
export function giveOwnMac(ifc: Interface): void {
    ifc.macHigh = (ownMacHigh & ~0xff) | (((ownMacHigh & 0xf0) | 2) ^ ((ifc.slot + 1) << 4))
    severalMacs = true
}

/** Give an interface the PHY's MAC address. */
export function giveCommonMac(ifc: Interface): void {
    ifc.macHigh = ownMacHigh
    severalMacs = false
    for (let i = 0; i < INTERFACES; i++) if (interfaces[i].macHigh !== ownMacHigh) severalMacs = true
}

/** Whether a MAC address is the PHY's or that of an interface. */
export function isOurMac(macHigh: number, macLow: number): boolean {
    if (macLow !== ownMacLow) return false
    if (macHigh === ownMacHigh) return true
    for (let i = 0; i < INTERFACES; i++) if (interfaces[i].macHigh === macHigh) return true
    return false
}
