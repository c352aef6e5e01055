/**
 * Numbers in network byte order, most significant octet first (RFC 791, appendix B). `getAt` and `setAt` know the other order alone.
 * The fast path does without: a call costs more there than what it does.
 */

/** Reverse the order of the four octets: between a number of 32 bits and what `getAt(offset, "i32")` makes of it (POSIX `htonl`). */
export function htonl(n: number): number {
    return (n >>> 24) | ((n >> 8) & 0xff00) | ((n & 0xff00) << 8) | (n << 24)
}

export function get16(b: Buffer, at: number): number {
    return (b[at] << 8) | b[at + 1]
}

export function put16(b: Buffer, at: number, n: number): void {
    b[at] = n >> 8
    b[at + 1] = n
}
