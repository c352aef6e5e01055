/** Where an address of one's own comes from: a lease, or the pool of reserved addresses. */
import * as ds from "@devicescript/core"
import { ADDRESS_TIMEOUT } from "../base/config"
import { fail } from "../base/errors"
import { startLease } from "../dhcp/client"
import { LeaseState, holdsAddress, leaseChanged, leases } from "../dhcp/lease"
import { countConflict, forgetConflicts, probedBy, startProbe } from "../link/acd"
import { GATEWAY_COMMON, Interface, Owner, freeInterface, interfaces, setAddress } from "../link/interface"
import { addressesBetween, formatAddress } from "../wire/address"
import { AVOID, Pool, describePool, isOn, isShared, takeFrom } from "./pool"
import { readyInterfaces } from "./ready"
import { closeInterface } from "./release"
import { IN_TIME, need, unavailable } from "./wait"

export enum Source {
    Static,
    Dhcp,
}

let pool: Pool

/** The reserved addresses. */
export function setPool(reserved: Pool): void {
    pool = reserved
}

/** The pool, as owner of its interfaces' addresses. */
const staticOwner: Owner = {
    onAddress: () => leaseChanged.notify(true),
    onConflict: (ifc, address) => {
        const i = addressesBetween(pool.first, address)
        if (i >= 0) if (i < pool.count) pool.avoided.setAt(8 * i, "f64", ds.millis() + AVOID)
        setAddress(ifc, 0, 0, 0)
        leaseChanged.notify(false)
        countConflict(ifc)
        ifc.fail("ENETDOWN")
    },
}

/**
 * Make a network-layer interface with an address of its own (claims 12-14).
 * @param process group that owns it
 * @throws SocketError `EADDRNOTAVAIL` if there is no slot, no free address, or no answer from a DHCP server in time
 */
export async function openInterface(source: Source, process: number): Promise<Interface> {
    // prefer a lease that holds an address, then one to which an address was offered: both save a round trip; of several the first, as they
    // are listed
    let best = LeaseState.Idle
    let ifc: Interface
    if (source === Source.Dhcp)
        for (const i of readyInterfaces()) {
            let state = leases[i.slot].state
            // the address is there, a server has offered one, or neither
            if (holdsAddress(leases[i.slot])) state = LeaseState.Bound
            else if (state >= LeaseState.Requesting) state = LeaseState.Requesting
            else state = LeaseState.Init
            if (state > best) {
                best = state
                ifc = i
            }
        }
    const kept = ifc !== undefined
    if (!ifc) ifc = freeInterface()
    if (!ifc) fail("EADDRNOTAVAIL", `all ${interfaces.length - 1} addresses of this device are in use; end a call`)
    // taken before anything is awaited, so that fibers that ask at the same time get different slots
    ifc.process = process
    forgetConflicts(ifc)
    // another one is to be kept ready
    if (kept) leaseChanged.notify(false)
    const until = ds.millis() + ADDRESS_TIMEOUT
    try {
        if (source === Source.Dhcp) {
            if (best < LeaseState.Requesting) startLease(ifc)
            await need(leases[ifc.slot], until)
        } else {
            await need(leases[0], until)
            await takeStatic(ifc, until)
        }
    } catch (e) {
        await closeInterface(ifc)
        throw e
    }
    return ifc
}

async function takeStatic(ifc: Interface, until: number): Promise<void> {
    const common = interfaces[0]
    if (!isOn(pool, common))
        fail(
            "EADDRNOTAVAIL",
            `the reserved addresses ${describePool(pool)} are not on this LAN (${formatAddress(common.address)}); set POOL`
        )
    while (ifc.address === 0) {
        const left = until - ds.millis()
        if (left <= 0)
            throw unavailable(`no reserved address of ${describePool(pool)} was found free ${IN_TIME}; see that they are reserved, and ACD`)
        if (probedBy(ifc) !== 0) await leaseChanged.wait(left)
        else {
            const address = takeFrom(pool)
            if (address === 0) {
                let why = ""
                if (isShared(pool)) why = ", also by other hosts; see that they are reserved"
                throw unavailable(`all reserved addresses ${describePool(pool)} are in use${why}`)
            }
            let gateway = pool.gateway
            if (gateway === 0) gateway = GATEWAY_COMMON
            startProbe(ifc, staticOwner, address, pool.mask, gateway)
        }
    }
}
