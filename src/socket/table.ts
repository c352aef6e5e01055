import { ARP_ATTEMPTS, CALLS, DATAGRAMS, DATAGRAM_BYTES, EPHEMERAL_FIRST, EPHEMERAL_LAST, SOCKETS, VOICE_FRAME } from "../config"
import { counters } from "../counters"
import { SocketError } from "../errors"
import { collect } from "../heap"
import { conflictsOf } from "../iface/acd"
import { Output, TX_IP, TX_MAC, neighbourFor, nextHop, output, refused, transmitFrame, writeHeaders } from "../iface/egress"
import { udpChecksumHolds } from "../iface/ingress"
import { Source } from "../iface/addresses"
import { Endpoint, FREE, Interface, isBroadcast } from "../iface/interface"
import { Neighbour } from "../iface/neighbours"
import { HEADROOM, TAKEN } from "../phy/phy"
import { Signal } from "../signal"
import { MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW, setMac } from "../wire/ethernet"
import { IPV4_HEADER, IPV4_SRC, PROTOCOL_UDP } from "../wire/ipv4"
import { UDP_CHECKSUM, UDP_HEADER, UDP_SRC_PORT, writeUdp, writeUdpChecksum } from "../wire/udp"

/** Takes what arrives at a socket instead of `recv`: the hot path. */
export interface Receiver {
    /** Frames sent, as of the last `settle`. */
    txFrames: number
    /** Read a payload in place: it is gone when this returns. */
    onPayload(b: Buffer, offset: number, length: number): void
    /** The socket has failed; `code` is POSIX. */
    onSocketError(code: string): void
}

/** A datagram that waits to be read. */
export interface Datagram {
    data: Buffer
    address: number
    port: number
}

/** Announces a datagram or an error to the fibers that wait in `recv`. */
export const arrival = new Signal()

/** Bytes that wait in all sockets. */
let waitingBytes = 0

/** Options of `setsockopt` and `getsockopt`. */
export enum SocketOption {
    /** boolean: send no UDP checksum (RFC 768 allows that) */
    SO_NO_CHECK,
    /** boolean: may send to broadcast addresses */
    SO_BROADCAST,
    /** datagrams that may wait, 1 to `DATAGRAMS` */
    SO_RCVBUF,
    /** the TOS octet, 0 to 255; by default what `IP_DSCP` of the interface makes of it */
    IP_TOS,
    /**
     * the DSCP class of the socket's interface, 0 to 63 (RFC 2474): all that leaves from its address is in that class,
     * EF (46) for voice, CS3 (24) for signalling, 0 for the rest (RFC 4594)
     */
    IP_DSCP,
}

/** Flags beside the options: a deferred address comes from the pool, not from a server; it is being asked for. */
export const FROM_POOL = 0x100
export const ASSIGNING = 0x200
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

/** A UDP socket: what the table keeps for a descriptor (claims 3, 11, 12). */
export class Socket implements Endpoint {
    // fields are searched from the first on, and methods after all of them: what each frame needs comes first, and is
    // bound once
    port = 0
    next: Endpoint = undefined
    onDatagram = this.input
    /** Target of `connect`; port 0 while there is none. */
    remotePort = 0
    remote = 0
    rx = 0
    /** Of the receiver. */
    onPayload: (b: Buffer, offset: number, length: number) => void = undefined
    /** Whether all that is left to do with the prepared frame is to hand it to the PHY: see `sendFrame`. */
    ready = false
    /** Frames sent that `settle` has not counted yet. */
    fresh = 0
    /** The prepared frame to the target. */
    frame: Buffer = undefined
    /** Booleans of `setsockopt`, by the bit `1 << option`. */
    flags = 0
    prepared = Prepared.No
    tx = 0
    /** `undefined` until a deferred address is assigned. */
    ifc: Interface = undefined
    receiver: Receiver = undefined
    drops = 0
    /** Of `IP_TOS`; -1 if that was not set. */
    tos = -1
    /** POSIX code of the error that the next call gets. */
    error: string
    queue: Datagram[]
    /** Datagrams that may wait, `DATAGRAMS` by default. */
    queueLength: number

    /** The process group that owns it; `FREE` while the descriptor is not open. */
    process = FREE
    /** How many sockets this slot has been: who waited sees whether it is still the one. */
    generation = 0

    /** @param deferred where the address will come from if `ifc` is not known yet */
    open(process: number, ifc: Interface, deferred: Source): void {
        this.process = process
        this.ifc = ifc
        this.generation++
        this.port = 0
        this.remotePort = 0
        this.unprepare()
        this.rx = 0
        this.tx = 0
        this.drops = 0
        this.flags = deferred === Source.Static ? FROM_POOL : 0
        this.tos = -1
        if (this.queueLength) this.queueLength = undefined
        if (this.error) this.error = undefined
    }

    /** The TOS octet of what it sends. */
    tosOctet(): number {
        return this.tos < 0 && this.ifc ? this.ifc.dscp << 2 : Math.max(this.tos, 0)
    }

    private input(b: Buffer, udp: number, length: number, ip: number): void {
        const port = (b[udp + UDP_SRC_PORT] << 8) | b[udp + UDP_SRC_PORT + 1]
        if (this.remotePort !== 0 && (port !== this.remotePort || b.getAt(ip + IPV4_SRC, "i32") !== this.remote)) {
            counters.udpForeignPeer++
            this.drops++
        } else if (b.getAt(udp + UDP_CHECKSUM, "u16") !== 0 && !udpChecksumHolds(b, ip, udp, length)) {
            counters.udpBadChecksum++
            this.drops++
        } else {
            counters.udpRx++
            this.rx++
            const onPayload = this.onPayload
            if (onPayload) onPayload(b, udp + UDP_HEADER, length - UDP_HEADER)
            else this.enqueue(b, udp, length, ip, port)
        }
    }

    private enqueue(b: Buffer, udp: number, length: number, ip: number, port: number): void {
        const n = length - UDP_HEADER
        if (!this.queue) this.queue = []
        if (this.queue.length >= (this.queueLength || DATAGRAMS) || waitingBytes + n > DATAGRAM_BYTES) {
            counters.udpQueueFull++
            this.drops++
            return
        }
        const data = Buffer.alloc(n)
        data.blitAt(0, b, udp + UDP_HEADER, n)
        waitingBytes += n
        this.queue.push({ data, address: b.getAt(ip + IPV4_SRC, "i32"), port })
        arrival.notify(true)
    }

    /** The oldest datagram that waits, or `undefined`. */
    dequeue(): Datagram {
        if (!this.queue || this.queue.length === 0) return undefined
        const d = this.queue.shift()
        waitingBytes -= d.data.length
        return d
    }

    onError(code: string): void {
        // a network that is down stays down
        if (this.error !== "ENETDOWN") this.error = code
        arrival.notify(false)
        if (this.receiver) this.receiver.onSocketError(code)
    }

    /** Throw the error that is waiting. A network that is down stays down; every other error is told once. */
    throwPending(): void {
        const code = this.error
        if (!code) return
        if (code !== "ENETDOWN") this.error = undefined
        throw new SocketError(code, messageOf(code, this.ifc))
    }

    /**
     * The frame to the connected target for a payload of this length, headers written: kept while the length stays,
     * so that a stream of equal packets writes nothing but its payload.
     */
    prepare(length: number): Buffer {
        const size = TX_PAYLOAD + length
        if (this.prepared !== Prepared.No && this.frame.length === size) return this.frame
        if (!this.frame || this.frame.length !== size) this.frame = Buffer.alloc(size)
        writeHeaders(this.frame, this.ifc, PROTOCOL_UDP, this.tosOctet(), this.remote)
        writeUdp(this.frame, TX_IP + IPV4_HEADER, this.port, this.remotePort, length)
        this.prepared = Prepared.Headers
        if (isBroadcast(this.ifc, this.remote)) this.resolve(MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW)
        else {
            const n = neighbourFor(this.ifc, this.remote)
            if (n && n.known) this.resolve(n.macHigh, n.macLow)
        }
        return this.frame
    }

    private resolve(macHigh: number, macLow: number): void {
        setMac(this.frame, TX_MAC, macHigh, macLow)
        this.prepared = Prepared.Ready
        this.ready = (this.flags & NO_CHECK) !== 0
    }

    /** The headers are to be written anew. */
    unprepare(): void {
        this.prepared = Prepared.No
        this.ready = false
    }

    /** The neighbour cache has changed. */
    onNeighbour(n: Neighbour): void {
        if (!this.ifc || this.remotePort === 0 || nextHop(this.ifc, this.remote) !== n.address) return
        if (!n.known) {
            if (this.prepared === Prepared.Ready) this.prepared = Prepared.Headers
            this.ready = false
            // one that only made room for another is asked for again
            if (n.attempts >= ARP_ATTEMPTS) this.onError("EHOSTUNREACH")
        } else if (this.prepared !== Prepared.No) this.resolve(n.macHigh, n.macLow)
    }

    /**
     * Send the prepared frame, whose payload is written.
     * @returns whether it was sent, or waits for its neighbour; if not, the drop is counted
     */
    transmit(): boolean {
        const b = this.frame
        // an option has changed its headers
        if (this.prepared === Prepared.No) this.prepare(b.length - TX_PAYLOAD)
        if ((this.flags & NO_CHECK) === 0) writeUdpChecksum(b, TX_IP, TX_IP + IPV4_HEADER, b.length - TX_IP - IPV4_HEADER)
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
        if (sent && this.receiver) this.receiver.txFrames++
        return sent
    }

    /** Count the prepared frame, which the PHY did not take. @param code what it gave */
    refused(code: number): void {
        this.drops++
        refused(code)
    }

    /** Count in all totals what the hot path has counted once. */
    settle(): void {
        const n = this.fresh
        if (n === 0) return
        this.fresh = 0
        this.tx += n
        this.ifc.tx += n
        counters.udpTx += n
        counters.phyTx += n
        if (this.receiver) this.receiver.txFrames += n
    }

    /** Count what became of a frame. */
    sent(o: Output): boolean {
        if (o === Output.Sent || o === Output.Pending) {
            this.tx++
            counters.udpTx++
            return true
        }
        this.drops++
        return false
    }

    /** Take the socket out of its interface; who waits on it gets `EBADF`. */
    dispose(): void {
        this.settle()
        if (this.port !== 0) this.ifc.remove(this)
        while (this.dequeue()) {}
        this.process = FREE
        this.ifc = undefined
        this.unprepare()
        this.receiver = undefined
        this.onPayload = undefined
        arrival.notify(false)
    }
}

/** What a code that the network gave means. @param ifc of the socket */
export function messageOf(code: string, ifc?: Interface): string {
    if (code === "ECONNREFUSED") return "the other side has nothing on that port"
    if (code === "EHOSTUNREACH") return "the other side does not answer on this network"
    if (code === "ENETDOWN" && ifc && conflictsOf(ifc) > 0) return "another host uses the socket's address"
    return code === "ENETDOWN" ? "the lease of the socket's address has ended" : "the socket was closed"
}

/**
 * The sockets, by descriptor. Those of the calls are made at boot, like the interfaces; the others when they are opened
 * for the first time.
 */
export const sockets: Socket[] = []
for (let i = 0; i < CALLS; i++) {
    sockets.push(new Socket())
    collect()
}

/** Before anybody looks at what was counted. */
export function settleSockets(): void {
    for (const s of sockets) s.settle()
}

/** Make the frames of the calls' sockets. */
export function makeFrames(): void {
    for (const s of sockets) {
        if (!s.frame) s.frame = Buffer.alloc(HEADROOM + VOICE_FRAME)
        collect()
    }
}

/** Open the lowest free descriptor (POSIX). @returns -1 if all are open */
export function openSocket(process: number, ifc: Interface, deferred: Source): number {
    let sd = 0
    while (sd < sockets.length && sockets[sd].process !== FREE) sd++
    if (sd >= SOCKETS) return -1
    if (sd === sockets.length) sockets.push(new Socket())
    sockets[sd].open(process, ifc, deferred)
    return sd
}

let ephemeral = EPHEMERAL_FIRST

/** An ephemeral port that is free on this interface (RFC 6056, 3.3.1: one after the other). @returns 0 if none is */
export function ephemeralPort(ifc: Interface): number {
    for (let i = 0; i <= SOCKETS; i++) {
        const port = ephemeral
        ephemeral = ephemeral === EPHEMERAL_LAST ? EPHEMERAL_FIRST : ephemeral + 1
        if (!ifc.endpointOn(port)) return port
    }
    return 0
}
