/**
 * The format of IPv4 headers, and the pseudo-header of the protocols above. Offsets count from the start of the header.
 * Read first: RFC 791, 3.1; RFC 6864, 4.1 (why every identification is 0).
 */
import { checksumOf, sum } from "./checksum"
import { put16 } from "./order"

export const IPV4_VERSION_IHL = 0
export const IPV4_TOS = 1
export const IPV4_TOTAL_LENGTH = 2
export const IPV4_IDENTIFICATION = 4
export const IPV4_FLAGS_FRAGMENT = 6
export const IPV4_TTL = 8
export const IPV4_PROTOCOL = 9
export const IPV4_CHECKSUM = 10
export const IPV4_SRC = 12
export const IPV4_DST = 16
export const IPV4_HEADER = 20
/** With all the options that there may be. */
export const IPV4_HEADER_MOST = 60

export const PROTOCOL_ICMP = 1
export const PROTOCOL_UDP = 17

/** Bits of the flag "more fragments" and of the fragment offset, in a little-endian read of the field. */
export const FRAGMENT_MASK = 0xff3f
/** The former, as the field is written. */
export const MORE_FRAGMENTS = 0x2000

/** The default for hosts (RFC 1700, "IP TIME TO LIVE PARAMETER"). */
const TTL = 64
const VERSION_4_IHL_5 = 0x45
const DONT_FRAGMENT = 0x40

/**
 * Write a header without options. DF is set and the identification is 0: an atomic datagram (RFC 6864, 4.1). So the checksum of
 * the header stays the same from datagram to datagram while the length does.
 * @param length bytes after the header
 */
export function writeIpv4(b: Buffer, ip: number, protocol: number, tos: number, src: number, dst: number, length: number): void {
    b[ip] = VERSION_4_IHL_5
    b[ip + IPV4_TOS] = tos
    b.setAt(ip + IPV4_IDENTIFICATION, "u16", 0)
    b.setAt(ip + IPV4_FLAGS_FRAGMENT, "u16", DONT_FRAGMENT)
    b[ip + IPV4_TTL] = TTL
    b[ip + IPV4_PROTOCOL] = protocol
    b.setAt(ip + IPV4_SRC, "i32", src)
    b.setAt(ip + IPV4_DST, "i32", dst)
    setIpv4Length(b, ip, IPV4_HEADER, length)
}

/** Write how long a packet is, and the checksum of its header, in which all else is written. @param header its bytes @param length bytes after it */
export function setIpv4Length(b: Buffer, ip: number, header: number, length: number): void {
    put16(b, ip + IPV4_TOTAL_LENGTH, header + length)
    b.setAt(ip + IPV4_CHECKSUM, "u16", 0)
    b.setAt(ip + IPV4_CHECKSUM, "u16", checksumOf(sum(b, ip, header)))
}

/** Sum of the pseudo-header (RFC 768); add that of the datagram. @param length bytes of the datagram */
export function pseudoSum(b: Buffer, ip: number, protocol: number, length: number): number {
    return b.getAt(ip + IPV4_SRC, "u32") + b.getAt(ip + IPV4_DST, "u32") + (protocol << 8) + (length >> 8) + ((length & 255) << 8)
}
