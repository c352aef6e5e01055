/**
 * What IP hands packets and news to: one port of one transport protocol. The layers below know nothing else of what is above
 * them, so this file is a contract alone: it has no code, and they import it as a type.
 */
import type { Neighbour } from "../link/neighbours"

export interface Endpoint {
    /** Number of the transport protocol (IANA, Protocol Numbers): ports of two protocols are two things. */
    protocol: number
    port: number
    /** The next one in the same list. */
    next: Endpoint
    /** Take a packet to the port: `at` is the offset of the protocol's header, `ip` that of the IPv4 header; `length` counts from `at`. */
    onPacket(b: Buffer, at: number, length: number, ip: number): void
    /** The interface has lost its address. `code` is POSIX. */
    onError(code: string): void
    /** A packet of ours to `dst` has not been delivered. @param code of ICMP's destination unreachable (RFC 792) */
    onUnreachable(code: number, dst: number, dstPort: number): void
    /** The MAC address of a neighbour became known or changed, or the neighbour is gone (`known` is false). */
    onNeighbour(n: Neighbour): void
}
