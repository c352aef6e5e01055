/** A device on the LAN with one MAC and one IPv4 address: ARP, ICMP echo and errors, UDP, TCP that others open. @see RFC 1122 */
import { ARP_REQUEST, arpReply, arpRequest, parseArp } from "./arp.js"
import { BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, buildEthernet, parseEthernet } from "./ethernet.js"
import { CODE_PORT_UNREACHABLE, CODE_PROTOCOL_UNREACHABLE, ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST } from "./icmp.js"
import { buildIcmp, buildUnreachable, isIcmpError, parseIcmp } from "./icmp.js"
import { ANY_ADDRESS, LIMITED_BROADCAST, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "./ipv4.js"
import { buildIpv4, isMulticastOrReserved, parseIpv4, type Ipv4Packet } from "./ipv4.js"
import { Neighbours } from "./neighbours.js"
import type { Subnet } from "./subnet.js"
import type { EthernetSwitch, SwitchPort } from "./switch.js"
import { buildTcp, parseTcp, type TcpSegment } from "./tcp.js"
import type { TcpService } from "./tcp-connection.js"
import { TcpServer } from "./tcp-server.js"
import { buildUdp, parseUdp } from "./udp.js"

export interface UdpDatagram {
    source: string
    sourcePort: number
    destination: string
    destinationPort: number
    payload: Buffer
    tos: number
}

export type UdpHandler = (datagram: UdpDatagram) => void

export interface UdpSend {
    sourcePort: number
    destination: string
    destinationPort: number
    payload: Buffer
    tos?: number
    /** Skips ARP: for a client that cannot answer it yet. */
    mac?: string
}

export interface HostOptions {
    name: string
    mac: string
    address: string
    subnet: Subnet
    /** Where datagrams for other networks go; without it they are not sent. */
    gateway?: string
}

export class Host {
    readonly address: string
    readonly mac: string
    /** Open UDP ports. */
    readonly udp = new Map<number, UdpHandler>()
    /** Open TCP ports. */
    readonly tcp = new Map<number, TcpService>()
    /** Packets thrown away: not parseable, wrong checksum, fragments (not reassembled), impossible addresses. */
    readonly counters = { malformed: 0, badChecksum: 0, fragments: 0, martians: 0 }
    protected readonly subnet: Subnet
    private readonly gateway: string | undefined
    private readonly port: SwitchPort
    private readonly neighbours: Neighbours
    private readonly tcpServer: TcpServer

    constructor(
        private readonly lanSwitch: EthernetSwitch,
        options: HostOptions
    ) {
        this.mac = options.mac
        this.address = options.address
        this.subnet = options.subnet
        this.gateway = options.gateway
        this.port = lanSwitch.plug(options.name, frame => this.receive(frame))
        this.neighbours = new Neighbours(
            (address, mac) => this.transmit(arpRequest(this.mac, this.address, address, mac)),
            (mac, packet) => this.transmitIpv4(mac, packet)
        )
        this.tcpServer = new TcpServer(this.tcp, (destination, segment) => this.sendTcp(destination, segment))
    }

    stop(): void {
        this.tcpServer.stop()
        this.neighbours.stop()
        this.lanSwitch.unplug(this.port)
    }

    /** Sends a datagram from this device's address. */
    sendUdp({ sourcePort, destination, destinationPort, payload, tos, mac }: UdpSend): void {
        const datagram = buildUdp(this.address, sourcePort, destination, destinationPort, payload)
        const packet = buildIpv4({ source: this.address, destination, protocol: PROTOCOL_UDP, payload: datagram, tos })
        if (mac) this.transmitIpv4(mac, packet)
        else this.route(destination, packet)
    }

    /** A packet that came to this device's MAC address but is for another IPv4 address: a host discards it (RFC 1122 3.2.1.3). */
    protected forward(_packet: Ipv4Packet): void {}

    /** Sends "destination unreachable" about `packet`, unless RFC 1122 3.2.2 forbids an error about it. */
    protected sendUnreachable(code: number, packet: Ipv4Packet): void {
        if (packet.source === ANY_ADDRESS || packet.fragment || this.isBroadcast(packet.destination)) return
        if (packet.protocol === PROTOCOL_ICMP && isIcmpError(packet.payload[0])) return
        this.sendIcmp(packet.source, buildUnreachable(code, packet))
    }

    private receive(frame: Buffer): void {
        const ethernet = parseEthernet(frame)
        if (!ethernet || (ethernet.destination !== this.mac && ethernet.destination !== BROADCAST_MAC)) return
        if (ethernet.etherType === ETHERTYPE_ARP) this.receiveArp(ethernet.payload)
        else if (ethernet.etherType === ETHERTYPE_IPV4) this.receiveIpv4(ethernet.payload, ethernet.destination === BROADCAST_MAC)
    }

    private receiveArp(data: Buffer): void {
        const arp = parseArp(data)
        if (!arp) {
            this.counters.malformed++
            return
        }
        const isForUs = arp.targetAddress === this.address
        // a probe has no sender address yet, and nobody may talk us out of our own (RFC 5227 2.1, 2.4)
        if (arp.senderAddress !== this.address && this.subnet.contains(arp.senderAddress))
            this.neighbours.learn(arp.senderAddress, arp.senderMac, isForUs)
        if (isForUs && arp.operation === ARP_REQUEST) this.transmit(arpReply(this.mac, arp))
    }

    private receiveIpv4(data: Buffer, linkBroadcast: boolean): void {
        const packet = parseIpv4(data)
        if (!packet) this.counters.malformed++
        else if (!packet.headerChecksumOk) this.counters.badChecksum++
        else if (isMulticastOrReserved(packet.source) || packet.source === this.subnet.broadcast || packet.source === this.address)
            this.counters.martians++
        else if (packet.destination !== this.address && !this.isBroadcast(packet.destination)) {
            if (!linkBroadcast) this.forward(packet)
        } else if (packet.fragment) this.counters.fragments++
        else if (packet.protocol === PROTOCOL_UDP) this.receiveUdp(packet)
        else if (packet.protocol === PROTOCOL_TCP) this.receiveTcp(packet)
        else if (packet.protocol === PROTOCOL_ICMP) this.receiveIcmp(packet)
        else this.sendUnreachable(CODE_PROTOCOL_UNREACHABLE, packet)
    }

    private receiveUdp(packet: Ipv4Packet): void {
        const udp = parseUdp(packet)
        if (!udp) {
            this.counters.malformed++
            return
        }
        if (!udp.checksumOk) {
            this.counters.badChecksum++
            return
        }
        const handler = this.udp.get(udp.destinationPort)
        if (handler) handler({ ...udp, source: packet.source, destination: packet.destination, tos: packet.tos })
        else this.sendUnreachable(CODE_PORT_UNREACHABLE, packet)
    }

    /** A broadcast, or a source that nobody can answer, is dropped in silence (RFC 9293 3.9.2.3). */
    private receiveTcp(packet: Ipv4Packet): void {
        const tcp = parseTcp(packet)
        if (!tcp) this.counters.malformed++
        else if (!tcp.checksumOk) this.counters.badChecksum++
        else if (packet.source === ANY_ADDRESS || packet.destination !== this.address) this.counters.martians++
        else this.tcpServer.receive(packet.source, tcp)
    }

    private sendTcp(destination: string, segment: TcpSegment): void {
        const payload = buildTcp(this.address, destination, segment)
        this.route(destination, buildIpv4({ source: this.address, destination, protocol: PROTOCOL_TCP, payload }))
    }

    /** Echo replies keep the type of service of the request (RFC 1349 5.1). */
    private receiveIcmp(packet: Ipv4Packet): void {
        const icmp = parseIcmp(packet.payload)
        if (!icmp) this.counters.malformed++
        else if (!icmp.checksumOk) this.counters.badChecksum++
        else if (icmp.type === ICMP_ECHO_REQUEST && packet.source !== ANY_ADDRESS)
            this.sendIcmp(packet.source, buildIcmp({ ...icmp, type: ICMP_ECHO_REPLY }), packet.tos)
    }

    private sendIcmp(destination: string, payload: Buffer, tos?: number): void {
        this.route(destination, buildIpv4({ source: this.address, destination, protocol: PROTOCOL_ICMP, payload, tos }))
    }

    private route(destination: string, packet: Buffer): void {
        if (this.isBroadcast(destination)) this.transmitIpv4(BROADCAST_MAC, packet)
        else if (this.subnet.contains(destination)) this.neighbours.send(destination, packet)
        else if (this.gateway) this.neighbours.send(this.gateway, packet)
    }

    private isBroadcast(address: string): boolean {
        return address === LIMITED_BROADCAST || address === this.subnet.broadcast
    }

    private transmitIpv4(destination: string, payload: Buffer): void {
        this.transmit(buildEthernet({ destination, source: this.mac, etherType: ETHERTYPE_IPV4, payload }))
    }

    private transmit(frame: Buffer): void {
        this.lanSwitch.receive(frame, this.port)
    }
}
