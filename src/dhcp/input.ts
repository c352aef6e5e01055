/**
 * What servers say: each message is checked, and told to the lease that asked as an event (`transition` in `client.ts`).
 * @see RFC 2131, 4.1 and 4.4
 */
import * as ds from "@devicescript/core"
import { count, Counter } from "../base/counters"
import { isProbed } from "../link/acd"
import { phy } from "../link/ethernet"
import { interfaceOf } from "../link/interface"
import { giveOwnMac, hasOwnMac, takeOwnMacs } from "../link/macs"
import type { Endpoint } from "../transport/endpoint"
import { ADDRESS_BROADCAST, isHostPart, isUnicast, prefixOf } from "../wire/address"
import {
    DHCPACK,
    DHCPNAK,
    DHCPOFFER,
    DHCPRELEASE,
    DHCP_CLIENT_PORT,
    DHCP_OPTIONS,
    DHCP_SERVER_PORT,
    DHCP_XID,
    DhcpReply,
    readDhcp,
} from "../wire/dhcp"
import { PROTOCOL_UDP } from "../wire/ipv4"
import { UDP_HEADER, UDP_SRC_PORT, udpChecksumHolds } from "../wire/udp"
import { LeaseEvent, discoverAgain, forget, maskFrom, transition } from "./client"
import { Lease, LeaseState, holdsAddress, leaseChanged, leaseOf, leases } from "./lease"
import { send } from "./output"

/** What a caller is told who cannot have an address for want of a MAC address. */
const ONE_EACH =
    "the DHCP server gives one address per hardware address, and this PHY has only one: use a reserved address, or a server that heeds client identifiers"

/** All leases have one port, on whatever address the answers come (RFC 2131, 4.1); `xid` tells whose they are. */
export const dhcpEndpoint: Endpoint = {
    protocol: PROTOCOL_UDP,
    port: DHCP_CLIENT_PORT,
    next: undefined,
    onPacket: dhcpInput,
    // a message that is lost is sent again
    onError: () => {},
    onUnreachable: () => {},
    onNeighbour: () => {},
}

/** Take a datagram to the client's port. @param length of the datagram, UDP header included */
function dhcpInput(b: Buffer, udp: number, length: number, ip: number): void {
    count(Counter.DhcpRx)
    const port = (b[udp + UDP_SRC_PORT] << 8) | b[udp + UDP_SRC_PORT + 1]
    if (port !== DHCP_SERVER_PORT || length < UDP_HEADER + DHCP_OPTIONS) return count(Counter.DhcpBad)
    const dhcp = udp + UDP_HEADER
    const lease = leaseAsking(b.getAt(dhcp + DHCP_XID, "i32"))
    // first of all, so that a flood of answers to nobody costs little
    if (!lease) return count(Counter.DhcpForeign)
    if (!udpChecksumHolds(b, ip, udp, length)) return count(Counter.UdpBadChecksum)
    const ifc = lease.ifc
    const r = readDhcp(b, dhcp, length - UDP_HEADER, ifc.macHigh, phy.macLow, phy.macHigh, phy.macLow)
    if (!r) count(Counter.DhcpBad)
    else if (lease.state === LeaseState.Idle) returnLateGrant(lease, r)
    else if (r.iaid !== undefined && r.iaid !== lease.ifc.slot) count(Counter.DhcpForeign)
    else if (r.type === DHCPNAK) {
        // only the server that we asked may refuse, and only while it is being asked (RFC 2131, 4.4.1 and 4.4.5)
        if (r.server === undefined || !mayAnswer(lease, r) || !transition(lease, LeaseEvent.Nak, ds.millis(), r)) count(Counter.DhcpForeign)
    } else if (r.type === DHCPOFFER || r.type === DHCPACK) onGrant(lease, r)
    else count(Counter.DhcpForeign)
}

/** The lease that waits for an answer with this transaction identifier, or did so when it was given up; else `undefined`. */
function leaseAsking(xid: number): Lease {
    for (const l of leases) if (l.xid === xid && (l.state === LeaseState.Idle || isAsking(l))) return l
    return undefined
}

/** Whether a server's answer is waited for. */
function isAsking(l: Lease): boolean {
    return (
        l.state !== LeaseState.Init && l.state !== LeaseState.InitReboot && l.state !== LeaseState.Probing && l.state !== LeaseState.Bound
    )
}

/** What is granted to a lease that was given up meanwhile goes back, once: nobody else knows that it is not used. */
function returnLateGrant(lease: Lease, r: DhcpReply): void {
    if (r.type !== DHCPACK || lease.xid === 0 || r.server === undefined || interfaceOf(r.address)) return count(Counter.DhcpForeign)
    lease.address = r.address
    lease.server = r.server
    lease.state = LeaseState.Bound
    send(lease, DHCPRELEASE, ADDRESS_BROADCAST)
    forget(lease)
    lease.server = 0
    lease.xid = 0
}

/** Whether this server was asked: the one that was chosen, or any if all were (RFC 2131, 4.4.2 and 4.4.5). */
function mayAnswer(lease: Lease, r: DhcpReply): boolean {
    return r.server === lease.server || lease.state === LeaseState.Rebooting || lease.state === LeaseState.Rebinding
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
    )
        return count(Counter.DhcpBad)
    if (lease.state === LeaseState.Selecting) {
        // a server that reserves nothing by its offers (dnsmasq) offers one address to all who ask at a time
        if (isProbed(r.address) || leases.find(l => l !== lease && l.address === r.address && l.state !== LeaseState.Idle)) {
            lease.outbid = true
            return
        }
    } else if (!mayAnswer(lease, r)) return count(Counter.DhcpForeign)
    if (!transition(lease, r.type === DHCPOFFER ? LeaseEvent.Offer : LeaseEvent.Ack, ds.millis(), r)) count(Counter.DhcpForeign)
}

/**
 * Whether an offer, or what follows one, is of a lease that the same server has given another of our interfaces: to it,
 * both are one client. What is not bound yet proves nothing, since a server may offer one address to several clients.
 */
function isSameClient(lease: Lease, held: Lease, r: DhcpReply): boolean {
    return !holdsAddress(lease) && holdsAddress(held) && held.server === r.server && !hasOwnMac(lease.ifc)
}

/** Ask again at once, as another client: with a MAC address of its own. Without one, the lease has failed. */
function setApart(lease: Lease): void {
    count(Counter.DhcpSameClient)
    if (takeOwnMacs()) {
        discoverAgain(lease, Infinity)
        giveOwnMac(lease.ifc)
        transition(lease, LeaseEvent.Timer, ds.millis())
    } else if (!lease.ifc.isCommon()) {
        forget(lease)
        lease.failure = ONE_EACH
        leaseChanged.notify(false)
    }
}
