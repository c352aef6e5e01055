import * as ds from "@devicescript/core"
import { ADDRESS_TIMEOUT } from "../config"
import { SocketError } from "../errors"
import { Phy } from "../phy/phy"
import { formatAddress } from "../wire/address"
import { giveCommonMac } from "./macs"
import { ageNeighbours, neighbours, removeNeighbour } from "./neighbours"
import { dhcpInput, forgetServer, pollLease, releaseLease, startLease } from "./dhcp"
import { announce, followLink, phy, sendRequest, setPhy } from "./egress"
import { receive, setDhcpInput } from "./ingress"
import { FREE, Interface, freeInterface, interfaceOnLink, interfaces, setAddress } from "./interface"
import { Lease, LeaseState, leaseChanged, leaseOf, leases } from "./lease"
import { Pool, gatewayOf } from "./pool"

/** Where an address of its own comes from. */
export enum Source {
    Static,
    Dhcp,
}

/** The process that owns the common interface: whoever is no call. */
const COMMON_PROCESS = 0
/** What owns an interface whose lease is kept ready for whoever asks next, and one that is no longer wanted. */
const READY = -2
const SURPLUS = -3

const TICK = 250

let pool: Pool
/** Leases to keep ready. */
let warm = 0

/** Start the network layer on a PHY: the common interface asks for its address at once. */
export function startInterfaces(p: Phy, reserved: Pool): void {
    pool = reserved
    setPhy(p)
    setDhcpInput(dhcpInput)
    interfaces[0].process = COMMON_PROCESS
    startLease(interfaces[0])
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
        if (ifc.address !== 0) announce(ifc)
        // what another server refused, this one may give
        else if (ifc.process === READY && leaseOf(ifc).failure) startLease(ifc)
    }
    poll()
}

function poll(): void {
    const now = ds.millis()
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
    // one whose lease has ended begins anew
    for (const ifc of ready) if (leaseOf(ifc).state === LeaseState.Idle) startLease(ifc)
    for (let missing = warm - ready.length; missing > 0; missing--) {
        const ifc = freeInterface()
        if (!ifc) return
        ifc.process = READY
        startLease(ifc)
    }
}

async function housekeeping() {
    while (true) {
        await ds.sleep(TICK)
        poll()
    }
}

/**
 * Wait until the common interface has an address.
 * @param timeout milliseconds
 * @returns whether it has one
 */
export async function commonReady(timeout: number): Promise<boolean> {
    return await boundWithin(leaseOf(interfaces[0]), timeout)
}

/** Wait for the common address as for any other. @throws SocketError `EADDRNOTAVAIL` */
export async function needCommon(): Promise<void> {
    await need(leaseOf(interfaces[0]))
}

async function need(lease: Lease): Promise<void> {
    if (await boundWithin(lease, ADDRESS_TIMEOUT)) return
    throw new SocketError(
        "EADDRNOTAVAIL",
        lease.failure ||
            (phy.up
                ? `no DHCP server gave an address within ${ADDRESS_TIMEOUT / 1000} s; see that one runs on this LAN and has addresses left`
                : `no link to ${phy.description}; see that the LAN is there`)
    )
}

async function boundWithin(lease: Lease, timeout: number): Promise<boolean> {
    const until = ds.millis() + timeout
    while (lease.state < LeaseState.Bound) {
        const left = until - ds.millis()
        if (left <= 0 || lease.state === LeaseState.Idle) return false
        await leaseChanged.wait(left)
    }
    return true
}

/**
 * Make a network-layer interface with an address of its own (claims 12-14).
 * @param process who owns it
 * @throws SocketError `EADDRNOTAVAIL` if there is no slot, no free address, or no answer from a DHCP server in time
 */
export async function openInterface(source: Source, process: number): Promise<Interface> {
    // one that is not bound yet is nearer to it than a new one
    const ready = source === Source.Dhcp ? interfaces.find(i => i.process === READY) : undefined
    const ifc = ready || freeInterface()
    if (!ifc)
        throw new SocketError("EADDRNOTAVAIL", `all ${interfaces.length - 1} addresses of this device are in use; end a call`)
    // taken before anything is awaited, so that fibers that ask at the same time get different slots
    ifc.process = process
    try {
        if (source === Source.Dhcp) await need(ready ? leaseOf(ifc) : startLease(ifc))
        else {
            await needCommon()
            takeStatic(ifc)
        }
    } catch (e) {
        await closeInterface(ifc)
        throw e
    }
    return ifc
}

function takeStatic(ifc: Interface): void {
    const common = interfaces[0]
    if (!pool.isOn(common))
        throw new SocketError(
            "EADDRNOTAVAIL",
            `the reserved addresses ${pool.describe()} are not on this LAN (${formatAddress(common.address)}); set POOL`
        )
    const address = pool.take()
    if (address === 0) throw new SocketError("EADDRNOTAVAIL", `all reserved addresses ${pool.describe()} are in use`)
    setAddress(ifc, address, pool.mask, gatewayOf(pool))
    announce(ifc)
}

/** Take an interface and its address away; a leased address goes back to its server (claims 36-38). */
export async function closeInterface(ifc: Interface): Promise<void> {
    await releaseLease(leaseOf(ifc))
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
