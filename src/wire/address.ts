/**
 * IPv4 and MAC addresses: as integers, as text, and the arithmetic of subnets. An IPv4 address is the integer that
 * `getAt(offset, "i32")` reads from a packet: the first octet is the lowest byte. So the stack compares and copies addresses
 * without conversion, and none ever becomes a double.
 * Read first: RFC 1122, 3.2.1.3.
 */
import { split } from "../base/text"
import { setMac } from "./ethernet"
import { htonl } from "./order"

export const ADDRESS_ANY = 0
export const ADDRESS_BROADCAST = -1

export function addressOf(a: number, b: number, c: number, d: number): number {
    return a | (b << 8) | (c << 16) | (d << 24)
}

/**
 * Read an address in dotted decimal, such as `"10.77.0.2"`.
 * @returns `undefined` unless it is exactly four numbers from 0 to 255
 * @category Addresses
 */
export function parseAddress(text: string): number {
    const parts = split(text, ".")
    if (parts.length !== 4) return undefined
    let address = 0
    for (let i = 0; i < 4; i++) {
        const octet = parseDecimal(parts[i], 255)
        if (octet === undefined) return undefined
        address |= octet << (8 * i)
    }
    return address
}

/** Read a decimal number from 0 to `max`; `undefined` for anything else, no text included. */
export function parseDecimal(text: string, max: number): number {
    if (!text) return undefined
    if (text.length > 10) return undefined
    let value = 0
    for (let i = 0; i < text.length; i++) {
        const digit = text.charCodeAt(i) - 48
        if (digit < 0) return undefined
        if (digit > 9) return undefined
        value = value * 10 + digit
    }
    if (value > max) return undefined
    return value
}

/**
 * Write an address in dotted decimal.
 * @category Addresses
 */
export function formatAddress(a: number): string {
    return `${a & 255}.${(a >> 8) & 255}.${(a >> 16) & 255}.${(a >> 24) & 255}`
}

/** Address and port for people; `null` if there is no port. */
export function endpointText(address: number, port: number): string {
    if (port === 0) return null
    return `${formatAddress(address)}:${port}`
}

/** Write a MAC address as `02:00:0a:4d:00:01`. @param high the first four as `i32`, @param low the last two as `u16` */
export function formatMac(high: number, low: number): string {
    const mac = Buffer.alloc(6)
    setMac(mac, 0, high, low)
    const digits = mac.toString("hex")
    let text = digits.slice(0, 2)
    for (let i = 2; i < 12; i += 2) text += ":" + digits.slice(i, i + 2)
    return text
}

/** Netmask of a prefix of 0 to 32 bits. */
export function maskOf(prefix: number): number {
    if (prefix === 0) return 0
    return htonl(-1 << (32 - prefix))
}

/** Length of the prefix that a netmask stands for, 0 to 32; -1 if its ones are not contiguous. */
export function prefixOf(mask: number): number {
    const host = ~htonl(mask)
    if ((host & (host + 1)) !== 0) return -1
    let prefix = 32
    for (let h = host; h !== 0; h >>>= 1) prefix--
    return prefix
}

/** The n-th address after this one. */
export function addressAfter(address: number, n: number): number {
    return htonl(htonl(address) + n)
}

/** How many addresses the second one is after the first. */
export function addressesBetween(first: number, second: number): number {
    return (htonl(second) - htonl(first)) | 0
}

/** Whether a single host may have this address: not 0/8, loopback, multicast, reserved or broadcast (RFC 1122, 3.2.1.3). */
export function isUnicast(address: number): boolean {
    const first = address & 255
    if (first === 0) return false
    if (first === 127) return false
    return first < 224
}

/** Whether a host may have this address in its subnet: not all zeros or ones in its host part (RFC 1122, 3.2.1.3; RFC 3021 for /31). */
export function isHostPart(address: number, mask: number): boolean {
    if (prefixOf(mask) > 30) return true
    if ((address & ~mask) === 0) return false
    return (address | mask) !== -1
}
