import { ARP_ATTEMPTS, ARP_INTERVAL, NEIGHBOURS, NEIGHBOUR_REACHABLE } from "../config"
import { counters } from "../counters"
import { Signal } from "../signal"
import { Interface, interfaceOnLink } from "./interface"

/** The neighbour cache (RFC 1122, 2.3.2): addresses on the link and their MAC addresses, whoever asked for them. */
export class Neighbour {
    macHigh = 0
    macLow = 0
    /** Whether the MAC address is known. */
    known = false
    /** Requests sent since the last answer. */
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

/** Called with an entry whose MAC address became known or changed, or which is gone (`known` false). */
let onNeighbour: (n: Neighbour) => void
export function setOnNeighbour(f: (n: Neighbour) => void): void {
    onNeighbour = f
}

export function neighbourOf(address: number): Neighbour {
    return neighbours.find(n => n.address === address)
}

/**
 * A new entry, not known yet. With a full table the one longest without confirmation makes room.
 * @returns `undefined` if every entry is being resolved
 */
export function addNeighbour(address: number, ifc: Interface): Neighbour {
    if (neighbours.length >= NEIGHBOURS) {
        let oldest: Neighbour
        for (const n of neighbours) if (n.known && (!oldest || n.due < oldest.due)) oldest = n
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
        counters.arpPendingDropped++
    }
    onNeighbour(n)
}

/**
 * Store what an ARP packet says.
 * @returns the frame that waited for it, or `undefined`
 */
export function confirmNeighbour(n: Neighbour, macHigh: number, macLow: number, now: number): Buffer {
    const news = !n.known || n.macHigh !== macHigh || n.macLow !== macLow
    n.macHigh = macHigh
    n.macLow = macLow
    n.known = true
    n.attempts = 0
    n.due = now + NEIGHBOUR_REACHABLE
    const pending = n.pending
    n.pending = undefined
    if (news) {
        onNeighbour(n)
        resolution.notify(n)
    }
    return pending
}

/**
 * Age the cache: ask again for what is due, give up what does not answer.
 * @param ask sends an ARP request for the entry
 */
export function ageNeighbours(now: number, ask: (n: Neighbour) => void): void {
    for (let i = neighbours.length - 1; i >= 0; i--) {
        const n = neighbours[i]
        if (n.due > now) continue
        if (n.ifc.address === 0) n.ifc = interfaceOnLink(n.address) || n.ifc
        if (n.attempts >= ARP_ATTEMPTS || n.ifc.address === 0) {
            counters.arpFailed++
            removeNeighbour(n)
            resolution.notify(n)
        } else {
            n.attempts++
            n.due = now + ARP_INTERVAL
            ask(n)
        }
    }
}
