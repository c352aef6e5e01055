import { INTERFACES } from "../config"
import { collect } from "../heap"
import { ADDRESS_BROADCAST } from "../wire/address"

/** What the network layer knows of a socket: where datagrams for its port go. */
export interface Endpoint {
    port: number
    /** The next one on the same interface. */
    next: Endpoint
    /** Take a datagram: `udp` and `ip` are the offsets of its headers, `length` includes the UDP header. */
    onDatagram(b: Buffer, udp: number, length: number, ip: number): void
    /** The interface has lost its address, or a destination answered that it cannot be reached. `code` is POSIX. */
    onError(code: string): void
}

/** What a slot of a table is whose process is not in use. */
export const FREE = -1

/**
 * A network-layer interface: one address, over the one PHY. It sends and receives only for the process group that owns it.
 * @see FIG. 4
 */
export class Interface {
    /** 0 while it has none. */
    address = 0
    mask = 0
    gateway = 0
    /** DSCP class (RFC 2474) of what its sockets send, so that an edge router may classify by address alone. */
    dscp = 0
    rx = 0
    tx = 0
    /** The sockets that are bound to it, as a list. */
    endpoints: Endpoint

    /** The process group that owns it; `FREE` while the slot is not in use. */
    process = FREE
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

    /** The socket on a port, or `undefined`. */
    endpointOn(port: number): Endpoint {
        let e = this.endpoints
        while (e && e.port !== port) e = e.next
        return e
    }

    /** Tell all sockets an error. */
    fail(code: string): void {
        for (let e = this.endpoints; e; e = e.next) e.onError(code)
    }
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
    return interfaces.find(i => i.process === FREE && !i.isCommon())
}

/** Give an interface its address, or take it away with address 0. */
export function setAddress(ifc: Interface, address: number, mask: number, gateway: number): void {
    const old = ifc.address
    ifc.address = address
    ifc.mask = mask
    ifc.gateway = gateway
    if (old !== 0) index(old)
    if (address !== 0) index(address)
}

/** Recompute the entry of an address's last octet. */
function index(address: number): void {
    const octet = (address >> 24) & 255
    slotByOctet[octet] = 0
    for (const ifc of interfaces)
        if (ifc.address !== 0 && ((ifc.address >> 24) & 255) === octet) {
            slotByOctet[octet] = ifc.slot + 1
            return
        }
}

/** The interface that has this address, or `undefined`. */
export function interfaceOf(address: number): Interface {
    const slot = slotByOctet[(address >> 24) & 255]
    if (slot === 0) return undefined
    const ifc = interfaces[slot - 1]
    if (ifc.address === address) return ifc
    return address === 0 ? undefined : interfaces.find(i => i.address === address)
}

/** The interface whose subnet holds this address, or `undefined`. */
export function interfaceOnLink(address: number): Interface {
    return interfaces.find(i => i.address !== 0 && ((i.address ^ address) & i.mask) === 0)
}

/** All bits but the last of an address. */
const NOT_31 = ~(1 << 24)

/**
 * Whether an address names every host on the link of this interface: the limited broadcast address, or the directed
 * one of its subnet, which a /31 or /32 does not have (RFC 3021).
 */
export function isBroadcast(ifc: Interface, address: number): boolean {
    if (address === ADDRESS_BROADCAST) return true
    // inverted, the mask of a /31 is one bit, that of a /32 none; the first octet is the lowest byte
    return ifc.address !== 0 && (~ifc.mask & NOT_31) !== 0 && address === (ifc.address | ~ifc.mask)
}
