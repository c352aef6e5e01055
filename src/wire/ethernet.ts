/**
 * The format of Ethernet II frames. Offsets count from the start of the frame; the frame check sequence is the PHY's affair.
 * Read first: IEEE 802.3, 3.2.6 (a type, not a length); RFC 894.
 */
export const ETH_DST = 0
export const ETH_SRC = 6
export const ETH_TYPE = 12
export const ETH_HEADER = 14

/** Least and greatest length of a frame without its checksum. */
export const ETH_MIN = 60
export const ETH_MAX = 1514

/** EtherTypes, as a little-endian read of the field gives them. */
export const ETHERTYPE_IPV4 = 0x0008
export const ETHERTYPE_ARP = 0x0608
export const ETHERTYPE_VLAN = 0x0081
/** Octets of a VLAN tag, its type included (IEEE 802.1Q, 9.3). */
export const VLAN_TAG = 4
/** Behind the type of a tag, in a little-endian read under the mask: the VLAN 0, and IPv4 or ARP. The mask leaves out the priority. */
export const TAGGED_MASK = ~0x060000f0
export const TAGGED = 0x00080000

/** The broadcast address ff:ff:ff:ff:ff:ff. A MAC address is two integers: see `setMac`. */
export const MAC_BROADCAST_HIGH = -1
export const MAC_BROADCAST_LOW = 0xffff

/** Write a MAC address at `offset`. @param high its first four octets as `i32`, @param low the last two as `u16` */
export function setMac(b: Buffer, offset: number, high: number, low: number): void {
    b.setAt(offset, "i32", high)
    b.setAt(offset + 4, "u16", low)
}
