/**
 * Sum for the Internet checksum (RFC 1071), in the byte order of the machine: RFC 1071, 2 (B) shows that only the
 * final word depends on it. A double holds the sum of many 32-bit words exactly, so that four bytes cost one read and
 * one addition; `checksumOf` and `checksumHolds` fold it to 16 bits once, at the end.
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

/** The ones' complement sum of 16 bits that a sum of 32-bit words stands for. Up to 2^20 words were added. */
function fold(s: number): number {
    const low = s | 0
    let r = (low & 0xffff) + (low >>> 16) + ((s / 4294967296) | 0)
    r = (r & 0xffff) + (r >> 16)
    return (r & 0xffff) + (r >> 16)
}

/** The value of a checksum field, to be stored as a little-endian `u16`, for data that sums to `s` with the field 0. */
export function checksumOf(s: number): number {
    return ~fold(s) & 0xffff
}

/** Whether data with its checksum field in it sums as it must. */
export function checksumHolds(s: number): boolean {
    return fold(s) === 0xffff
}
