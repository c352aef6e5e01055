/** IPv4 addresses and packets. @see RFC 791 */
import { addWords, finish, internetChecksum } from "./checksum.js"

export const PROTOCOL_ICMP = 1
export const PROTOCOL_TCP = 6
export const PROTOCOL_UDP = 17
export const ANY_ADDRESS = "0.0.0.0"
export const LIMITED_BROADCAST = "255.255.255.255"
const HEADER_BYTES = 20
const DONT_FRAGMENT = 0x4000
const MORE_FRAGMENTS = 0x2000
const FRAGMENT_OFFSET = 0x1fff
const DEFAULT_TTL = 64

export interface Ipv4Packet {
    tos: number
    ttl: number
    protocol: number
    source: string
    destination: string
    /** True for every piece of a fragmented datagram, the first included. */
    fragment: boolean
    /** The header as received, options included. */
    header: Buffer
    headerChecksumOk: boolean
    payload: Buffer
}

export function addressToString(data: Buffer, offset = 0): string {
    return `${data[offset]}.${data[offset + 1]}.${data[offset + 2]}.${data[offset + 3]}`
}

export function addressToBytes(address: string): Buffer {
    return Buffer.from(address.split(".").map(Number))
}

export function addressToNumber(address: string): number {
    return addressToBytes(address).readUInt32BE(0)
}

export function numberToAddress(value: number): string {
    return addressToString(Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]))
}

/** Class D and E, the limited broadcast included: never the source of a datagram (RFC 1122 3.2.1.3). */
export function isMulticastOrReserved(address: string): boolean {
    return addressToBytes(address)[0] >= 224
}

/** `undefined` when it is not IPv4 or its lengths do not fit `data`; padding after the packet is cut off. */
export function parseIpv4(data: Buffer): Ipv4Packet | undefined {
    if (data.length < HEADER_BYTES || data[0] >> 4 !== 4) return undefined
    const headerBytes = (data[0] & 15) * 4
    const totalBytes = data.readUInt16BE(2)
    if (headerBytes < HEADER_BYTES || totalBytes < headerBytes || totalBytes > data.length) return undefined
    const header = data.subarray(0, headerBytes)
    return {
        tos: data[1],
        fragment: (data.readUInt16BE(6) & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0,
        ttl: data[8],
        protocol: data[9],
        source: addressToString(data, 12),
        destination: addressToString(data, 16),
        header,
        headerChecksumOk: internetChecksum(header) === 0,
        payload: data.subarray(headerBytes, totalBytes),
    }
}

export interface Ipv4Fields {
    source: string
    destination: string
    protocol: number
    payload: Buffer
    tos?: number
    ttl?: number
}

/** A packet with "don't fragment" set and identification 0, as RFC 6864 4.1 allows for atomic datagrams. */
export function buildIpv4({ source, destination, protocol, payload, tos = 0, ttl = DEFAULT_TTL }: Ipv4Fields): Buffer {
    const header = Buffer.alloc(HEADER_BYTES)
    header[0] = 0x45
    header[1] = tos
    header.writeUInt16BE(HEADER_BYTES + payload.length, 2)
    header.writeUInt16BE(DONT_FRAGMENT, 6)
    header[8] = ttl
    header[9] = protocol
    addressToBytes(source).copy(header, 12)
    addressToBytes(destination).copy(header, 16)
    header.writeUInt16BE(internetChecksum(header), 10)
    return Buffer.concat([header, payload])
}

/** The checksum of UDP and TCP: over a pseudo header of addresses, protocol and length, and the data (RFC 768, RFC 9293 3.1). */
export function transportChecksum(source: string, destination: string, protocol: number, data: Buffer): number {
    let sum = protocol + data.length
    sum = addWords(sum, addressToBytes(source))
    sum = addWords(sum, addressToBytes(destination))
    return finish(addWords(sum, data))
}
