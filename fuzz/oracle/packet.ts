/** What the parts of the oracle tell each other of an IPv4 packet. */
import { checksum } from "../checksum.js"
import type { Mac } from "../world.js"

export const UDP = 17

/** How a packet came: in a frame to one MAC address or to a group, and from whom. */
export interface Link {
    individual: boolean
    sender: Mac
}

/** A packet that is whole. */
export interface Packet {
    link: Link
    whole: Buffer
    header: number
    source: number
    destination: number
    tos: number
    protocol: number
    payload: Buffer
}

/** RFC 768: over a pseudo-header too; 0 says that there is none. */
export function checksumHolds({ source, destination }: Packet, datagram: Buffer): boolean {
    if (datagram.readUInt16BE(6) === 0) return true
    const pseudo = Buffer.alloc(12)
    pseudo.writeUInt32BE(source, 0)
    pseudo.writeUInt32BE(destination, 4)
    pseudo[9] = UDP
    pseudo.writeUInt16BE(datagram.length, 10)
    return checksum(Buffer.concat([pseudo, datagram])) === 0
}
