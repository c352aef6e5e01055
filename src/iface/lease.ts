import { collect } from "../heap"
import { Signal } from "../signal"
import { Interface, interfaces } from "./interface"

/** States of a DHCP client (RFC 2131, figure 5). */
export enum LeaseState {
    /** The interface needs no lease. */
    Idle,
    /** With an address: one that was remembered, to be asked for (RFC 2131 calls that INIT-REBOOT). */
    Init,
    Rebooting,
    Selecting,
    Requesting,
    /** The address was given and is being probed (RFC 2131, 4.4.1; RFC 5227). */
    Probing,
    Bound,
    Renewing,
    Rebinding,
}

/** The lease of one interface: one state machine per address. */
export class Lease {
    state = LeaseState.Idle
    /** Tells the answers for this lease from those for the others, which come to the same port. */
    xid = 0
    /** `ds.millis()` at which the next message is due; that of T1 while it is bound. */
    due = Infinity
    /** `ds.millis()` of the first message of this exchange. */
    started = 0
    /** Whole seconds since then, as the latest DISCOVER or renewal said. */
    secs = 0
    attempts = 0
    /** The address offered, or held. */
    address = 0
    server = 0
    /** Seconds; `Infinity` for a lease that never ends. */
    leaseTime = 0
    /** `ds.millis()` of T2 and of the end. */
    rebindAt = 0
    expiresAt = 0
    /** Why there will be none, for people; `undefined` if nothing is known against it. */
    failure: string = undefined
    /** What it was offered is being requested for another lease: it asks again as soon as that one has it. */
    outbid = false

    constructor(public ifc: Interface) {}
}

/** Announces that some lease was bound (`true`), or that it was lost, or a probe has begun or found a conflict (`false`). */
export const leaseChanged = new Signal()

/** The leases, by the slot of their interface: made at boot like those. */
export const leases: Lease[] = []
for (const ifc of interfaces) {
    leases.push(new Lease(ifc))
    collect()
}

export function leaseOf(ifc: Interface): Lease {
    return leases[ifc.slot]
}
