/** Frames of a call: RTP, RTCP, and what is neither. */
import { ETHERTYPE_IPV4, UDP, ethernet, ipv4, rtp, udp, words16, word32, type Rtp } from "../frames.js"
import { macOf } from "../site.js"
import type { Call, World } from "../world.js"
import type { Choices } from "./choices.js"

const SAMPLES = 160
/** As TOS octet: the class EF (RFC 3246). */
const EF = 0xb8
const RTCP_TYPES = [200, 201, 202, 203, 204]
const PAYLOAD_TYPES = [0, 8, 9, 13, 18, 96, 101, 127, 63, 64, 72, 95]
/** Sources that are none of a call's, few enough to come in rows. */
const STRANGERS = [0x11111111, 0x22222222, 0]

/** The SSRC of a call's peer, always the same. */
export const ssrcOf = (call: Call): number => 0x50ee0000 + call.slot

/** What a peer that is well sends: the next 20 ms. */
export class Voice {
    private readonly sequences: number[] = []

    next(call: Call, now: number): Buffer {
        const sequence = ((this.sequences[call.slot] ?? 65000) + 1) & 0xffff
        this.sequences[call.slot] = sequence
        const rest = Buffer.alloc(SAMPLES, 0x55)
        return rtp({ type: call.payloadType, sequence, timestamp: now * 8, ssrc: ssrcOf(call), rest })
    }
}

/** A datagram of a call's peer in a frame. */
export function voiceFrame(world: World, call: Call, data: Buffer): Buffer {
    const { address, mac } = world.interfaces[call.interface]
    const ends = { source: call.remote, destination: address }
    const payload = ipv4({ ...ends, protocol: UDP, payload: udp({ ...ends, sourcePort: call.remotePort, port: call.port, data }), tos: EF })
    return ethernet({ to: mac, from: macOf(call.remote), type: ETHERTYPE_IPV4, payload })
}

function sequenceNear(c: Choices, call: Call): number {
    const { random } = c
    const { latest, suspect } = call.reception
    const step = random.way([
        [6, () => 1],
        [2, () => random.below(5) - 2],
        [1, () => -random.below(110)],
        [1, () => 2990 + random.below(20)],
        [1, () => 65536 - 110 + random.below(20)],
        [1, () => random.below(65536)],
        // what follows a jump or a stranger's packet
        [3, () => suspect - latest],
    ])()
    return (latest + step) & 0xffff
}

/** RTP, its fields wrong now and then. */
export function rtpFrame(c: Choices): Buffer | undefined {
    const call = c.talking()
    if (!call) return undefined
    const { random } = c
    const p: Rtp = {
        type: call.payloadType | c.rarely(8, () => 0x80, 0),
        sequence: sequenceNear(c, call),
        timestamp: (c.world.now * 8 + c.rarely(4, () => random.one([-160, 160, 480_000, -480_001, random.word()]), 0)) >>> 0,
        ssrc: random.way([
            [5, () => call.reception.ssrc],
            [1, () => ssrcOf(call)],
            [3, () => random.one(STRANGERS)],
            [1, () => random.word()],
        ])(),
        rest: c.rarely(4, () => c.bytes(random.one([200, 1448])), Buffer.alloc(SAMPLES, 0x2a)),
    }
    if (random.chance(0.35)) p.type = random.chance(0.7) ? random.one(PAYLOAD_TYPES) : random.below(256)
    if (random.chance(0.35)) extend(c, p)
    let data = rtp(p)
    if (random.chance(0.06)) data = data.subarray(0, random.below(20))
    return datagramOf(c, call, data)
}

/** A CSRC list, an extension, padding: as many words as are there, or not. */
function extend(c: Choices, p: Rtp): void {
    const { random } = c
    const what = 1 + random.below(7)
    const parts: Buffer[] = []
    let first = random.chance(0.9) ? 0x80 : random.one([0x00, 0x40, 0xc0])
    if (what & 1) {
        const sources = random.below(16)
        first |= c.rarely(5, () => random.below(16), sources)
        parts.push(Buffer.alloc(4 * sources))
    }
    if (what & 2) {
        const words = random.below(5)
        first |= 0x10
        parts.push(words16([0xbede, c.rarely(4, () => random.one([words + 1, 0xffff, 0, 44]), words)]), Buffer.alloc(4 * words))
    }
    parts.push(c.rarely(4, () => Buffer.alloc(0), p.rest))
    if (what & 4) {
        first |= 0x20
        const n = random.below(8)
        parts.push(Buffer.alloc(n), Buffer.from([c.rarely(3, () => random.below(256), n + 1)]))
    }
    p.first = first
    p.rest = Buffer.concat(parts)
}

/** To the call, from its peer or from somebody who is not. */
function datagramOf(c: Choices, call: Call, data: Buffer): Buffer {
    const { random } = c
    const ours = c.world.interfaces[call.interface]
    const ends = { source: call.remote, destination: ours.address }
    const d = { ...ends, sourcePort: call.remotePort, port: call.port, data }
    if (random.chance(0.05)) d.sourcePort = random.one([0, 4001, 5004, 67, random.below(65536)])
    if (random.chance(0.03)) d.source = c.address()
    const check = random.way([
        [6, "none"],
        [3, "right"],
        [1, "wrong"],
    ] as const)
    const lengthError = c.rarely(15, () => random.one([1, -1, -200, 1000, 8 - data.length - 8 - 1]), 0)
    const payload = udp({ ...d, check, lengthError })
    return c.packet({ source: d.source, destination: d.destination, protocol: UDP, payload }, macOf(call.remote))
}

/** RTCP: to the port above, or, as RFC 5761 has it, to the same one. */
export function rtcpFrame(c: Choices): Buffer | undefined {
    const call = c.talking()
    if (!call) return undefined
    const { random } = c
    const count = random.below(4)
    const parts: Buffer[] = []
    for (let i = 0; i <= random.below(3); i++) {
        const body = Buffer.concat([word32(random.chance(0.5) ? ssrcOf(call) : random.word()), Buffer.alloc(4 * random.below(8))])
        const words = c.rarely(5, () => random.below(65536), body.length / 4)
        parts.push(Buffer.from([0x80 | count, random.one(RTCP_TYPES)]), words16([words]), body)
    }
    const data = Buffer.concat(parts)
    const above = random.chance(0.5) ? 1 : 0
    const ends = { source: call.remote, destination: c.world.interfaces[call.interface].address }
    const payload = udp({ ...ends, sourcePort: call.remotePort + (random.chance(0.5) ? above : 0), port: call.port + above, data })
    return c.packet({ ...ends, protocol: UDP, payload }, macOf(call.remote))
}
