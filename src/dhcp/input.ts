/**
 * What servers say: each message is checked, and told to the lease that asked as an event (`transition` in `client.ts`).
 * @see RFC 2131, 4.1 and 4.4
 */
import * as ds from "@devicescript/core"
import { INTERFACES } from "../base/config"
import { count, Counter } from "../base/counters"
import { isProbed } from "../link/acd"
import { phy } from "../link/ethernet"
import { interfaceOf } from "../link/interface"
import { giveOwnMac, takeOwnMacs } from "../link/macs"
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
import { get16 } from "../wire/order"
import { UDP_HEADER, UDP_SRC_PORT, udpChecksumHolds } from "../wire/udp"
import { LeaseEvent, discoverAgain, forget, maskFrom, transition } from "./client"
import { Lease, LeaseState, holdsAddress, leaseChanged, leases } from "./lease"
import { send } from "./output"
import { followRouter } from "./routers"

/** What a caller is told who cannot have an address for want of a MAC address. */
const ONE_EACH =
    "the DHCP server gives one address per hardware address, and this PHY has only one: use a reserved address, or a server that heeds client identifiers"

function ignore(): any {}

/** All leases have one port, on whatever address the answers come (RFC 2131, 4.1); `xid` tells whose they are. */
export const dhcpEndpoint: Endpoint = {
    port: DHCP_CLIENT_PORT,
    next: undefined,
    onPacket: dhcpInput,
    // a message that is lost is sent again
    onError: ignore,
    onUnreachable: ignore,
    onNeighbour: followRouter,
    onWay: ignore,
    hears: ignore,
}

/** Take a datagram to the client's port. @param length of the datagram, UDP header included */
function dhcpInput(b: Buffer, udp: number, length: number, ip: number): void {
    count(Counter.DhcpRx)
    if (get16(b, udp + UDP_SRC_PORT) !== DHCP_SERVER_PORT) return count(Counter.DhcpBad)
    if (length < UDP_HEADER + DHCP_OPTIONS) return count(Counter.DhcpBad)
    const dhcp = udp + UDP_HEADER
    // the lease that waits for an answer with this transaction identifier, or did so when it was given up
    const xid = b.getAt(dhcp + DHCP_XID, "i32")
    let lease: Lease
    for (let slot = INTERFACES - 1; slot >= 0; slot--) {
        const l = leases[slot]
        if (l.xid === xid) if ((ASKING >> l.state) & 1) lease = l
    }
    // first of all, so that a flood of answers to nobody costs little
    if (!lease) return count(Counter.DhcpForeign)
    if (!udpChecksumHolds(b, ip, udp, length)) return count(Counter.UdpBadChecksum)
    const ifc = lease.ifc
    const r = readDhcp(b, dhcp, length - UDP_HEADER, ifc.macHigh, phy.macLow, phy.macHigh)
    if (!r) return count(Counter.DhcpBad)
    if (lease.state === LeaseState.Idle) {
        // what is granted to a lease that was given up meanwhile goes back, once: nobody else knows that it is not used
        let late = r.type === DHCPACK
        if (lease.xid === 0) late = false
        if (r.server === undefined) late = false
        if (interfaceOf(r.address)) late = false
        if (!late) return count(Counter.DhcpForeign)
        lease.address = r.address
        lease.server = r.server
        lease.state = LeaseState.Bound
        send(lease, DHCPRELEASE, ADDRESS_BROADCAST)
        forget(lease)
        lease.server = 0
        lease.xid = 0
        return
    }
    if (r.iaid !== undefined) if (r.iaid !== ifc.slot) return count(Counter.DhcpForeign)
    if (r.type === DHCPOFFER) onGrant(lease, LeaseEvent.Offer, r)
    else if (r.type === DHCPACK) onGrant(lease, LeaseEvent.Ack, r)
    else if (r.type === DHCPNAK) tell(lease, LeaseEvent.Nak, r)
    else count(Counter.DhcpForeign)
}

/** The states in which a server may answer, each as a bit; what a lease that was given up had asked for may still be answered. */
const ASKING =
    2 ** LeaseState.Idle +
    2 ** LeaseState.Rebooting +
    2 ** LeaseState.Selecting +
    2 ** LeaseState.Requesting +
    2 ** LeaseState.Renewing +
    2 ** LeaseState.Rebinding +
    2 ** LeaseState.Reselecting

/** Those of them in which one server was asked. */
const ASKING_ONE = 2 ** LeaseState.Requesting + 2 ** LeaseState.Renewing

/** Tell a lease, if it was this server that was asked: the one that was chosen, or any if all were (RFC 2131, 4.4.1, 4.4.2, 4.4.5). */
function tell(lease: Lease, event: LeaseEvent, r: DhcpReply): void {
    if (r.server === undefined) return count(Counter.DhcpForeign)
    if ((ASKING_ONE >> lease.state) & 1) if (r.server !== lease.server) return count(Counter.DhcpForeign)
    if (!transition(lease, event, ds.millis(), r)) count(Counter.DhcpForeign)
}

/** Take an OFFER or ACK. */
function onGrant(lease: Lease, event: LeaseEvent, r: DhcpReply): void {
    const holder = interfaceOf(r.address)
    if (holder)
        if (holder !== lease.ifc) {
            // an offer, or what follows one, of a lease that the same server has given another of our interfaces: to it, both are one
            // client. What is not bound yet proves nothing, since a server may offer one address to several clients
            const held = leases[holder.slot]
            if (!holdsAddress(lease))
                if (holdsAddress(held)) if (lease.ifc.macHigh === phy.macHigh) if (held.server === r.server) return setApart(lease)
            return count(Counter.DhcpBad)
        }
    // whether the fields are such as a server may send; none is also no unicast address, and no time above 0
    let sound = false
    if (isUnicast(r.address)) if (isHostPart(r.address, maskFrom(lease, r))) if (isUnicast(r.server)) if (r.leaseTime > 0) sound = true
    if (r.mask !== undefined) if (prefixOf(r.mask) < 1) sound = false
    if (!sound) return count(Counter.DhcpBad)
    if (lease.state === LeaseState.Selecting) {
        // probed, or on its way to another lease: a server that reserves nothing by its offers (dnsmasq) offers one address to all who
        // ask at a time
        lease.outbid = isProbed(r.address)
        for (let slot = 0; slot < INTERFACES; slot++)
            if (leases[slot].address === r.address) if (leases[slot].state !== LeaseState.Idle) lease.outbid = true
    }
    if (!lease.outbid) tell(lease, event, r)
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
