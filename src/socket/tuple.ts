/** Tuples: which address a socket is to have (claim 12). */
import { choiceOf } from "../base/text"

/**
 * A tuple: the board's common address, as a plain socket has it.
 * @category Kinds of sockets
 */
export const TUPLE_COMMON = 0
/**
 * A tuple: an address from the pool of reserved ones, the setting `POOL`.
 * @category Kinds of sockets
 */
export const TUPLE_STATIC = 1
/**
 * A tuple: a lease of its own from the DHCP server.
 * @category Kinds of sockets
 */
export const TUPLE_DHCP = 2
/**
 * With one of the two above, `TUPLE_DHCP | TUPLE_DEFER`: the address is taken only at `bind` or `connect`.
 * @category Kinds of sockets
 */
export const TUPLE_DEFER = 0x10
/** The flag of `tupleOf`; the descriptor is below it. */
export const TUPLE_OF = 0x100

/**
 * A tuple: the address of another socket, which both have then, as RTP and RTCP of one call do. It is given back when the
 * last of them is closed.
 * @param sd that other socket
 * @category Kinds of sockets
 */
export function tupleOf(sd: number): number {
    return TUPLE_OF | sd
}

/** `dhcp`, `static` or `common` as a tuple; `undefined` for another name. */
export function parseTuple(name: string): number {
    // in the order of their values
    return choiceOf("common static dhcp", name)
}
