/**
 * The format of TCP headers. Offsets count from the start of the header.
 * Read first: RFC 9293, 3.1 and 3.2.
 */
import { get16 } from "./order"

export const TCP_SRC_PORT = 0
export const TCP_DST_PORT = 2
export const TCP_SEQUENCE = 4
export const TCP_ACKNOWLEDGMENT = 8
export const TCP_OFFSET = 12
export const TCP_FLAGS = 13
export const TCP_WINDOW = 14
export const TCP_CHECKSUM = 16
export const TCP_HEADER = 20

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16

const OPTION_END = 0
const OPTION_NOP = 1
const OPTION_MSS = 2

/** Kind and length of the one option that is sent (RFC 9293, 3.7.1). */
export const MSS_KIND_LENGTH = 0x0204
export const MSS_OPTION_LENGTH = 4

/** The maximum segment size that the options of a header say; 0 if they do not, or are cut off there. @param end where the header ends */
export function mssOption(b: Buffer, tcp: number, end: number): number {
    let at = tcp + TCP_HEADER
    while (at + MSS_OPTION_LENGTH <= end) {
        const kind = b[at]
        if (kind === OPTION_END) break
        if (kind === OPTION_MSS) return get16(b, at + 2)
        const length = kind === OPTION_NOP ? 1 : b[at + 1]
        if (length === 0) break
        at += length
    }
    return 0
}
