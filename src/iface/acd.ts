import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { INTERFACES } from "../config"
import { counters } from "../counters"
import { announce, phy, sendProbe } from "./egress"
import { Interface, interfaceOf, interfaces, setAddress } from "./interface"

/**
 * IPv4 Address Conflict Detection (RFC 5227): an address is probed before it is used, announced when it is, and
 * defended while it is. Numbers of packets, and milliseconds; see RFC 5227, 1.1.
 */
const PROBE_WAIT = 1000
const PROBE_NUM = 3
const PROBE_MIN = 1000
const PROBE_MAX = 2000
const ANNOUNCE_WAIT = 2000
const ANNOUNCE_NUM = 2
const ANNOUNCE_INTERVAL = 2000
export const MAX_CONFLICTS = 10
export const RATE_LIMIT_INTERVAL = 60000
const DEFEND_INTERVAL = 10000

/**
 * How long `quick` waits for an answer to its one probe. It departs from RFC 5227, 2.1.1, which takes 4 to 7 s: a call
 * must have its address at once, and a host on a LAN that is awake answers within a few milliseconds. An answer that
 * comes later is a conflict all the same: see `findConflict`.
 */
const QUICK_WAIT = 25

/** What is done about conflicts. */
export enum Acd {
    /** Addresses are announced alone; a conflict is counted. */
    Off,
    /** One probe. */
    Quick,
    /** RFC 5227 as it is written. */
    Full,
}

let policy = Acd.Off
/** Without it addresses are neither probed nor defended. */
export function setAcd(p: Acd): void {
    policy = p
}

/** @throws RangeError that says what is wrong */
export function parseAcd(name: string): Acd {
    if (name === "quick") return Acd.Quick
    if (name === "full") return Acd.Full
    if (name === "off") return Acd.Off
    throw new RangeError("it must be quick, full or off")
}

/**
 * What each interface does for its address: a record by its slot, in one buffer, since objects take four times the room.
 * Offsets in a record.
 */
/** `ds.millis()` of the next step. */
const CLAIM_DUE = 0
/** `ds.millis()` of the latest conflict with the address in use. */
const CLAIM_CONFLICT_AT = 8
/** The address that is probed; 0 while none is. */
const CLAIM_PROBED = 16
/** Probes, or after them announcements, that are still to be sent. */
const CLAIM_LEFT = 20
/** Addresses in a row that another host had. */
const CLAIM_CONFLICTS = 21
const CLAIM_LENGTH = 24

const claims = Buffer.alloc(INTERFACES * CLAIM_LENGTH)
for (const ifc of interfaces) endClaim(ifc)

/** Where the record of an interface begins. */
function claimOf(ifc: Interface): number {
    return ifc.slot * CLAIM_LENGTH
}

function setDue(claim: number, when: number): void {
    claims.setAt(claim + CLAIM_DUE, "f64", when)
}

/** Called with an interface and the address, probed or in use, that it must not use any more. */
let onConflict: (ifc: Interface, address: number) => void
export function setOnConflict(f: (ifc: Interface, address: number) => void): void {
    onConflict = f
}

function random(most: number): number {
    return randomBuffer(2).getAt(0, "u16") % most
}

/**
 * Probe an address, and then use it (RFC 5227, 2.1 and 2.3): it is the interface's as soon as `isProbing` is false,
 * unless there was a conflict. `pollClaim` does what is due.
 */
export function startProbe(ifc: Interface, address: number, mask: number, gateway: number): void {
    // these two say nothing until there is an address
    ifc.mask = mask
    ifc.gateway = gateway
    const claim = claimOf(ifc)
    claims.setAt(claim + CLAIM_PROBED, "i32", address)
    claims.setAt(claim + CLAIM_CONFLICT_AT, "f64", -Infinity)
    begin(claim)
    pollClaim(ifc, ds.millis())
}

function begin(claim: number): void {
    const full = policy === Acd.Full
    claims[claim + CLAIM_LEFT] = full ? PROBE_NUM : policy === Acd.Off ? 0 : 1
    // hosts that are switched on together shall not speak together
    setDue(claim, ds.millis() + (full ? random(PROBE_WAIT) : 0))
}

/** Drop what was to be probed or announced. */
export function endClaim(ifc: Interface): void {
    const claim = claimOf(ifc)
    claims.setAt(claim + CLAIM_PROBED, "i32", 0)
    setDue(claim, Infinity)
}

function probedBy(ifc: Interface): number {
    return claims.getAt(claimOf(ifc) + CLAIM_PROBED, "i32")
}

export function isProbing(ifc: Interface): boolean {
    return probedBy(ifc) !== 0
}

/** Whether some interface probes this address. */
export function isProbed(address: number): boolean {
    return interfaces.find(i => probedBy(i) === address) !== undefined
}

/** `ds.millis()` of the next step. */
export function claimDue(ifc: Interface): number {
    return claims.getAt(claimOf(ifc) + CLAIM_DUE, "f64")
}

/** Addresses in a row that the interface could not have, because another host did. */
export function conflictsOf(ifc: Interface): number {
    return claims[claimOf(ifc) + CLAIM_CONFLICTS]
}

/** @returns how many they are now, at most 255 */
export function countConflict(ifc: Interface): number {
    const n = Math.min(conflictsOf(ifc) + 1, 255)
    claims[claimOf(ifc) + CLAIM_CONFLICTS] = n
    return n
}

/** The interface has kept an address, or begins with a new one. */
export function forgetConflicts(ifc: Interface): void {
    claims[claimOf(ifc) + CLAIM_CONFLICTS] = 0
}

/** Send the probe or announcement that is due at `now`; the address is the interface's after the last probe. */
export function pollClaim(ifc: Interface, now: number): void {
    // nobody can answer while the link is down
    if (now < claimDue(ifc) || (!phy.up && policy !== Acd.Off)) return
    const claim = claimOf(ifc)
    const address = probedBy(ifc)
    let left = claims[claim + CLAIM_LEFT]
    if (address !== 0 && left > 0) {
        sendProbe(ifc, address)
        claims[claim + CLAIM_LEFT] = --left
        if (policy !== Acd.Full) setDue(claim, now + QUICK_WAIT)
        else setDue(claim, now + (left > 0 ? PROBE_MIN + random(PROBE_MAX - PROBE_MIN) : ANNOUNCE_WAIT))
        return
    }
    endClaim(ifc)
    if (address !== 0) {
        left = ANNOUNCE_NUM
        setAddress(ifc, address, ifc.mask, ifc.gateway)
    }
    if (ifc.address === 0) return
    announce(ifc)
    claims[claim + CLAIM_LEFT] = --left
    if (left > 0) setDue(claim, now + ANNOUNCE_INTERVAL)
}

/**
 * The link has come up, perhaps elsewhere (RFC 5227, 2.1): a probe begins anew. An address in use is announced, for a
 * call must go on, and probed beside: who answers has had it before us.
 */
export function claimAgain(ifc: Interface): void {
    const claim = claimOf(ifc)
    if (isProbing(ifc)) begin(claim)
    else if (ifc.address !== 0) {
        if (policy !== Acd.Off) sendProbe(ifc, ifc.address)
        claims[claim + CLAIM_LEFT] = ANNOUNCE_NUM
        setDue(claim, ds.millis())
    }
    pollClaim(ifc, ds.millis())
}

/**
 * Look for conflicts in an ARP packet of another host.
 * @param request whether it is a request
 * @returns whether its sender claims an address in use: then nothing in it is to be believed
 */
export function findConflict(request: boolean, sender: number, target: number): boolean {
    // RFC 5227, 2.1.1: another host has the address that is probed, or probes it at the same time
    const claimed = sender === 0 && request ? target : sender
    if (claimed === 0) return false
    for (const ifc of interfaces)
        if (probedBy(ifc) === claimed) {
            counters.arpConflict++
            endClaim(ifc)
            onConflict(ifc, claimed)
            return false
        }
    const ifc = sender === 0 ? undefined : interfaceOf(sender)
    if (!ifc) return false
    counters.arpConflict++
    if (policy === Acd.Off) return true
    const conflictAt = claimOf(ifc) + CLAIM_CONFLICT_AT
    const now = ds.millis()
    // RFC 5227, 2.4 (b): one announcement in defence. (a): an answer to our own probe that comes too late leaves
    // nothing to defend, its sender was there before us; it comes before the last announcement, or is none
    const late = !request && target === 0 && claimDue(ifc) !== Infinity
    if (late || now - claims.getAt(conflictAt, "f64") < DEFEND_INTERVAL) {
        endClaim(ifc)
        onConflict(ifc, sender)
    } else {
        claims.setAt(conflictAt, "f64", now)
        counters.arpDefended++
        announce(ifc)
    }
    return true
}
