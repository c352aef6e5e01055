/**
 * What IP hands packets and news to: one port of one transport protocol. The layers below know nothing else of what is above
 * them, so this file is a contract alone: it has no code, and they import it as a type.
 */
import type { Neighbour } from "../link/neighbours"

export interface Endpoint {
    /** Its port, as `keyOf` of `link/interface.ts` has it: ports of two protocols are two things. */
    port: number
    /** The next one in the same list. */
    next: Endpoint
    /** Take a packet to the port: `at` is the offset of the protocol's header, `ip` that of the IPv4 header; `length` counts from `at`. */
    onPacket(b: Buffer, at: number, length: number, ip: number): void
    /** The interface has lost its address. `code` is POSIX. */
    onError(code: string): void
    /** A packet of ours to `dst` has not been delivered, says `source`. @param code of ICMP's destination unreachable (RFC 792) */
    onUnreachable(code: number, dst: number, dstPort: number, source: number): void
    /** The MAC address of a neighbour became known or changed, or the neighbour is gone (`known` is false). */
    onNeighbour(n: Neighbour): void
    /** Ask the way anew: an address, a mask or a router has changed. */
    onWay(): void
    /** Whether what comes through a neighbour was heard lately: then it is there, though it does not answer (RFC 1122, 3.3.1.4). */
    hears(n: Neighbour): boolean
}
