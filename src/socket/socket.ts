/**
 * What all sockets share, whatever they carry: whose they are, where they are bound, and the error that waits for the next call.
 * Read `datagram.ts` next, which is the one kind so far; `table.ts` keeps them by descriptor, `api.ts` has the POSIX calls.
 */
import { SocketError } from "../base/errors"
import { Signal } from "../base/signal"
import { conflictsOf } from "../link/acd"
import { Interface } from "../link/interface"
import { Neighbour } from "../link/neighbours"
import type { Endpoint } from "../transport/endpoint"

/** Announces data or an error to the fibers that wait on a socket. */
export const arrival = new Signal()

/**
 * Takes what arrives at a socket instead of `recv`: see `setreceiver`.
 * @category Data
 */
export interface Receiver {
    /** The stack counts here the frames that the socket sends; begin with 0. */
    txFrames: number
    /** A datagram is there: `length` bytes of `b` from `offset` on. Read them in place: they are gone when this returns. */
    onPayload(b: Buffer, offset: number, length: number): void
    /** The socket has failed: `code` is that of a `SocketError`. */
    onSocketError(code: string): void
}

/**
 * Options of `setsockopt` and `getsockopt`.
 * @category Options
 */
export enum SocketOption {
    /** boolean, `false` at first: send no UDP checksum (RFC 768 allows that) */
    SO_NO_CHECK,
    /** boolean, `false` at first: may send to broadcast addresses */
    SO_BROADCAST,
    /** how many datagrams may wait, 1 to 4; those that come when they are all there are dropped */
    SO_RCVBUF,
    /** the TOS octet, 0 to 255; by default what `IP_DSCP` of the interface makes of it */
    IP_TOS,
    /**
     * the DSCP class of the socket's interface, 0 to 63 (RFC 2474): all that leaves from its address is in that class,
     * EF (46) for voice, CS3 (24) for signalling, 0 for the rest (RFC 4594)
     */
    IP_DSCP,
}

/** Flags beside the options: a deferred address comes from the pool, not from a server; it is being asked for. */
export const FROM_POOL = 0x100
export const ASSIGNING = 0x200

/**
 * What the table keeps for a descriptor (claims 3, 11, 12). Fields are searched from the first on, so each kind sets its own order:
 * here they are declared alone.
 */
export abstract class Socket implements Endpoint {
    port: number
    next: Endpoint
    /** Target of `connect`; port 0 while there is none. */
    remotePort: number
    remote: number
    rx: number
    tx: number
    drops: number
    /** Booleans of `setsockopt`, by the bit `1 << option`. */
    flags: number
    /** Of `IP_TOS`; -1 if that was not set. */
    tos: number
    /** `undefined` until a deferred address is assigned. */
    ifc: Interface
    receiver: Receiver
    /** POSIX code of the error that the next call gets. */
    error: string
    /** The process group that owns it; `FREE` while the descriptor is not open. */
    process: number
    /** How many sockets this slot has been: lets a waiting fiber notice that the slot was reused. */
    generation: number

    abstract onPacket(b: Buffer, at: number, length: number, ip: number): void
    abstract onUnreachable(code: number, dst: number, dstPort: number, source: number): void
    abstract onNeighbour(n: Neighbour): void
    abstract onWay(): void
    abstract hears(n: Neighbour): boolean
    /** Take it out of its interface; who waits on it gets `EBADF`. */
    abstract dispose(): void

    /** The TOS octet of what it sends. */
    tosOctet(): number {
        if (this.tos >= 0) return this.tos
        return this.ifc ? this.ifc.dscp << 2 : 0
    }

    onError(code: string): void {
        // a network that is down stays down
        if (this.error !== "ENETDOWN") this.error = code
        arrival.notify(false)
        if (this.receiver) this.receiver.onSocketError(code)
    }

    /** Throw the error that is waiting. A network that is down stays down; every other error is told once. */
    throwPending(): void {
        const code = this.error
        if (!code) return
        if (code !== "ENETDOWN") this.error = undefined
        throw errorOf(code, this.ifc)
    }
}

/** The error that a code of the network stands for. @param ifc of the socket */
export function errorOf(code: string, ifc?: Interface): SocketError {
    return new SocketError(code, messageOf(code, ifc))
}

function messageOf(code: string, ifc?: Interface): string {
    if (code === "ECONNREFUSED") return "nobody listens on that port"
    if (code === "EHOSTUNREACH") return "the other side does not answer on this network"
    if (code !== "ENETDOWN") return "the socket was closed"
    if (ifc) if (conflictsOf(ifc) > 0) return "another host uses the socket's address"
    return "the lease of the socket's address has ended"
}
