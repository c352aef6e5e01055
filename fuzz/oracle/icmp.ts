/** The oracle for ICMP (RFC 792; RFC 1122, 3.2.2). */
import { ARP_REQUEST, arpAnswer, icmpAnswer } from "../answers.js"
import { checksum } from "../checksum.js"
import { isSource, onLink, interfaceAt, type Interface, type Verdict, type World } from "../world.js"
import { NEIGHBOURS } from "./arp.js"
import { UDP, type Packet } from "./packet.js"

const HEADER = 8
const ECHO_REPLY = 0
const UNREACHABLE = 3
const REDIRECT = 5
const ECHO_REQUEST = 8
const TIME_EXCEEDED = 11
const IPV4_HEADER = 20
/** Of a destination unreachable: the last that says something of the peer (RFC 792). */
const PORT = 3
/** Milliseconds for which a peer that was heard is there, whatever others say of it. */
const HEARD = 3000
/** Milliseconds between requests for a neighbour. */
const ARP_INTERVAL = 1000

export function judgeIcmp(world: World, packet: Packet, owner: Interface, verdict: Verdict): void {
    const { payload } = packet
    if (payload.length < HEADER || checksum(payload) !== 0) return verdict.count("icmpBad")
    verdict.count("icmpRx")
    const type = payload[0]
    if (type === ECHO_REQUEST) {
        const message = Buffer.from(payload)
        message[0] = ECHO_REPLY
        message.writeUInt16BE(0, 2)
        verdict.count("icmpTx")
        verdict.count("phyTx")
        // RFC 1122, 3.2.2.6: same data, and, as 3.2.1.6 wants it, same class
        verdict.answers.push(icmpAnswer(owner.mac, owner.address, packet.link.sender, packet.source, packet.tos, message))
    } else if (type === UNREACHABLE || type === REDIRECT || type === TIME_EXCEEDED) judgeError(world, packet, owner, verdict)
}

function judgeError(world: World, { payload, source }: Packet, owner: Interface, verdict: Verdict): void {
    const quoted = payload.subarray(HEADER)
    const header = quoted.length > 0 ? (quoted[0] & 15) * 4 : 0
    // RFC 1122, 3.2.2: the header and 8 octets; and a packet of ours
    if (header < IPV4_HEADER || quoted.length < header + 8) return verdict.count("icmpBad")
    if (quoted.readUInt32BE(12) !== owner.address) return verdict.count("icmpBad")
    const destination = quoted.readUInt32BE(16)
    if (payload[0] === REDIRECT) return judgeRedirect(world, owner, source, payload.readUInt32BE(4), verdict)
    if (quoted[9] !== UDP) return
    const port = quoted.readUInt16BE(header)
    const call = world.calls.find(c => c.interface === owner.slot && c.port === port)
    // RFC 1122, 4.1.3.3: told to the socket that it is about; only one with a target knows that it is meant
    if (!call || call.remote !== destination || call.remotePort !== quoted.readUInt16BE(header + 2) || payload[1] > PORT) return
    // a hint and no proof (RFC 1122, 3.2.2.1): of the host itself or of the router, and as long as the host is not heard
    if (source !== destination && source !== owner.router) return verdict.count("icmpUnbelieved")
    const heardAt = call.rx === call.rxSeen ? call.heardAt : world.now
    verdict.effects.push(() => {
        call.rxSeen = call.rx
        call.heardAt = heardAt
    })
    if (world.now - heardAt < HEARD) return verdict.count("icmpUnbelieved")
    verdict.ends = "a call hears that its peer is not there"
}

/** RFC 1122, 3.2.2.2: believed from the router in use alone, and only if it names one on the link. */
function judgeRedirect(world: World, owner: Interface, source: number, router: number, verdict: Verdict): void {
    if (source !== owner.router || !onLink(owner, router) || !isSource(world, owner, router)) return verdict.count("icmpUnbelieved")
    if (world.neighbours.some(n => n.address === router) || interfaceAt(world, router)) return
    if (world.neighbours.length >= NEIGHBOURS) {
        verdict.avoid = "a neighbour would make room"
        return
    }
    // asked for at once
    verdict.count("arpTx")
    verdict.count("phyTx")
    verdict.answers.push(arpAnswer(ARP_REQUEST, owner.mac, owner.address, "000000000000", router, "ffffffffffff"))
    const entry = { address: router, mac: "000000000000", known: false, attempts: 1, due: world.now + ARP_INTERVAL, interface: owner.slot }
    verdict.effects.push(() => void world.neighbours.push(entry))
}
