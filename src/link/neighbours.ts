/** Neighbours: the way from an address on the link to its MAC address, and the frame that waits for it. */
import { ARP_ATTEMPTS, ARP_INTERVAL, INTERFACES, NEIGHBOURS, NEIGHBOUR_REACHABLE, NEW_LINK_ATTEMPTS } from "../base/config"
import { count, Counter } from "../base/counters"
import { Signal } from "../base/signal"
import { deadlineOf, reserveTimers, setTimer } from "../base/timers"
import { ARP_REQUEST } from "../wire/arp"
import { MAC_BROADCAST_HIGH, MAC_BROADCAST_LOW } from "../wire/ethernet"
import { sendArp } from "./arp-output"
import { phy } from "./ethernet"
import { Interface, everywhere, interfaceOnLink, interfaces } from "./interface"

/** The neighbour cache (RFC 1122, 2.3.2): addresses on the link and their MAC addresses, whoever asked for them. */
export class Neighbour {
    macHigh = 0
    macLow = 0
    /** Whether the MAC address is known. */
    known = false
    /** Requests sent since the last answer; below 0 while the link is new, and has not carried an answer yet. */
    attempts = 0
    /** `ds.millis()` of the next request, or, with no attempt under way, of the moment when it must be confirmed. */
    due = 0
    /** The latest frame that waits for the MAC address (RFC 1122, 2.3.2.2). */
    pending: Buffer

    constructor(
        public address: number,
        /** On whose behalf it is asked for. */
        public ifc: Interface
    ) {}
}

export const neighbours: Neighbour[] = []

/** Announces an entry that became known, or failed. */
export const resolution = new Signal()

/** Tell every endpoint of an entry whose MAC address became known or changed, or which is gone. */
function tell(n: Neighbour): void {
    // whoever has other routers takes the next before the sockets ask
    for (let e = everywhere; e; e = e.next) e.onNeighbour(n)
    for (let i = 0; i < INTERFACES; i++) {
        let e = interfaces[i].endpoints
        while (e) {
            // it may end
            const next = e.next
            e.onNeighbour(n)
            e = next
        }
    }
}

export function neighbourOf(address: number): Neighbour {
    for (const n of neighbours) if (n.address === address) return n
    return undefined
}

/**
 * A new entry, not known yet. With a full table the one longest without confirmation makes room.
 * @returns `undefined` if every entry is being resolved
 */
export function addNeighbour(address: number, ifc: Interface): Neighbour {
    if (neighbours.length >= NEIGHBOURS) {
        let oldest: Neighbour
        let due = Infinity
        for (const n of neighbours)
            if (n.known)
                if (n.due < due) {
                    oldest = n
                    due = n.due
                }
        if (!oldest) return undefined
        removeNeighbour(oldest)
    }
    const n = new Neighbour(address, ifc)
    neighbours.push(n)
    return n
}

export function removeNeighbour(n: Neighbour): void {
    const at = neighbours.indexOf(n)
    if (at >= 0) neighbours.insert(at, -1)
    n.known = false
    if (n.pending) {
        n.pending = undefined
        count(Counter.ArpPendingDropped)
    }
    tell(n)
}

/**
 * Store what an ARP packet says.
 * @returns the frame that waited for it, or `undefined`
 */
export function confirmNeighbour(n: Neighbour, macHigh: number, macLow: number, now: number): Buffer {
    let news = !n.known
    if (((n.macHigh ^ macHigh) | (n.macLow ^ macLow)) !== 0) news = true
    n.macHigh = macHigh
    n.macLow = macLow
    n.known = true
    n.attempts = 0
    setDue(n, now + NEIGHBOUR_REACHABLE)
    const pending = n.pending
    n.pending = undefined
    if (news) {
        tell(n)
        resolution.notify(n)
    }
    return pending
}

/** When the soonest entry is due. */
const timer = reserveTimers(1, (_, now) => ageNeighbours(now))

/** An entry is due at this time. */
export function setDue(n: Neighbour, due: number): void {
    n.due = due
    if (due < deadlineOf(timer)) setTimer(timer, due)
}

/** Ask for an entry: by unicast while its MAC address is believed (RFC 1122, 2.3.2.1 (2)), else, as on a new link, by broadcast. */
export function askFor(n: Neighbour): void {
    let macHigh = MAC_BROADCAST_HIGH
    let macLow = MAC_BROADCAST_LOW
    if (n.known)
        if (n.attempts > 0)
            if (n.attempts < ARP_ATTEMPTS) {
                macHigh = n.macHigh
                macLow = n.macLow
            }
    sendArp(n.ifc, ARP_REQUEST, n.ifc.address, n.address, 0, 0, macHigh, macLow)
}

/**
 * The link has come up, perhaps elsewhere: every entry is in doubt, and asked for at once. Frames go to the MAC address that was known
 * until an answer says another (RFC 1122, 2.3.2.1). A switch with spanning tree carries nothing for half a minute.
 */
export function doubtNeighbours(now: number): void {
    for (const n of neighbours) {
        n.attempts = -NEW_LINK_ATTEMPTS
        n.due = now
    }
    ageNeighbours(now)
}

/** Whether some endpoint still hears what comes through a neighbour. */
function isHeard(n: Neighbour): boolean {
    for (let i = 0; i < INTERFACES; i++) for (let e = interfaces[i].endpoints; e; e = e.next) if (e.hears(n)) return true
    return false
}

/** Age the cache: ask again for what is due, give up what does not answer and is not heard. */
export function ageNeighbours(now: number): void {
    // nobody can answer while the link is down; who sees that it is up calls this
    if (!phy.up) return
    for (let i = neighbours.length - 1; i >= 0; i--) {
        const n = neighbours[i]
        if (n.due > now) {
            setDue(n, n.due)
            continue
        }
        if (n.ifc.address === 0) {
            const other = interfaceOnLink(n.address)
            if (other) n.ifc = other
        }
        // one that is heard is asked again and again, by broadcast: it may have another MAC address now
        let gone = n.ifc.address === 0
        if (n.attempts >= ARP_ATTEMPTS) {
            gone = true
            if (n.known)
                if (isHeard(n)) {
                    gone = false
                    n.attempts = ARP_ATTEMPTS - 1
                }
        }
        if (gone) {
            count(Counter.ArpFailed)
            removeNeighbour(n)
            resolution.notify(n)
        } else {
            n.attempts = n.attempts + 1
            setDue(n, now + ARP_INTERVAL)
            askFor(n)
        }
    }
}
