/**
 * Ethernet out: the one PHY under all interfaces, and the header of each frame. What comes in goes to `ip/input.ts`.
 * @see RFC 894
 */
import { INTERFACES } from "../base/config"
import { count, Counter } from "../base/counters"
import { HEADROOM, Phy, QUEUE_FULL, TAKEN } from "../phy/phy"
import { put16 } from "../wire/order"
import { ETH_DST, ETH_HEADER, ETH_SRC, ETH_TYPE, setMac } from "../wire/ethernet"
import { Interface, interfaces } from "./interface"

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
    for (let i = 0; i < INTERFACES; i++) interfaces[i].macHigh = ownMacHigh
    followLink()
}

/** The link has come or gone. */
export function followLink(): void {
    transmitFrame = takeNothing
    if (phy.up) transmitFrame = phy.transmit
}

const LINK_DOWN = -2
function takeNothing(): number {
    return LINK_DOWN
}

/** Count a frame that `transmitFrame` did not take. @param code what it gave */
export function refused(code: number): void {
    if (code === QUEUE_FULL) count(Counter.PhyTxFull)
    else {
        count(Counter.PhyTxDown)
        if (code !== LINK_DOWN) phy.lost()
    }
}

/** Send a frame, and count it. @returns whether the PHY took it */
export function transmitted(b: Buffer): boolean {
    const code = transmitFrame(b)
    if (code === TAKEN) count(Counter.PhyTx)
    else refused(code)
    return code === TAKEN
}

/** Where a transmit buffer has its destination's MAC address, and its IPv4 header. */
export const TX_MAC = HEADROOM + ETH_DST
export const TX_IP = HEADROOM + ETH_HEADER

/** Write the Ethernet header of a frame that fills a transmit buffer, and its length before it. */
export function writeEthernet(b: Buffer, ifc: Interface, type: number, macHigh: number, macLow: number): void {
    put16(b, 0, b.length - HEADROOM)
    setMac(b, TX_MAC, macHigh, macLow)
    setMac(b, HEADROOM + ETH_SRC, ifc.macHigh, ownMacLow)
    b.setAt(HEADROOM + ETH_TYPE, "u16", type)
}
