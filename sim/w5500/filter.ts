/** Which frames a socket in MACRAW mode takes. @see W5500 datasheet 4.2, Sn_MR */
import { SN_MR_BCASTB, SN_MR_MFEN, SN_MR_MIP6B, SN_MR_MMB } from "./registers.js"

const MAC_BYTES = 6
const ETHERTYPE_AT = 12
const ETHERTYPE_IPV6 = 0x86dd
const BROADCAST = Buffer.alloc(MAC_BYTES, 0xff)

/** @param mode Sn_MR; @param mac SHAR */
export function accepts(frame: Buffer, mode: number, mac: Buffer): boolean {
    const destination = frame.subarray(0, MAC_BYTES)
    if (mode & SN_MR_MIP6B && frame.readUInt16BE(ETHERTYPE_AT) === ETHERTYPE_IPV6) return false
    if (destination.equals(BROADCAST)) return !(mode & SN_MR_BCASTB)
    if (destination[0] & 1) return !(mode & SN_MR_MMB)
    return !(mode & SN_MR_MFEN) || destination.equals(mac)
}
