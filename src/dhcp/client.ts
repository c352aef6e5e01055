/**
 * The DHCP client: what a lease does in each state (RFC 2131, figure 5), and what callers ask of it. `input.ts` makes events of
 * messages, `output.ts` messages of states, `lease.ts` has what is known of a lease.
 */
import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { DHCP_RETRANSMIT, DHCP_RETRANSMIT_MAX, INTERFACES } from "../base/config"
import { count, Counter } from "../base/counters"
import { deadlineOf, reserveTimers, setTimer } from "../base/timers"
import { neighbourOn, nextHop } from "../ip/output"
import { MAX_CONFLICTS, RATE_LIMIT_INTERVAL, countConflict, endClaim, forgetConflicts, isProbed, startProbe } from "../link/acd"
import { phy } from "../link/ethernet"
import { Interface, Owner, setAddress } from "../link/interface"
import { giveMac } from "../link/macs"
import { resolution } from "../link/neighbours"
import { ADDRESS_ANY, ADDRESS_BROADCAST, formatAddress, maskOf } from "../wire/address"
import { DHCPDECLINE, DHCPDISCOVER, DHCPRELEASE, DHCPREQUEST, DhcpReply } from "../wire/dhcp"
import { configure } from "./configuration"
import { Lease, LeaseState, holdsAddress, leaseChanged, leases } from "./lease"
import { send } from "./output"
import { noteRouters } from "./routers"

/** Requests without an answer before the client starts anew (RFC 2131, 3.1.5). */
const REQUEST_ATTEMPTS = 3
/**
 * A remembered address is asked for twice, and after 1 and 2 more seconds without an answer any other one: a server that
 * knows nothing of the client is silent (RFC 2131, 4.3.2). REBOOT_HASTE divides the usual back-off.
 */
const REBOOT_ATTEMPTS = 2
const REBOOT_HASTE = 8
/** Milliseconds in which a release must have left. */
const RELEASE_TIMEOUT = 1500

/** Unanswered REQUESTs after which one asks, on a link that has come up, whether another address is to be had: 4, 8, 16, 32 s. */
const CONFIRM_ATTEMPTS = 4
/** As `attempts` of a lease: it is renewed in time, and asks again as its time allows (RFC 2131, 4.4.5). */
const UNHURRIED = -1

const INFINITE = 0xffffffff
/** Milliseconds to wait after a NAK, so that a server which refuses for ever is not flooded. */
const NAK_PAUSE = 1000

/** Conflicts after which one who waits for an address waits no longer. */
export const CONFLICTS_FOR_CALLER = 4

function random(bits: number): number {
    return randomBuffer(4).getAt(0, "i32") >> (32 - bits)
}

/** What happens to a lease. */
export enum LeaseEvent {
    /** The deadline of its state has come. */
    Timer,
    /** Messages of a server that is asked. */
    Offer,
    Ack,
    Nak,
    /** The probe of its address has found nobody. */
    Free,
    /** Another host has its address. */
    Conflict,
    /** The link has come back, perhaps to another network. */
    Link,
}

/**
 * What a lease does in its state, as figure 5 of RFC 2131 has it. Probing is between its REQUESTING or SELECTING (rapid commit, RFC 4039)
 * and BOUND.
 *
 * | state | Timer | Offer | Ack | Nak | else |
 * | --- | --- | --- | --- | --- | --- |
 * | Init | DISCOVER: Selecting | | | | |
 * | InitReboot | REQUEST: Rebooting | | | | |
 * | Selecting | DISCOVER again | REQUEST: Requesting | rapid commit: Probing | | |
 * | Requesting, Rebooting | REQUEST again, at last Init | | Probing | Init | |
 * | Probing | | | | | Free: Bound; Conflict: DECLINE, Init |
 * | Bound | T1: REQUEST to the server: Renewing | | | | Conflict: DECLINE, lost; Link: Rebinding |
 * | Renewing | REQUEST again; T2: Rebinding | | Bound | lost | as Bound |
 * | Rebinding | REQUEST to all; on a new link at last Reselecting; its end: lost | | Bound | lost | as Bound |
 * | Reselecting | DISCOVER; its end: lost | the same address: REQUEST; another: lost | Bound | lost | as Bound |
 *
 * Lost is Init for the common interface, Idle for the others.
 * @param r the message, if it is one
 * @returns false if the event is none in this state, and nothing has happened
 */
export function transition(lease: Lease, event: LeaseEvent, now: number, r?: DhcpReply): boolean {
    const state = lease.state
    if (state === LeaseState.Idle) return false
    switch (event) {
        case LeaseEvent.Timer:
            onDeadline(lease, now)
            return true
        case LeaseEvent.Offer:
            if (state === LeaseState.Reselecting) {
                // a server is there that has not answered for the lease: it is not this network's, or has lost count of it
                if (r.address !== lease.address) loseAddress(lease, now, false)
                else {
                    lease.server = r.server
                    send(lease, DHCPREQUEST, ADDRESS_BROADCAST)
                }
                return true
            }
            if (state !== LeaseState.Selecting) return false
            lease.address = r.address
            lease.server = r.server
            lease.attempts = 0
            lease.state = LeaseState.Requesting
            onDeadline(lease, now)
            return true
        case LeaseEvent.Ack:
            if (state === LeaseState.Selecting) {
                if (!r.rapidCommit) return false
            } else {
                // the server may give another address than it has offered (RFC 2131, 3.1), but not in exchange for one in use
                if (holdsAddress(lease)) if (r.address !== lease.address) return false
                if (isProbed(r.address)) return false
            }
            accept(lease, r)
            return true
        case LeaseEvent.Nak:
            if (state === LeaseState.Selecting) return false
            count(Counter.DhcpNak)
            // what was remembered is refused once only, since it is asked for once
            if (state !== LeaseState.Rebooting) now += NAK_PAUSE
            if (holdsAddress(lease)) loseAddress(lease, now, false)
            else startAnew(lease, now)
            return true
        case LeaseEvent.Free:
            if (state !== LeaseState.Probing) return false
            lease.state = LeaseState.Bound
            setNextSend(lease, lease.renewAt)
            leaseChanged.notify(true)
            askAgain()
            return true
        case LeaseEvent.Conflict:
            decline(lease, now)
            return true
        default:
            onLink(lease, now)
            return true
    }
}

/** When the next message of each lease is due, or its end. */
const timers = reserveTimers(INTERFACES, (timer, now) => wake(leases[timer - timers], now))

export function setNextSend(lease: Lease, when: number): void {
    setTimer(timers + lease.ifc.slot, when)
}

/** `ds.millis()` at which the lease's next message is due; `Infinity` if none is. */
export function nextSendAt(lease: Lease): number {
    return deadlineOf(timers + lease.ifc.slot)
}

/** Do what is due at `now`. */
export function wake(lease: Lease, now: number): void {
    if (phy.up) transition(lease, LeaseEvent.Timer, now)
    // nothing is lost while the link is down but time
    else if (holdsAddress(lease)) {
        if (now < lease.expiresAt) return setNextSend(lease, lease.expiresAt)
        count(Counter.DhcpExpired)
        loseAddress(lease, now, false)
    }
}

/** The deadline of a lease's state: the next message, or the next state and its first one (RFC 2131, 4.4). */
function onDeadline(lease: Lease, now: number): void {
    switch (lease.state) {
        case LeaseState.Init:
            startExchange(lease, LeaseState.Selecting, now)
            break
        case LeaseState.InitReboot:
            startExchange(lease, LeaseState.Rebooting, now)
            lease.attempts = REQUEST_ATTEMPTS - REBOOT_ATTEMPTS
            break
        case LeaseState.Bound:
            startExchange(lease, LeaseState.Renewing, now)
            lease.attempts = UNHURRIED
            break
        case LeaseState.Renewing:
            if (now >= lease.rebindAt) lease.state = LeaseState.Rebinding
            if (lease.attempts > 0) lease.state = LeaseState.Rebinding
            break
        case LeaseState.Rebinding:
            if (lease.attempts >= CONFIRM_ATTEMPTS) startExchange(lease, LeaseState.Reselecting, now)
    }
    // a REQUEST for an offer repeats what its DISCOVER said (RFC 2131, 3.1, 3)
    if (lease.state !== LeaseState.Requesting) lease.secs = Math.min(((now - lease.started) / 1000) | 0, 0xffff)
    let type = DHCPREQUEST
    let to = ADDRESS_BROADCAST
    let end = Infinity
    switch (lease.state) {
        case LeaseState.Selecting:
            lease.outbid = false
            type = DHCPDISCOVER
            break
        case LeaseState.Rebooting:
        case LeaseState.Requesting:
            // the clock does not tell how much was left of a lease before a restart: unconfirmed, it is not used
            if (lease.attempts >= REQUEST_ATTEMPTS) return startAnew(lease, now)
            break
        case LeaseState.Renewing:
            to = lease.server
            end = lease.rebindAt
            break
        default:
            // Rebinding, Reselecting
            if (lease.state === LeaseState.Reselecting) type = DHCPDISCOVER
            end = lease.expiresAt
            if (now >= end) {
                count(Counter.DhcpExpired)
                return loseAddress(lease, now, false)
            }
    }
    send(lease, type, to)
    setNextSend(lease, repeatAt(lease, now, end))
}

/**
 * When a message is sent again, at the latest at `end`: a renewal that is in time after half of what is left, but not within a minute (RFC
 * 2131, 4.4.5); else after 4, 8, ... 64 s, each with a random part of +-1 s (4.1).
 */
function repeatAt(lease: Lease, now: number, end: number): number {
    const n = lease.attempts
    let wait: number
    if (n === UNHURRIED) wait = Math.max((end - now) / 2, Math.min(60000, lease.leaseTime * 125))
    else {
        lease.attempts = n + 1
        wait = Math.min(DHCP_RETRANSMIT << Math.min(n, 4), DHCP_RETRANSMIT_MAX) + random(11)
        if (lease.state === LeaseState.Rebooting) wait /= REBOOT_HASTE
    }
    // never before now
    return Math.max(now, Math.min(now + wait, end))
}

/** A new exchange: its time counts from its first message. */
function startExchange(lease: Lease, state: LeaseState, now: number): void {
    lease.attempts = 0
    lease.state = state
    lease.xid = random(32)
    lease.started = now
}

/** Begin with a DISCOVER at `when`. */
export function discoverAgain(lease: Lease, when: number): void {
    lease.state = LeaseState.Init
    setNextSend(lease, when)
    lease.address = 0
    lease.server = 0
    lease.leaseTime = 0
    lease.failure = undefined
    giveMac(lease.ifc)
}

/** As `discoverAgain`, and at once if `when` has come. */
export function startAnew(lease: Lease, when: number): void {
    discoverAgain(lease, when)
    const now = ds.millis()
    if (when <= now) wake(lease, now)
}

/** Take what an ACK grants: the lease counts from the moment when it was asked for (RFC 2131, 4.4.1 and 4.4.5). */
function accept(lease: Lease, r: DhcpReply): void {
    const ifc = lease.ifc
    lease.address = r.address
    lease.server = r.server
    let end = r.leaseTime
    if (end === INFINITE) end = Infinity
    const t2 = soonerThan(end, r.t2, end * 0.875)
    const t1 = soonerThan(t2, r.t1, end * 0.5)
    lease.leaseTime = end
    lease.renewAt = lease.started + t1 * 1000
    lease.rebindAt = lease.started + t2 * 1000
    lease.expiresAt = lease.started + end * 1000

    const held = holdsAddress(lease)
    const mask = maskFrom(lease, r)
    // what a renewal does not say stays as it was
    let said = 0
    if (held) said = r.routers
    let router = ifc.gateway
    if (said !== undefined) router = noteRouters(ifc, r)
    if (ifc.isCommon()) configure(r, held)
    if (held) {
        lease.state = LeaseState.Bound
        setNextSend(lease, lease.renewAt)
        forgetConflicts(ifc)
        setAddress(ifc, r.address, mask, router)
        return
    }
    lease.state = LeaseState.Probing
    setNextSend(lease, Infinity)
    startProbe(ifc, leaseOwner, r.address, mask, router)
    // without a probe it is bound by now
    if (lease.state === LeaseState.Probing) askAgain()
}

/** T1 or T2: what the server says if that is before `end`, else what is usual, but before it too (RFC 2131, 4.4.5). */
function soonerThan(end: number, said: number, usual: number): number {
    if (end !== Infinity) if (said > 0) if (said < end) return said
    return Math.min(usual, end * 0.9)
}

/** RFC 2132, 3.3: every server sends the mask; for one that does not, what it was, or what is usual on a LAN. */
export function maskFrom(lease: Lease, r: DhcpReply): number {
    if (r.mask !== undefined) return r.mask
    if (holdsAddress(lease)) return lease.ifc.mask
    return maskOf(24)
}

/** The leases, as owners of their interfaces' addresses. */
const leaseOwner: Owner = {
    onAddress: ifc => {
        transition(leases[ifc.slot], LeaseEvent.Free, ds.millis())
    },
    onConflict: ifc => {
        transition(leases[ifc.slot], LeaseEvent.Conflict, ds.millis())
    },
}

/** The lease has ended: its sockets learn that their network is down, and the client begins anew. @param conflict whether it is lost to another host */
function loseAddress(lease: Lease, notBefore: number, conflict: boolean): void {
    console.log(`dhcp: ${lease.ifc.name()} has lost ${formatAddress(lease.address)}`)
    setAddress(lease.ifc, ADDRESS_ANY, 0, 0)
    // the common interface wants an address for ever, the others only while their sockets live
    if (lease.ifc.isCommon()) discoverAgain(lease, notBefore)
    else forget(lease)
    lease.notBefore = notBefore
    if (!conflict) forgetConflicts(lease.ifc)
    leaseChanged.notify(false)
    lease.ifc.fail("ENETDOWN")
}

/**
 * Another host has the lease's address, which is probed or in use: the server is told, and the client begins anew.
 * @see RFC 2131, 3.1 (5) and 4.4.4
 */
function decline(lease: Lease, now: number): void {
    setAddress(lease.ifc, ADDRESS_ANY, 0, 0)
    send(lease, DHCPDECLINE, ADDRESS_BROADCAST)
    count(Counter.DhcpDeclined)
    // RFC 2131, 3.1 (5) wants ten seconds before the next DISCOVER, against a loop of the two; a caller waits less than that in all. So
    // its first conflict costs it nothing, the next ones a second each, and from the fourth on it is told; only a client that nobody
    // waits for goes on, at the RFC's pace, and in the end at that of RFC 5227, 2.1.1
    const conflicts = countConflict(lease.ifc)
    let again = now
    if (conflicts >= MAX_CONFLICTS) again += RATE_LIMIT_INTERVAL
    else if (conflicts >= CONFLICTS_FOR_CALLER) again += 10000
    else if (conflicts > 1) again += 1000
    if (holdsAddress(lease)) {
        loseAddress(lease, again, true)
        return
    }
    startAnew(lease, again)
    leaseChanged.notify(false)
}

/**
 * The link has come up, perhaps elsewhere. All servers are asked whether the address is right here (RFC 2131, 3.7); without an answer it is
 * used until its lease ends. Any other exchange begins anew: its servers, and how long they were silent, belong to the old link.
 */
function onLink(lease: Lease, now: number): void {
    switch (lease.state) {
        case LeaseState.Probing:
            // `claimAgain` probes once more
            return
        case LeaseState.Init:
        case LeaseState.Selecting:
        case LeaseState.Requesting:
            if (lease.notBefore > now) return setNextSend(lease, lease.notBefore)
            discoverAgain(lease, Infinity)
            break
        case LeaseState.InitReboot:
        case LeaseState.Rebooting:
            lease.state = LeaseState.InitReboot
            break
        default:
            startExchange(lease, LeaseState.Rebinding, now)
    }
    wake(lease, now)
}

/** The server knows now whose the address is that it had offered to several leases, and offers another to the others. */
function askAgain(): void {
    for (let slot = 0; slot < INTERFACES; slot++) {
        const l = leases[slot]
        if (l.outbid) if (l.state === LeaseState.Selecting) wake(l, ds.millis())
    }
}

/**
 * Start to obtain a lease for an interface. It is renewed until `releaseLease`.
 * @param remembered the address that it had before a restart, which is asked for first (RFC 2131, 3.2)
 */
export function startLease(ifc: Interface, remembered?: number): Lease {
    const lease = leases[ifc.slot]
    discoverAgain(lease, Infinity)
    if (remembered) {
        lease.state = LeaseState.InitReboot
        lease.address = remembered
    }
    wake(lease, ds.millis())
    return lease
}

/**
 * Tell the server that the address is free again (RFC 2131, 4.4.6). A release is not answered.
 * The interface keeps its address while the server's MAC address is asked for.
 */
async function sendRelease(lease: Lease): Promise<void> {
    // it must be granted
    if (lease.state < LeaseState.Probing) return
    if (!phy.up) return
    const held = lease.address
    // until the release has left, nothing else happens to this lease
    lease.state = LeaseState.Bound
    setNextSend(lease, Infinity)
    // a frame that waits for a neighbour gives way to the next one, so several releases at once wait here instead
    const until = ds.millis() + RELEASE_TIMEOUT
    // an address that is still probed may ask for nobody: its release is broadcast
    let server = ADDRESS_BROADCAST
    if (lease.ifc.address !== 0) {
        server = lease.server
        let hop = nextHop(lease.ifc, server)
        if (hop === 0) hop = server
        let n = neighbourOn(lease.ifc, hop)
        while (n) {
            const left = until - ds.millis()
            if (n.known) break
            if (left <= 0) break
            await resolution.wait(left)
            if (!isHeld(lease, held)) return
            n = neighbourOn(lease.ifc, hop)
        }
    }
    lease.xid = random(32)
    send(lease, DHCPRELEASE, server)
}

/** Whether a lease is still the one of this address: another fiber may have released it while this one waited. */
function isHeld(lease: Lease, address: number): boolean {
    if (!holdsAddress(lease)) return false
    return lease.address === address
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
    let notBefore = 0
    if (lease.ifc.isCommon()) notBefore = Infinity
    if (isHeld(lease, held)) loseAddress(lease, notBefore, false)
    return true
}

/** Ask now: for more time, or for an address if there is none. @returns whether there is one */
export function renewLease(lease: Lease): boolean {
    const now = ds.millis()
    if (lease.state === LeaseState.Probing) return false
    if (!holdsAddress(lease)) {
        lease.notBefore = 0
        startAnew(lease, now)
        return false
    }
    startExchange(lease, LeaseState.Renewing, now)
    wake(lease, now)
    return true
}

/** Drop the lease from those that are kept alive. */
export function forget(lease: Lease): void {
    endClaim(lease.ifc)
    lease.state = LeaseState.Idle
    lease.notBefore = 0
    setNextSend(lease, Infinity)
}
