/** The oracle for ARP (RFC 826), address conflicts (RFC 5227, 2.4) and the neighbour cache (RFC 1122, 2.3.2). */
import { interfaceAt, isHostAddress, isOurMac, onLink, type Address, type Interface, type Mac, type Verdict, type World } from "../world.js"
import { ARP_REPLY, ARP_REQUEST, arpAnswer } from "../answers.js"

const LENGTH = 28
/** Ethernet and IPv4, and the lengths of their addresses. */
const ETHERNET_IPV4 = "000108000604"
/** Entries of the neighbour cache, and milliseconds for which one is believed. */
export const NEIGHBOURS = 16
const REACHABLE = 60_000
/** Milliseconds after a conflict in which another one ends the use of the address. */
const DEFEND_INTERVAL = 10_000

export function judgeArp(world: World, packet: Buffer, verdict: Verdict): void {
    verdict.count("arpRx")
    const bad = () => verdict.count("arpBad")
    if (packet.length < LENGTH || packet.toString("hex", 0, 6) !== ETHERNET_IPV4) return bad()
    const operation = packet.readUInt16BE(6)
    if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return bad()
    const mac = packet.toString("hex", 8, 14)
    // neither a group nor nobody
    if (packet[8] & 1 || packet.readUInt32BE(8) === 0) return bad()
    // our own, come back
    if (isOurMac(world, mac)) return
    const sender = packet.readUInt32BE(14)
    const target = interfaceAt(world, packet.readUInt32BE(24))

    const claimed = interfaceAt(world, sender)
    if (claimed) return judgeConflict(world, claimed, verdict)
    if (sender !== 0) judgeNeighbour(world, sender, mac, target !== undefined, verdict)
    // RFC 826: a request is answered; so is a probe, whose sender address is 0 (RFC 5227, 2.1.1)
    if (operation === ARP_REQUEST && target) {
        verdict.count("arpTx")
        verdict.count("phyTx")
        verdict.answers.push(arpAnswer(ARP_REPLY, target.mac, target.address, mac, sender, mac))
    }
}

/** RFC 5227, 2.4 (b): one defence in ten seconds; another conflict within them, and the address is given up. */
function judgeConflict(world: World, ours: Interface, verdict: Verdict): void {
    verdict.count("arpConflict")
    const before = world.conflicts.get(ours.slot) ?? -Infinity
    if (world.now - before < DEFEND_INTERVAL) {
        // a lease is declined (RFC 2131, 3.1 (5))
        const lease = world.leases[ours.slot]
        if (lease.state !== 0) {
            verdict.count("dhcpDeclined")
            verdict.count("dhcpTx")
            verdict.count("phyTx")
        }
        verdict.effects.push(() => world.conflicts.delete(ours.slot))
        verdict.ends = "an address is given up"
        return
    }
    verdict.count("arpDefended")
    verdict.count("arpTx")
    verdict.count("phyTx")
    verdict.answers.push(arpAnswer(ARP_REQUEST, ours.mac, ours.address, "000000000000", ours.address, "ffffffffffff"))
    verdict.effects.push(() => world.conflicts.set(ours.slot, world.now))
}

/** RFC 826: what is known is corrected, whoever says so; new is only who asks for us, or answers us. */
function judgeNeighbour(world: World, address: Address, mac: Mac, forUs: boolean, verdict: Verdict): void {
    const known = world.neighbours.find(n => n.address === address)
    const entry = { address, mac, known: true, attempts: 0, due: world.now + REACHABLE }
    if (known) {
        // a renewal has waited for its server's MAC address, and was counted then
        if (!known.known && world.leases.some(l => l.server === address && l.slot === known.interface)) verdict.count("phyTx")
        verdict.effects.push(() => Object.assign(known, entry))
        return
    }
    if (!forUs || world.neighbours.length >= NEIGHBOURS || !isHostAddress(address)) return
    const asking = world.interfaces.find(i => onLink(i, address))
    if (asking) verdict.effects.push(() => void world.neighbours.push({ ...entry, interface: asking.slot }))
}
