/** The eight calls of the benchmarks and the frames that arrive for them; addresses as in `devs/bench/frame.ts`. */
import { buildEthernet, ETHERTYPE_IPV4 } from "../sim/lan/ethernet.js"
import { buildIpv4, PROTOCOL_UDP } from "../sim/lan/ipv4.js"
import { buildUdp } from "../sim/lan/udp.js"

export const CALLS = 8
export const MAC = "02:54:50:00:00:01"
const PEER_MAC = "02:00:0a:4d:00:01"
export const PEER = "10.77.0.2"
export const PEER_PORT = 4000
export const PORT = 5004
const COMMON = "10.77.0.50"
const ORDERS = 9
const SAMPLES = 160
/** In milliseconds. */
export const PTIME = 20
/** Octets before the UDP header and the UDP checksum, behind the prefix of the stream. */
const UDP = 2 + 14 + 20
const UDP_CHECKSUM = UDP + 6

export function addressOfCall(call: number): string {
    return `10.77.0.${51 + call}`
}

/** Fields of a frame that differ from those of a good one. */
export interface Fields {
    mac?: string
    source?: string
    sourcePort?: number
    destination?: string
    port?: number
    rtp?: Buffer
    /** Whether it has a UDP checksum; it has, by default. */
    check?: boolean
}

/** A frame for a call, behind its length as on the stream. @param payload of the datagram */
export function frameFor(call: number, payload: Buffer, fields: Fields = {}): Buffer {
    const source = fields.source ?? PEER
    const destination = fields.destination ?? addressOfCall(call)
    const datagram = buildUdp(source, fields.sourcePort ?? PEER_PORT, destination, fields.port ?? PORT, payload)
    if (fields.check === false) datagram.writeUInt16BE(0, 6)
    const packet = buildIpv4({ source, destination, protocol: PROTOCOL_UDP, payload: datagram })
    return onStream(buildEthernet({ destination: fields.mac ?? MAC, source: PEER_MAC, etherType: ETHERTYPE_IPV4, payload: packet }))
}

export function onStream(frame: Buffer): Buffer {
    return Buffer.concat([Buffer.from([frame.length >> 8, frame.length & 255]), frame])
}

/** An order to the program in the VM: a datagram to a port of its common address. */
export function order(payload: string | Buffer): Buffer {
    return frameFor(0, Buffer.from(payload), { destination: COMMON, port: ORDERS })
}

/** The voice that comes in for a call: each packet is the one after the last. */
export class Voice {
    private timestamp = 0x7ffff000
    /** Voice is not all alike, and the checksum is not either. */
    private state = 1

    constructor(
        readonly call: number,
        public sequence: number,
        public ssrc = 0x9e3779b9 + call
    ) {}

    packet(): Buffer {
        const rtp = Buffer.alloc(12 + SAMPLES)
        rtp[0] = 0x80
        rtp.writeUInt16BE(this.sequence & 0xffff, 2)
        rtp.writeUInt32BE(this.timestamp >>> 0, 4)
        rtp.writeUInt32BE(this.ssrc >>> 0, 8)
        for (let i = 12; i < rtp.length; i++) rtp[i] = (this.state = (Math.imul(this.state, 1103515245) + 12345) >>> 0) >> 16
        this.sequence++
        this.timestamp = (this.timestamp + SAMPLES) | 0
        return rtp
    }
}

/** The same frame without a UDP checksum. */
export function unchecked(frame: Buffer): Buffer {
    const copy = Buffer.from(frame)
    copy.writeUInt16BE(0, UDP_CHECKSUM)
    return copy
}
