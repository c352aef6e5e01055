/**
 * The format of UDP headers, and the checksum. Offsets count from the start of the header.
 * Read first: RFC 768.
 */
import { checksumHolds, checksumOf, sum } from "./checksum"
import { IPV4_DST, IPV4_SRC, PROTOCOL_UDP, pseudoSum } from "./ipv4"
import { put16 } from "./order"

export const UDP_SRC_PORT = 0
export const UDP_DST_PORT = 2
export const UDP_LENGTH = 4
export const UDP_CHECKSUM = 6
export const UDP_HEADER = 8

/** Write a header with a checksum of 0 ("not used"). @param length bytes of payload */
export function writeUdp(b: Buffer, udp: number, srcPort: number, dstPort: number, length: number): void {
    put16(b, udp, srcPort)
    put16(b, udp + UDP_DST_PORT, dstPort)
    put16(b, udp + UDP_LENGTH, UDP_HEADER + length)
    b.setAt(udp + UDP_CHECKSUM, "u16", 0)
}

/** Fill in the checksum, when header and payload are written. @param total bytes, header included */
export function writeUdpChecksum(b: Buffer, ip: number, udp: number, total: number): void {
    b.setAt(udp + UDP_CHECKSUM, "u16", 0)
    let checksum = checksumOf(pseudoSum(b, ip, PROTOCOL_UDP, total) + sum(b, udp, total))
    // RFC 768: a computed 0 is sent as all ones, because 0 says that there is none
    if (checksum === 0) checksum = 0xffff
    b.setAt(udp + UDP_CHECKSUM, "u16", checksum)
}

/** Whether the checksum holds, or the sender left it out. */
export function udpChecksumHolds(b: Buffer, ip: number, udp: number, length: number): boolean {
    if (b.getAt(udp + UDP_CHECKSUM, "u16") === 0) return true
    // the pseudo-header, read in place (RFC 768)
    return checksumHolds(
        b.getAt(ip + IPV4_SRC, "u32") +
            b.getAt(ip + IPV4_DST, "u32") +
            (PROTOCOL_UDP << 8) +
            (length >> 8) +
            ((length & 255) << 8) +
            sum(b, udp, length)
    )
}
