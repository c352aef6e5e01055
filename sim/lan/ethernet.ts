/** Ethernet II frames, without preamble and frame check sequence. @see IEEE 802.3, RFC 894 */

export const ETHERTYPE_IPV4 = 0x0800
export const ETHERTYPE_ARP = 0x0806
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"
export const ETHERNET_HEADER_BYTES = 14
/** Header, 1500 bytes of payload and one 802.1Q tag. */
export const ETHERNET_MAX_BYTES = 1518

export interface EthernetFrame {
    destination: string
    source: string
    etherType: number
    /** May end in padding: the length field of the packet inside says where it ends. */
    payload: Buffer
}

/** A MAC address as six lower-case hexadecimal pairs. */
export function macToString(bytes: Buffer): string {
    return bytes.toString("hex").replace(/(..)(?=.)/g, "$1:")
}

export function macToBytes(mac: string): Buffer {
    return Buffer.from(mac.replace(/:/g, ""), "hex")
}

/** `undefined` when the frame is shorter than its header. */
export function parseEthernet(frame: Buffer): EthernetFrame | undefined {
    if (frame.length < ETHERNET_HEADER_BYTES) return undefined
    return {
        destination: macToString(frame.subarray(0, 6)),
        source: macToString(frame.subarray(6, 12)),
        etherType: frame.readUInt16BE(12),
        payload: frame.subarray(ETHERNET_HEADER_BYTES),
    }
}

export function buildEthernet({ destination, source, etherType, payload }: EthernetFrame): Buffer {
    const header = Buffer.alloc(ETHERNET_HEADER_BYTES)
    macToBytes(destination).copy(header, 0)
    macToBytes(source).copy(header, 6)
    header.writeUInt16BE(etherType, 12)
    return Buffer.concat([header, payload])
}
