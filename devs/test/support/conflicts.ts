/** Leases on a LAN with another host on it, step by step: the world of the tests of address conflict detection. */
import { runTimers } from "../../../src/base/timers"
import * as ds from "@devicescript/core"
import { expect } from "@devicescript/test"
import { Acd, nextStepAt, endClaim, forgetConflicts, setAcd } from "../../../src/link/acd"
import { closeInterface } from "../../../src/address/release"
import { setNextSend, nextSendAt, startLease } from "../../../src/dhcp/client"
import { interfaces } from "../../../src/link/interface"
import { Lease, LeaseState, leaseOf } from "../../../src/dhcp/lease"
import { BOARD_MAC, BROADCAST_MAC, HOST, HOST_MAC, arp, listen, station } from "./lan"
import { NET, SERVER, TIMES, answerWith, offered, typeOf } from "./server"
import { get16, millis } from "./support"
import { host, phy, startWorld, tidy } from "./world"

/** Another host, and what it says. */
export const OTHER_MAC: Buffer = hex`02 00 0a 4d 00 99`
export const has = (address: number, target?: number) => arp(2, OTHER_MAC, address, target || 0, BOARD_MAC)
export const probes = (address: number) => arp(1, OTHER_MAC, 0, address, BROADCAST_MAC)
export const claims = (address: number) => arp(1, OTHER_MAC, address, address, BROADCAST_MAC)

/**
 * The clock of the code under test: real time and what was skipped of it. A test that looks at each step of a lease has
 * it stand still, so that housekeeping finds nothing due.
 */
let skipped = 0
let stoppedAt = 0
export const now = () => (stoppedAt || millis()) + skipped
export function skip(ms: number): void {
    skipped += ms
}

/**
 * What the board has sent since the last call, in a word each: `probe 60`, `announce 60`, `reply 60`, and DHCP by its
 * type; the number is the last octet of the target.
 */
export let taken: Buffer[] = []
export function said(): string {
    let text = ""
    taken = []
    while (phy.sent.length > 0) {
        const f = phy.sent.shift()
        taken.push(f)
        const type = typeOf(f)
        let word = ""
        if (type === 1) word = "DISCOVER"
        else if (type === 3) word = "REQUEST"
        else if (type === 4) word = "DECLINE"
        else if (type === 7) word = "RELEASE"
        else if (f.getAt(12, "u16") !== 0x0608) word = "?"
        else if (f.getAt(28, "i32") === 0) word = `probe ${f[41]}`
        else if (f.getAt(28, "i32") === f.getAt(38, "i32")) word = `announce ${f[41]}`
        else if (get16(f, 20) === 2) word = `reply ${f[41]}`
        // the cache of neighbours has its own tests
        else continue
        text += `${text.length > 0 ? ", " : ""}${word}`
    }
    return text
}

export let lease: Lease
export let errors = ""

/** A new interface that has said DISCOVER. */
export async function begin(policy: Acd, slot: number): Promise<void> {
    await ds.sleep(0)
    stoppedAt = stoppedAt || millis()
    setAcd(policy)
    errors = ""
    const ifc = station(slot)
    const note = (code: string) => {
        errors += `${code} `
    }
    listen(ifc, 5004, () => {}, note)
    said()
    lease = startLease(ifc)
    expect(said()).toBe("DISCOVER")
}

/** Has `ack` and `step` be about another lease than that of `begin`. */
export function follow(l: Lease): void {
    lease = l
}

/** The ACK of an address, with rapid commit. */
export function granting(address: number): Buffer {
    return answerWith(lease, 5, address, Buffer.concat(SERVER, TIMES, NET, hex`5000`))
}

export function ack(address: number): void {
    phy.arrive(granting(address))
}

/** Milliseconds until the next step, which is done. */
export function step(): number {
    const due = lease.state === LeaseState.Probing ? nextStepAt(lease.ifc) : nextSendAt(lease)
    const wait = due - ds.millis()
    skipped += Math.max(wait, 0)
    runTimers(ds.millis())
    return Math.round(wait)
}

/** A lease in use. */
export async function bound(slot: number): Promise<void> {
    await begin(Acd.Quick, slot)
    ack(offered(60))
    step()
    expect(lease.state).toBe(LeaseState.Bound)
    expect(said()).toBe("probe 60, announce 60")
    phy.arrive(arp(1, HOST_MAC, HOST, offered(60), BROADCAST_MAC))
    said()
}

/** The world, with that clock. */
export async function start(): Promise<void> {
    await startWorld()
    const runtime = ds as any
    runtime.millis = now
}

/** The common interface alone is left, with a lease for ever. */
export async function reset(): Promise<void> {
    stoppedAt = 0
    await tidy()
    for (const ifc of interfaces) {
        const l = leaseOf(ifc)
        setNextSend(l, Infinity)
        if (ifc.isCommon()) {
            l.expiresAt = Infinity
            endClaim(ifc)
            forgetConflicts(l.ifc)
        } else {
            l.state = LeaseState.Idle
            await closeInterface(ifc)
            ifc.endpoints = undefined
        }
    }
}

/** The host of the world says nothing by itself, so that the test does. */
export async function alone(): Promise<void> {
    await reset()
    host.quiet = true
    said()
}
