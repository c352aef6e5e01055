/**
 * Datagram sockets: UDP (RFC 768) from the port to the queue or the receiver, and from the prepared frame to the PHY.
 * The hot path begins in `input` and ends in `transmit`; `rtp/session.ts` has the shorter one of a call.
 */
import * as ds from "@devicescript/core"
import { ARP_ATTEMPTS, DATAGRAMS, DATAGRAM_BYTES, HEARD, LONG_QUEUE_BYTES } from "../base/config"
import { count, Counter, countMany, received } from "../base/counters"
import { Source } from "../address/assign"
import { Output, allocate, neighbourFor, nextHop, output, writeHeaders } from "../ip/output"
import { TX_IP, TX_MAC, refused, transmitFrame } from "../link/ethernet"
import { FREE, Interface, isBroadcast, isSource } from "../link/interface"
import { Neighbour } from "../link/neighbours"
import { TAKEN } from "../phy/phy"
import type { Endpoint } from "../transport/endpoint"
import { MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW, setMac } from "../wire/ethernet"
import { UNREACHABLE_PORT, UNREACHABLE_PROTOCOL } from "../wire/icmp"
import { IPV4_DST, IPV4_HEADER, IPV4_SRC, PROTOCOL_UDP } from "../wire/ipv4"
import { UDP_CHECKSUM, UDP_HEADER, udpChecksumHolds, writeUdp, writeUdpChecksum } from "../wire/udp"
import { FROM_POOL, Receiver, Socket, SocketOption, arrival } from "./socket"

/**
 * A datagram, and where it came from: it may be passed on to `sendto` as the address of who sent it.
 * @category Data
 */
export interface Datagram {
    /** What it carries. */
    data: Buffer
    /** Of the host that sent it. */
    address: number
    /** From which it was sent. */
    port: number
    /** Of ours at which it came in, or a broadcast address. */
    to: number
}

/** Bytes that wait in all sockets. */
let waitingBytes = 0

const NO_CHECK = 1 << SocketOption.SO_NO_CHECK

/** Where a transmit buffer has the payload of a datagram. */
export const TX_PAYLOAD = TX_IP + IPV4_HEADER + UDP_HEADER

/** How far the frame to the connected target is prepared. */
export enum Prepared {
    No,
    /** all but the neighbour's MAC address */
    Headers,
    Ready,
}

/**
 * A UDP socket: what the table keeps for a descriptor (claims 3, 11, 12). It has 18 fields, as many as a table of fields has room for; what
 * few sockets need is added when it is.
 */
export class DatagramSocket extends Socket implements Endpoint {
    // fields are searched from the first on, and methods after all of them: what each frame needs comes first, and is
    // bound once; those that are not here `open` sets
    override port = 0
    next: Endpoint = undefined
    onPacket = this.input
    /** Target of `connect`; port 0 while there is none. */
    override remotePort = 0
    override remote = 0
    override rx = 0
    /** Of the receiver. */
    onPayload: (b: Buffer, offset: number, length: number) => void = undefined
    /** Whether all that is left to do with the prepared frame is to hand it to the PHY: see `sendFrame`. */
    ready = false
    /** Frames sent that `settle` has not counted yet. */
    fresh = 0
    /** The prepared frame to the target. */
    frame: Buffer = undefined
    prepared: Prepared
    override receiver: Receiver = undefined
    queue: Datagram[]

    /** How many sockets this slot has been: who waited sees whether it is still the one, even if the descriptor is open again. */
    override generation = 0
    /** `rx` when somebody looked, and the `ds.millis()` of the look that found more; `undefined` as long as nobody has looked. */
    rxSeen: number
    heardAt: number

    constructor() {
        super()
        this.open(FREE, undefined, undefined)
    }

    /** @param deferred where the address will come from if `ifc` is not known yet */
    open(process: number, ifc: Interface, deferred: Source): void {
        this.port = 0
        this.remotePort = 0
        this.rx = 0
        this.flags = 0
        if (deferred === Source.Static) this.flags = FROM_POOL
        this.unprepare()
        this.tx = 0
        this.ifc = ifc
        this.drops = 0
        this.process = process
        if (this.tos >= 0) this.tos = -1
        if (this.rxSeen) this.rxSeen = 0
        if (this.heardAt) this.heardAt = -HEARD
        if (this.queueLength) this.queueLength = undefined
        if (this.error) this.error = undefined
    }

    override endpoint(): Endpoint {
        return this
    }

    /** Send to any target; the socket is bound. */
    sendTo(data: Buffer, address: number, port: number): Output {
        const n = data.length
        const b = allocate(this.ifc, PROTOCOL_UDP, this.tosOctet(), address, UDP_HEADER + n)
        const udp = TX_IP + IPV4_HEADER
        writeUdp(b, udp, this.port, port, n)
        b.blitAt(udp + UDP_HEADER, data, 0, n)
        if ((this.flags & NO_CHECK) === 0) writeUdpChecksum(b, TX_IP, udp, UDP_HEADER + n)
        return output(this.ifc, b, address)
    }

    private input(b: Buffer, udp: number, length: number, ip: number): void {
        // the source port is the header's first field
        const port = (b[udp] << 8) | b[udp + 1]
        if (this.remotePort !== 0) {
            if (port !== this.remotePort) return drop(this, Counter.UdpForeignPeer)
            if (b.getAt(ip + IPV4_SRC, "i32") !== this.remote) return drop(this, Counter.UdpForeignPeer)
        } else if (!isSource(this.ifc, b.getAt(ip + IPV4_SRC, "i32"))) return drop(this, Counter.IpBadSource)
        if (b.getAt(udp + UDP_CHECKSUM, "u16") !== 0) if (!udpChecksumHolds(b, ip, udp, length)) return drop(this, Counter.UdpBadChecksum)
        received.datagrams = received.datagrams + 1
        this.rx++
        length -= UDP_HEADER
        const onPayload = this.onPayload
        if (onPayload) return onPayload(b, udp + UDP_HEADER, length)
        enqueue(this, b, udp + UDP_HEADER, length, ip, port)
    }

    /** The oldest datagram that waits, or `undefined`. */
    dequeue(): Datagram {
        const d = this.queue?.shift()
        if (d) waitingBytes -= d.data.length
        return d
    }

    /**
     * The frame to the connected target for a payload of this length, headers written: kept while the length stays,
     * so that a stream of equal packets writes nothing but its payload.
     */
    prepare(length: number): Buffer {
        const size = TX_PAYLOAD + length
        if (this.frame?.length !== size) this.frame = Buffer.alloc(size)
        else if (this.prepared !== Prepared.No) return this.frame
        writeHeaders(this.frame, this.ifc, PROTOCOL_UDP, this.tosOctet(), this.remote)
        writeUdp(this.frame, TX_IP + IPV4_HEADER, this.port, this.remotePort, length)
        this.prepared = Prepared.Headers
        if (isBroadcast(this.ifc, this.remote)) resolve(this, MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
        else {
            const n = neighbourFor(this.ifc, this.remote)
            if (n?.known) resolve(this, n.macHigh, n.macLow)
        }
        return this.frame
    }

    /** The headers are to be written anew. */
    override unprepare(): void {
        this.prepared = Prepared.No
        this.ready = false
    }

    onUnreachable(code: number, dst: number, dstPort: number, source: number): void {
        // RFC 1122, 4.1.3.3: passed up; only a connected socket knows that it is meant
        // one without a target has 0 as its port
        if (dstPort === 0) return
        if (((this.remote ^ dst) | (this.remotePort ^ dstPort)) !== 0) return
        if (code > UNREACHABLE_PORT) return
        // a hint and no proof (RFC 1122, 3.2.2.1): of the host itself, or of the router, and as long as the host is not heard
        if (source !== dst) if (source !== this.ifc.router()) return count(Counter.IcmpUnbelieved)
        if (isHeard(this)) return count(Counter.IcmpUnbelieved)
        if (code < UNREACHABLE_PROTOCOL) this.onError("EHOSTUNREACH")
        else this.onError("ECONNREFUSED")
    }

    onWay(): void {
        this.unprepare()
    }

    hears(n: Neighbour): boolean {
        if (this.remotePort === 0) return false
        if (nextHop(this.ifc, this.remote) !== n.address) return false
        return isHeard(this)
    }

    onNeighbour(n: Neighbour): void {
        if (this.remotePort === 0) return
        // it may have been the way that a redirect named
        if (!n.known) this.unprepare()
        if (nextHop(this.ifc, this.remote) !== n.address) return
        if (!n.known) {
            // one that only made room for another is asked for again
            if (n.attempts >= ARP_ATTEMPTS) this.onError("EHOSTUNREACH")
        } else if (this.prepared !== Prepared.No) resolve(this, n.macHigh, n.macLow)
    }

    /**
     * Send the prepared frame, whose payload is written.
     * @returns whether it was sent, or waits for its neighbour; if not, the drop is counted
     */
    transmit(): boolean {
        const b = this.frame
        // an option has changed its headers
        if (this.prepared === Prepared.No) this.prepare(b.length - TX_PAYLOAD)
        if ((this.flags & NO_CHECK) === 0) writeUdpChecksum(b, TX_IP, TX_IP + IPV4_HEADER, b.length - (TX_IP + IPV4_HEADER))
        if (this.prepared === Prepared.Ready) {
            const code = transmitFrame(b)
            if (code === TAKEN) this.fresh++
            else this.refused(code)
            return code === TAKEN
        }
        // the frame may wait, and must not be written to while it does
        const copy = Buffer.alloc(b.length)
        copy.blitAt(0, b, 0, b.length)
        const sent = this.sent(output(this.ifc, copy, this.remote))
        if (sent) if (this.receiver) this.receiver.txFrames++
        return sent
    }

    /** Count the prepared frame, which the PHY did not take. @param code what it gave */
    refused(code: number): void {
        this.drops++
        refused(code)
    }

    /** Count in all totals what the hot path has counted once. */
    override settle(): void {
        const n = this.fresh
        if (n === 0) return
        this.fresh = 0
        this.tx += n
        this.ifc.tx += n
        countMany(Counter.UdpTx, n)
        countMany(Counter.PhyTx, n)
        if (this.receiver) this.receiver.txFrames += n
    }

    /** Count what became of a frame. */
    sent(o: Output): boolean {
        if (o > Output.Pending) {
            this.drops++
            return false
        }
        this.tx++
        count(Counter.UdpTx)
        return true
    }

    /** Take the socket out of its interface; who waits on it gets `EBADF`. */
    override dispose(): void {
        this.settle()
        if (this.port !== 0) this.ifc.remove(this)
        while (this.dequeue()) {}
        this.process = FREE
        this.generation++
        this.ifc = undefined
        this.unprepare()
        this.receiver = undefined
        this.onPayload = undefined
        arrival.notify(false)
    }
}

/** Have it wait for `recvfrom`. Not in `input`: each variable there is room that each frame of voice takes. */
function enqueue(s: DatagramSocket, b: Buffer, at: number, length: number, ip: number, port: number): void {
    if (!s.queue) s.queue = []
    const queued = s.queue.length
    let most = DATAGRAM_BYTES
    if (queued >= DATAGRAMS) most = LONG_QUEUE_BYTES
    if (queued >= (s.queueLength || DATAGRAMS)) most = -1
    if (waitingBytes + length > most) return drop(s, Counter.UdpQueueFull)
    const data = Buffer.alloc(length)
    data.blitAt(0, b, at, length)
    waitingBytes += length
    s.queue.push({ data, address: b.getAt(ip + IPV4_SRC, "i32"), port, to: b.getAt(ip + IPV4_DST, "i32") })
    arrival.notify(true)
}

function drop(s: DatagramSocket, reason: Counter): void {
    count(reason)
    s.drops = s.drops + 1
}

function resolve(s: DatagramSocket, macHigh: number, macLow: number): void {
    setMac(s.frame, TX_MAC, macHigh, macLow)
    s.prepared = Prepared.Ready
    s.ready = (s.flags & NO_CHECK) !== 0
}

/** Whether something was heard since somebody asked last, or a moment ago. */
function isHeard(s: DatagramSocket): boolean {
    const now = ds.millis()
    if (s.rx !== (s.rxSeen || 0)) {
        s.rxSeen = s.rx
        s.heardAt = now
    }
    return now - s.heardAt < HEARD
}
