/**
 * The format of ARP packets for IPv4 over Ethernet. Offsets count from the start of the ARP packet.
 * Read first: RFC 826, "Packet format".
 */
export const ARP_HARDWARE = 0
export const ARP_PROTOCOL = 2
export const ARP_LENGTHS = 4
export const ARP_OPERATION = 6
export const ARP_SENDER_MAC = 8
export const ARP_SENDER_ADDRESS = 14
export const ARP_TARGET_MAC = 18
export const ARP_TARGET_ADDRESS = 24
export const ARP_LENGTH = 28

/** Operations, as a little-endian read of the field gives them. */
export const ARP_REQUEST = 0x0100
export const ARP_REPLY = 0x0200

/** Hardware type Ethernet and protocol IPv4 as one little-endian word; then the lengths of their addresses, 6 and 4. */
const ETHERNET_IPV4 = 0x00080100
const LENGTHS = 0x0406

/** Whether these `length` bytes are an ARP packet for IPv4 over Ethernet. */
export function isArp(b: Buffer, arp: number, length: number): boolean {
    if (length < ARP_LENGTH) return false
    if (b.getAt(arp + ARP_HARDWARE, "i32") !== ETHERNET_IPV4) return false
    return b.getAt(arp + ARP_LENGTHS, "u16") === LENGTHS
}

/** Write all but the addresses. */
export function writeArp(b: Buffer, arp: number, operation: number): void {
    b.setAt(arp + ARP_HARDWARE, "i32", ETHERNET_IPV4)
    b.setAt(arp + ARP_LENGTHS, "u16", LENGTHS)
    b.setAt(arp + ARP_OPERATION, "u16", operation)
}
