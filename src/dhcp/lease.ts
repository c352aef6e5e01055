/** What is known of a lease: its state (RFC 2131, figure 5), server and times. `client.ts` moves it from state to state. */
import { INTERFACES } from "../base/config"
import { collect } from "../base/heap"
import { Signal } from "../base/signal"
import { Interface, interfaces } from "../link/interface"

/** States of a DHCP client (RFC 2131, figure 5), and what it needs beside: nothing to do, and the probe of RFC 5227. */
export enum LeaseState {
    /** The interface needs no lease. */
    Idle,
    Init,
    /** An address is remembered, and to be asked for. */
    InitReboot,
    Rebooting,
    Selecting,
    Requesting,
    /** The address was given and is being probed (RFC 2131, 4.4.1). */
    Probing,
    Bound,
    Renewing,
    Rebinding,
    /** Nobody has confirmed the address on a link that has come up: is another to be had? (RFC 4436, 1.1) */
    Reselecting,
}

/** Whether its address is in use. */
export function holdsAddress(lease: Lease): boolean {
    return lease.state >= LeaseState.Bound
}

/** The lease of one interface: one state machine per address. */
export class Lease {
    state = LeaseState.Idle
    /** Tells the answers for this lease from those for the others, which come to the same port. */
    xid = 0
    /** `ds.millis()` before which it is not started anew: two who are at odds shall not wear out the server's pool. */
    notBefore = 0
    /** `ds.millis()` of the first message of this exchange. */
    started = 0
    /** Whole seconds since then, as the latest DISCOVER or renewal said. */
    secs = 0
    /** Messages of this exchange so far; -1 for a renewal that has time. */
    attempts = 0
    /** The address offered, or held. */
    address = 0
    server = 0
    /** Seconds; `Infinity` for a lease that never ends. */
    leaseTime = 0
    /** `ds.millis()` of T1, of T2 and of the end. */
    renewAt = 0
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
for (let slot = 0; slot < INTERFACES; slot++) {
    leases.push(new Lease(interfaces[slot]))
    collect()
}

export function leaseOf(ifc: Interface): Lease {
    return leases[ifc.slot]
}
