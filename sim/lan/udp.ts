/** User datagrams. @see RFC 768 */
import { PROTOCOL_UDP, transportChecksum, type Ipv4Packet } from "./ipv4.js"

const HEADER_BYTES = 8

export interface UdpHeaderAndData {
    sourcePort: number
    destinationPort: number
    /** As sent; 0 means that the sender computed none. */
    checksum: number
    checksumOk: boolean
    payload: Buffer
}

/** `undefined` when the length field does not fit the packet. */
export function parseUdp(packet: Ipv4Packet): UdpHeaderAndData | undefined {
    const data = packet.payload
    if (data.length < HEADER_BYTES) return undefined
    const length = data.readUInt16BE(4)
    if (length < HEADER_BYTES || length > data.length) return undefined
    const datagram = data.subarray(0, length)
    const checksum = data.readUInt16BE(6)
    return {
        sourcePort: data.readUInt16BE(0),
        destinationPort: data.readUInt16BE(2),
        checksum,
        checksumOk: checksum === 0 || transportChecksum(packet.source, packet.destination, PROTOCOL_UDP, datagram) === 0,
        payload: datagram.subarray(HEADER_BYTES),
    }
}

/** A datagram with its checksum; a computed 0 is sent as 0xffff, since 0 would mean "none". */
export function buildUdp(source: string, sourcePort: number, destination: string, destinationPort: number, payload: Buffer): Buffer {
    const datagram = Buffer.alloc(HEADER_BYTES + payload.length)
    datagram.writeUInt16BE(sourcePort, 0)
    datagram.writeUInt16BE(destinationPort, 2)
    datagram.writeUInt16BE(datagram.length, 4)
    payload.copy(datagram, HEADER_BYTES)
    datagram.writeUInt16BE(transportChecksum(source, destination, PROTOCOL_UDP, datagram) || 0xffff, 6)
    return datagram
}
