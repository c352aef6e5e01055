/** Interfaces: the table of network addresses over the one PHY. Read it before anything else in `link/` and `ip/`. */
import { INTERFACES } from "../base/config"
import { collect } from "../base/heap"
import type { Endpoint } from "../transport/endpoint"
import { ADDRESS_BROADCAST, isHostPart, isUnicast } from "../wire/address"
import { PROTOCOL_UDP } from "../wire/ipv4"

/** Whose address an interface has: it is told what becomes of that. */
export interface Owner {
    /** Nobody else has the address that was probed: it is the interface's from now on. */
    onAddress(ifc: Interface): void
    /** Another host has the address, which was probed or in use. */
    onConflict(ifc: Interface, address: number): void
}

/** As gateway of an interface: whichever the common interface has. */
export const GATEWAY_COMMON = -1

/** What a slot of a table is whose process is not in use. */
export const FREE = -1

/**
 * A network-layer interface: one address, over the one PHY. It sends and receives only for the process group that owns it.
 * @see FIG. 4
 */
export class Interface {
    // fields are searched from the first on: what each frame needs comes first
    /** 0 while it has none. */
    address = 0
    rx = 0
    /** Its endpoints, as a list, which the fast path walks itself. */
    endpoints: Endpoint = undefined
    mask = 0
    /** 0 for none, or `GATEWAY_COMMON`; it may be outside of the subnet, and is on the link all the same. */
    gateway = 0
    /** DSCP class (RFC 2474) of what its sockets send, so that an edge router may classify by address alone. */
    dscp = 0
    tx = 0

    /** The process group that owns it; `FREE` while the slot is not in use. */
    process = FREE
    /** Who has put an address on it, or tries to. */
    owner: Owner = undefined
    /** First four octets of its hardware address, the PHY's or one of its own (see `macs.ts`); the others are the PHY's. */
    macHigh = 0

    constructor(
        /** Index in the table; also what tells its leases apart. */
        public slot: number
    ) {}

    name(): string {
        return `tp${this.slot}`
    }

    /** The common interface serves whoever asks for no address, and is there for ever. */
    isCommon(): boolean {
        return this.slot === 0
    }

    add(e: Endpoint): void {
        e.next = this.endpoints
        this.endpoints = e
    }

    remove(e: Endpoint): void {
        if (this.endpoints === e) this.endpoints = e.next
        else for (let p = this.endpoints; p; p = p.next) if (p.next === e) p.next = e.next
        e.next = undefined
    }

    /** What has a port of a protocol here, or everywhere; `undefined` if it is free. */
    endpointOn(protocol: number, port: number): Endpoint {
        const key = keyOf(protocol, port)
        const e = find(this.endpoints, key)
        if (e) return e
        return find(everywhere, key)
    }

    /** Tell all endpoints that the address is lost, of which they may end. */
    fail(code: string): void {
        let e = this.endpoints
        while (e) {
            const next = e.next
            e.onError(code)
            e = next
        }
    }

    /** Its default router on the link; 0 if it has none. */
    router(): number {
        if (this.gateway === GATEWAY_COMMON) return interfaces[0].gateway
        return this.gateway
    }
}

/**
 * What tells the ports of all protocols apart: for UDP the port itself, which the fast path has in its hands, else before it
 * what the protocol's number (IANA, Protocol Numbers) has that UDP's has not, and the other way round: no other number gives 0.
 */
export function keyOf(protocol: number, port: number): number {
    return ((protocol ^ PROTOCOL_UDP) << 16) | port
}

function find(e: Endpoint, key: number): Endpoint {
    while (e) {
        if (e.port === key) break
        e = e.next
    }
    return e
}

/**
 * Endpoints of no one interface, as POSIX's INADDR_ANY: they hear what comes to their port at any address, broadcasts, and, since
 * they do not ask for an address, what comes to our MAC address for one that we do not have yet (RFC 2131, 4.1).
 */
export let everywhere: Endpoint

export function addEverywhere(e: Endpoint): void {
    e.next = everywhere
    everywhere = e
}

let sharedPort = 0

/** Have what comes to a UDP port of any address that has no endpoint there be for that of the common interface. */
export function shareUdpPort(port: number): void {
    sharedPort = port
}

export function endpointEverywhere(protocol: number, port: number): Endpoint {
    const key = keyOf(protocol, port)
    if (key === sharedPort) return find(interfaces[0].endpoints, key)
    return find(everywhere, key)
}

/**
 * The interfaces, by slot. Slot 0 is the common interface. All are made at boot and used again and again: on this VM's
 * heap, which does not move what it holds, lasting objects among passing ones leave no room for a received kilobyte.
 */
export const interfaces: Interface[] = []
for (let i = 0; i < INTERFACES; i++) {
    interfaces.push(new Interface(i))
    collect()
}

/**
 * The slot of an address plus one, by the address's last octet: the destination address alone finds its interface
 * with one look-up and one comparison. Where two addresses share the octet, the second is found by search.
 */
export const slotByOctet = Buffer.alloc(256)

/** A free interface that is not the common one, or `undefined`. */
export function freeInterface(): Interface {
    // the common one is never free
    for (let i = 0; i < INTERFACES; i++) if (interfaces[i].process === FREE) return interfaces[i]
    return undefined
}

/** Give an interface its address, or take it away with address 0. */
export function setAddress(ifc: Interface, address: number, mask: number, gateway: number): void {
    if (((ifc.address ^ address) | (ifc.mask ^ mask) | (ifc.gateway ^ gateway)) === 0) return
    ifc.address = address
    ifc.mask = mask
    ifc.gateway = gateway
    slotByOctet.fillAt(0, slotByOctet.length, 0)
    // from the last on, so that of two with one octet the first is what stays
    for (let slot = INTERFACES; slot > 0; slot--) {
        const its = interfaces[slot - 1].address
        if (its !== 0) slotByOctet[(its >> 24) & 255] = slot
    }
    // also those of other interfaces: what was on their way may be our own address now, or their router the common one's
    for (let i = 0; i < INTERFACES; i++) for (let e = interfaces[i].endpoints; e; e = e.next) e.onWay()
}

/** The interface that has this address, or `undefined`. */
export function interfaceOf(address: number): Interface {
    const slot = slotByOctet[(address >> 24) & 255]
    if (slot === 0) return undefined
    const ifc = interfaces[slot - 1]
    if (ifc.address === address) return ifc
    if (address === 0) return undefined
    for (let i = 0; i < INTERFACES; i++) if (interfaces[i].address === address) return interfaces[i]
    return undefined
}

/** The interface whose subnet holds this address, or `undefined`. */
export function interfaceOnLink(address: number): Interface {
    for (let i = 0; i < INTERFACES; i++) {
        const ifc = interfaces[i]
        if (ifc.address !== 0) if (((ifc.address ^ address) & ifc.mask) === 0) return ifc
    }
    return undefined
}

/** Whether a packet to this interface may be from this address: that of a single host, and of another one (RFC 1122, 3.2.1.3). */
export function isSource(ifc: Interface, address: number): boolean {
    if (!isUnicast(address)) return false
    if (interfaceOf(address)) return false
    if (((address ^ ifc.address) & ifc.mask) !== 0) return true
    return isHostPart(address, ifc.mask)
}

/** All bits but the last of an address. */
const NOT_31 = ~0x01000000

/**
 * Whether an address names every host on the link of this interface: the limited broadcast address, or the directed
 * one of its subnet, which a /31 or /32 does not have (RFC 3021).
 */
export function isBroadcast(ifc: Interface, address: number): boolean {
    if (address === ADDRESS_BROADCAST) return true
    if (ifc.address === 0) return false
    // inverted, the mask of a /31 is one bit, that of a /32 none; the first octet is the lowest byte
    if ((~ifc.mask & NOT_31) === 0) return false
    return address === (ifc.address | ~ifc.mask)
}
