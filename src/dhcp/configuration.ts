/** What a DHCP server says beside addresses (RFC 2132): name servers, domain, time, provisioning. */
import { printable } from "../base/text"
import { formatAddress } from "../wire/address"
import {
    DhcpReply,
    OPTION_BOOT_FILE,
    OPTION_DNS,
    OPTION_DOMAIN,
    OPTION_NTP,
    OPTION_SIP_SERVERS,
    OPTION_TFTP_SERVER,
    readOption,
} from "../wire/dhcp"

/** Bytes for all that is kept. What no longer fits is left out whole: half a name is of no use. */
const ROOM = 208

/** What is kept: codes of options, that of the DNS servers first, that of the SIP servers last. */
const KEPT = [OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_TFTP_SERVER, OPTION_BOOT_FILE, OPTION_SIP_SERVERS]

/**
 * What the server of the common lease says of the network beside addresses, for whoever comes to need it: one after
 * another, in a buffer that is made at boot. Strings that last would be in the way of what the heap still has to hold.
 */
const data = Buffer.alloc(ROOM)
/** Where each ends, and the next one begins. */
const ends = Buffer.alloc(2 * KEPT.length)

/** Keep what an ACK says. @param renewed whether what it does not say stays as it was; else that is forgotten */
export function configure(r: DhcpReply, renewed: boolean): void {
    const before = Buffer.alloc(ROOM)
    before.blitAt(0, data, 0, ROOM)
    let at = 0
    let from = 0
    for (let i = 0; i < KEPT.length; i++) {
        let n = readOption(r, KEPT[i], data, at, ROOM - at)
        const was = ends.getAt(2 * i, "u16") - from
        if (renewed)
            if (n === 0)
                if (was <= ROOM - at) {
                    data.blitAt(at, before, from, was)
                    n = was
                }
        from += was
        at += n
        ends.setAt(2 * i, "u16", at)
    }
}

/** The address of the n-th DNS server, as `i32`; 0 if there are not so many. */
export function nameServer(n: number): number {
    // they are kept first
    return 4 * n < ends.getAt(0, "u16") ? data.getAt(4 * n, "i32") : 0
}

/**
 * What the server said, for people: the first of several addresses, or a text. NULs at the end of a text are left out
 * (RFC 2132, 2), and what is no character is a question mark: it comes from the network, and goes to a terminal.
 * @returns `null` if it said nothing
 */
export function configured(option: number): string {
    if (option === OPTION_SIP_SERVERS) return sipServer()
    const i = KEPT.indexOf(option)
    const at = i > 0 ? ends.getAt(2 * i - 2, "u16") : 0
    let n = ends.getAt(2 * i, "u16") - at
    let isText = true
    if (option === OPTION_DNS) isText = false
    if (option === OPTION_NTP) isText = false
    while (isText) {
        if (n === 0) break
        if (data[at + n - 1] !== 0) break
        n--
    }
    if (n === 0) return null
    if (!isText) return formatAddress(data.getAt(at, "i32"))
    return printable(data, at, n)
}

/**
 * The first SIP server that the DHCP server names, as a host: an address or a name (RFC 3361, 3).
 * @returns `null` if it names none, or not as the RFC wants it
 */
export function sipServer(): string {
    let at = ends.getAt(2 * KEPT.length - 4, "u16")
    const end = ends.getAt(2 * KEPT.length - 2, "u16")
    if (at === end) return null
    const encoding = data[at++]
    if (encoding === 1) if (end - at >= 4) return formatAddress(data.getAt(at, "i32"))
    if (encoding !== 0) return null
    // labels, each behind its length; an empty one ends the name
    let name = ""
    while (at < end) {
        const length = data[at++]
        if (length === 0) return name || null
        if (at + length > end) return null
        if (name) name += "."
        name += printable(data, at, length)
        at += length
    }
    return null
}
