/**
 * Address conflicts: whether another host has the address that an interface is to have, or has. `arp.ts` asks this of each
 * ARP packet; whose address it is, the `Owner` of `interface.ts`, is told.
 */
import * as ds from "@devicescript/core"
import { INTERFACES } from "../base/config"
import { count, Counter } from "../base/counters"
import { choiceOf } from "../base/text"
import { deadlineOf, reserveTimers, setTimer } from "../base/timers"
import { phy } from "./ethernet"
import { formatAddress } from "../wire/address"
import { announce, sendProbe } from "./arp-output"
import { Interface, Owner, interfaceOf, interfaces, setAddress } from "./interface"

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
    // in the order of `Acd`
    const acd = choiceOf("off quick full", name)
    if (acd === undefined) throw new RangeError("it must be quick, full or off")
    return acd
}

/**
 * What each interface does for its address: a record by its slot, in one buffer, since objects take four times the room.
 * Offsets in a record.
 */
/** `ds.millis()` of the latest conflict with the address in use. */
const CLAIM_CONFLICT_AT = 0
/** The address that is probed; 0 while none is. */
const CLAIM_PROBED = 8
/** Probes, or after them announcements, that are still to be sent. */
const CLAIM_LEFT = 12
/** Addresses in a row that another host had. */
const CLAIM_CONFLICTS = 13
const CLAIM_LENGTH = 16

const claims = Buffer.alloc(INTERFACES * CLAIM_LENGTH)
/** When the next step of each interface is due. */
const timers = reserveTimers(INTERFACES, (timer, now) => step(interfaces[timer - timers], now))

/**
 * Probe an address, and then use it (RFC 5227, 2.1 and 2.3). The interface's owner is told when it is in use, or that another host
 * has it.
 */
export function startProbe(ifc: Interface, owner: Owner, address: number, mask: number, gateway: number): void {
    ifc.owner = owner
    // these two say nothing until there is an address
    ifc.mask = mask
    ifc.gateway = gateway
    const claim = ifc.slot * CLAIM_LENGTH
    claims.setAt(claim + CLAIM_PROBED, "i32", address)
    claims.setAt(claim + CLAIM_CONFLICT_AT, "f64", -Infinity)
    startProbing(ifc, ds.millis())
}

/** Begin with the first probe. */
function startProbing(ifc: Interface, now: number): void {
    // off none, quick one
    let probes: number = policy
    let wait = 0
    if (policy === Acd.Full) {
        probes = PROBE_NUM
        // hosts that are switched on together shall not speak together
        wait = Math.randomInt(PROBE_WAIT)
    }
    claims[ifc.slot * CLAIM_LENGTH + CLAIM_LEFT] = probes
    if (wait > 0) setTimer(timers + ifc.slot, now + wait)
    else step(ifc, now)
}

/** Drop what was to be probed or announced. */
export function endClaim(ifc: Interface): void {
    claims.setAt(ifc.slot * CLAIM_LENGTH + CLAIM_PROBED, "i32", 0)
    setTimer(timers + ifc.slot, Infinity)
}

/** The address that an interface probes; 0 while it probes none. */
export function probedBy(ifc: Interface): number {
    return claims.getAt(ifc.slot * CLAIM_LENGTH + CLAIM_PROBED, "i32")
}

/** Whether some interface probes this address. */
export function isProbed(address: number): boolean {
    for (let i = 0; i < INTERFACES; i++) if (probedBy(interfaces[i]) === address) return true
    return false
}

/** `ds.millis()` of the next probe or announcement, or of the end of probing; `Infinity` if there is none. */
export function nextStepAt(ifc: Interface): number {
    return deadlineOf(timers + ifc.slot)
}

/** Addresses in a row that the interface could not have, because another host did. */
export function conflictsOf(ifc: Interface): number {
    return claims[ifc.slot * CLAIM_LENGTH + CLAIM_CONFLICTS]
}

/** @returns how many they are now, at most 255 */
export function countConflict(ifc: Interface): number {
    const n = Math.min(conflictsOf(ifc) + 1, 255)
    claims[ifc.slot * CLAIM_LENGTH + CLAIM_CONFLICTS] = n
    return n
}

/** The interface has kept an address, or begins with a new one. */
export function forgetConflicts(ifc: Interface): void {
    claims[ifc.slot * CLAIM_LENGTH + CLAIM_CONFLICTS] = 0
}

/** Send the probe or announcement that is due. After the last probe the address is the interface's. */
function step(ifc: Interface, now: number): void {
    // nobody can answer while the link is down; `claimAgain` goes on when it is up
    if (!phy.up) if (policy !== Acd.Off) return
    const claim = ifc.slot * CLAIM_LENGTH
    const address = probedBy(ifc)
    let left = claims[claim + CLAIM_LEFT]
    if (address !== 0)
        if (left > 0) {
            sendProbe(ifc, address)
            left--
            claims[claim + CLAIM_LEFT] = left
            let wait = QUICK_WAIT
            if (policy === Acd.Full) {
                wait = ANNOUNCE_WAIT
                if (left > 0) wait = PROBE_MIN + Math.randomInt(PROBE_MAX - PROBE_MIN)
            }
            return setTimer(timers + ifc.slot, now + wait)
        }
    endClaim(ifc)
    if (address !== 0) {
        left = ANNOUNCE_NUM
        setAddress(ifc, address, ifc.mask, ifc.gateway)
    }
    if (ifc.address === 0) return
    announce(ifc)
    left--
    claims[claim + CLAIM_LEFT] = left
    if (left > 0) setTimer(timers + ifc.slot, now + ANNOUNCE_INTERVAL)
    if (address !== 0) ifc.owner.onAddress(ifc)
}

/**
 * The link has come up, perhaps elsewhere (RFC 5227, 2.1): a probe begins anew. An address in use is announced, for a
 * call must go on, and probed beside: who answers has had it before us.
 */
export function claimAgain(ifc: Interface): void {
    const now = ds.millis()
    if (probedBy(ifc) !== 0) startProbing(ifc, now)
    else if (ifc.address !== 0) {
        if (policy !== Acd.Off) sendProbe(ifc, ifc.address)
        claims[ifc.slot * CLAIM_LENGTH + CLAIM_LEFT] = ANNOUNCE_NUM
        step(ifc, now)
    }
}

/** Leave an address, probed or in use, to the host that has it. */
function giveUp(ifc: Interface, address: number): void {
    count(Counter.ArpConflict)
    endClaim(ifc)
    console.log(`acd: ${ifc.name()} cannot have ${formatAddress(address)}, another host does`)
    ifc.owner.onConflict(ifc, address)
}

/**
 * Look for conflicts in an ARP packet of another host.
 * @param request whether it is a request
 * @returns whether its sender claims an address in use: then nothing in it is to be believed
 */
export function findConflict(request: boolean, sender: number, target: number): boolean {
    // RFC 5227, 2.1.1: another host has the address that is probed, or probes it at the same time
    let claimed = sender
    if (sender === 0) if (request) claimed = target
    if (claimed === 0) return false
    for (let i = 0; i < INTERFACES; i++)
        if (probedBy(interfaces[i]) === claimed) {
            giveUp(interfaces[i], claimed)
            return false
        }
    const ifc = interfaceOf(sender)
    if (!ifc) return false
    if (policy === Acd.Off) {
        count(Counter.ArpConflict)
        return true
    }
    const conflictAt = ifc.slot * CLAIM_LENGTH + CLAIM_CONFLICT_AT
    const now = ds.millis()
    // RFC 5227, 2.4 (b): one announcement in defence. (a): an answer to our own probe that comes too late leaves
    // nothing to defend, its sender was there before us; it comes before the last announcement, or is none
    let defended = now - claims.getAt(conflictAt, "f64") >= DEFEND_INTERVAL
    if (!request) if (target === 0) if (deadlineOf(timers + ifc.slot) !== Infinity) defended = false
    if (!defended) {
        giveUp(ifc, sender)
        return true
    }
    count(Counter.ArpConflict)
    claims.setAt(conflictAt, "f64", now)
    count(Counter.ArpDefended)
    announce(ifc)
    return true
}
