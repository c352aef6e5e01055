import { setNextSend } from "../../../src/dhcp/client"
import { COUNTERS, Counter, counts, received } from "../../../src/base/counters"
import { split } from "../../../src/base/text"
import { followLink } from "../../../src/link/ethernet"
import { LeaseState, leases } from "../../../src/dhcp/lease"
import { FrameHandler, HEADROOM, Phy, QUEUE_FULL, TAKEN } from "../../../src/phy/phy"
import { FREE, Interface, interfaces, keyOf, setAddress } from "../../../src/link/interface"
import type { Neighbour } from "../../../src/link/neighbours"
import type { Endpoint } from "../../../src/transport/endpoint"
import { addressOf, maskOf } from "../../../src/wire/address"
import { PROTOCOL_UDP } from "../../../src/wire/ipv4"
import { checksum, put16 } from "./support"

/**
 * A link without a network: a PHY that records what is sent, and frames to put into it. The addresses are those of the
 * captures in the tests: a board 02:54:50:00:00:01 with the address 10.77.0.57, and a Linux host 02:00:0a:4d:00:01,
 * 10.77.0.1, on a TAP device.
 */
export const BOARD_MAC: Buffer = hex`02 54 50 00 00 01`
export const HOST_MAC: Buffer = hex`02 00 0a 4d 00 01`
export const BROADCAST_MAC: Buffer = hex`ff ff ff ff ff ff`
export const BOARD = addressOf(10, 77, 0, 57)
export const HOST = addressOf(10, 77, 0, 1)

export class FakePhy implements Phy {
    macHigh = BOARD_MAC.getAt(0, "i32")
    macLow = BOARD_MAC.getAt(4, "u16")
    up = true
    label = "a test"
    heap = 0
    /** What was sent, without the headroom. */
    sent: Buffer[] = []
    /** Whether `transmit` takes frames. */
    accepts = true
    private receive: FrameHandler
    private link: (up: boolean) => void

    start(receive: FrameHandler, link: (up: boolean) => void): void {
        this.receive = receive
        this.link = link
    }

    transmit(b: Buffer): number {
        if (!this.up) throw new Error("a frame was sent while the link is down")
        if (!this.accepts) return QUEUE_FULL
        if (((b[0] << 8) | b[1]) !== b.length - HEADROOM) throw new Error("the length before the frame is not its own")
        const f = Buffer.alloc(b.length - HEADROOM)
        f.blitAt(0, b, HEADROOM, f.length)
        this.sent.push(f)
        return TAKEN
    }

    lost(): void {}

    /** Whether frames to other addresses are taken, and whether that can be had. */
    all = false
    canTakeAll = true
    promiscuous(on: boolean): boolean {
        this.all = on && this.canTakeAll
        return this.canTakeAll || !on
    }

    /** A frame arrives, somewhere in a larger buffer as it does from a stream. */
    arrive(f: Buffer): void {
        const b = Buffer.alloc(f.length + 8)
        b.fillAt(0, b.length, 0xa5)
        b.blitAt(3, f, 0, f.length)
        this.receive(b, 3, f.length)
    }

    /** A frame arrives. @returns which counters that changes */
    counting(f: Buffer): string {
        const self = this
        return changes(() => self.arrive(f))
    }

    /** Plug or pull the cable, and tell nobody but what sends. */
    cable(plugged: boolean): void {
        this.up = plugged
        followLink()
    }

    setUp(up: boolean): void {
        this.up = up
        this.link(up)
    }

    /** The one frame sent since the last call. */
    one(): Buffer {
        if (this.sent.length !== 1) throw new Error(`${this.sent.length} frames were sent instead of one`)
        return this.sent.pop()
    }

    /** How many frames were sent since the last call; they are forgotten. */
    count(): number {
        const n = this.sent.length
        this.sent = []
        return n
    }
}

/** The interface in this slot, taken, without an address and a socket. */
export function station(slot: number): Interface {
    const ifc = interfaces[slot]
    give(ifc, 0, 0, 0)
    ifc.process = slot
    ifc.endpoints = undefined
    return ifc
}

export function give(ifc: Interface, address: number, prefix: number, gateway: number): void {
    setAddress(ifc, address, maskOf(prefix), gateway)
}

/** No interface is in use, and no lease. */
export function clear(): void {
    for (const ifc of interfaces) {
        station(ifc.slot)
        ifc.process = FREE
    }
    for (const lease of leases) {
        lease.state = LeaseState.Idle
        setNextSend(lease, Infinity)
    }
}

/** How many interfaces are in use. */
export function stations(): number {
    return interfaces.filter(i => i.process !== FREE).length
}

/** An endpoint that does nothing; a test gives it the handlers that it needs. */
export class Silent implements Endpoint {
    next: Endpoint = undefined
    onPacket: (b: Buffer, at: number, length: number, ip: number) => void = nothing
    onError: (code: string) => void = nothing
    onUnreachable: (code: number, dst: number, dstPort: number, source: number) => void = nothing
    onNeighbour: (n: Neighbour) => void = nothing
    onWay: () => void = nothing
    hears: (n: Neighbour) => boolean = nobody

    port: number

    constructor(protocol: number, port: number) {
        this.port = keyOf(protocol, port)
    }
}

function nothing(): void {}

function nobody(): boolean {
    return false
}

/** Have what comes to a port, and the errors of the interface, told to these. */
export function listen(ifc: Interface, port: number, hear: (payload: number) => void, error?: (code: string) => void): void {
    const endpoint = new Silent(PROTOCOL_UDP, port)
    endpoint.onPacket = (b, udp, length, ip) => {
        if (b[ip] >> 4 !== 4 || b[udp + 2] !== port >> 8) throw new Error("no headers there")
        hear(length - 8)
    }
    endpoint.onError = code => error(code)
    ifc.add(endpoint)
}

/** Cut once: a test may have many frames, and a turn of the VM has a limit. */
const names = split(COUNTERS, " ")

/** Which counters `f` changes, as `name+n name+n`; "" if none. What was sent is in `FakePhy.sent`, and not told. */
export function changes(f: () => void): string {
    const { frames, datagrams } = received
    const before = Buffer.alloc(counts.length)
    before.blitAt(0, counts, 0, counts.length)
    f()
    let text = received.frames === frames ? "" : ` phyRx+${received.frames - frames}`
    if (received.datagrams !== datagrams) text += ` udpRx+${received.datagrams - datagrams}`
    for (let c = 0; c < Counter.Total; c++) {
        // not by `countOf`, for the same reason
        const d = counts.getAt(4 * c, "u32") - before.getAt(4 * c, "u32")
        if (d !== 0 && c !== Counter.PhyTx) text += ` ${names[c]}+${d}`
    }
    return text.slice(1)
}

export function ethernet(dst: Buffer, type: number, payload: Buffer): Buffer {
    const f = Buffer.alloc(14 + payload.length)
    f.blitAt(0, dst, 0, 6)
    f.blitAt(6, HOST_MAC, 0, 6)
    put16(f, 12, type)
    f.blitAt(14, payload, 0, payload.length)
    return f
}

/** An IPv4 packet in a frame to the board. */
export function ipv4(protocol: number, src: number, dst: number, payload: Buffer, mac?: Buffer): Buffer {
    const p = Buffer.alloc(20 + payload.length)
    p[0] = 0x45
    put16(p, 2, p.length)
    p[8] = 64
    p[9] = protocol
    p.setAt(12, "i32", src)
    p.setAt(16, "i32", dst)
    put16(p, 10, checksum(p, 0, 20, 0))
    p.blitAt(20, payload, 0, payload.length)
    return ethernet(mac || BOARD_MAC, 0x0800, p)
}

/** Write the checksum of the IPv4 header of a frame anew, after it was changed. */
export function fixHeader(f: Buffer): Buffer {
    put16(f, 24, 0)
    put16(f, 24, checksum(f, 14, (f[14] & 15) * 4, 0))
    return f
}

/** A datagram without a checksum in a frame to the board. */
export function udp(src: number, srcPort: number, dst: number, dstPort: number, data: Buffer, mac?: Buffer): Buffer {
    const d = Buffer.alloc(8 + data.length)
    put16(d, 0, srcPort)
    put16(d, 2, dstPort)
    put16(d, 4, d.length)
    d.blitAt(8, data, 0, data.length)
    return ipv4(17, src, dst, d, mac)
}

/** An ICMP message in a frame to the board; its checksum is filled in. */
export function icmp(src: number, dst: number, message: Buffer): Buffer {
    const m = Buffer.alloc(message.length)
    m.blitAt(0, message, 0, m.length)
    put16(m, 2, 0)
    put16(m, 2, checksum(m, 0, m.length, 0))
    return ipv4(1, src, dst, m)
}

/** An ARP packet in a frame. @param operation 1 request, 2 reply */
export function arp(operation: number, mac: Buffer, sender: number, target: number, to: Buffer): Buffer {
    const p = Buffer.alloc(28)
    p.blitAt(0, hex`0001 0800 06 04`, 0, 6)
    put16(p, 6, operation)
    p.blitAt(8, mac, 0, 6)
    p.setAt(14, "i32", sender)
    if (operation === 2) p.blitAt(18, BOARD_MAC, 0, 6)
    p.setAt(24, "i32", target)
    return ethernet(to, 0x0806, p)
}

/** A server's DHCP message, broadcast. @param options type and the rest, without the end option */
export function dhcp(xid: number, yiaddr: number, options: Buffer, dst?: number): Buffer {
    const m = Buffer.alloc(300)
    m[0] = 2
    m[1] = 1
    m[2] = 6
    m.setAt(4, "i32", xid)
    m.setAt(16, "i32", yiaddr)
    m.blitAt(28, BOARD_MAC, 0, 6)
    m.blitAt(236, hex`63825363`, 0, 4)
    m.blitAt(240, options, 0, options.length)
    m[240 + options.length] = 255
    return udp(HOST, 67, dst === undefined ? -1 : dst, 68, m, dst === undefined ? BROADCAST_MAC : BOARD_MAC)
}
