/**
 * The format of DHCP messages and their options: `readDhcp` checks a server's message, `writeDhcp` writes a client's. Offsets
 * count from the start of the message.
 * Read first: RFC 2131, 2 and 4.1; RFC 2132; RFC 3396 (an option in parts); RFC 4361 (the client identifier).
 */
import { ROUTERS } from "../base/config"
import { Counter, countMany } from "../base/counters"
import { setMac } from "./ethernet"
import { htonl } from "./order"

export const DHCP_OP = 0
export const DHCP_HTYPE = 1
export const DHCP_HLEN = 2
export const DHCP_XID = 4
export const DHCP_SECS = 8
export const DHCP_FLAGS = 10
export const DHCP_CIADDR = 12
export const DHCP_YIADDR = 16
export const DHCP_CHADDR = 28
export const DHCP_SNAME = 44
export const DHCP_FILE = 108
export const DHCP_COOKIE = 236
export const DHCP_OPTIONS = 240

/**
 * Length of every message that we send. BOOTP asks for at least 300 bytes (RFC 1542, 2.1); one length for all means
 * one buffer for all.
 */
export const DHCP_LENGTH = 316

/**
 * How far a message is read: as long as servers may make theirs, an IPv4 packet of 576 bytes (RFC 2132, 9.10). And how many options
 * are read, more than any server has reason to send: a turn of the VM has a limit, and options are many steps.
 */
export const DHCP_MAX = 548
const OPTIONS_MAX = 64

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

/** Option codes (RFC 2132; 80: RFC 4039; 120: RFC 3361; 121: RFC 3442). */
export const OPTION_PAD = 0
export const OPTION_SUBNET_MASK = 1
export const OPTION_ROUTER = 3
export const OPTION_DNS = 6
export const OPTION_HOST_NAME = 12
export const OPTION_DOMAIN = 15
export const OPTION_NTP = 42
export const OPTION_REQUESTED_ADDRESS = 50
export const OPTION_LEASE_TIME = 51
export const OPTION_OVERLOAD = 52
export const OPTION_MESSAGE_TYPE = 53
export const OPTION_SERVER_IDENTIFIER = 54
export const OPTION_PARAMETERS = 55
export const OPTION_MAX_SIZE = 57
export const OPTION_T1 = 58
export const OPTION_T2 = 59
export const OPTION_CLIENT_IDENTIFIER = 61
export const OPTION_TFTP_SERVER = 66
export const OPTION_BOOT_FILE = 67
export const OPTION_RAPID_COMMIT = 80
export const OPTION_SIP_SERVERS = 120
export const OPTION_CLASSLESS_ROUTES = 121
export const OPTION_END = 255

/** Operation, hardware type Ethernet, length 6 of its addresses, and no hops, as a little-endian word. */
const BOOTREQUEST_ETHERNET = 0x060101
const BOOTREPLY_ETHERNET = 0x060102
/** All of that but the hops. */
const OPERATION_MASK = 0xffffff
export const FLAG_BROADCAST = 0x80
/** 99.130.83.99 (RFC 2132, 2) as a little-endian word. */
const COOKIE = 0x63538263
/** Length of our client identifier, and the types in its DUID-LL (RFC 8415, 11.4) as a little-endian word. */
const IDENTIFIER_LENGTH = 15
const DUID_LL_ETHERNET = 0x01000300

/**
 * What is behind the fixed fields of every message of ours: the cookie, the message's type at `TYPE`, and the client
 * identifier with the IAID, whose last octet is at `IAID`, and a hardware address at `DUID`.
 */
const IDENTITY: Buffer = hex`63825363 350100 3d0f ff 00000000 00030001 000000000000`
const TYPE = 6
const IAID = 13
const DUID = 18
/** What a client wishes: at most 576 bytes, options (RFC 2132, 9.8; 121 before 3, as RFC 3442 wants it), and a name, which follows. */
const WISHES: Buffer = hex`3902 0240 370e 79 01 03 06 0f 1c 2a 33 36 3a 3b 42 43 78 0c`

/**
 * The lengths of the options that are read, by their code: `EXACT` a number of bytes, one or more addresses (`LIST`), or
 * at least a number of bytes; 0 for options that say nothing to us, whose lengths are their own. A table, since a
 * message may be full of options, and comparing each code with twenty others would be many steps.
 */
const LENGTHS: Buffer = hex`
    00 14 00 24 00 00 a4 00 00 00 00 00 00 00 00 c1 00 00 00 00 00 00 00 00 00 00 00 00 14 00 00 00
    00 00 00 00 00 00 00 00 00 00 a4 00 00 00 00 00 00 00 00 14 11 11 14 00 00 00 14 14 00 42 00 00
    00 00 c1 c1 00 00 00 00 00 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 c2 41`
/** For whoever asks `readOption`. */
const KEPT = 0x80
const EXACT = 0x10
const LIST = 0x20

/** A server's message as far as we read it. Numbers are seconds or addresses; `undefined` says "not there". */
export class DhcpReply {
    type: number
    xid: number
    address: number
    server: number
    mask: number
    /**
     * How many default routers are in `replyRouters`: those of option 3, or, if there are classless routes, the one of their default
     * route, or none (RFC 3442). Their other routes are not followed: what is not on the link goes to the default router.
     */
    routers: number
    leaseTime: number
    t1: number
    t2: number
    rapidCommit: boolean
    /** The lease whose client identifier the server echoes (RFC 6842), -1 if it is not of this board. */
    iaid: number

    constructor(
        /** The message itself, for `readOption`. */
        public b: Buffer,
        public start: number,
        public length: number
    ) {}
}

/** The default routers of the message that was read last. */
export const replyRouters = Buffer.alloc(4 * ROUTERS)

// The cursor of a walk through the options of a message. One cursor, made at boot: reading a message allocates little.
let code: number
/** Where the data of the option begins. */
let at: number
let length: number
/** Where the field that is being read ends. */
let end: number
/** How many options have been passed, and how many are none. */
let options: number
let flaws: number
/** Which fields hold options and are still to be read (RFC 2132, 9.3); -1 while that was not said. */
let overload: number
const OVERLOAD_FILE = 1

function startOptions(r: DhcpReply): void {
    at = r.start + DHCP_OPTIONS
    length = 0
    end = r.start + Math.min(r.length, DHCP_MAX)
    overload = -1
    options = 0
    flaws = 0
}

/**
 * Go to the next option: those behind the cookie, then those in `file`, then those in `sname` (RFC 2131, 4.1). One that runs past
 * the end of its field is none, and nothing follows it there.
 * @returns whether there is one
 */
function nextOption(r: DhcpReply): boolean {
    const b = r.b
    at += length
    for (;;) {
        // RFC 2131, 4.1: the end option is mandatory; many servers pad instead, and nothing is lost by accepting that
        code = OPTION_END
        while (at < end) {
            code = b[at]
            at++
            if (code !== OPTION_PAD) break
        }
        if (code !== OPTION_END)
            if (code !== OPTION_PAD) {
                length = 255
                if (at < end) length = b[at]
                at++
                if (at + length <= end) break
                flaws++
            }
        if (overload <= 0) return false
        at = r.start + DHCP_SNAME
        end = r.start + DHCP_FILE
        if (overload & OVERLOAD_FILE) {
            at = end
            end = r.start + DHCP_COOKIE
            overload--
        } else overload = 0
    }
    // it is said once, behind the cookie, and is from 1 to 3
    if (code === OPTION_OVERLOAD) if (overload < 0) if (length === 1) if (((b[at] - 1) & 255) < 3) overload = b[at]
    options++
    return options <= OPTIONS_MAX
}

/** What the table says of the option's length; 0 if the option says nothing to us, or is flawed: then it is as if it were not there. */
function kindOf(): number {
    if (code >= LENGTHS.length) return 0
    const kind = LENGTHS[code]
    if (kind === 0) return 0
    let wrong = 0
    if (length < (kind & 15)) wrong = 1
    if (kind & EXACT) wrong = length ^ (kind & 15)
    if (kind & LIST) wrong |= length & 3
    if (wrong === 0) return kind
    flaws++
    return 0
}

/** Read all options. Of two of a kind the first one counts; a flawed one that is not needed harms nothing (RFC 1122, 1.2.2). */
function readOptions(r: DhcpReply, macHigh: number, macLow: number): void {
    const b = r.b
    let seen = 0
    // of the classless routes, which may continue from one option in the next (RFC 3396)
    let router: number
    let bytesLeft = 0
    let isDefault = false
    startOptions(r)
    while (nextOption(r)) {
        const kind = kindOf()
        if (kind === 0) continue
        if (code === OPTION_CLASSLESS_ROUTES) {
            if (router === undefined) router = 0
            // width of a prefix, as many octets of it as are significant, router (RFC 3442)
            for (let i = at; i < at + length; i++)
                if (bytesLeft === 0) {
                    isDefault = b[i] === 0
                    bytesLeft = ((b[i] + 7) >> 3) + 4
                    // no prefix is so wide: the rest cannot be read
                    if (b[i] > 32) bytesLeft = Infinity
                } else {
                    bytesLeft--
                    if (isDefault) router = (router >>> 8) | (b[i] << 24)
                }
            continue
        }
        if (kind & KEPT) continue
        // the other codes differ in these bits
        const bit = 1 << (code & 31)
        if (seen & bit) continue
        seen |= bit
        if (code === OPTION_MESSAGE_TYPE) r.type = b[at]
        else if (code === OPTION_RAPID_COMMIT) r.rapidCommit = true
        else if (code === OPTION_SERVER_IDENTIFIER) r.server = b.getAt(at, "i32")
        else if (code === OPTION_SUBNET_MASK) r.mask = b.getAt(at, "i32")
        else if (code === OPTION_LEASE_TIME) r.leaseTime = seconds(b, at)
        else if (code === OPTION_T1) r.t1 = seconds(b, at)
        else if (code === OPTION_T2) r.t2 = seconds(b, at)
        else if (code === OPTION_CLIENT_IDENTIFIER) {
            // as `writeDhcp` writes it
            r.iaid = -1
            if (length === IDENTIFIER_LENGTH)
                if (b.getAt(at, "i32") === 255)
                    if (b.getAt(at + 5, "i32") === DUID_LL_ETHERNET)
                        if (b.getAt(at + 9, "i32") === macHigh) if (b.getAt(at + 13, "u16") === macLow) r.iaid = b[at + 4]
        } else if (code === OPTION_ROUTER) {
            r.routers = Math.min(length >> 2, ROUTERS)
            replyRouters.blitAt(0, b, at, 4 * r.routers)
        }
    }
    if (bytesLeft > 0) flaws++
    else if (router !== undefined) {
        r.routers = 1
        if (router === 0) r.routers = 0
        replyRouters.setAt(0, "i32", router)
    }
    countMany(Counter.DhcpBadOption, flaws)
}

/**
 * Copy the data of an option, whose parts may be several options (RFC 3396).
 * @returns its length; 0 if there is none, or if it is longer than `room`
 */
export function readOption(r: DhcpReply, which: number, into: Buffer, start: number, room: number): number {
    let n = 0
    startOptions(r)
    while (nextOption(r)) {
        if (code === which)
            if (kindOf() !== 0) {
                if (n + length > room) return 0
                into.blitAt(start + n, r.b, at, length)
                n += length
            }
    }
    return n
}

function seconds(b: Buffer, at: number): number {
    return htonl(b.getAt(at, "i32")) >>> 0
}

/**
 * Read a server's message.
 * @param macHigh first four octets of the hardware address that it must name
 * @param duidHigh first four octets of the one that names the device
 * @returns `undefined` if it is no DHCP reply to this hardware, or does not say what it is
 * @see RFC 2131, 2 and 4.1
 */
export function readDhcp(b: Buffer, dhcp: number, length: number, macHigh: number, macLow: number, duidHigh: number): DhcpReply {
    if (length < DHCP_OPTIONS) return undefined
    if ((b.getAt(dhcp + DHCP_OP, "i32") & OPERATION_MASK) !== BOOTREPLY_ETHERNET) return undefined
    if (b.getAt(dhcp + DHCP_COOKIE, "i32") !== COOKIE) return undefined
    if (b.getAt(dhcp + DHCP_CHADDR, "i32") !== macHigh) return undefined
    if (b.getAt(dhcp + DHCP_CHADDR + 4, "u16") !== macLow) return undefined
    const r = new DhcpReply(b, dhcp, length)
    r.xid = b.getAt(dhcp + DHCP_XID, "i32")
    r.address = b.getAt(dhcp + DHCP_YIADDR, "i32")
    readOptions(r, duidHigh, macLow)
    if (r.type === undefined) return undefined
    return r
}

/**
 * Write a client's message of `DHCP_LENGTH` bytes, which are zero, up to its options: `writeAddress` and `writeWishes` write those, and `OPTION_END` ends them.
 * The client identifier is that of RFC 4361, 6.1: type 255, the IAID, and a DUID-LL (RFC 8415, 11.4).
 * @param iaid identity association: which of the many leases of this client (RFC 4361, 6.1)
 * @param macHigh first four octets of the hardware address of the interface that asks
 * @param macLow its last two, which are those of every hardware address of the device
 * @param duidHigh first four octets of the one that names the device
 * @returns where its next option goes
 */
export function writeDhcp(
    b: Buffer,
    dhcp: number,
    type: number,
    xid: number,
    iaid: number,
    macHigh: number,
    macLow: number,
    duidHigh: number
): number {
    b.setAt(dhcp + DHCP_OP, "i32", BOOTREQUEST_ETHERNET)
    b.setAt(dhcp + DHCP_XID, "i32", xid)
    setMac(b, dhcp + DHCP_CHADDR, macHigh, macLow)
    const identity = dhcp + DHCP_COOKIE
    b.blitAt(identity, IDENTITY, 0, IDENTITY.length)
    b[identity + TYPE] = type
    b[identity + IAID] = iaid
    setMac(b, identity + DUID, duidHigh, macLow)
    return identity + IDENTITY.length
}

/** Write an option whose value is an address. @returns where the next option goes */
export function writeAddress(b: Buffer, at: number, code: number, address: number): number {
    b[at] = code
    b[at + 1] = 4
    b.setAt(at + 2, "i32", address)
    return at + 6
}

/** Write what a client wishes to be told, and its name. @returns where the next option goes */
export function writeWishes(b: Buffer, at: number, hostName: string): number {
    b.blitAt(at, WISHES, 0, WISHES.length)
    at += WISHES.length
    b[at] = hostName.length
    b.blitAt(at + 1, hostName, 0, hostName.length)
    return at + 1 + hostName.length
}
