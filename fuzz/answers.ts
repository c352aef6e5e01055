/** What the phone sends, as texts that can be compared: those that the oracle expects, and those of the frames that were sent. */
import { checksum } from "./checksum.js"
import type { Address, Mac, World } from "./world.js"

export const ARP_REQUEST = 1
export const ARP_REPLY = 2

/** @param from of the interface @param to MAC address of the frame */
export function arpAnswer(operation: number, from: Mac, sender: Address, target: Mac, targetAddress: Address, to: Mac): string {
    return `arp ${operation} ${from} ${dotted(sender)} ${target} ${dotted(targetAddress)} to ${to}`
}

/** @param from of the interface @param message without its checksum, which is 0 @param tos class */
export function icmpAnswer(from: Mac, source: Address, to: Mac, destination: Address, tos: number, message: Buffer): string {
    return `icmp ${from} ${dotted(source)} to ${to} ${dotted(destination)} class ${tos} ${message.toString("hex")}`
}

export const dotted = (a: Address): string => `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`

const SERVER_PORT = 67

export interface DhcpMessage {
    message: Buffer
    destination: Address
}

/** What was sent, sorted: texts of ARP and ICMP, the messages of DHCP, and how many frames of calls there are. */
export interface Sent {
    answers: string[]
    dhcp: DhcpMessage[]
    voice: number
}

/** Sorts what was sent. @throws Error if a frame is not such as a host may send */
export function sort(world: World, frames: Buffer[]): Sent {
    const sent: Sent = { answers: [], dhcp: [], voice: 0 }
    for (const frame of frames) {
        const wrong = take(world, frame, sent)
        if (wrong) throw new Error(`the phone sends a frame with ${wrong}: ${frame.toString("hex")}`)
    }
    return sent
}

function take(world: World, frame: Buffer, sent: Sent): string | undefined {
    if (frame.length < 42) return "too few octets"
    const to = frame.toString("hex", 0, 6)
    const from = frame.toString("hex", 6, 12)
    // an interface's own differs in the first octet alone
    if (from.slice(2) !== world.mac.slice(2)) return "a MAC address that is not ours"
    const type = frame.readUInt16BE(12)
    const b = frame.subarray(14)
    if (type === 0x0806) {
        if (b.toString("hex", 0, 6) !== "000108000604") return "a wrong head of ARP"
        if (b.toString("hex", 8, 14) !== from) return "two MAC addresses"
        sent.answers.push(arpAnswer(b.readUInt16BE(6), from, b.readUInt32BE(14), b.toString("hex", 18, 24), b.readUInt32BE(24), to))
        return undefined
    }
    if (type !== 0x0800) return "an unknown type"
    return takeIpv4(b, from, to, sent)
}

function takeIpv4(b: Buffer, from: Mac, to: Mac, sent: Sent): string | undefined {
    if (b[0] !== 0x45) return "options"
    if (b.readUInt16BE(2) !== b.length) return "a wrong length"
    if (checksum(b.subarray(0, 20)) !== 0) return "a wrong checksum of IPv4"
    const [source, destination] = [b.readUInt32BE(12), b.readUInt32BE(16)]
    const payload = b.subarray(20)
    if (b[9] === 1) {
        if (checksum(payload) !== 0) return "a wrong checksum of ICMP"
        const message = Buffer.from(payload)
        message.writeUInt16BE(0, 2)
        sent.answers.push(icmpAnswer(from, source, to, destination, b[1], message))
        return undefined
    }
    if (b[9] !== 17) return "an unknown protocol"
    if (payload.readUInt16BE(4) !== payload.length) return "a wrong length of UDP"
    const pseudo = Buffer.concat([b.subarray(12, 20), Buffer.from([0, 17, payload.length >> 8, payload.length & 255])])
    if (payload.readUInt16BE(6) !== 0 && checksum(Buffer.concat([pseudo, payload])) !== 0) return "a wrong checksum of UDP"
    if (payload.readUInt16BE(2) === SERVER_PORT) sent.dhcp.push({ message: payload.subarray(8), destination })
    else sent.voice++
    return undefined
}
