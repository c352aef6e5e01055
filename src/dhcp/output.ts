/** DHCP out: the message that a lease sends in its state (RFC 2131, table 5). `client.ts` says when. */
import { count, Counter } from "../base/counters"
import {
    DHCPDECLINE,
    DHCPDISCOVER,
    DHCPRELEASE,
    DHCPREQUEST,
    DHCP_CLIENT_PORT,
    DHCP_LENGTH,
    DHCP_SERVER_PORT,
    DhcpRequest,
    writeDhcp,
} from "../wire/dhcp"
import { IPV4_HEADER, PROTOCOL_UDP } from "../wire/ipv4"
import { UDP_HEADER, writeUdp, writeUdpChecksum } from "../wire/udp"
import { TX_IP, phy } from "../link/ethernet"
import { Output, allocate, output } from "../ip/output"
import { Lease, holdsAddress } from "./lease"

/** Start of the name that each lease gives to its server (option 12); its interface's slot follows. */
let hostName = "tuplephone"
export function setHostName(name: string): void {
    hostName = name
}

/** Send a message that a lease's state calls for (RFC 2131, table 5). @param type DHCPDISCOVER ... @param dst the server, or all */
export function send(lease: Lease, type: number, dst: number): Output {
    const ifc = lease.ifc
    const last = type === DHCPRELEASE || type === DHCPDECLINE
    // who declines an address has none, even if it was in use until now
    const held = holdsAddress(lease) && type !== DHCPDECLINE
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
    count(Counter.DhcpTx)
    return output(ifc, b, dst)
}
