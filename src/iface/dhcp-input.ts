import * as ds from "@devicescript/core"
import { counters } from "../counters"
import { ADDRESS_BROADCAST, isHostPart, isUnicast, maskOf, prefixOf } from "../wire/address"
import { DHCPACK, DHCPNAK, DHCPOFFER, DHCPRELEASE, DHCP_OPTIONS, DHCP_SERVER_PORT, DHCP_XID, DhcpReply, readDhcp } from "../wire/dhcp"
import { UDP_HEADER, UDP_SRC_PORT } from "../wire/udp"
import { forgetConflicts, isProbed, startProbe } from "./acd"
import { configure } from "./configuration"
import { askAgain, forget, lose, pollLease, restart } from "./dhcp"
import { send } from "./dhcp-output"
import { phy } from "./egress"
import { udpChecksumHolds } from "./ingress"
import { interfaceOf, setAddress } from "./interface"
import { Lease, LeaseState, leaseChanged, leaseOf, leases } from "./lease"
import { giveOwnMac, hasOwnMac, takeOwnMacs } from "./macs"

const INFINITE = 0xffffffff
/** Milliseconds to wait after a NAK, so that a server which refuses for ever is not flooded. */
const NAK_PAUSE = 1000

/** What a caller is told who cannot have an address for want of a MAC address. */
const ONE_EACH =
    "the DHCP server gives one address per hardware address, and this PHY has only one: use a reserved address, or a server that heeds client identifiers"

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
    if (takeOwnMacs()) {
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
