/** What the oracle knows of the phone: all that decides what becomes of a frame. `phone.ts` reads it, the oracle carries it on. */

/** IPv4 addresses are numbers from 0 to 2^32 - 1, MAC addresses twelve hexadecimal digits. */
export type Address = number
export type Mac = string

export const address = (a: number, b: number, c: number, d: number): Address => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0

export interface Interface {
    slot: number
    /** 0 while it has none. */
    address: Address
    mask: number
    /** 0 without one. */
    router: Address
    mac: Mac
}

/** States of a DHCP client (RFC 2131, figure 5), in the firmware's order. */
export enum LeaseState {
    Idle,
    Init,
    InitReboot,
    Rebooting,
    Selecting,
    Requesting,
    Probing,
    Bound,
    Renewing,
    Rebinding,
    Reselecting,
}

export interface Lease {
    slot: number
    state: LeaseState
    xid: number
    server: Address
    address: Address
}

/** An entry of the neighbour cache (RFC 1122, 2.3.2). Times are the phone's milliseconds. */
export interface Neighbour {
    address: Address
    mac: Mac
    known: boolean
    /** Requests since the last answer. */
    attempts: number
    due: number
    /** Slot of the interface that asks for it. */
    interface: number
}

/** What an RTP receiver knows of its source (RFC 3550, A.1 and A.8). */
export interface Reception {
    received: number
    reordered: number
    ssrc: number
    first: number
    /** Extended sequence number. */
    latest: number
    receivedBefore: number
    lostBefore: number
    /** Sequence number that must follow if a jump was no stray packet; -1 for none. */
    suspect: number
    transit: number
    jitter: number
    stranger: number
    strangerReceived: number
    strangerRow: number
    /** Timestamp of the last telephone event, and when it was heard. */
    event: number
    eventAt: number
}

export interface Call {
    slot: number
    /** Of its interface. */
    interface: number
    port: number
    remote: Address
    remotePort: number
    payloadType: number
    reception: Reception
    /** Datagrams, how many there were when somebody looked, and when a look found more. */
    rx: number
    rxSeen: number
    heardAt: number
}

/** A datagram in the queue of the socket that has no target. */
export type Waiting = [address: Address, port: number, length: number]

export interface World {
    /** The phone's milliseconds. */
    now: number
    mac: Mac
    interfaces: Interface[]
    leases: Lease[]
    neighbours: Neighbour[]
    calls: Call[]
    /** The socket without a target, on the common address. */
    plain: { port: number; waiting: Waiting[] }
    /** ICMP errors sent in this second. */
    errors: { second: number; sent: number }
    /** When another host was last seen with an interface's address, by slot. */
    conflicts: Map<number, number>
}

/** What must become of a frame. */
export class Verdict {
    readonly counters: Record<string, number> = {}
    /** What is answered: see `answerOf`. */
    readonly answers: string[] = []
    /** What it changes in the world. */
    readonly effects: (() => void)[] = []
    /** What follows is more than the oracle foretells: the world is set up anew after this frame. */
    ends: string | undefined
    /** Why the frame is not for a test: what becomes of it is not foretold. */
    avoid: string | undefined

    count(name: string, n = 1): void {
        this.counters[name] = (this.counters[name] ?? 0) + n
    }
}

export function interfaceAt(world: World, address: Address): Interface | undefined {
    return address === 0 ? undefined : world.interfaces.find(i => i.address === address)
}

/** RFC 1122, 3.2.1.3: the address of one host is not of 0/8, 127/8, multicast or reserved. */
export function isHostAddress(address: Address): boolean {
    const first = address >>> 24
    return first !== 0 && first !== 127 && first < 224
}

/** Whether an address is not all zeros or ones in its host part; a /31 and a /32 have none (RFC 3021). */
export function isHostPart(address: Address, mask: number): boolean {
    const host = ~mask >>> 0
    return host <= 1 || ((address & host) !== 0 && (address & host) >>> 0 !== host)
}

export const onLink = (i: Interface, address: Address): boolean => i.address !== 0 && ((i.address ^ address) & i.mask) === 0

/** Whether a packet to an interface may be from an address: that of a host, and of another one (RFC 1122, 3.2.1.3). */
export function isSource(world: World, i: Interface, address: Address): boolean {
    if (!isHostAddress(address) || interfaceAt(world, address)) return false
    return !onLink(i, address) || isHostPart(address, i.mask)
}

/** Whether an address is every host of the interface's link (RFC 919; RFC 3021). */
export function isBroadcast(i: Interface, address: Address): boolean {
    if (address === 0xffffffff) return true
    const host = ~i.mask >>> 0
    return i.address !== 0 && host > 1 && address === (i.address | host) >>> 0
}

export const isOurMac = (world: World, mac: Mac): boolean => mac === world.mac || world.interfaces.some(i => i.mac === mac)
