/** DHCP (RFC 2131, 2; options RFC 2132). Field offsets from the start of the message. */
export const DHCP_OP = 0
export const DHCP_HTYPE = 1
export const DHCP_HLEN = 2
export const DHCP_XID = 4
export const DHCP_SECS = 8
export const DHCP_FLAGS = 10
export const DHCP_CIADDR = 12
export const DHCP_YIADDR = 16
export const DHCP_CHADDR = 28
export const DHCP_COOKIE = 236
export const DHCP_OPTIONS = 240

/**
 * Length of every message that we send. BOOTP asks for at least 300 bytes (RFC 1542, 2.1); one length for all means
 * one buffer for all.
 */
export const DHCP_LENGTH = 316

export const DHCP_SERVER_PORT = 67
export const DHCP_CLIENT_PORT = 68

/** Message types (RFC 2132, 9.6). */
export const DHCPDISCOVER = 1
export const DHCPOFFER = 2
export const DHCPREQUEST = 3
export const DHCPDECLINE = 4
export const DHCPACK = 5
export const DHCPNAK = 6
export const DHCPRELEASE = 7

/** Option codes (RFC 2132; 80: RFC 4039). */
export const OPTION_PAD = 0
export const OPTION_SUBNET_MASK = 1
export const OPTION_ROUTER = 3
export const OPTION_HOST_NAME = 12
export const OPTION_REQUESTED_ADDRESS = 50
export const OPTION_LEASE_TIME = 51
export const OPTION_MESSAGE_TYPE = 53
export const OPTION_SERVER_IDENTIFIER = 54
export const OPTION_PARAMETERS = 55
export const OPTION_MAX_SIZE = 57
export const OPTION_T1 = 58
export const OPTION_T2 = 59
export const OPTION_CLIENT_IDENTIFIER = 61
export const OPTION_RAPID_COMMIT = 80
export const OPTION_END = 255

const BOOTREQUEST = 1
const BOOTREPLY = 2
const HTYPE_ETHERNET = 1
const FLAG_BROADCAST = 0x80
/** 99.130.83.99 (RFC 2132, 2) as a little-endian word. */
const COOKIE = 0x63538263

/** The options that we ask for (RFC 2132, 9.8). */
const PARAMETERS = hex`01 03 06 0f 1c 33 36 3a 3b`

/** A server's message as far as we read it. Numbers are seconds or addresses; `undefined` says "not there". */
export class DhcpReply {
    type: number
    xid: number
    address: number
    server: number
    mask: number
    router: number
    leaseTime: number
    t1: number
    t2: number
    rapidCommit: boolean
}

/** What a client's message says beside its type. */
export class DhcpRequest {
    xid: number
    secs: number
    ciaddr = 0
    requested = 0
    server = 0
    broadcast: boolean
    rapidCommit: boolean
    /** identity association: which of the many leases of this client (RFC 4361, 6.1) */
    iaid: number
    hostName: string
    /** hardware address of the interface that asks */
    macHigh: number
    macLow: number
}

/** Options are read up to here; nothing that runs past it is believed. */
function optionsOf(b: Buffer, at: number, end: number, r: DhcpReply): boolean {
    while (at < end) {
        const code = b[at]
        if (code === OPTION_END) return true
        at++
        if (code === OPTION_PAD) continue
        if (at >= end) return false
        const length = b[at]
        at++
        if (at + length > end) return false
        if (length === 1) {
            if (code === OPTION_MESSAGE_TYPE) r.type = b[at]
        } else if (length === 0) {
            if (code === OPTION_RAPID_COMMIT) r.rapidCommit = true
        } else if (length >= 4) {
            if (code === OPTION_SERVER_IDENTIFIER) r.server = b.getAt(at, "i32")
            else if (code === OPTION_SUBNET_MASK) r.mask = b.getAt(at, "i32")
            else if (code === OPTION_ROUTER) r.router = b.getAt(at, "i32")
            else if (code === OPTION_LEASE_TIME) r.leaseTime = seconds(b, at)
            else if (code === OPTION_T1) r.t1 = seconds(b, at)
            else if (code === OPTION_T2) r.t2 = seconds(b, at)
        }
        at += length
    }
    // RFC 2131, 4.1: the end option is mandatory; many servers pad instead, and nothing is lost by accepting that
    return true
}

function seconds(b: Buffer, at: number): number {
    return b[at] * 16777216 + ((b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3])
}

/**
 * Read a server's message.
 * @param macHigh first four octets of the hardware address that it must name
 * @returns `undefined` when it is no DHCP reply to this hardware, or malformed
 * @see RFC 2131, 2 and 4.1
 */
export function readDhcp(b: Buffer, dhcp: number, length: number, macHigh: number, macLow: number): DhcpReply {
    if (
        length < DHCP_OPTIONS ||
        b[dhcp + DHCP_OP] !== BOOTREPLY ||
        b[dhcp + DHCP_HTYPE] !== HTYPE_ETHERNET ||
        b[dhcp + DHCP_HLEN] !== 6 ||
        b.getAt(dhcp + DHCP_COOKIE, "i32") !== COOKIE ||
        b.getAt(dhcp + DHCP_CHADDR, "i32") !== macHigh ||
        b.getAt(dhcp + DHCP_CHADDR + 4, "u16") !== macLow
    )
        return undefined
    const r = new DhcpReply()
    r.xid = b.getAt(dhcp + DHCP_XID, "i32")
    r.address = b.getAt(dhcp + DHCP_YIADDR, "i32")
    if (!optionsOf(b, dhcp + DHCP_OPTIONS, dhcp + length, r) || r.type === undefined) return undefined
    return r
}

/**
 * Write a client's message of `DHCP_LENGTH` bytes.
 * The client identifier is that of RFC 4361, 6.1: type 255, the IAID, and a DUID-LL (RFC 8415, 11.4).
 * @param duidHigh first four octets of the hardware address that names the device, whichever its interface has
 */
export function writeDhcp(
    b: Buffer,
    dhcp: number,
    type: number,
    q: DhcpRequest,
    duidHigh: number,
    duidLow: number
): void {
    b.fillAt(dhcp, DHCP_LENGTH, 0)
    b[dhcp + DHCP_OP] = BOOTREQUEST
    b[dhcp + DHCP_HTYPE] = HTYPE_ETHERNET
    b[dhcp + DHCP_HLEN] = 6
    b.setAt(dhcp + DHCP_XID, "i32", q.xid)
    b[dhcp + DHCP_SECS] = q.secs >> 8
    b[dhcp + DHCP_SECS + 1] = q.secs
    if (q.broadcast) b[dhcp + DHCP_FLAGS] = FLAG_BROADCAST
    b.setAt(dhcp + DHCP_CIADDR, "i32", q.ciaddr)
    b.setAt(dhcp + DHCP_CHADDR, "i32", q.macHigh)
    b.setAt(dhcp + DHCP_CHADDR + 4, "u16", q.macLow)
    b.setAt(dhcp + DHCP_COOKIE, "i32", COOKIE)

    let at = dhcp + DHCP_OPTIONS
    b[at] = OPTION_MESSAGE_TYPE
    b[at + 1] = 1
    b[at + 2] = type
    at += 3

    b[at] = OPTION_CLIENT_IDENTIFIER
    b[at + 1] = 15
    b[at + 2] = 255
    b[at + 6] = q.iaid
    b[at + 8] = 3 // DUID-LL
    b[at + 10] = HTYPE_ETHERNET
    b.setAt(at + 11, "i32", duidHigh)
    b.setAt(at + 15, "u16", duidLow)
    at += 17

    if (q.requested !== 0) at = writeAddress(b, at, OPTION_REQUESTED_ADDRESS, q.requested)
    if (q.server !== 0) at = writeAddress(b, at, OPTION_SERVER_IDENTIFIER, q.server)
    if (q.rapidCommit) {
        b[at] = OPTION_RAPID_COMMIT
        b[at + 1] = 0
        at += 2
    }
    if (type === DHCPDISCOVER || type === DHCPREQUEST) {
        b[at] = OPTION_MAX_SIZE
        b[at + 1] = 2
        b[at + 2] = 576 >> 8
        b[at + 3] = 576 & 255
        at += 4
        b[at] = OPTION_PARAMETERS
        b[at + 1] = PARAMETERS.length
        b.blitAt(at + 2, PARAMETERS, 0, PARAMETERS.length)
        at += 2 + PARAMETERS.length
        b[at] = OPTION_HOST_NAME
        b[at + 1] = q.hostName.length
        b.blitAt(at + 2, q.hostName, 0, q.hostName.length)
        at += 2 + q.hostName.length
    }
    b[at] = OPTION_END
}

function writeAddress(b: Buffer, at: number, code: number, address: number): number {
    b[at] = code
    b[at + 1] = 4
    b.setAt(at + 2, "i32", address)
    return at + 6
}
