/**
 * RTCP: so far only the compound packet that ends a session.
 * Read first: RFC 3550, 6.1, 6.4.1 (SR), 6.5 (SDES) and 6.6 (BYE).
 */
import { formatAddress } from "../wire/address"
import { htonl } from "../wire/order"
import { RTP_SSRC, RTP_TIMESTAMP } from "../wire/rtp"

/**
 * Template: an empty sender report (6.4.1), an SDES chunk up to the length of its CNAME (6.5), BYE (6.6). A compound begins
 * with a report (6.1).
 */
const COMPOUND: Buffer = hex`
    80c80006 00000000 0000000000000000 00000000 00000000 00000000
    81ca0000 00000000 0100
    81cb0001 00000000`
const SR_SSRC = 4
const SR_RTP_TIMESTAMP = 16
const SR_PACKETS = 20
const SR_OCTETS = 24
const SR_LENGTH = 28
const SDES_LENGTH = SR_LENGTH + 2
const SDES_SSRC = SR_LENGTH + 4
const CNAME_LENGTH = SR_LENGTH + 9
const CNAME = SR_LENGTH + 10
const BYE_SSRC = 4
const BYE_LENGTH = 8

/**
 * Make the compound that ends a session: SR, SDES, BYE. The sender has no wall clock, so its NTP timestamp is zero (6.4.1). The
 * CNAME is the session's address (6.5.1), which every packet tells anyway.
 * @param b has an RTP packet of the session at `rtp`: the next one that would be sent
 * @param packets sent, of `payload` octets each
 */
export function byeOf(b: Buffer, rtp: number, packets: number, payload: number, address: number): Buffer {
    const name = Buffer.from(formatAddress(address))
    // one to four null octets end the chunk at a multiple of four
    const bye = (CNAME + name.length + 4) & ~3
    const c = Buffer.alloc(bye + BYE_LENGTH)
    c.blitAt(0, COMPOUND, 0, CNAME)
    c.blitAt(bye, COMPOUND, CNAME, BYE_LENGTH)
    const ssrc = b.getAt(rtp + RTP_SSRC, "i32")
    c.setAt(SR_SSRC, "i32", ssrc)
    c.setAt(SDES_SSRC, "i32", ssrc)
    c.setAt(bye + BYE_SSRC, "i32", ssrc)
    c.blitAt(SR_RTP_TIMESTAMP, b, rtp + RTP_TIMESTAMP, 4)
    c.setAt(SR_PACKETS, "i32", htonl(packets))
    c.setAt(SR_OCTETS, "i32", htonl(packets * payload))
    // length in words, less one (6.4.1)
    c[SDES_LENGTH + 1] = ((bye - SR_LENGTH) >> 2) - 1
    c[CNAME_LENGTH] = name.length
    c.blitAt(CNAME, name, 0, name.length)
    return c
}
