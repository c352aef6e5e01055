/** TCP segments. @see RFC 9293 3.1, 3.2 */
import { PROTOCOL_TCP, transportChecksum, type Ipv4Packet } from "./ipv4.js"

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16
/** What a segment holds when its receiver has not said: an IPv4 datagram of 576 bytes (RFC 9293 3.7.1). */
export const MSS_DEFAULT = 536
const HEADER_BYTES = 20
const OPTION_END = 0
const OPTION_NOP = 1
const OPTION_MSS = 2
const OPTION_MSS_BYTES = 4

export interface TcpSegment {
    sourcePort: number
    destinationPort: number
    sequence: number
    /** Says something only with the flag `ACK`. */
    acknowledgment: number
    flags: number
    window: number
    /** The option, which a SYN may have. */
    mss?: number
    payload: Buffer
}

export interface ReceivedTcp extends TcpSegment {
    checksumOk: boolean
}

/** `undefined` when the header does not fit the packet. Options that make no sense are as none (RFC 9293 3.1, MUST-7). */
export function parseTcp({ source, destination, payload: data }: Ipv4Packet): ReceivedTcp | undefined {
    if (data.length < HEADER_BYTES) return undefined
    const headerBytes = (data[12] >> 4) * 4
    if (headerBytes < HEADER_BYTES || headerBytes > data.length) return undefined
    return {
        sourcePort: data.readUInt16BE(0),
        destinationPort: data.readUInt16BE(2),
        sequence: data.readUInt32BE(4),
        acknowledgment: data.readUInt32BE(8),
        flags: data[13],
        window: data.readUInt16BE(14),
        mss: mssOption(data.subarray(HEADER_BYTES, headerBytes)),
        checksumOk: transportChecksum(source, destination, PROTOCOL_TCP, data) === 0,
        payload: data.subarray(headerBytes),
    }
}

function mssOption(options: Buffer): number | undefined {
    for (let i = 0; i < options.length && options[i] !== OPTION_END; ) {
        if (options[i] === OPTION_NOP) {
            i++
            continue
        }
        const length = options[i + 1] ?? 0
        if (length < 2 || i + length > options.length) return undefined
        if (options[i] === OPTION_MSS && length === OPTION_MSS_BYTES) return options.readUInt16BE(i + 2)
        i += length
    }
    return undefined
}

/** A segment with its checksum. */
export function buildTcp(source: string, destination: string, segment: TcpSegment): Buffer {
    const { mss, payload } = segment
    const headerBytes = HEADER_BYTES + (mss === undefined ? 0 : OPTION_MSS_BYTES)
    const data = Buffer.alloc(headerBytes + payload.length)
    data.writeUInt16BE(segment.sourcePort, 0)
    data.writeUInt16BE(segment.destinationPort, 2)
    data.writeUInt32BE(segment.sequence, 4)
    data.writeUInt32BE(segment.acknowledgment, 8)
    data[12] = (headerBytes / 4) << 4
    data[13] = segment.flags
    data.writeUInt16BE(segment.window, 14)
    if (mss !== undefined) {
        data[HEADER_BYTES] = OPTION_MSS
        data[HEADER_BYTES + 1] = OPTION_MSS_BYTES
        data.writeUInt16BE(mss, HEADER_BYTES + 2)
    }
    payload.copy(data, headerBytes)
    data.writeUInt16BE(transportChecksum(source, destination, PROTOCOL_TCP, data), 16)
    return data
}

/** SEG.LEN: how many sequence numbers a segment takes. A SYN and a FIN take one each. */
export function segmentLength({ flags, payload }: TcpSegment): number {
    return payload.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0)
}
