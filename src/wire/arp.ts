/** ARP for IPv4 over Ethernet (RFC 826). Field offsets from the start of the ARP packet. */
export const ARP_HARDWARE = 0
export const ARP_PROTOCOL = 2
export const ARP_LENGTHS = 4
export const ARP_OPERATION = 6
export const ARP_SENDER_MAC = 8
export const ARP_SENDER_ADDRESS = 14
export const ARP_TARGET_MAC = 18
export const ARP_TARGET_ADDRESS = 24
export const ARP_LENGTH = 28

/** Operations as a little-endian read of the field gives them. */
export const ARP_REQUEST = 0x0100
export const ARP_REPLY = 0x0200

/** Hardware Ethernet, protocol IPv4, as one little-endian word; 6 and 4 octets of address, as the next half. */
const ETHERNET_IPV4 = 0x00080100
const LENGTHS = 0x0406

/** Whether the packet is ARP for IPv4 over Ethernet, of `length` bytes. */
export function isArp(b: Buffer, arp: number, length: number): boolean {
    return (
        length >= ARP_LENGTH &&
        b.getAt(arp + ARP_HARDWARE, "i32") === ETHERNET_IPV4 &&
        b.getAt(arp + ARP_LENGTHS, "u16") === LENGTHS
    )
}

/** Write the part that is the same in every packet. */
export function writeArp(b: Buffer, arp: number, operation: number): void {
    b.setAt(arp + ARP_HARDWARE, "i32", ETHERNET_IPV4)
    b.setAt(arp + ARP_LENGTHS, "u16", LENGTHS)
    b.setAt(arp + ARP_OPERATION, "u16", operation)
}
