/**
 * The format of ICMP messages. Offsets count from the start of the message.
 * Read first: RFC 792.
 */
import { checksumOf, sum } from "./checksum"

export const ICMP_TYPE = 0
export const ICMP_CODE = 1
export const ICMP_CHECKSUM = 2
export const ICMP_IDENTIFIER = 4
export const ICMP_SEQUENCE = 6
/** Of a redirect: the router that it names. */
export const ICMP_ROUTER = 4
export const ICMP_HEADER = 8

export const ICMP_ECHO_REPLY = 0
export const ICMP_UNREACHABLE = 3
export const ICMP_REDIRECT = 5
export const ICMP_ECHO_REQUEST = 8
export const ICMP_TIME_EXCEEDED = 11

export const UNREACHABLE_NET = 0
export const UNREACHABLE_HOST = 1
export const UNREACHABLE_PROTOCOL = 2
export const UNREACHABLE_PORT = 3

/** Code of `ICMP_TIME_EXCEEDED`: fragments that have not all come in time. */
export const TIME_EXCEEDED_REASSEMBLY = 1

/** Fill in the checksum of a message that ends where the buffer does. */
export function writeIcmpChecksum(b: Buffer, icmp: number): void {
    b.setAt(icmp + ICMP_CHECKSUM, "u16", 0)
    b.setAt(icmp + ICMP_CHECKSUM, "u16", checksumOf(sum(b, icmp, b.length - icmp)))
}
