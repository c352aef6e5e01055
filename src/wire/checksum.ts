/**
 * Sum for the Internet checksum (RFC 1071), in the byte order of the machine: RFC 1071, 2 (B) shows that only the
 * final word depends on it. A double holds the sum of many 32-bit words exactly, so that four bytes cost one read and
 * one addition; `checksumOf` and `checksumHolds` reduce it to 16 bits once, at the end.
 * @param length bytes
 * @returns an integer to add to other sums and to give to `checksumOf` or `checksumHolds`
 */
export function sum(b: Buffer, offset: number, length: number): number {
    let s = 0
    const end = offset + length
    while (offset + 16 <= end) {
        s +=
            b.getAt(offset, "u32") +
            b.getAt(offset + 4, "u32") +
            b.getAt(offset + 8, "u32") +
            b.getAt(offset + 12, "u32")
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
 * The value of a checksum field, to be stored as a little-endian `u16`, for data that sums to `s` with the field 0. A
 * ones' complement sum is the remainder modulo 65,535, or 65,535 instead of 0 unless all is 0. Up to 2^15 words were
 * added: then the quotient is an integer of 32 bits, and the VM needs no call.
 */
export function checksumOf(s: number): number {
    return 65535 - (s - (((s - 1) / 65535) | 0) * 65535)
}

/** Whether data with its checksum field in it sums as it must: to a multiple of 65,535, and not to 0. */
export function checksumHolds(s: number): boolean {
    return (((s - 1) / 65535) | 0) * 65535 === s - 65535
}
