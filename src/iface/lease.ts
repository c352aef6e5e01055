import { Signal } from "../signal"
import { Interface } from "./interface"

/** States of a DHCP client (RFC 2131, figure 5). */
export enum LeaseState {
    Init,
    Selecting,
    Requesting,
    Bound,
    Renewing,
    Rebinding,
}

/** The lease of one interface: one state machine per address. */
export class Lease {
    state = LeaseState.Init
    /** Tells the answers for this lease from those for the others, which come to the same port. */
    xid = 0
    /** `ds.millis()` at which `pollLease` has something to do. */
    due = 0
    /** `ds.millis()` of the first message of this exchange. */
    started = 0
    attempts = 0
    /** The address offered, or held. */
    address = 0
    server = 0
    /** Seconds; `Infinity` for a lease that never ends. */
    leaseTime = 0
    /** `ds.millis()` of T2 and of the end. */
    rebindAt = 0
    expiresAt = 0

    constructor(public ifc: Interface) {}
}

/** Announces that some lease was bound (`true`) or lost (`false`). */
export const leaseChanged = new Signal()

/** The leases, in any order: at most one per interface. */
export const leases: Lease[] = []

export function leaseOf(ifc: Interface): Lease {
    return leases.find(l => l.ifc === ifc)
}
