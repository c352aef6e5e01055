/** Frames of every kind that the firmware and its peers must treat alike, so that none of them saves a check. */
import { buildEthernet, ETHERTYPE_IPV4 } from "../../sim/lan/ethernet.js"
import { internetChecksum } from "../../sim/lan/checksum.js"
import { CALLS, frameFor, onStream, PTIME, unchecked, Voice } from "../frames.js"

/** Octets of a frame behind its length. */
const ETH_TYPE = 14
const IP = 16
const IP_TOTAL = IP + 2
const IP_FLAGS = IP + 6
const IP_PROTOCOL = IP + 9
const IP_CHECKSUM = IP + 10
const UDP = IP + 20
const UDP_LENGTH = UDP + 4

/** The call for whose address comes a datagram to a port that nobody has: the firmware answers that, its peers do not. */
export const REFUSED = 2
/** The call to whose address a packet of an unknown protocol comes. */
export const UNKNOWN = 1

export interface Arrival {
    chunk: Buffer
    /** Milliseconds. */
    clock: number
}

function edited(frame: Buffer, edit: (f: Buffer) => void): Buffer {
    const copy = Buffer.from(frame)
    edit(copy)
    copy.writeUInt16BE(0, IP_CHECKSUM)
    const end = Math.min(IP + (copy[IP]! & 15) * 4, copy.length)
    copy.writeUInt16BE(internetChecksum(copy.subarray(IP, end)), IP_CHECKSUM)
    return copy
}

/** The same datagram behind an IPv4 header with four octets of options. */
function withOptions(frame: Buffer): Buffer {
    const packet = Buffer.concat([frame.subarray(IP, UDP), Buffer.from([1, 1, 1, 0]), frame.subarray(UDP)])
    packet[0] = 0x46
    packet.writeUInt16BE(packet.length, 2)
    packet.writeUInt16BE(0, 10)
    packet.writeUInt16BE(internetChecksum(packet.subarray(0, 24)), 10)
    return onStream(Buffer.concat([frame.subarray(2, IP), packet]))
}

export function everyKind(): Arrival[] {
    const arrivals: Arrival[] = []
    let clock = 1000
    const put = (chunk: Buffer) => arrivals.push({ chunk, clock })
    // no two arrivals are 20 ms apart
    const tick = () => (clock += PTIME + ((arrivals.length * 7) % 11) - 5)
    const voices = Array.from({ length: CALLS }, (_, call) => new Voice(call, 65530 + call))
    const next = (call: number) => frameFor(call, voices[call]!.packet())

    // the usual: all calls in turn, with and without a checksum, over the end of the sequence numbers
    for (let round = 0; round < 12; round++) {
        for (let call = 0; call < CALLS; call++) put(round % 3 === 2 ? unchecked(next(call)) : next(call))
        tick()
    }
    // lost, late, twice
    next(0)
    put(next(0))
    const late = next(1)
    put(next(1))
    put(late)
    const twice = next(2)
    put(twice)
    put(twice)
    // another source; a stray packet; a source that begins again
    voices[3]!.ssrc++
    put(next(3))
    put(next(3))
    const sequence = voices[4]!.sequence
    voices[4]!.sequence = sequence + 20000
    put(next(4))
    voices[4]!.sequence = sequence
    put(next(4))
    voices[4]!.sequence = sequence + 30000
    for (let i = 0; i < 3; i++) put(next(4))
    tick()

    // Ethernet
    put(frameFor(0, voices[0]!.packet(), { mac: "02:54:50:00:00:02" }))
    put(frameFor(0, voices[0]!.packet(), { mac: "01:00:5e:00:00:01", destination: "224.0.0.1" }))
    put(edited(next(0), f => f.writeUInt16BE(0x86dd, ETH_TYPE)))
    put(
        onStream(
            buildEthernet({
                destination: "02:54:50:00:00:01",
                source: "02:00:0a:4d:00:01",
                etherType: ETHERTYPE_IPV4,
                payload: Buffer.alloc(10),
            })
        )
    )

    // IPv4
    for (const first of [0x65, 0x44, 0x4f]) put(edited(next(1), f => (f[IP] = first)))
    const broken = next(1)
    broken[IP_CHECKSUM]! ^= 1
    put(broken)
    put(edited(next(1), f => f.writeUInt16BE(19, IP_TOTAL)))
    put(edited(next(1), f => f.writeUInt16BE(201, IP_TOTAL)))
    put(edited(next(1), f => f.writeUInt16BE(0x2000, IP_FLAGS)))
    put(edited(next(1), f => f.writeUInt16BE(0x0001, IP_FLAGS)))
    put(edited(next(UNKNOWN), f => (f[IP_PROTOCOL] = 6)))
    for (const source of ["127.0.0.1", "224.0.0.5", "0.1.2.3"]) put(frameFor(1, voices[1]!.packet(), { source }))
    // no address of ours; one whose last octet is that of one of ours
    for (const destination of ["10.77.0.99", "10.78.0.52"]) put(frameFor(1, voices[1]!.packet(), { destination }))
    put(withOptions(next(1)))

    // UDP
    put(edited(next(2), f => f.writeUInt16BE(7, UDP_LENGTH)))
    put(edited(next(2), f => f.writeUInt16BE(181, UDP_LENGTH)))
    put(frameFor(REFUSED, voices[REFUSED]!.packet(), { port: 5006 }))
    put(frameFor(2, voices[2]!.packet(), { sourcePort: 4001 }))
    put(frameFor(2, voices[2]!.packet(), { source: "10.77.0.3" }))
    const damaged = next(2)
    damaged[200]! ^= 4
    put(damaged)
    put(unchecked(damaged))
    put(frameFor(2, voices[2]!.packet().subarray(0, 171)))
    put(frameFor(2, voices[2]!.packet().subarray(0, 30)))

    // RTP
    const rtp = (edit: (packet: Buffer) => void) => {
        const packet = voices[5]!.packet()
        edit(packet)
        put(frameFor(5, packet))
    }
    rtp(p => (p[0] = 0x40))
    rtp(p => (p[1] = 0x80))
    rtp(p => (p[1] = 0x08))
    rtp(p => (p[0] = 0x8f))
    rtp(p => {
        p[0] = 0x90
        p.writeUInt16BE(3, 14)
    })
    rtp(p => {
        p[0] = 0x90
        p.writeUInt16BE(300, 14)
    })
    for (const padding of [0, 4, 161])
        rtp(p => {
            p[0] = 0xa0
            p[171] = padding
        })
    put(frameFor(5, voices[5]!.packet().subarray(0, 11)))

    // and the usual again, after a pause
    clock += 777
    for (let round = 0; round < 4; round++) {
        for (let call = 0; call < CALLS; call++) put(next(call))
        tick()
    }
    return arrivals
}
