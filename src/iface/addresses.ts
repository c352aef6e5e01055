import * as ds from "@devicescript/core"
import { ADDRESS_TIMEOUT } from "../config"
import { SocketError } from "../errors"
import { Phy } from "../phy/phy"
import { formatAddress, isUnicast } from "../wire/address"
import { claimAgain, claimDue, conflictsOf, countConflict, forgetConflicts, isProbing, pollClaim, setOnConflict, startProbe } from "./acd"
import { forgetServer, giveCommonMac } from "./macs"
import { ageNeighbours, neighbours, removeNeighbour } from "./neighbours"
import { CONFLICTS_FOR_CALLER, confirmLease, declineLease, mayStart, pollLease, releaseLease, startLease } from "./dhcp"
import { dhcpInput } from "./dhcp-input"
import { followLink, phy, sendRequest, setPhy } from "./egress"
import { receive, setDhcpInput } from "./ingress"
import { FREE, Interface, freeInterface, interfaceOnLink, interfaces, setAddress } from "./interface"
import { Lease, LeaseState, leaseChanged, leaseOf, leases } from "./lease"
import { Pool, gatewayOf } from "./pool"

/** Where an address of its own comes from. */
export enum Source {
    Static,
    Dhcp,
}

/** The process group that owns the common interface: whoever is no call. */
const COMMON_PROCESS = 0
/** What owns an interface whose lease is kept ready for whoever asks next, and one that is no longer wanted. */
const READY = -2
const SURPLUS = -3

const TICK = 250
/** Milliseconds between two writes of the common address to flash. */
const MEMORY_INTERVAL = 3600000
const IN_TIME = `within ${ADDRESS_TIMEOUT / 1000} s`

let pool: Pool
/** Leases to keep ready. */
let warm = 0

/** What outlives a restart: the common address, so that it is asked for again (RFC 2131, 3.2). */
export interface Memory {
    /** `undefined` if none is remembered. */
    address: number
    /** Remember another one. */
    keep(address: number): Promise<void>
}
let memory: Memory

/**
 * Start the network layer on a PHY: the common interface asks for its address at once.
 * @param remembers where the common address outlives a restart; without it, it does not
 */
export function startInterfaces(p: Phy, reserved: Pool, remembers?: Memory): void {
    pool = reserved
    memory = remembers
    setPhy(p)
    setDhcpInput(dhcpInput)
    setOnConflict(onConflict)
    interfaces[0].process = COMMON_PROCESS
    // what is remembered may be nonsense; whether it is an address of this network is for the server to say
    startLease(interfaces[0], memory && isUnicast(memory.address) ? memory.address : 0)
    housekeeping.start()
    p.start(receive, onLink)
}

function onLink(up: boolean): void {
    followLink()
    console.log(`phy: ${up ? "up" : "down"}, ${phy.description}`)
    if (!up) {
        forgetServer()
        return
    }
    for (const ifc of interfaces) {
        claimAgain(ifc)
        confirmLease(leaseOf(ifc))
        // what another server refused, this one may give
        if (ifc.process === READY && leaseOf(ifc).failure) startLease(ifc)
    }
    poll()
}

/** Another host has an address that is probed or in use, and keeps it. */
function onConflict(ifc: Interface, address: number): void {
    console.log(`acd: ${ifc.name()} cannot have ${formatAddress(address)}, another host does`)
    const lease = leaseOf(ifc)
    if (lease.state !== LeaseState.Idle) {
        declineLease(lease)
        return
    }
    pool.avoid(address)
    setAddress(ifc, 0, 0, 0)
    leaseChanged.notify(false)
    countConflict(ifc)
    ifc.fail("ENETDOWN")
}

function poll(): void {
    const now = ds.millis()
    for (const ifc of interfaces) pollClaim(ifc, now)
    for (const lease of leases) pollLease(lease, now)
    // nobody can answer while the link is down
    if (phy.up) ageNeighbours(now, sendRequest)
    refill()
}

/**
 * Keep leases ready and renewed, so that a caller gets an address without waiting for a server: the warm pool. One that
 * is taken is replaced within a quarter of a second, as long as there are free interfaces. What is more than `count` is
 * given back.
 */
export async function keepReady(count: number): Promise<void> {
    warm = count
    const surplus = readyInterfaces().slice(count)
    // none of them is for a caller while the others are given back
    for (const ifc of surplus) ifc.process = SURPLUS
    for (const ifc of surplus) await closeInterface(ifc)
    refill()
}

function readyInterfaces(): Interface[] {
    return interfaces.filter(i => i.process === READY)
}

function refill(): void {
    // while the common interface has no address, no server answers
    if (interfaces[0].address === 0) return
    const ready = readyInterfaces()
    // one whose lease has ended begins anew, unless the server has none for it
    for (const ifc of ready) {
        const lease = leaseOf(ifc)
        if (lease.state === LeaseState.Idle && !lease.failure && mayStart(lease)) startLease(ifc)
    }
    for (let missing = warm - ready.length; missing > 0; missing--) {
        const ifc = freeInterface()
        if (!ifc) return
        ifc.process = READY
        startLease(ifc)
    }
}

async function housekeeping() {
    let written = -Infinity
    while (true) {
        await ds.sleep(TICK)
        poll()
        // flash wears: only an address that is another one is written, and not each one of many
        const address = interfaces[0].address
        const now = ds.millis()
        if (memory && address !== 0 && address !== memory.address && now - written >= MEMORY_INTERVAL) {
            written = now
            memory.address = address
            await memory.keep(address)
        }
    }
}

/**
 * Wait until the common interface has an address.
 * @param timeout milliseconds
 * @returns whether it has one
 */
export async function commonReady(timeout: number): Promise<boolean> {
    return await boundBefore(leaseOf(interfaces[0]), ds.millis() + timeout)
}

/** Wait for the common address as for any other. @throws SocketError `EADDRNOTAVAIL` */
export async function needCommon(): Promise<void> {
    await need(leaseOf(interfaces[0]), ds.millis() + ADDRESS_TIMEOUT)
}

async function need(lease: Lease, until: number): Promise<void> {
    if (await boundBefore(lease, until)) return
    let reason = lease.failure
    if (!reason) {
        if (conflictsOf(lease.ifc) > 0)
            reason = "other hosts use the addresses that the DHCP server gives; see that they are for it alone"
        else if (lease.state === LeaseState.Probing) reason = `the address is still being probed ${IN_TIME}; try again, or see ACD`
        else reason = `no DHCP server gave an address ${IN_TIME}; see that one runs on this LAN and has addresses left`
    }
    throw unavailable(reason)
}

/** @param reason unless there is no link */
function unavailable(reason: string): SocketError {
    return new SocketError("EADDRNOTAVAIL", phy.up ? reason : `no link to ${phy.description}; see that the LAN is there`)
}

async function boundBefore(lease: Lease, until: number): Promise<boolean> {
    while (lease.state < LeaseState.Bound) {
        const left = until - ds.millis()
        if (left <= 0 || lease.state === LeaseState.Idle) return false
        if (conflictsOf(lease.ifc) >= CONFLICTS_FOR_CALLER && !lease.ifc.isCommon()) return false
        await followProbe(lease.ifc, left)
        if (lease.state === LeaseState.Probing) pollLease(lease, ds.millis())
    }
    return true
}

/** Wait until something has happened, or the probe of this interface goes on: housekeeping comes by too seldom for it. */
async function followProbe(ifc: Interface, timeout: number): Promise<void> {
    const wait = claimDue(ifc) - ds.millis()
    // what is overdue waits for the link
    await leaseChanged.wait(isProbing(ifc) ? Math.min(timeout, wait > 0 ? wait : TICK) : timeout)
}

/** Whether anybody has a socket, or an interface. */
export function inUse(): boolean {
    return interfaces.find(i => i.endpoints || (i.process !== FREE && i.process !== READY && !i.isCommon())) !== undefined
}

/**
 * Make a network-layer interface with an address of its own (claims 12-14).
 * @param process group that owns it
 * @throws SocketError `EADDRNOTAVAIL` if there is no slot, no free address, or no answer from a DHCP server in time
 */
export async function openInterface(source: Source, process: number): Promise<Interface> {
    const kept = source === Source.Dhcp ? readyInterfaces() : []
    // one that an address was given or offered to is nearer to it than a new one; that of another is only asked for
    const ready = kept.find(i => leaseOf(i).state === LeaseState.Bound) || kept.find(i => leaseOf(i).state > LeaseState.Selecting)
    const ifc = ready || kept[0] || freeInterface()
    if (!ifc)
        throw new SocketError("EADDRNOTAVAIL", `all ${interfaces.length - 1} addresses of this device are in use; end a call`)
    // taken before anything is awaited, so that fibers that ask at the same time get different slots
    ifc.process = process
    forgetConflicts(ifc)
    const until = ds.millis() + ADDRESS_TIMEOUT
    try {
        if (source === Source.Dhcp) await need(ready ? leaseOf(ifc) : startLease(ifc), until)
        else {
            await need(leaseOf(interfaces[0]), until)
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
    if (!pool.isOn(common))
        throw new SocketError(
            "EADDRNOTAVAIL",
            `the reserved addresses ${pool.describe()} are not on this LAN (${formatAddress(common.address)}); set POOL`
        )
    while (ifc.address === 0) {
        const left = until - ds.millis()
        if (left <= 0) throw unavailable(`no reserved address of ${pool.describe()} was found free ${IN_TIME}; see that they are reserved, and ACD`)
        if (isProbing(ifc)) {
            await followProbe(ifc, left)
            pollClaim(ifc, ds.millis())
        } else {
            const address = pool.take()
            if (address === 0)
                throw unavailable(
                    `all reserved addresses ${pool.describe()} are in use${pool.isShared() ? ", also by other hosts; see that they are reserved" : ""}`
                )
            startProbe(ifc, address, pool.mask, gatewayOf(pool))
        }
    }
}

/** Take an interface and its address away; a leased address goes back to its server (claims 36-38). */
export async function closeInterface(ifc: Interface): Promise<void> {
    await releaseLease(leaseOf(ifc))
    forgetConflicts(ifc)
    giveCommonMac(ifc)
    ifc.rx = 0
    ifc.tx = 0
    ifc.dscp = 0
    ifc.process = FREE
    for (const n of neighbours.slice())
        if (n.ifc === ifc) {
            const other = interfaceOnLink(n.address)
            if (other) n.ifc = other
            else removeNeighbour(n)
        }
}
