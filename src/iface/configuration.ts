import { formatAddress } from "../wire/address"
import { DhcpReply, OPTION_BOOT_FILE, OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_TFTP_SERVER, readOption } from "../wire/dhcp"

/** Bytes of an option that is kept. A longer one is none: half a name is of no use. */
const ROOM = 128

/** What is kept: codes of options. */
const KEPT = [OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_TFTP_SERVER, OPTION_BOOT_FILE]

/**
 * What the server of the common lease says of the network beside addresses, for whoever comes to need it. It lies in
 * buffers that are made at boot: strings that last would be in the way of what the heap still has to hold.
 */
const data = Buffer.alloc(KEPT.length * ROOM)
const lengths = Buffer.alloc(KEPT.length)

/** Keep what an ACK says, and nothing of what was said before. */
export function configure(r: DhcpReply): void {
    for (let i = 0; i < KEPT.length; i++) lengths[i] = readOption(r, KEPT[i], data, i * ROOM, ROOM)
}

/**
 * What the server said, for people: the first of several addresses, or a text. NULs at the end of a text are left out
 * (RFC 2132, 2), and what is no character is a question mark: it comes from the network, and goes to a terminal.
 * @returns `null` if it said nothing
 */
export function configured(option: number): string {
    const i = KEPT.indexOf(option)
    const value = data.slice(i * ROOM, i * ROOM + lengths[i])
    if (option === OPTION_DNS || option === OPTION_NTP) return value.length > 0 ? formatAddress(value.getAt(0, "i32")) : null
    let n = value.length
    while (n > 0 && value[n - 1] === 0) n--
    for (let k = 0; k < n; k++) if (value[k] < 0x20 || value[k] > 0x7e) value[k] = 0x3f
    return n > 0 ? value.slice(0, n).toString() : null
}
