/** IPv4 packets cut into fragments, as their sender does it. @see RFC 791 3.2 */
import { internetChecksum } from "../../sim/lan/checksum.js"

const IP = 14
const HEADER_BYTES = 20
const DATA = IP + HEADER_BYTES
const MORE_FRAGMENTS = 0x2000
/** Of a link of 1,500 bytes. */
const USUAL_FRAGMENT = 1480

let last = 0

/**
 * The frames in which the packet of a frame without IPv4 options comes, with an identification that no other one has.
 * @param size bytes of data in each but the last, in whole blocks of 8
 */
export function fragmentsOf(frame: Buffer, size = USUAL_FRAGMENT): Buffer[] {
    const id = (last = (last + 1) & 0xffff)
    const data = frame.subarray(DATA)
    return Array.from({ length: Math.ceil(data.length / size) }, (_, i) => {
        const start = i * size
        const part = Buffer.concat([frame.subarray(0, DATA), data.subarray(start, start + size)])
        const header = part.subarray(IP, DATA)
        header.writeUInt16BE(part.length - IP, 2)
        header.writeUInt16BE(id, 4)
        header.writeUInt16BE((start + size < data.length ? MORE_FRAGMENTS : 0) | (start / 8), 6)
        header.writeUInt16BE(0, 10)
        header.writeUInt16BE(internetChecksum(header), 10)
        return part
    })
}
