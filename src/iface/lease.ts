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
    dns = 0
    /** Seconds; `Infinity` for a lease that never ends. */
    leaseTime = 0
    /** `ds.millis()` of T1, T2 and the end. */
    renewAt = 0
    rebindAt = 0
    expiresAt = 0
    /** Announces `true` when bound, `false` when the address is lost. */
    changed = new Signal()

    constructor(public ifc: Interface) {}
}

/** The leases, in any order: at most one per interface. */
export const leases: Lease[] = []

export function leaseOf(ifc: Interface): Lease {
    return leases.find(l => l.ifc === ifc)
}
