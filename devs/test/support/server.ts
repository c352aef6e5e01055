import { wake, setNextSend, nextSendAt, startLease } from "../../../src/dhcp/client"
import { addEverywhere } from "../../../src/link/interface"
import { dhcpEndpoint } from "../../../src/dhcp/input"
import { setPhy } from "../../../src/link/ethernet"
import { receive } from "../../../src/ip/input"
import { Lease } from "../../../src/dhcp/lease"
import { addressOf } from "../../../src/wire/address"
import { neighbours } from "../../../src/link/neighbours"
import { FakePhy, clear, dhcp, station } from "./lan"
import { breathe, get16 } from "./support"

/** A scripted DHCP server, and a reader of what the client says to it. Times: 2 h, T1 1 h, T2 6300 s, as dnsmasq gave. */
export const SERVER: Buffer = hex`36040a4d0001`
export const TIMES: Buffer = hex`330400001c20 3a0400000e10 3b040000189c`
export const NET: Buffer = hex`0104ffffff00 03040a4d0001`

/** A link with the DHCP client on it, and nothing above. */
export function startClient(): FakePhy {
    const phy = new FakePhy()
    setPhy(phy)
    phy.start(receive, () => {})
    addEverywhere(dhcpEndpoint)
    return phy
}

/**
 * A lease that has just been asked for, alone in the world.
 * @param remembered the address of before a restart
 */
export async function beginLease(phy: FakePhy, slot = 0, remembered = 0): Promise<Lease> {
    await breathe()
    clear()
    while (neighbours.length > 0) neighbours.pop()
    phy.cable(true)
    phy.count()
    return startLease(station(slot), remembered)
}

export function offered(n: number): number {
    return addressOf(10, 77, 0, n)
}

/** A complete answer. @param type 2 OFFER, 5 ACK */
export function answer(lease: Lease, type: number, address: number): Buffer {
    return dhcp(lease.xid, address, Buffer.concat(typeOption(type), SERVER, TIMES, NET))
}

/** An answer with these options behind its type. */
export function answerWith(lease: Lease, type: number, address: number, options: Buffer): Buffer {
    return dhcp(lease.xid, address, Buffer.concat(typeOption(type), options))
}

export function typeOption(type: number): Buffer {
    const o = hex`350100`.slice(0)
    o[2] = type
    return o
}

/** The client's message in a frame of ours: an option as hexadecimal digits; `undefined` if it is not there. */
export function option(f: Buffer, code: number): string {
    let at = 42 + 240
    while (f[at] !== 255) {
        if (f[at] === code) return f.slice(at + 2, at + 2 + f[at + 1]).toString("hex")
        at += 2 + f[at + 1]
    }
    return undefined
}

/** The message type of a frame of ours; 0 for a frame that is no DHCP message. */
export function typeOf(f: Buffer): number {
    return f.length > 282 && get16(f, 12) === 0x0800 && get16(f, 36) === 67 ? f[42 + 240 + 2] : 0
}

/** The one DHCP message among the frames sent since the last call. */
export function said(phy: FakePhy): Buffer {
    let found: Buffer
    for (const f of phy.sent)
        if (typeOf(f) !== 0) {
            if (found) throw new Error("two DHCP messages were sent")
            found = f
        }
    phy.sent = []
    if (!found) throw new Error("no DHCP message was sent")
    return found
}

/** Types of the messages sent since the last call: `1` DISCOVER, `3` REQUEST, ... */
export function saidTypes(phy: FakePhy): string {
    let types = ""
    for (const f of phy.sent) if (typeOf(f) !== 0) types += typeOf(f)
    phy.sent = []
    return types
}

export const xidOf = (f: Buffer) => f.getAt(46, "i32")
export const secsOf = (f: Buffer) => get16(f, 50)
export const flagsOf = (f: Buffer) => get16(f, 52)
export const ciaddrOf = (f: Buffer) => f.getAt(54, "i32")
export const sourceOf = (f: Buffer) => f.getAt(26, "i32")
export const targetOf = (f: Buffer) => f.getAt(30, "i32")

/** What the clock does for one lease when it is `now`. */
export function pollLease(lease: Lease, now: number): void {
    if (nextSendAt(lease) > now) return
    setNextSend(lease, Infinity)
    wake(lease, now)
}
