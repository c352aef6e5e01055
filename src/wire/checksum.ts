/**
 * The Internet checksum, as IPv4, ICMP and UDP use it: sum the data, then store or check.
 * Read first: RFC 1071, 1 and 2.
 */

/**
 * Sum 32-bit words in the byte order of the machine: only the final word depends on it (RFC 1071, 2 (B)). A double holds the
 * sum of many such words exactly, so four bytes cost one read and one addition. `checksumOf` and `checksumHolds` reduce the
 * sum to 16 bits once, at the end.
 * @param length bytes
 * @returns an integer to add to other sums and to give to `checksumOf` or `checksumHolds`
 */
export function sum(b: Buffer, offset: number, length: number): number {
    let s = 0
    const end = offset + length
    while (offset + 16 <= end) {
        s += b.getAt(offset, "u32") + b.getAt(offset + 4, "u32") + b.getAt(offset + 8, "u32") + b.getAt(offset + 12, "u32")
        offset += 16
    }
    while (offset + 4 <= end) {
        s += b.getAt(offset, "u32")
        offset += 4
    }
    if (offset + 2 <= end) {
        s += b.getAt(offset, "u16")
        offset += 2
    }
    if (offset < end) s += b[offset]
    return s
}

/**
 * The value of a checksum field for data that sums to `s` with the field 0. Store it as a little-endian `u16`. A ones' complement
 * sum is the remainder modulo 65,535, or 65,535 instead of 0 unless all data is 0. At most 2^15 words may have been added: then
 * the quotient is an integer of 32 bits, and the VM needs no call.
 */
export function checksumOf(s: number): number {
    return 65535 - (s - (((s - 1) / 65535) | 0) * 65535)
}

/** Whether data, its checksum field included, sums to a multiple of 65,535 other than 0. */
export function checksumHolds(s: number): boolean {
    return (((s - 1) / 65535) | 0) * 65535 === s - 65535
}
