import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { DHCP_RETRANSMIT, DHCP_RETRANSMIT_MAX } from "../config"
import { counters } from "../counters"
import { ADDRESS_ANY, ADDRESS_BROADCAST, formatAddress, isHostPart, isUnicast, maskOf, prefixOf } from "../wire/address"
import {
    DHCPACK,
    DHCPDECLINE,
    DHCPDISCOVER,
    DHCPNAK,
    DHCPOFFER,
    DHCPRELEASE,
    DHCPREQUEST,
    DHCP_CLIENT_PORT,
    DHCP_LENGTH,
    DHCP_OPTIONS,
    DHCP_SERVER_PORT,
    DHCP_XID,
    DhcpReply,
    DhcpRequest,
    readDhcp,
    writeDhcp,
} from "../wire/dhcp"
import { IPV4_HEADER, PROTOCOL_UDP } from "../wire/ipv4"
import { UDP_HEADER, UDP_SRC_PORT, writeUdp, writeUdpChecksum } from "../wire/udp"
import { MAX_CONFLICTS, RATE_LIMIT_INTERVAL, countConflict, endClaim, forgetConflicts, isProbed, isProbing, pollClaim, startProbe } from "./acd"
import { configure } from "./configuration"
import { Output, TX_IP, allocate, neighbourFor, output, phy } from "./egress"
import { udpChecksumHolds } from "./ingress"
import { Interface, interfaceOf, setAddress } from "./interface"
import { Lease, LeaseState, leaseChanged, leaseOf, leases } from "./lease"
import { giveCommonMac, giveOwnMac, hasOwnMac, severalMacs } from "./macs"
import { resolution } from "./neighbours"

const INFINITE = 0xffffffff
/** Requests without an answer before the client starts anew (RFC 2131, 3.1.5). */
const REQUEST_ATTEMPTS = 3
/**
 * A remembered address is asked for twice, and after 1 and 2 more seconds without an answer any other one: a server that
 * knows nothing of the client is silent (RFC 2131, 4.3.2). What is waited otherwise, divided.
 */
const REBOOT_ATTEMPTS = 2
const REBOOT_HASTE = 8
/** Milliseconds to wait after a NAK, so that a server which refuses for ever is not flooded. */
const NAK_PAUSE = 1000
/** Milliseconds in which a release must have left. */
const RELEASE_TIMEOUT = 1500

/** What a caller is told who cannot have an address for want of a MAC address. */
const ONE_EACH =
    "the DHCP server gives one address per hardware address, and this PHY has only one: use a reserved address, or a server that heeds client identifiers"

/**
 * Whether the server has been seen to know its clients by their hardware address alone, against RFC 2131, 4.2: new
 * leases are for interfaces with MAC addresses of their own then, from the first message on.
 */
let oneEach = false

/** The link has gone; what comes next may be another one. */
export function forgetServer(): void {
    oneEach = false
    if (!severalMacs) phy.promiscuous(false)
}

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

/** Start of the name that each lease gives to its server (option 12); its interface's slot follows. */
let hostName = "tuplephone"
export function setHostName(name: string): void {
    hostName = name
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

function send(lease: Lease, type: number, dst: number): Output {
    const ifc = lease.ifc
    const last = type === DHCPRELEASE || type === DHCPDECLINE
    // who declines an address has none, even if it was in use until now
    const held = lease.state >= LeaseState.Bound && type !== DHCPDECLINE
    const q = new DhcpRequest()
    q.xid = lease.xid
    q.secs = last ? 0 : lease.secs
    q.broadcast = !held && !last
    q.rapidCommit = type === DHCPDISCOVER
    q.iaid = ifc.slot
    q.hostName = `${hostName}-${ifc.slot}`
    q.macHigh = ifc.macHigh
    q.macLow = phy.macLow
    if (held) q.ciaddr = lease.address
    else if (type !== DHCPDISCOVER) q.requested = lease.address
    if (last || (type === DHCPREQUEST && !held)) q.server = lease.server

    const b = allocate(ifc, PROTOCOL_UDP, 0, dst, UDP_HEADER + DHCP_LENGTH)
    const ip = TX_IP
    const udp = ip + IPV4_HEADER
    writeUdp(b, udp, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DHCP_LENGTH)
    writeDhcp(b, udp + UDP_HEADER, type, q, phy.macHigh, phy.macLow)
    writeUdpChecksum(b, ip, udp, UDP_HEADER + DHCP_LENGTH)
    counters.dhcpTx++
    return output(ifc, b, dst)
}

/** Begin anew at `when`. */
function restart(lease: Lease, when: number): void {
    lease.state = LeaseState.Init
    lease.due = when
    lease.address = 0
    lease.server = 0
    lease.leaseTime = 0
    lease.failure = undefined
    if (oneEach && !lease.ifc.isCommon()) giveOwnMac(lease.ifc)
    else giveCommonMac(lease.ifc)
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
function lose(lease: Lease, restartAt: number, conflict: boolean): void {
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

/** Take a datagram to the client's port. @param length of the datagram, UDP header included */
export function dhcpInput(b: Buffer, ip: number, udp: number, length: number): void {
    counters.dhcpRx++
    const port = (b[udp + UDP_SRC_PORT] << 8) | b[udp + UDP_SRC_PORT + 1]
    if (port !== DHCP_SERVER_PORT || length < UDP_HEADER + DHCP_OPTIONS) {
        counters.dhcpBad++
        return
    }
    const dhcp = udp + UDP_HEADER
    const lease = leaseAsking(b.getAt(dhcp + DHCP_XID, "i32"))
    // first of all, so that a flood of answers to nobody costs little
    if (!lease) {
        counters.dhcpForeign++
        return
    }
    if (!udpChecksumHolds(b, ip, udp, length)) {
        counters.udpBadChecksum++
        return
    }
    const ifc = lease.ifc
    const r = readDhcp(b, dhcp, length - UDP_HEADER, ifc.macHigh, phy.macLow, phy.macHigh, phy.macLow)
    if (!r) counters.dhcpBad++
    else if (lease.state === LeaseState.Idle) giveBack(lease, r)
    else if (r.iaid !== undefined && r.iaid !== lease.ifc.slot) counters.dhcpForeign++
    else if (r.type === DHCPNAK) onNak(lease, r)
    else if (r.type === DHCPOFFER || r.type === DHCPACK) onGrant(lease, r)
    else counters.dhcpForeign++
}

/** The lease that waits for an answer with this transaction identifier, or did so when it was given up; else `undefined`. */
function leaseAsking(xid: number): Lease {
    for (const l of leases)
        if (l.xid === xid && l.state !== LeaseState.Init && l.state !== LeaseState.Probing && l.state !== LeaseState.Bound) return l
    return undefined
}

/** What is granted to a lease that was given up meanwhile goes back, once: nobody else knows that it is not used. */
function giveBack(lease: Lease, r: DhcpReply): void {
    if (r.type !== DHCPACK || lease.xid === 0 || r.server === undefined || interfaceOf(r.address)) {
        counters.dhcpForeign++
        return
    }
    lease.address = r.address
    lease.server = r.server
    lease.state = LeaseState.Bound
    send(lease, DHCPRELEASE, ADDRESS_BROADCAST)
    forget(lease)
    lease.server = 0
    lease.xid = 0
}

/** Whether any server may answer, because all were asked (RFC 2131, 4.4.2 and 4.4.5). */
function asksAll(lease: Lease): boolean {
    return lease.state === LeaseState.Rebooting || lease.state === LeaseState.Rebinding
}

/** Only the server that we asked may refuse, and only while it is being asked (RFC 2131, 4.4.1 and 4.4.5). */
function onNak(lease: Lease, r: DhcpReply): void {
    if (
        r.server === undefined ||
        lease.state === LeaseState.Selecting ||
        (r.server !== lease.server && !asksAll(lease))
    ) {
        counters.dhcpForeign++
        return
    }
    counters.dhcpNak++
    const again = ds.millis() + NAK_PAUSE
    if (lease.state >= LeaseState.Bound) lose(lease, again, false)
    else {
        // what was remembered is refused once only, since it is asked for once
        restart(lease, lease.state === LeaseState.Rebooting ? 0 : again)
        pollLease(lease, ds.millis())
    }
}

function onGrant(lease: Lease, r: DhcpReply): void {
    const holder = interfaceOf(r.address)
    if (holder && holder !== lease.ifc && isSameClient(lease, leaseOf(holder), r)) {
        setApart(lease)
        return
    }
    if (
        !isUnicast(r.address) ||
        !isHostPart(r.address, maskFrom(r)) ||
        r.server === undefined ||
        !isUnicast(r.server) ||
        !(r.leaseTime > 0) ||
        (r.mask !== undefined && prefixOf(r.mask) < 1) ||
        (holder && holder !== lease.ifc)
    ) {
        counters.dhcpBad++
        return
    }
    if (lease.state === LeaseState.Selecting) {
        // a server that reserves nothing by its offers (dnsmasq) offers one address to all who ask at a time
        if (isProbed(r.address) || leases.find(l => l !== lease && l.address === r.address && l.state !== LeaseState.Idle)) lease.outbid = true
        else if (r.type === DHCPOFFER) {
            lease.address = r.address
            lease.server = r.server
            lease.state = LeaseState.Requesting
            lease.attempts = 0
            lease.due = 0
            pollLease(lease, ds.millis())
        } else if (r.rapidCommit) bind(lease, r)
        else counters.dhcpForeign++
    } else if (
        r.type === DHCPACK &&
        r.address === lease.address &&
        !isProbed(r.address) &&
        (r.server === lease.server || asksAll(lease))
    )
        bind(lease, r)
    else counters.dhcpForeign++
}

/**
 * Whether an offer, or what follows one, is of a lease that the same server has given another of our interfaces: to it,
 * both are one client. What is not bound yet proves nothing, since a server may offer one address to several clients.
 */
function isSameClient(lease: Lease, held: Lease, r: DhcpReply): boolean {
    return (
        lease.state < LeaseState.Bound &&
        held.state >= LeaseState.Bound &&
        held.server === r.server &&
        !hasOwnMac(lease.ifc)
    )
}

/** Ask again at once, as another client: with a MAC address of its own. Without one, the lease has failed. */
function setApart(lease: Lease): void {
    counters.dhcpSameClient++
    if (phy.promiscuous(true)) {
        if (!oneEach) console.log("dhcp: the server gives one address per hardware address; each lease takes one of its own")
        oneEach = true
        restart(lease, 0)
        giveOwnMac(lease.ifc)
        pollLease(lease, ds.millis())
    } else if (!lease.ifc.isCommon()) {
        forget(lease)
        lease.failure = ONE_EACH
        leaseChanged.notify(false)
    }
}

/** RFC 2132, 3.3: every server sends the mask; for one that does not, what is usual on a LAN. */
function maskFrom(r: DhcpReply): number {
    return r.mask === undefined ? maskOf(24) : r.mask
}

/** RFC 2131, 4.4.1 and 4.4.5: the lease counts from the moment when it was asked for. */
function bind(lease: Lease, r: DhcpReply): void {
    const fresh = lease.state < LeaseState.Bound
    const ifc = lease.ifc
    lease.address = r.address
    lease.server = r.server
    lease.leaseTime = r.leaseTime === INFINITE ? Infinity : r.leaseTime
    const t2 = r.t2 > 0 && r.t2 < r.leaseTime ? r.t2 : r.leaseTime * 0.875
    const t1 = r.t1 > 0 && r.t1 < t2 ? r.t1 : Math.min(r.leaseTime * 0.5, t2)
    lease.expiresAt = lease.started + lease.leaseTime * 1000
    const never = lease.leaseTime === Infinity
    lease.rebindAt = never ? Infinity : lease.started + t2 * 1000
    lease.due = never ? Infinity : lease.started + t1 * 1000

    const mask = maskFrom(r)
    const router = r.router !== undefined && ((r.router ^ r.address) & mask) === 0 ? r.router : 0
    if (ifc.isCommon()) configure(r)
    if (fresh) {
        lease.state = LeaseState.Probing
        startProbe(ifc, r.address, mask, router)
        pollLease(lease, ds.millis())
        // housekeeping comes by too seldom for a probe: who waits for the address sees to it
        if (lease.state === LeaseState.Probing) {
            leaseChanged.notify(false)
            askAgain()
        }
    } else {
        lease.state = LeaseState.Bound
        forgetConflicts(ifc)
        setAddress(ifc, r.address, mask, router)
    }
}

/** The server knows now whose the address is that it had offered to several leases, and offers another to the others. */
function askAgain(): void {
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
function forget(lease: Lease): void {
    endClaim(lease.ifc)
    lease.state = LeaseState.Idle
    lease.due = Infinity
}
