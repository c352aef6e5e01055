/** Ethernet II (IEEE 802.3, 3.2.6 with a type field). Field offsets from the start of the frame. */
export const ETH_DST = 0
export const ETH_SRC = 6
export const ETH_TYPE = 12
export const ETH_HEADER = 14

/** Least and greatest length of a frame without its checksum. */
export const ETH_MIN = 60
export const ETH_MAX = 1514

/** Types as a little-endian read of the field gives them. */
export const ETHERTYPE_IPV4 = 0x0008
export const ETHERTYPE_ARP = 0x0608

/** The broadcast address ff:ff:ff:ff:ff:ff, as the two integers in which we keep MAC addresses. */
export const MAC_BROADCAST_HIGH = -1
export const MAC_BROADCAST_LOW = 0xffff

/** Write an address at `offset`. @param high its first four octets as `i32`, @param low the last two as `u16` */
export function setMac(b: Buffer, offset: number, high: number, low: number): void {
    b.setAt(offset, "i32", high)
    b.setAt(offset + 4, "u16", low)
}
