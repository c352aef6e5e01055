/** The oracle for IPv4 (RFC 791; RFC 1122, 3.2.1) and UDP (RFC 768; RFC 1122, 4.1). */
import { icmpAnswer } from "../answers.js"
import { checksum } from "../checksum.js"
import { interfaceAt, isBroadcast, isHostAddress, isSource, type Call, type Interface, type Verdict, type World } from "../world.js"
import { CLIENT_PORT, judgeDhcp } from "./dhcp.js"
import { judgeIcmp } from "./icmp.js"
import { UDP, checksumHolds, type Link, type Packet } from "./packet.js"
import { judgeRtcp, judgeRtp } from "./rtp.js"

const HEADER = 20
const UDP_HEADER = 8
const ICMP = 1
const MORE_AND_OFFSET = 0x3fff
/** Datagrams that wait in a socket, at most, and their bytes. */
const DATAGRAMS = 4
const DATAGRAM_BYTES = 6144
/** ICMP errors in a second, at most. */
const ERRORS = 10
const QUOTED = 8
const UNREACHABLE = 3
const UNREACHABLE_PROTOCOL = 2
const UNREACHABLE_PORT = 3

export function judgeIpv4(world: World, b: Buffer, link: Link, verdict: Verdict): void {
    const header = (b[0] & 15) * 4
    if (b[0] >> 4 !== 4 || header < HEADER || header > b.length) return verdict.count("ipBadHeader")
    if (checksum(b.subarray(0, header)) !== 0) return verdict.count("ipBadChecksum")
    const total = b.readUInt16BE(2)
    if (total < header || total > b.length) return verdict.count("ipBadLength")
    if (b.readUInt16BE(6) & MORE_AND_OFFSET) return verdict.count("ipFragment")
    const packet: Packet = {
        link,
        whole: b.subarray(0, total),
        header,
        source: b.readUInt32BE(12),
        destination: b.readUInt32BE(16),
        tos: b[1],
        protocol: b[9],
        payload: b.subarray(header, total),
    }
    // RFC 1122, 3.3.6: what came to a group on the link is for a group in IP, too
    const owner = link.individual ? interfaceAt(world, packet.destination) : undefined
    if (owner && !isHostAddress(packet.source)) return verdict.count("ipBadSource")
    if (packet.protocol === UDP) return judgeUdp(world, packet, owner, verdict)
    if (!owner) return verdict.count("ipForeign")
    if (!isSource(world, owner, packet.source)) return verdict.count("ipBadSource")
    if (packet.protocol === ICMP) return judgeIcmp(world, packet, owner, verdict)
    verdict.count("ipUnknownProtocol")
    refuse(world, packet, owner, UNREACHABLE_PROTOCOL, verdict)
}

function judgeUdp(world: World, packet: Packet, owner: Interface | undefined, verdict: Verdict): void {
    const { payload, source, destination, link } = packet
    if (payload.length < UDP_HEADER) return verdict.count("udpBadLength")
    const length = payload.readUInt16BE(4)
    if (length < UDP_HEADER || length > payload.length) return verdict.count("udpBadLength")
    const datagram = payload.subarray(0, length)
    const port = datagram.readUInt16BE(2)
    if (owner) {
        const socket = socketOn(world, owner, port)
        if (socket) return judgeSocket(world, packet, datagram, owner, socket, verdict)
        if (port === CLIENT_PORT) return judgeDhcp(world, packet, datagram, verdict)
        if (!isSource(world, owner, source)) return verdict.count("ipBadSource")
        // RTCP is at the port above the voice's (RFC 3550, 11)
        if (world.calls.some(c => c.interface === owner.slot && c.port + 1 === port && c.remote === source)) {
            if (!checksumHolds(packet, datagram)) verdict.count("udpBadChecksum")
            else judgeRtcp(datagram.subarray(UDP_HEADER), verdict)
            return
        }
        verdict.count("udpNoPort")
        return refuse(world, packet, owner, UNREACHABLE_PORT, verdict)
    }
    // RFC 2131, 4.1: the client hears answers to an address that it does not have yet
    if (port === CLIENT_PORT) return judgeDhcp(world, packet, datagram, verdict)
    const hearing = link.individual ? [] : world.interfaces.filter(i => isBroadcast(i, destination))
    if (hearing.length === 0) return verdict.count("ipForeign")
    let heard = false
    for (const i of hearing) {
        if (i.address === 0) continue
        if (!isSource(world, i, source)) return verdict.count("ipBadSource")
        const socket = socketOn(world, i, port)
        if (!socket) continue
        heard = true
        judgeSocket(world, packet, datagram, i, socket, verdict)
    }
    // RFC 1122, 3.2.2: no error about a broadcast
    if (!heard) verdict.count("udpNoPort")
}

type Socket = { call: Call } | { call: undefined }

function socketOn(world: World, i: Interface, port: number): Socket | undefined {
    const call = world.calls.find(c => c.interface === i.slot && c.port === port)
    if (call) return { call }
    return i.slot === 0 && port === world.plain.port ? { call: undefined } : undefined
}

function judgeSocket(world: World, packet: Packet, datagram: Buffer, owner: Interface, { call }: Socket, verdict: Verdict): void {
    const port = datagram.readUInt16BE(0)
    if (call) {
        if (port !== call.remotePort || packet.source !== call.remote) return verdict.count("udpForeignPeer")
    } else if (!isSource(world, owner, packet.source)) return verdict.count("ipBadSource")
    if (!checksumHolds(packet, datagram)) return verdict.count("udpBadChecksum")
    verdict.count("udpRx")
    const data = datagram.subarray(UDP_HEADER)
    if (call) {
        verdict.effects.push(() => call.rx++)
        return judgeRtp(world, call, data, verdict)
    }
    const { waiting } = world.plain
    const bytes = waiting.reduce((sum, [, , length]) => sum + length, 0)
    if (waiting.length >= DATAGRAMS || bytes + data.length > DATAGRAM_BYTES) return verdict.count("udpQueueFull")
    verdict.effects.push(() => void waiting.push([packet.source, port, data.length]))
}

/** RFC 1122, 3.2.2.1: an error with the header and the first 8 octets behind it, or as many as there are (RFC 792); ten a second. */
function refuse(world: World, packet: Packet, owner: Interface, code: number, verdict: Verdict): void {
    const second = Math.floor(world.now / 1000)
    const sent = second === world.errors.second ? world.errors.sent : 0
    verdict.effects.push(() => void (world.errors = { second, sent: sent + 1 }))
    if (sent >= ERRORS) return verdict.count("icmpErrorsLimited")
    verdict.count("icmpTx")
    verdict.count("phyTx")
    const message = Buffer.concat([Buffer.from([UNREACHABLE, code, 0, 0, 0, 0, 0, 0]), packet.whole.subarray(0, packet.header + QUOTED)])
    verdict.answers.push(icmpAnswer(owner.mac, owner.address, packet.link.sender, packet.source, 0, message))
}
