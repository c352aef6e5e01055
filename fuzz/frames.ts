/** Frames: each layer from its fields, which may be wrong on purpose. */
import { checksum } from "./checksum.js"
import type { Address, Mac } from "./world.js"

export const ETHERTYPE_IPV4 = 0x0800
export const ETHERTYPE_ARP = 0x0806
export const ETHERTYPE_VLAN = 0x8100
export const BROADCAST = "ffffffffffff"
export const ICMP = 1
export const UDP = 17

export interface Ethernet {
    to: Mac
    from: Mac
    type: number
    payload: Buffer
    /** Contents of tags (IEEE 802.1Q), each before the type. */
    tags?: number[]
}

export function ethernet({ to, from, type, payload, tags = [] }: Ethernet): Buffer {
    const words = [...tags.flatMap(tag => [ETHERTYPE_VLAN, tag]), type]
    return Buffer.concat([Buffer.from(to + from, "hex"), words16(words), payload])
}

export function words16(words: number[]): Buffer {
    const b = Buffer.alloc(2 * words.length)
    words.forEach((word, i) => b.writeUInt16BE(word & 0xffff, 2 * i))
    return b
}

export function word32(word: number): Buffer {
    const b = Buffer.alloc(4)
    b.writeUInt32BE(word >>> 0)
    return b
}

/** What a checksum is to be. */
export type Check = "right" | "wrong" | "none"

/** @returns the checksum of data whose checksum field is 0, in a way */
function checkOf(b: Buffer, check: Check): number {
    if (check === "none") return 0
    const right = checksum(b)
    return check === "right" ? right : right ^ 0x0100
}

export interface Ipv4 {
    source: Address
    destination: Address
    protocol: number
    payload: Buffer
    tos?: number
    flags?: number
    ttl?: number
    options?: Buffer
    version?: number
    /** By how much the header's length, and the total length, are wrong. */
    headerError?: number
    lengthError?: number
    check?: Check
}

export function ipv4(p: Ipv4): Buffer {
    const options = p.options ?? Buffer.alloc(0)
    const header = Buffer.concat([Buffer.alloc(20), options])
    header[0] = ((p.version ?? 4) << 4) | ((header.length / 4 + (p.headerError ?? 0)) & 15)
    header[1] = p.tos ?? 0
    header.writeUInt16BE((header.length + p.payload.length + (p.lengthError ?? 0)) & 0xffff, 2)
    header.writeUInt16BE(p.flags ?? 0x4000, 6)
    header[8] = p.ttl ?? 64
    header[9] = p.protocol
    header.writeUInt32BE(p.source, 12)
    header.writeUInt32BE(p.destination, 16)
    // over as much as the header says that it is
    const whole = Buffer.concat([header, p.payload])
    const said = (header[0] & 15) * 4
    whole.writeUInt16BE(checkOf(whole.subarray(0, Math.max(20, said)), p.check ?? "right"), 10)
    return whole
}

export interface Udp {
    source: Address
    destination: Address
    sourcePort: number
    port: number
    data: Buffer
    lengthError?: number
    check?: Check
}

export function udp(d: Udp): Buffer {
    const length = 8 + d.data.length + (d.lengthError ?? 0)
    const b = Buffer.concat([words16([d.sourcePort, d.port, length, 0]), d.data])
    if ((d.check ?? "none") === "none") return b
    const pseudo = Buffer.concat([word32(d.source), word32(d.destination), Buffer.from([0, UDP]), words16([length])])
    const check = checkOf(Buffer.concat([pseudo, b.subarray(0, Math.max(8, length))]), d.check!)
    b.writeUInt16BE(check === 0 ? 0xffff : check, 6)
    return b
}

export function icmp(type: number, code: number, rest: Buffer, check: Check = "right"): Buffer {
    const b = Buffer.concat([Buffer.from([type, code, 0, 0]), rest])
    b.writeUInt16BE(checkOf(b, check), 2)
    return b
}

export interface Arp {
    operation: number
    mac: Mac
    sender: Address
    targetMac: Mac
    target: Address
    head?: Buffer
}

/** Padded to the least length of a frame. */
export function arp({ operation, mac, sender, targetMac, target, head }: Arp): Buffer {
    const b = Buffer.concat([
        head ?? Buffer.from("000108000604", "hex"),
        words16([operation]),
        Buffer.from(mac, "hex"),
        word32(sender),
        Buffer.from(targetMac, "hex"),
        word32(target),
        Buffer.alloc(18),
    ])
    return b
}

export interface Rtp {
    first?: number
    type: number
    sequence: number
    timestamp: number
    ssrc: number
    rest: Buffer
}

export function rtp({ first = 0x80, type, sequence, timestamp, ssrc, rest }: Rtp): Buffer {
    return Buffer.concat([Buffer.from([first, type]), words16([sequence]), word32(timestamp), word32(ssrc), rest])
}
