import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { DHCP_RETRANSMIT, DHCP_RETRANSMIT_MAX } from "../config"
import { counters } from "../counters"
import { ADDRESS_ANY, ADDRESS_BROADCAST, formatAddress } from "../wire/address"
import { DHCPDECLINE, DHCPDISCOVER, DHCPRELEASE, DHCPREQUEST } from "../wire/dhcp"
import { MAX_CONFLICTS, RATE_LIMIT_INTERVAL, countConflict, endClaim, forgetConflicts, isProbing, pollClaim } from "./acd"
import { send } from "./dhcp-output"
import { neighbourFor, phy } from "./egress"
import { Interface, setAddress } from "./interface"
import { Lease, LeaseState, leaseChanged, leaseOf, leases } from "./lease"
import { giveMac } from "./macs"
import { resolution } from "./neighbours"

/** Requests without an answer before the client starts anew (RFC 2131, 3.1.5). */
const REQUEST_ATTEMPTS = 3
/**
 * A remembered address is asked for twice, and after 1 and 2 more seconds without an answer any other one: a server that
 * knows nothing of the client is silent (RFC 2131, 4.3.2). What is waited otherwise, divided.
 */
const REBOOT_ATTEMPTS = 2
const REBOOT_HASTE = 8
/** Milliseconds in which a release must have left. */
const RELEASE_TIMEOUT = 1500

/** Conflicts after which one who waits for an address waits no longer. */
export const CONFLICTS_FOR_CALLER = 4

/**
 * Milliseconds between a DECLINE and the next DISCOVER. RFC 2131, 3.1 (5) wants ten seconds, against a loop of the two;
 * a caller waits less than that in all. So its first conflict costs it nothing, the next ones a second each, and from
 * the fourth on it is told; only a client that nobody waits for goes on, at the RFC's pace, and in the end at that of
 * RFC 5227, 2.1.1.
 */
function conflictPause(conflicts: number): number {
    if (conflicts < 2) return 0
    if (conflicts < CONFLICTS_FOR_CALLER) return 1000
    return conflicts < MAX_CONFLICTS ? 10000 : RATE_LIMIT_INTERVAL
}

function random(bits: number): number {
    return randomBuffer(4).getAt(0, "i32") >> (32 - bits)
}

/** RFC 2131, 4.1: 4 s, doubled each time up to 64 s, each with a random part of +-1 s. */
function backoff(attempts: number): number {
    return Math.min(DHCP_RETRANSMIT << Math.min(attempts, 4), DHCP_RETRANSMIT_MAX) + random(11)
}

/** Milliseconds until a renewal is tried again: half of what is left (RFC 2131, 4.4.5), but no torrent. */
function renewalWait(lease: Lease, now: number, end: number): number {
    const least = Math.min(60000, lease.leaseTime * 125)
    return Math.min(Math.max((end - now) / 2, least), Math.max(end - now, 0))
}

/** Begin anew at `when`. */
export function restart(lease: Lease, when: number): void {
    lease.state = LeaseState.Init
    lease.due = when
    lease.address = 0
    lease.server = 0
    lease.leaseTime = 0
    lease.failure = undefined
    giveMac(lease.ifc)
}

/** Do what is due for a lease at `now` (`ds.millis()`). @see RFC 2131, 4.4 */
export function pollLease(lease: Lease, now: number): void {
    if (lease.state === LeaseState.Probing) {
        pollClaim(lease.ifc, now)
        if (isProbing(lease.ifc)) return
        lease.state = LeaseState.Bound
        leaseChanged.notify(true)
        askAgain()
    }
    if (now < lease.due) return
    if (!phy.up) {
        // nothing is lost while the link is down but time
        if (lease.state >= LeaseState.Bound && now >= lease.expiresAt) expire(lease, now)
        return
    }
    if (lease.state === LeaseState.Init) {
        const remembered = lease.address !== 0
        begin(lease, remembered ? LeaseState.Rebooting : LeaseState.Selecting, now)
        lease.attempts = remembered ? REQUEST_ATTEMPTS - REBOOT_ATTEMPTS : 0
    } else if (lease.state === LeaseState.Bound) begin(lease, LeaseState.Renewing, now)
    else if (lease.state === LeaseState.Renewing && now >= lease.rebindAt) lease.state = LeaseState.Rebinding

    // a REQUEST for an offer repeats what its DISCOVER said (RFC 2131, 3.1, 3)
    if (lease.state !== LeaseState.Requesting) lease.secs = Math.min(Math.floor((now - lease.started) / 1000), 0xffff)
    switch (lease.state) {
        case LeaseState.Selecting:
            lease.outbid = false
            send(lease, DHCPDISCOVER, ADDRESS_BROADCAST)
            lease.due = now + backoff(lease.attempts++)
            break
        case LeaseState.Rebooting:
        case LeaseState.Requesting:
            // the clock does not tell how much was left of a lease before a restart: unconfirmed, it is not used
            if (lease.attempts >= REQUEST_ATTEMPTS) restart(lease, now)
            else {
                send(lease, DHCPREQUEST, ADDRESS_BROADCAST)
                lease.due = now + backoff(lease.attempts++) / (lease.state === LeaseState.Rebooting ? REBOOT_HASTE : 1)
            }
            break
        case LeaseState.Renewing:
            send(lease, DHCPREQUEST, lease.server)
            lease.due = now + renewalWait(lease, now, lease.rebindAt)
            break
        case LeaseState.Rebinding:
            if (now < lease.expiresAt) {
                send(lease, DHCPREQUEST, ADDRESS_BROADCAST)
                lease.due = now + renewalWait(lease, now, lease.expiresAt)
            } else expire(lease, now)
            break
    }
}

/** A new exchange: its time counts from its first message. */
function begin(lease: Lease, state: LeaseState, now: number): void {
    lease.state = state
    lease.xid = random(32)
    lease.started = now
}

/** The lease has ended: its sockets learn that their network is down, and the client begins anew. */
function expire(lease: Lease, now: number): void {
    counters.dhcpExpired++
    lose(lease, now, false)
}

/** @param conflict whether it is lost to another host */
export function lose(lease: Lease, restartAt: number, conflict: boolean): void {
    console.log(`dhcp: ${lease.ifc.name()} has lost ${formatAddress(lease.address)}`)
    setAddress(lease.ifc, ADDRESS_ANY, 0, 0)
    // the common interface wants an address for ever, the others only while their sockets live
    if (lease.ifc.isCommon()) restart(lease, restartAt)
    else {
        forget(lease)
        lease.due = restartAt
    }
    if (!conflict) forgetConflicts(lease.ifc)
    leaseChanged.notify(false)
    lease.ifc.fail("ENETDOWN")
}

/**
 * Another host has the lease's address, which is probed or in use: the server is told, and the client begins anew.
 * @see RFC 2131, 3.1 (5) and 4.4.4
 */
export function declineLease(lease: Lease): void {
    const now = ds.millis()
    setAddress(lease.ifc, ADDRESS_ANY, 0, 0)
    send(lease, DHCPDECLINE, ADDRESS_BROADCAST)
    counters.dhcpDeclined++
    const again = now + conflictPause(countConflict(lease.ifc))
    if (lease.state >= LeaseState.Bound) {
        lose(lease, again, true)
        return
    }
    restart(lease, again)
    pollLease(lease, now)
    leaseChanged.notify(false)
}

/** The server knows now whose the address is that it had offered to several leases, and offers another to the others. */
export function askAgain(): void {
    for (const l of leases)
        if (l.outbid && l.state === LeaseState.Selecting) {
            l.due = 0
            pollLease(l, ds.millis())
        }
}

/**
 * Start to obtain a lease for an interface. It is renewed until `releaseLease`.
 * @param remembered the address that it had before a restart, which is asked for first (RFC 2131, 3.2)
 */
export function startLease(ifc: Interface, remembered = ADDRESS_ANY): Lease {
    const lease = leaseOf(ifc)
    restart(lease, 0)
    lease.address = remembered
    pollLease(lease, ds.millis())
    return lease
}

/**
 * Tell the server that the address is free again (RFC 2131, 4.4.6). A release is not answered.
 * The interface keeps its address while the server's MAC address is asked for.
 */
async function sendRelease(lease: Lease): Promise<void> {
    if (lease.state < LeaseState.Probing || !phy.up) return
    const held = lease.address
    // until the release has left, nothing else happens to this lease
    lease.state = LeaseState.Bound
    lease.due = Infinity
    // a frame that waits for a neighbour gives way to the next one, so several releases at once wait here instead
    const until = ds.millis() + RELEASE_TIMEOUT
    // an address that is still probed may ask for nobody: its release is broadcast
    const server = lease.ifc.address === 0 ? ADDRESS_BROADCAST : lease.server
    let n = server === ADDRESS_BROADCAST ? undefined : neighbourFor(lease.ifc, server)
    while (n && !n.known && ds.millis() < until) {
        await resolution.wait(until - ds.millis())
        if (!isHeld(lease, held)) return
        n = neighbourFor(lease.ifc, lease.server)
    }
    lease.xid = random(32)
    send(lease, DHCPRELEASE, server)
}

/** Whether a lease is still the one of this address: another fiber may have released it while this one waited. */
function isHeld(lease: Lease, address: number): boolean {
    return lease.state >= LeaseState.Bound && lease.address === address
}

/** Give the address back and forget the lease. */
export async function releaseLease(lease: Lease): Promise<void> {
    await sendRelease(lease)
    forget(lease)
    lease.server = 0
    setAddress(lease.ifc, ADDRESS_ANY, 0, 0)
    leaseChanged.notify(false)
}

/** Give the address back although sockets use it: they learn that their network is down. @returns whether there was one */
export async function releaseAddress(lease: Lease): Promise<boolean> {
    const held = lease.address
    if (!isHeld(lease, held)) return false
    await sendRelease(lease)
    if (isHeld(lease, held)) lose(lease, Infinity, false)
    return true
}

/** Ask now: for more time, or for an address if there is none. @returns whether there is one */
export function renewLease(lease: Lease): boolean {
    const held = lease.state >= LeaseState.Bound
    if (lease.state === LeaseState.Probing) return false
    if (held) lease.state = LeaseState.Bound
    else restart(lease, 0)
    lease.due = 0
    pollLease(lease, ds.millis())
    return held
}

/** Whether a lease that was lost may be asked for anew: not at once, lest two who are at odds wear out the server's pool. */
export function mayStart(lease: Lease): boolean {
    return lease.due === Infinity || ds.millis() >= lease.due
}

/**
 * The link has come back, perhaps to another network: all servers are asked whether the address is right here (RFC 2131,
 * 3.7). Without an answer it is used until its lease ends.
 */
export function confirmLease(lease: Lease): void {
    if (lease.state < LeaseState.Bound) return
    begin(lease, LeaseState.Rebinding, ds.millis())
    lease.due = 0
}

/** Drop the lease from those that are kept alive. */
export function forget(lease: Lease): void {
    endClaim(lease.ifc)
    lease.state = LeaseState.Idle
    lease.due = Infinity
}
