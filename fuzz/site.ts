/** The LAN around the phone: peers of calls, a router, and a DHCP server that answers while nothing is tested. */
import { BROADCAST, ETHERTYPE_ARP, ETHERTYPE_IPV4, UDP, arp, ethernet, ipv4, udp, word32 } from "./frames.js"
import { address, type Address, type Mac } from "./world.js"

export const ROUTER = address(10, 77, 0, 1)
/** Peers of the calls, by the last octet: port 4000 on each. */
export const PEERS = [2, 3, 4, 5]
export const PEER_PORT = 4000
const MASK = 0xffffff00
/** A day: nothing is renewed by itself. */
export const LEASE_SECONDS = 86400
const ARP_REQUEST = 1
const ARP_REPLY = 2
const DISCOVER = 1
const REQUEST = 3
const DECLINE = 4
const ACK = 5

export const peer = (octet: number): Address => address(10, 77, 0, octet)

/** Hosts are those whose last octet is small. */
export function macOf(host: Address): Mac {
    return `02000a4d00${(host & 255).toString(16).padStart(2, "0")}`
}

function isHost(host: Address): boolean {
    return host === ROUTER || PEERS.some(octet => peer(octet) === host)
}

/** A client's message: its type, the slot in its identifier (RFC 4361), and the address that it asks for. */
export function clientMessage(message: Buffer): { type: number; slot: number; xid: number; requested: Address } {
    let type = 0
    let slot = 0
    let requested = 0
    for (let i = 240; i < message.length && message[i] !== 255; i += 2 + message[i + 1]) {
        if (message[i] === 53) type = message[i + 2]
        if (message[i] === 50) requested = message.readUInt32BE(i + 2)
        if (message[i] === 61) slot = message[i + 6]
    }
    return { type, slot, xid: message.readUInt32BE(4), requested }
}

export class Site {
    /** How often the address of each slot was declined. */
    private readonly declined: number[] = []

    /** The answer of a host to an ARP request of the phone. */
    answerArp(frame: Buffer): Buffer | undefined {
        if (frame.readUInt16BE(12) !== ETHERTYPE_ARP || frame.readUInt16BE(20) !== ARP_REQUEST) return undefined
        const [sender, target] = [frame.readUInt32BE(28), frame.readUInt32BE(38)]
        if (sender === 0 || !isHost(target)) return undefined
        const mac = frame.toString("hex", 22, 28)
        const payload = arp({ operation: ARP_REPLY, mac: macOf(target), sender: target, targetMac: mac, target: sender })
        return ethernet({ to: mac, from: macOf(target), type: ETHERTYPE_ARP, payload })
    }

    /** The server's answer to a message of the phone. @param mute slots that get none */
    answerDhcp(frame: Buffer, mute: number[]): Buffer | undefined {
        if (frame.readUInt16BE(12) !== ETHERTYPE_IPV4 || frame[23] !== UDP || frame.readUInt16BE(36) !== 67) return undefined
        const message = frame.subarray(42)
        const { type, slot, requested } = clientMessage(message)
        if (type === DECLINE) this.declined[slot] = (this.declined[slot] ?? 0) + 1
        if ((type !== DISCOVER && type !== REQUEST) || mute.includes(slot)) return undefined
        const held = message.readUInt32BE(12)
        const given = held || requested || address(10, 77, 0, 50 + slot + 10 * ((this.declined[slot] ?? 0) % 4))
        const reply = Buffer.from(message.subarray(0, 240))
        reply[0] = 2
        reply.writeUInt32BE(0, 12)
        reply.writeUInt32BE(given, 16)
        const options = Buffer.concat([
            Buffer.from([53, 1, ACK, 54, 4]),
            word32(ROUTER),
            Buffer.from([51, 4]),
            word32(LEASE_SECONDS),
            Buffer.from([1, 4]),
            word32(MASK),
            Buffer.from([3, 4]),
            word32(ROUTER),
            Buffer.from([80, 0, 255]),
        ])
        const data = Buffer.concat([reply, options])
        const datagram = udp({ source: ROUTER, destination: 0xffffffff, sourcePort: 67, port: 68, data })
        const payload = ipv4({ source: ROUTER, destination: 0xffffffff, protocol: UDP, payload: datagram })
        return ethernet({ to: BROADCAST, from: macOf(ROUTER), type: ETHERTYPE_IPV4, payload })
    }
}
