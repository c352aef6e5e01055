/**
 * The format of RTP packets. Offsets count from the start of the packet.
 * Read first: RFC 3550, 5.1 and 5.3.1 (header extension).
 */
import { get16 } from "./order"

export const RTP_FLAGS = 0
export const RTP_TYPE = 1
export const RTP_SEQUENCE = 2
export const RTP_TIMESTAMP = 4
export const RTP_SSRC = 8
export const RTP_HEADER = 12

const VERSION_2 = 0x80
export const RTP_MARKER = 0x80
/** Comfort noise (RFC 3551, table 4). */
export const COMFORT_NOISE = 13
/** What we call telephone events if we are asked first. */
export const TELEPHONE_EVENT = 101

/** Write a header without CSRC list and extension; sequence number and timestamp are the caller's. */
export function writeRtp(b: Buffer, rtp: number, payloadType: number, ssrc: number): void {
    b[rtp + RTP_FLAGS] = VERSION_2
    b[rtp + RTP_TYPE] = payloadType
    b.setAt(rtp + RTP_SSRC, "i32", ssrc)
}

/** Bytes before the payload, CSRC list and extension included; -1 if the packet is no RTP or ends too early. */
export function rtpHeaderLength(b: Buffer, rtp: number, length: number): number {
    if (length < RTP_HEADER) return -1
    if ((b[rtp] & 0xc0) !== VERSION_2) return -1
    let header = RTP_HEADER + 4 * (b[rtp] & 15)
    if ((b[rtp] & 0x10) !== 0) {
        if (length < header + 4) return -1
        header += 4 + 4 * get16(b, rtp + header + 2)
    }
    if (header > length) return -1
    return header
}

/** Bytes of padding at the end of the packet; -1 if it claims more than follow the header. */
export function rtpPadding(b: Buffer, rtp: number, length: number, header: number): number {
    if ((b[rtp] & 0x20) === 0) return 0
    if (length <= header) return -1
    const padding = b[rtp + length - 1]
    if (padding === 0) return -1
    if (header + padding > length) return -1
    return padding
}
