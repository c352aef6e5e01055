/** The Internet checksum (RFC 1071, 1), octet by octet: over data with its checksum in it, it is 0. */
export function checksum(b: Buffer): number {
    let sum = 0
    for (let i = 0; i < b.length; i++) sum += i % 2 === 0 ? b[i] << 8 : b[i]
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    return ~sum & 0xffff
}
