/** DHCP messages of a test station, one call per exchange, so that a test can leave the usual path anywhere. */
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpOption, DhcpType, FLAG_BROADCAST } from "../../sim/lan/dhcp-message.js"
import { buildDhcp, dhcpType, parseDhcp, type DhcpMessage } from "../../sim/lan/dhcp-message.js"
import { BROADCAST_MAC } from "../../sim/lan/ethernet.js"
import { ANY_ADDRESS, LIMITED_BROADCAST, addressToBytes } from "../../sim/lan/ipv4.js"
import { udpOf, type EthernetClient, type ReceivedUdp } from "./ethernet-client.js"

export interface DhcpReply extends DhcpMessage {
    type: number | undefined
    udp: ReceivedUdp
}

export interface DhcpSend {
    ciaddr?: string
    flags?: number
    requested?: string
    server?: string
    rapidCommit?: boolean
    leaseSeconds?: number
    /** Where to send it to: broadcast unless given. */
    to?: { mac: string; address: string }
}

let lastXid = 0x1000

/** One DHCP client: an identifier (or none) on a station, which may carry many. */
export class TestDhcpClient {
    constructor(
        private readonly station: EthernetClient,
        private readonly clientId?: Buffer
    ) {}

    /** A client with an identifier of type 255: IAID, then a DUID (RFC 4361 6.1). */
    static withIaid(station: EthernetClient, iaid: number): TestDhcpClient {
        return new TestDhcpClient(station, Buffer.from([255, 0, 0, 0, iaid, 0, 3, 0, 1, 2, 0, 0x5e, 0, 0, 0x10]))
    }

    /** Sends a message and gives its xid. */
    send(type: number, message: DhcpSend = {}): number {
        const { ciaddr = ANY_ADDRESS, flags = FLAG_BROADCAST, requested, server, rapidCommit, leaseSeconds, to } = message
        const options = new Map<number, Buffer>([[DhcpOption.MESSAGE_TYPE, Buffer.from([type])]])
        if (this.clientId) options.set(DhcpOption.CLIENT_ID, this.clientId)
        if (requested) options.set(DhcpOption.REQUESTED_ADDRESS, addressToBytes(requested))
        if (server) options.set(DhcpOption.SERVER_ID, addressToBytes(server))
        if (rapidCommit) options.set(DhcpOption.RAPID_COMMIT, Buffer.alloc(0))
        if (leaseSeconds) options.set(DhcpOption.LEASE_TIME, Buffer.from([0, 0, 0, leaseSeconds]))
        const xid = ++lastXid
        const payload = buildDhcp({ isReply: false, xid, flags, ciaddr, chaddr: this.station.mac, options })
        const { mac, address } = to ?? { mac: BROADCAST_MAC, address: LIMITED_BROADCAST }
        this.station.send(this.station.udp(mac, ciaddr, DHCP_CLIENT_PORT, address, DHCP_SERVER_PORT, payload))
        return xid
    }

    /** Sends a message and waits for the reply. */
    exchange(type: number, message?: DhcpSend): Promise<DhcpReply> {
        const expected = lastXid + 1
        const reply = this.station.wait(`reply to DHCP message type ${type}`, frame => {
            const found = dhcpOf(frame)
            return found?.isReply && found.xid === expected ? found : undefined
        })
        this.send(type, message)
        return reply
    }

    /** Sends a message and waits until the server has dealt with it: true if it stayed silent. */
    async isUnanswered(type: number, message?: DhcpSend): Promise<boolean> {
        const xid = this.send(type, message)
        await this.station.settle()
        return !this.station.frames.some(frame => dhcpOf(frame)?.xid === xid)
    }

    /** DISCOVER, OFFER, REQUEST, ACK. */
    async acquire(): Promise<DhcpReply> {
        const offer = await this.exchange(DhcpType.DISCOVER)
        return this.exchange(DhcpType.REQUEST, { requested: offer.yiaddr, server: offer.udp.ip.source })
    }

    async release(address: string, server: string): Promise<void> {
        this.send(DhcpType.RELEASE, { ciaddr: address, server })
        await this.station.settle()
    }
}

export function dhcpOf(frame: Buffer): DhcpReply | undefined {
    const udp = udpOf(frame)
    if (udp?.destinationPort !== DHCP_CLIENT_PORT) return undefined
    const message = parseDhcp(udp.payload)
    return message && { ...message, type: dhcpType(message), udp }
}
