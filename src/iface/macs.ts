import { ownMacHigh, ownMacLow } from "./egress"
import { Interface, interfaces } from "./interface"

// All interfaces have the PHY's MAC address, which works on every link. A DHCP server that knows its clients by nothing
// else makes them take addresses of their own; the PHY must take frames to these then.

/** Whether some interface has another MAC address than the PHY's. */
export let severalMacs = false

export function hasOwnMac(ifc: Interface): boolean {
    return ifc.macHigh !== ownMacHigh
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
    severalMacs = interfaces.find(hasOwnMac) !== undefined
}

/** Whether a MAC address is the PHY's or that of an interface. */
export function isOurMac(macHigh: number, macLow: number): boolean {
    return macLow === ownMacLow && (macHigh === ownMacHigh || interfaces.find(i => i.macHigh === macHigh) !== undefined)
}
