/** The router of a LAN that leads nowhere else. @see RFC 1812 4.3.3.1 */
import { Host } from "./host.js"
import { CODE_NET_UNREACHABLE } from "./icmp.js"
import { isMulticastOrReserved, type Ipv4Packet } from "./ipv4.js"

export class Router extends Host {
    /** It has no second interface, so every other network is unreachable; packets within the LAN do not need it. */
    protected override forward(packet: Ipv4Packet): void {
        if (this.subnet.contains(packet.destination) || isMulticastOrReserved(packet.destination)) return
        this.sendUnreachable(CODE_NET_UNREACHABLE, packet)
    }
}
