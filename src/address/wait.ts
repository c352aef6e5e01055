/** Who waits for an address only waits: its lease, and the probe, go on by themselves. */
import * as ds from "@devicescript/core"
import { ADDRESS_TIMEOUT } from "../base/config"
import { SocketError } from "../base/errors"
import { CONFLICTS_FOR_CALLER } from "../dhcp/client"
import { Lease, LeaseState, holdsAddress, leaseChanged } from "../dhcp/lease"
import { conflictsOf } from "../link/acd"
import { phy } from "../link/ethernet"

export const IN_TIME = `within ${ADDRESS_TIMEOUT / 1000} s`

/** Wait for a lease's address. @throws SocketError `EADDRNOTAVAIL`, with the reason */
export async function need(lease: Lease, until: number): Promise<void> {
    if (await boundBefore(lease, until)) return
    let reason = lease.failure
    if (!reason) {
        if (conflictsOf(lease.ifc) > 0) reason = "other hosts use the addresses that the DHCP server gives; see that they are for it alone"
        else if (lease.state === LeaseState.Probing) reason = `the address is still being probed ${IN_TIME}; try again, or see ACD`
        else reason = `no DHCP server gave an address ${IN_TIME}; see that one runs on this LAN and has addresses left`
    }
    throw unavailable(reason)
}

/** @param reason unless there is no link */
export function unavailable(reason: string): SocketError {
    if (!phy.up) reason = `no link to ${phy.label}; see that the LAN is there`
    return new SocketError("EADDRNOTAVAIL", reason)
}

/** Wait until a lease holds an address. @returns whether it does */
export async function boundBefore(lease: Lease, until: number): Promise<boolean> {
    while (!holdsAddress(lease)) {
        const left = until - ds.millis()
        if (left <= 0) return false
        if (lease.state === LeaseState.Idle) return false
        if (conflictsOf(lease.ifc) >= CONFLICTS_FOR_CALLER) if (!lease.ifc.isCommon()) return false
        await leaseChanged.wait(left)
    }
    return true
}
