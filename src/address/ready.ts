/**
 * The warm pool: leases that are kept ready and renewed, so that a caller gets an address without waiting for a server. They
 * are looked after whenever a lease has changed: see `follow` in `link.ts`.
 */
import * as ds from "@devicescript/core"
import { INTERFACES, SIP_PORT } from "../base/config"
import { startLease } from "../dhcp/client"
import { LeaseState, leaseChanged, leases } from "../dhcp/lease"
import { Interface, freeInterface, interfaces } from "../link/interface"
import { closeInterface } from "./release"

/** What owns an interface whose lease is kept ready for whoever asks next, and one that is no longer wanted. */
export const READY = -2
const SURPLUS = -3

/** Leases to keep ready. */
let wanted = 0

/**
 * Keep so many leases ready. One that is taken is replaced within a quarter of a second, as long as there are free interfaces. What is more than
 * `count` is given back.
 */
export async function keepReady(count: number): Promise<void> {
    wanted = count
    const ready = readyInterfaces()
    // none of them is for a caller while the others are given back
    for (let i = count; i < ready.length; i++) ready[i].process = SURPLUS
    for (let i = count; i < ready.length; i++) await closeInterface(ready[i])
    leaseChanged.notify(false)
}

export function readyInterfaces(): Interface[] {
    return interfaces.filter(i => i.process === READY)
}

/** Start what is missing. @returns `ds.millis()` when there is more to start, `Infinity` if there is not */
export function refill(): number {
    let next = Infinity
    // while the common interface has no address, no server answers
    if (interfaces[0].address === 0) return next
    const ready = readyInterfaces()
    // one whose lease has ended begins anew, unless the server has none for it
    for (const ifc of ready) {
        const lease = leases[ifc.slot]
        if (lease.state === LeaseState.Idle)
            if (!lease.failure)
                if (lease.notBefore <= ds.millis()) startLease(ifc)
                else next = Math.min(next, lease.notBefore)
    }
    for (let missing = wanted - ready.length; missing > 0; missing--) {
        const ifc = freeInterface()
        if (!ifc) break
        ifc.process = READY
        startLease(ifc)
    }
    return next
}

/** Whether anybody has a socket, or an interface. */
export function inUse(): boolean {
    for (let slot = 0; slot < INTERFACES; slot++) {
        const i = interfaces[slot]
        const e = i.endpoints
        // what is open so that the phone can be called uses nothing
        if (e) if (e.port !== SIP_PORT ? true : e.next) return true
        if (!i.isCommon()) if (i.process >= 0) return true
    }
    return false
}
