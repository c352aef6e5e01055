/** ICMP messages. @see RFC 792 */
import { internetChecksum } from "./checksum.js"
import type { Ipv4Packet } from "./ipv4.js"

export const ICMP_ECHO_REPLY = 0
export const ICMP_UNREACHABLE = 3
export const ICMP_ECHO_REQUEST = 8
export const CODE_NET_UNREACHABLE = 0
export const CODE_PROTOCOL_UNREACHABLE = 2
export const CODE_PORT_UNREACHABLE = 3
const HEADER_BYTES = 8
/** How much of the offending datagram's data an error message quotes after its header. */
const QUOTED_BYTES = 8

export interface IcmpMessage {
    type: number
    code: number
    /** The second word: identifier and sequence number of an echo, unused in "unreachable". */
    rest: number
    payload: Buffer
}

/** `undefined` when the message is too short. */
export function parseIcmp(data: Buffer): (IcmpMessage & { checksumOk: boolean }) | undefined {
    if (data.length < HEADER_BYTES) return undefined
    return {
        type: data[0],
        code: data[1],
        rest: data.readUInt32BE(4),
        payload: data.subarray(HEADER_BYTES),
        checksumOk: internetChecksum(data) === 0,
    }
}

export function buildIcmp({ type, code, rest, payload }: IcmpMessage): Buffer {
    const data = Buffer.alloc(HEADER_BYTES + payload.length)
    data[0] = type
    data[1] = code
    data.writeUInt32BE(rest, 4)
    payload.copy(data, HEADER_BYTES)
    data.writeUInt16BE(internetChecksum(data), 2)
    return data
}

/** "Destination unreachable" about `packet`: quotes its header and the first eight bytes of its data. */
export function buildUnreachable(code: number, packet: Ipv4Packet): Buffer {
    const payload = Buffer.concat([packet.header, packet.payload.subarray(0, QUOTED_BYTES)])
    return buildIcmp({ type: ICMP_UNREACHABLE, code, rest: 0, payload })
}

/** True for the error messages, about which no error message may be sent (RFC 1122 3.2.2). */
export function isIcmpError(type: number): boolean {
    return type === ICMP_UNREACHABLE || type === 4 || type === 5 || type === 11 || type === 12
}
