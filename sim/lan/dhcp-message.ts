/** DHCP messages: the BOOTP header and its options. @see RFC 2131 2, RFC 2132 */
import { macToBytes, macToString } from "./ethernet.js"
import { ANY_ADDRESS, addressToBytes, addressToString } from "./ipv4.js"

export const DHCP_SERVER_PORT = 67
export const DHCP_CLIENT_PORT = 68

/** Values of option 53. @see RFC 2132 9.6 */
export const DhcpType = { DISCOVER: 1, OFFER: 2, REQUEST: 3, DECLINE: 4, ACK: 5, NAK: 6, RELEASE: 7, INFORM: 8 } as const

/** Option codes. @see RFC 2132; 80: RFC 4039 */
export const DhcpOption = {
    SUBNET_MASK: 1,
    ROUTER: 3,
    DNS_SERVER: 6,
    DOMAIN_NAME: 15,
    REQUESTED_ADDRESS: 50,
    LEASE_TIME: 51,
    OVERLOAD: 52,
    MESSAGE_TYPE: 53,
    SERVER_ID: 54,
    MESSAGE: 56,
    RENEWAL_TIME: 58,
    REBINDING_TIME: 59,
    CLIENT_ID: 61,
    RAPID_COMMIT: 80,
} as const

const PAD = 0
const END = 255
const OP_REQUEST = 1
const OP_REPLY = 2
const HTYPE_ETHERNET = 1
export const FLAG_BROADCAST = 0x8000
const SNAME = { start: 44, end: 108 }
const FILE = { start: 108, end: 236 }
const COOKIE_OFFSET = 236
const OPTIONS_OFFSET = 240
const MAGIC_COOKIE = 0x63825363
/** Relays and old clients drop anything shorter (RFC 1542 2.1). */
const MIN_BYTES = 300

export interface DhcpMessage {
    isReply: boolean
    xid: number
    secs: number
    flags: number
    ciaddr: string
    yiaddr: string
    siaddr: string
    giaddr: string
    chaddr: string
    options: Map<number, Buffer>
}

/** Adds the options of one field; false when one runs over the end of the field. */
function readOptions(field: Buffer, options: Map<number, Buffer>): boolean {
    for (let i = 0; i < field.length; ) {
        const code = field[i++]
        if (code === END) return true
        if (code === PAD) continue
        const end = i + 1 + (field[i] ?? NaN)
        if (!(end <= field.length)) return false
        const value = field.subarray(i + 1, end)
        const before = options.get(code)
        // an option that comes again continues the first (RFC 3396 7)
        options.set(code, before ? Buffer.concat([before, value]) : value)
        i = end
    }
    return true
}

/** `undefined` when it is not a DHCP message of an Ethernet client, or an option is cut off. */
export function parseDhcp(data: Buffer): DhcpMessage | undefined {
    if (data.length < OPTIONS_OFFSET || data.readUInt32BE(COOKIE_OFFSET) !== MAGIC_COOKIE) return undefined
    if ((data[0] !== OP_REQUEST && data[0] !== OP_REPLY) || data[1] !== HTYPE_ETHERNET || data[2] !== 6) return undefined
    const options = new Map<number, Buffer>()
    if (!readOptions(data.subarray(OPTIONS_OFFSET), options)) return undefined
    const overload = options.get(DhcpOption.OVERLOAD)?.[0] ?? 0
    if (overload & 1 && !readOptions(data.subarray(FILE.start, FILE.end), options)) return undefined
    if (overload & 2 && !readOptions(data.subarray(SNAME.start, SNAME.end), options)) return undefined
    return {
        isReply: data[0] === OP_REPLY,
        xid: data.readUInt32BE(4),
        secs: data.readUInt16BE(8),
        flags: data.readUInt16BE(10),
        ciaddr: addressToString(data, 12),
        yiaddr: addressToString(data, 16),
        siaddr: addressToString(data, 20),
        giaddr: addressToString(data, 24),
        chaddr: macToString(data.subarray(28, 34)),
        options,
    }
}

export type DhcpFields = Partial<DhcpMessage> & Pick<DhcpMessage, "isReply" | "xid" | "chaddr" | "options">

/** The BOOTP payload; options in the order of the map, each at most 255 bytes. */
export function buildDhcp(message: DhcpFields): Buffer {
    const header = Buffer.alloc(OPTIONS_OFFSET)
    header[0] = message.isReply ? OP_REPLY : OP_REQUEST
    header[1] = HTYPE_ETHERNET
    header[2] = 6
    header.writeUInt32BE(message.xid, 4)
    header.writeUInt16BE(message.secs ?? 0, 8)
    header.writeUInt16BE(message.flags ?? 0, 10)
    addressToBytes(message.ciaddr ?? ANY_ADDRESS).copy(header, 12)
    addressToBytes(message.yiaddr ?? ANY_ADDRESS).copy(header, 16)
    addressToBytes(message.siaddr ?? ANY_ADDRESS).copy(header, 20)
    addressToBytes(message.giaddr ?? ANY_ADDRESS).copy(header, 24)
    macToBytes(message.chaddr).copy(header, 28)
    header.writeUInt32BE(MAGIC_COOKIE, COOKIE_OFFSET)
    const parts: Buffer[] = [header]
    for (const [code, value] of message.options) parts.push(Buffer.from([code, value.length]), value)
    parts.push(Buffer.from([END]))
    const data = Buffer.concat(parts)
    return data.length < MIN_BYTES ? Buffer.concat([data], MIN_BYTES) : data
}

/** The message type, option 53; `undefined` when it is missing. */
export function dhcpType(message: DhcpMessage): number | undefined {
    return message.options.get(DhcpOption.MESSAGE_TYPE)?.[0]
}

/** The address in an option; `undefined` when it is missing or of another length. */
export function addressOption(message: DhcpMessage, code: number): string | undefined {
    const value = message.options.get(code)
    return value?.length === 4 ? addressToString(value) : undefined
}

/** The 32-bit number in an option, such as a time in seconds; `undefined` when it is missing or of another length. */
export function numberOption(message: DhcpMessage, code: number): number | undefined {
    const value = message.options.get(code)
    return value?.length === 4 ? value.readUInt32BE(0) : undefined
}

/** A 32-bit number as an option's value. */
export function numberValue(value: number): Buffer {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
}
