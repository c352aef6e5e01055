/** The Internet checksum, shared by IPv4, ICMP, UDP and TCP. @see RFC 1071 */

/** Adds the 16-bit big-endian words of `data` to `sum`; an odd last byte counts as if padded with zero. */
export function addWords(sum: number, data: Buffer): number {
    const even = data.length & ~1
    for (let i = 0; i < even; i += 2) sum += data.readUInt16BE(i)
    return even < data.length ? sum + data[even] * 256 : sum
}

/** Folds a sum to 16 bits and complements it: the value that goes into a checksum field. */
export function finish(sum: number): number {
    while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
    return ~sum & 0xffff
}

/** The checksum of `data`. Over data that carries its own correct checksum the result is 0. */
export function internetChecksum(data: Buffer): number {
    return finish(addWords(0, data))
}
