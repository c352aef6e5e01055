/** Address resolution for IPv4 over Ethernet. @see RFC 826 */
import { BROADCAST_MAC, ETHERTYPE_ARP, buildEthernet, macToBytes, macToString } from "./ethernet.js"
import { addressToBytes, addressToString } from "./ipv4.js"

export const ARP_REQUEST = 1
export const ARP_REPLY = 2
const ARP_BYTES = 28
const HTYPE_ETHERNET = 1
const PTYPE_IPV4 = 0x0800
const NO_MAC = "00:00:00:00:00:00"

export interface ArpPacket {
    operation: number
    senderMac: string
    senderAddress: string
    targetMac: string
    targetAddress: string
}

/** `undefined` when it is not ARP for IPv4 over Ethernet, or too short. */
export function parseArp(data: Buffer): ArpPacket | undefined {
    if (data.length < ARP_BYTES) return undefined
    if (data.readUInt16BE(0) !== HTYPE_ETHERNET || data.readUInt16BE(2) !== PTYPE_IPV4) return undefined
    if (data[4] !== 6 || data[5] !== 4) return undefined
    return {
        operation: data.readUInt16BE(6),
        senderMac: macToString(data.subarray(8, 14)),
        senderAddress: addressToString(data, 14),
        targetMac: macToString(data.subarray(18, 24)),
        targetAddress: addressToString(data, 24),
    }
}

export function buildArp(arp: ArpPacket): Buffer {
    const data = Buffer.alloc(ARP_BYTES)
    data.writeUInt16BE(HTYPE_ETHERNET, 0)
    data.writeUInt16BE(PTYPE_IPV4, 2)
    data[4] = 6
    data[5] = 4
    data.writeUInt16BE(arp.operation, 6)
    macToBytes(arp.senderMac).copy(data, 8)
    addressToBytes(arp.senderAddress).copy(data, 14)
    macToBytes(arp.targetMac).copy(data, 18)
    addressToBytes(arp.targetAddress).copy(data, 24)
    return data
}

/**
 * A whole request frame. With sender address 0.0.0.0 it is a probe, with sender and target alike an announcement
 * (RFC 5227 1.1); with `to` it is sent to one station only, as a poll of a known neighbour (RFC 1122 2.3.2.1).
 */
export function arpRequest(senderMac: string, senderAddress: string, targetAddress: string, to = BROADCAST_MAC): Buffer {
    const payload = buildArp({ operation: ARP_REQUEST, senderMac, senderAddress, targetMac: NO_MAC, targetAddress })
    return buildEthernet({ destination: to, source: senderMac, etherType: ETHERTYPE_ARP, payload })
}

/** A whole reply frame to `request`, saying that its target address is at `mac`. */
export function arpReply(mac: string, request: ArpPacket): Buffer {
    const payload = buildArp({
        operation: ARP_REPLY,
        senderMac: mac,
        senderAddress: request.targetAddress,
        targetMac: request.senderMac,
        targetAddress: request.senderAddress,
    })
    return buildEthernet({ destination: request.senderMac, source: mac, etherType: ETHERTYPE_ARP, payload })
}
