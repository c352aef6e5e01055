/** The oracle for what happens without a frame: neighbours grow old (RFC 1122, 2.3.2.1), leases ask again. */
import { ARP_REQUEST, arpAnswer, type DhcpMessage } from "../answers.js"
import { clientMessage } from "../site.js"
import { LeaseState, Verdict, type Neighbour, type World } from "../world.js"

const ARP_INTERVAL = 1000
const ATTEMPTS = 3
const HEARD = 3000
const DISCOVER = 1
const REQUEST = 3
export const BROADCAST = 0xffffffff

/** Lets the world's time go on. The effects are carried out at once. */
export function advance(world: World, now: number): Verdict {
    const verdict = new Verdict()
    world.now = now
    for (const n of world.neighbours.slice().reverse()) {
        if (n.due > now) continue
        if (n.attempts >= ATTEMPTS && !isHeard(world, n)) {
            verdict.count("arpFailed")
            world.neighbours.splice(world.neighbours.indexOf(n), 1)
            continue
        }
        n.attempts = Math.min(n.attempts + 1, ATTEMPTS)
        n.due = now + ARP_INTERVAL
        ask(world, n, verdict)
    }
    return verdict
}

/** By unicast while there is hope; the last time by broadcast. */
function ask(world: World, n: Neighbour, verdict: Verdict): void {
    const { mac, address } = world.interfaces[n.interface]
    const to = n.known && n.attempts < ATTEMPTS ? n.mac : "ffffffffffff"
    verdict.count("arpTx")
    verdict.answers.push(arpAnswer(ARP_REQUEST, mac, address, "000000000000", n.address, to))
}

/** Whether a call hears this neighbour, which is there then, though it does not answer. Each look is noted. */
function isHeard(world: World, n: Neighbour): boolean {
    let heard = false
    for (const call of world.calls) {
        if (!n.known || call.remote !== n.address) continue
        if (call.rx !== call.rxSeen) Object.assign(call, { rxSeen: call.rx, heardAt: world.now })
        if (world.now - call.heardAt < HEARD) heard = true
    }
    return heard
}

/**
 * What the client has sent by itself says what state it is in (RFC 2131, figure 5). Who holds an address and sends a DISCOVER asks
 * whether another one is to be had.
 */
export function noteDhcp(world: World, sent: DhcpMessage[]): void {
    for (const { message, destination } of sent) {
        const { type, slot, xid } = clientMessage(message)
        const lease = world.leases[slot]
        if (type === DISCOVER) {
            if (lease.state >= LeaseState.Bound) Object.assign(lease, { state: LeaseState.Reselecting, xid })
            else Object.assign(lease, { state: LeaseState.Selecting, xid, address: 0, server: 0 })
        } else if (type === REQUEST && lease.state >= LeaseState.Bound)
            Object.assign(lease, { state: destination === BROADCAST ? LeaseState.Rebinding : LeaseState.Renewing, xid })
    }
}
