/** DHCP out: the message that a lease sends in its state (RFC 2131, table 5). `client.ts` says when. */
import { count, Counter } from "../base/counters"
import {
    DHCPDECLINE,
    DHCPDISCOVER,
    DHCPRELEASE,
    DHCP_CIADDR,
    DHCP_CLIENT_PORT,
    DHCP_FLAGS,
    DHCP_LENGTH,
    DHCP_SECS,
    DHCP_SERVER_PORT,
    FLAG_BROADCAST,
    OPTION_END,
    OPTION_RAPID_COMMIT,
    OPTION_REQUESTED_ADDRESS,
    OPTION_SERVER_IDENTIFIER,
    writeAddress,
    writeDhcp,
    writeWishes,
} from "../wire/dhcp"
import { IPV4_HEADER, PROTOCOL_UDP } from "../wire/ipv4"
import { put16 } from "../wire/order"
import { UDP_HEADER, writeUdp, writeUdpChecksum } from "../wire/udp"
import { TX_IP, phy } from "../link/ethernet"
import { Output, allocate, nextHop, outputTo } from "../ip/output"
import { Lease, LeaseState, holdsAddress } from "./lease"

/** Where a transmit buffer has the datagram, and the message in it. */
const UDP = TX_IP + IPV4_HEADER
const DHCP = UDP + UDP_HEADER

/** Start of the name that each lease gives to its server (option 12); its interface's slot follows. */
export let hostName = "tuplephone"
export function setHostName(name: string): void {
    hostName = name
}

/** Send a message that a lease's state calls for (RFC 2131, table 5). @param type DHCPDISCOVER ... @param dst the server, or all */
export function send(lease: Lease, type: number, dst: number): Output {
    const ifc = lease.ifc
    const b = allocate(ifc, PROTOCOL_UDP, 0, dst, UDP_HEADER + DHCP_LENGTH)
    writeUdp(b, UDP, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DHCP_LENGTH)
    let at = writeDhcp(b, DHCP, type, lease.xid, ifc.slot, ifc.macHigh, phy.macLow, phy.macHigh)
    // RELEASE or DECLINE
    let last = type === DHCPRELEASE
    if (type === DHCPDECLINE) last = true
    let server = lease.server
    // who declines an address has none, even if it was in use until now; who asks whether another is to be had, speaks as if
    let held = holdsAddress(lease)
    if (type === DHCPDECLINE) held = false
    if (lease.state === LeaseState.Reselecting) held = last
    if (held) {
        b.setAt(DHCP + DHCP_CIADDR, "i32", lease.address)
        if (!last) server = 0
    } else {
        if (!last) b[DHCP + DHCP_FLAGS] = FLAG_BROADCAST
        if (lease.address !== 0) at = writeAddress(b, at, OPTION_REQUESTED_ADDRESS, lease.address)
    }
    // none is known to a REQUEST for an address that is remembered
    if (type === DHCPDISCOVER) server = 0
    if (server !== 0) at = writeAddress(b, at, OPTION_SERVER_IDENTIFIER, server)
    if (!last) {
        put16(b, DHCP + DHCP_SECS, lease.secs)
        // an address in use is to be confirmed, and not changed for another without being asked
        if (type === DHCPDISCOVER)
            if (lease.address === 0) {
                b[at] = OPTION_RAPID_COMMIT
                at += 2
            }
        at = writeWishes(b, at, `${hostName}-${ifc.slot}`)
    }
    b[at] = OPTION_END
    writeUdpChecksum(b, TX_IP, UDP, UDP_HEADER + DHCP_LENGTH)
    count(Counter.DhcpTx)
    // a server that is not in the subnet, and behind no router, is on the link (/32)
    let hop = nextHop(ifc, dst)
    if (hop === 0) hop = dst
    return outputTo(ifc, b, hop)
}
