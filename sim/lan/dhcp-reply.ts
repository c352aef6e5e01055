/** The replies of the DHCP server: what all have in common, and where each goes. @see RFC 2131 4.1, 4.3.1 table 3, RFC 6842 */
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpOption, DhcpType, FLAG_BROADCAST, buildDhcp, type DhcpMessage } from "./dhcp-message.js"
import { BROADCAST_MAC } from "./ethernet.js"
import type { Host } from "./host.js"
import { ANY_ADDRESS, LIMITED_BROADCAST, addressToBytes } from "./ipv4.js"

/** Builds and sends the replies to one message. */
export class DhcpReplies {
    /** @param sent takes each payload and returns those really sent */
    constructor(
        private readonly host: Host,
        private readonly request: DhcpMessage,
        private readonly sent: (reply: Buffer) => Buffer[]
    ) {}

    /** Sends a reply of this type; identifies server and client itself, `options` come between. */
    send(type: number, { yiaddr = ANY_ADDRESS, ciaddr = ANY_ADDRESS }, options: Map<number, Buffer>): void {
        const { xid, flags, giaddr, chaddr } = this.request
        const all = new Map<number, Buffer>([
            [DhcpOption.MESSAGE_TYPE, Buffer.from([type])],
            [DhcpOption.SERVER_ID, addressToBytes(this.host.address)],
            ...options,
        ])
        const clientId = this.request.options.get(DhcpOption.CLIENT_ID)
        if (clientId) all.set(DhcpOption.CLIENT_ID, clientId)
        const reply = buildDhcp({ isReply: true, xid, flags, ciaddr, yiaddr, giaddr, chaddr, options: all })
        const where = this.destination(type, yiaddr)
        for (const payload of this.sent(reply)) this.host.sendUdp({ sourcePort: DHCP_SERVER_PORT, payload, ...where })
    }

    /** @see RFC 2131 4.1 */
    private destination(type: number, yiaddr: string): { destination: string; destinationPort: number; mac?: string } {
        const { giaddr, ciaddr, flags, chaddr } = this.request
        if (giaddr !== ANY_ADDRESS) return { destination: giaddr, destinationPort: DHCP_SERVER_PORT }
        const broadcast = { destination: LIMITED_BROADCAST, destinationPort: DHCP_CLIENT_PORT, mac: BROADCAST_MAC }
        if (type === DhcpType.NAK) return broadcast
        if (ciaddr !== ANY_ADDRESS) return { destination: ciaddr, destinationPort: DHCP_CLIENT_PORT }
        if (flags & FLAG_BROADCAST) return broadcast
        return { destination: yiaddr, destinationPort: DHCP_CLIENT_PORT, mac: chaddr }
    }
}
