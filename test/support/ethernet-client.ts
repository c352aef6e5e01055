/** A station on the embedded LAN for tests: Ethernet frames over TCP, answers ARP for its addresses, waits for frames. */
import { connect, type Socket } from "node:net"
import { ARP_REPLY, ARP_REQUEST, arpReply, arpRequest, parseArp, type ArpPacket } from "../../sim/lan/arp.js"
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, buildEthernet, parseEthernet, type EthernetFrame } from "../../sim/lan/ethernet.js"
import { ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST, buildIcmp, parseIcmp } from "../../sim/lan/icmp.js"
import { ANY_ADDRESS, PROTOCOL_ICMP, PROTOCOL_UDP, buildIpv4, parseIpv4, type Ipv4Packet } from "../../sim/lan/ipv4.js"
import { buildUdp, parseUdp, type UdpHeaderAndData } from "../../sim/lan/udp.js"
import { VdeDecoder, encodeVde } from "../../sim/lan/vde.js"

const TIMEOUT_MS = 3000
const ROUTER_ADDRESS = "10.77.0.1"

/** Looks at a frame and gives what the test wants to know of it, `undefined` to wait for another. */
export type Match<T> = (frame: Buffer) => T | undefined

export interface ReceivedUdp extends UdpHeaderAndData {
    ethernet: EthernetFrame
    ip: Ipv4Packet
}

export class EthernetClient {
    /** Every frame received. */
    readonly frames: Buffer[] = []
    /** Addresses for which ARP requests are answered. */
    readonly addresses = new Set<string>()
    /** Resolves when the connection has ended, whoever ended it. */
    readonly closed: Promise<void>
    private readonly waiters = new Set<(frame: Buffer) => void>()

    private constructor(
        readonly socket: Socket,
        readonly mac: string
    ) {
        const decoder = new VdeDecoder()
        socket.setNoDelay(true)
        socket.on("data", chunk => {
            if (!decoder.push(chunk, frame => this.receive(frame))) socket.destroy()
        })
        socket.on("error", () => {})
        this.closed = new Promise(resolve => socket.once("close", () => resolve()))
    }

    /** Connects and waits until the switch serves this station. */
    static async connect(lan: { host: string; port: number }, mac: string): Promise<EthernetClient> {
        const socket = connect(lan.port, lan.host)
        await new Promise<void>((resolve, reject) => {
            socket.once("connect", resolve)
            socket.once("error", reject)
        })
        const client = new EthernetClient(socket, mac)
        await client.settle()
        return client
    }

    async close(): Promise<void> {
        this.socket.destroy()
        await this.closed
    }

    send(frame: Buffer): void {
        this.sendRaw(encodeVde(frame))
    }

    /** Bytes into the stream as they are. */
    sendRaw(bytes: Buffer): void {
        this.socket.write(bytes)
    }

    /** The first frame from now on that matches; rejects after 3 s with what was waited for. */
    wait<T>(what: string, match: Match<T>): Promise<T> {
        return new Promise((resolve, reject) => {
            const end = (): void => {
                clearTimeout(timer)
                this.waiters.delete(waiter)
            }
            const waiter = (frame: Buffer): void => {
                const result = match(frame)
                if (result === undefined) return
                end()
                resolve(result)
            }
            const timer = setTimeout(() => {
                end()
                reject(new Error(`no ${what} within ${TIMEOUT_MS} ms`))
            }, TIMEOUT_MS)
            this.waiters.add(waiter)
        })
    }

    /** Sends a frame and waits for its answer. */
    exchange<T>(frame: Buffer, what: string, match: Match<T>): Promise<T> {
        const answer = this.wait(what, match)
        this.send(frame)
        return answer
    }

    /**
     * Waits until the LAN has dealt with all that was sent before: a probe of the router goes the same way, and the
     * LAN serves one frame after the other. What has not been answered by then never will be.
     */
    async settle(): Promise<void> {
        await this.resolve(ROUTER_ADDRESS)
    }

    /** Asks who has an address; without `sender` as a probe. */
    resolve(address: string, sender = ANY_ADDRESS): Promise<ArpPacket> {
        return this.exchange(arpRequest(this.mac, sender, address), `ARP reply of ${address}`, frame => {
            const arp = arpOf(frame)
            return arp?.operation === ARP_REPLY && arp.senderAddress === address ? arp : undefined
        })
    }

    /** A frame that carries an IPv4 packet from this station. */
    ipv4(destinationMac: string, packet: Buffer): Buffer {
        return buildEthernet({ destination: destinationMac, source: this.mac, etherType: ETHERTYPE_IPV4, payload: packet })
    }

    /** A frame that carries a UDP datagram. */
    udp(destinationMac: string, source: string, sourcePort: number, destination: string, destinationPort: number, payload: Buffer): Buffer {
        const datagram = buildUdp(source, sourcePort, destination, destinationPort, payload)
        return this.ipv4(destinationMac, buildIpv4({ source, destination, protocol: PROTOCOL_UDP, payload: datagram }))
    }

    /** ICMP echo from `source`, one of this station's addresses; resolves with the reply. */
    async ping(source: string, destination: string, data: Buffer) {
        this.addresses.add(source)
        const { senderMac } = await this.resolve(destination)
        const rest = 0x12340001
        const payload = buildIcmp({ type: ICMP_ECHO_REQUEST, code: 0, rest, payload: data })
        const packet = buildIpv4({ source, destination, protocol: PROTOCOL_ICMP, payload })
        return this.exchange(this.ipv4(senderMac, packet), `echo reply of ${destination}`, frame => {
            const icmp = icmpOf(frame)
            return icmp?.type === ICMP_ECHO_REPLY && icmp.rest === rest ? icmp : undefined
        })
    }

    private receive(frame: Buffer): void {
        this.frames.push(frame)
        const arp = arpOf(frame)
        if (arp?.operation === ARP_REQUEST && this.addresses.has(arp.targetAddress)) this.send(arpReply(this.mac, arp))
        for (const waiter of [...this.waiters]) waiter(frame)
    }
}

export function arpOf(frame: Buffer): ArpPacket | undefined {
    const ethernet = parseEthernet(frame)
    return ethernet?.etherType === ETHERTYPE_ARP ? parseArp(ethernet.payload) : undefined
}

export function ipv4Of(frame: Buffer): Ipv4Packet | undefined {
    const ethernet = parseEthernet(frame)
    return ethernet?.etherType === ETHERTYPE_IPV4 ? parseIpv4(ethernet.payload) : undefined
}

export function udpOf(frame: Buffer): ReceivedUdp | undefined {
    const ethernet = parseEthernet(frame)
    const ip = ipv4Of(frame)
    const udp = ip?.protocol === PROTOCOL_UDP ? parseUdp(ip) : undefined
    return ethernet && ip && udp && { ...udp, ethernet, ip }
}

export function icmpOf(frame: Buffer) {
    const ip = ipv4Of(frame)
    const icmp = ip?.protocol === PROTOCOL_ICMP ? parseIcmp(ip.payload) : undefined
    return ip && icmp && { ...icmp, ip }
}
