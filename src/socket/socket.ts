/**
 * What all sockets share, whatever they carry: whose they are, where they are bound, and the error that waits for the next call.
 * Read `datagram.ts` next, then `stream.ts`: the two kinds. `table.ts` keeps them by descriptor, `api.ts` has the POSIX calls.
 */
import { SocketError } from "../base/errors"
import { Signal } from "../base/signal"
import { conflictsOf } from "../link/acd"
import { Interface } from "../link/interface"
import type { Endpoint } from "../transport/endpoint"
import { PROTOCOL_UDP } from "../wire/ipv4"

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
    /** boolean, `false` at first: ask a silent peer of a stream whether it is there, after two hours (RFC 9293, 3.8.4) */
    SO_KEEPALIVE,
    /** boolean, `false` at first: a stream sends what is short at once, without waiting for what it would share a segment with (RFC 9293, 3.7.4) */
    TCP_NODELAY,
    /**
     * seconds for which `close` waits until the peer of a stream has acknowledged all, 0 to 65535: with 0 the connection is
     * reset; -1, as at first: `close` does not wait, and what was sent goes on its way
     */
    SO_LINGER,
}

/** Flags beside the options: a deferred address comes from the pool, not from a server; it is being asked for. */
export const FROM_POOL = 0x100
export const ASSIGNING = 0x200

/**
 * What the table keeps for a descriptor (claims 3, 11, 12). Fields are searched from the first on, so each kind sets its own order:
 * here they are declared alone.
 */
export abstract class Socket {
    /** `IPPROTO_TCP`; `undefined` for datagrams: see `protocolOf`. */
    protocol: number
    port: number
    /** Target of `connect`; port 0 while there is none. */
    remotePort: number
    remote: number
    rx: number
    tx: number
    drops: number
    /** Booleans of `setsockopt`, by the bit `1 << option`. */
    flags: number
    /** Of `IP_TOS`; -1 or `undefined` if that was not set. */
    tos: number
    /** `undefined` until a deferred address is assigned. */
    ifc: Interface
    receiver: Receiver
    /** Datagrams that may wait, `DATAGRAMS` by default. */
    queueLength: number
    /** Of `SO_LINGER`; `undefined` if that was not set. */
    linger: number
    /** POSIX code of the error that the next call gets. */
    error: string
    /** The process group that owns it; `FREE` while the descriptor is not open. */
    process: number
    /** How many sockets this slot has been: lets a waiting fiber notice that the slot was reused. */
    generation: number

    /** What hears its port, which was free. */
    abstract endpoint(port: number): Endpoint
    /** An option was set: what follows from it is written anew. */
    abstract unprepare(): void
    /** Count in all totals what was counted once. */
    abstract settle(): void
    /** Take it out of its interface; who waits on it gets `EBADF`. */
    abstract dispose(): void

    /** The TOS octet of what it sends. */
    tosOctet(): number {
        if (this.tos >= 0) return this.tos
        if (!this.ifc) return 0
        return this.ifc.dscp << 2
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

export function protocolOf(s: Socket): number {
    return s.protocol || PROTOCOL_UDP
}

/** What a socket of a stream does beside: `stream.ts`, if that is in the image. Calls are those of the API. */
export interface Stream extends Socket {
    /** Open a connection, and wait for it. */
    open(address: number, port: number): Promise<void>
    /** Wait until the peer has all, as long as `SO_LINGER` says. */
    drain(): Promise<void>
    send(data: Buffer, timeout: number): Promise<number>
    recv(timeout: number): Promise<Buffer>
    /** Say what it is, and its state (RFC 9293, 3.3.2). */
    describe(row: SocketRow): void
}

/**
 * A socket for people: a row of `netstat`.
 * @category Sockets
 */
export interface SocketRow {
    /** Its descriptor. */
    sd: number
    /** `dgram` or `stream`. */
    type: string
    /** Its address and port, such as `10.77.0.51:80`; `null` while it has no address. */
    local: string
    /** The same of whom it is connected to; `null` if it is not. */
    remote: string
    /** The name of its interface; `null` while it has none. */
    iface: string
    /** The process group that owns it. */
    process: number
    /** Packets that it has received. */
    rx: number
    /** Packets that it has sent. */
    tx: number
    /** Datagrams that were dropped, in or out. */
    drops: number
    /** Of a stream's connection (RFC 9293, 3.3.2), such as `established`; `null` for datagrams. */
    state: string
}

/** The error that a code of the network stands for. @param ifc of the socket */
export function errorOf(code: string, ifc?: Interface): SocketError {
    let message = "the socket was closed"
    if (code === "ECONNREFUSED") message = "nobody listens on that port"
    else if (code === "EHOSTUNREACH") message = "the other side does not answer on this network"
    else if (code === "ENETDOWN") {
        message = "the lease of the socket's address has ended"
        if (ifc) if (conflictsOf(ifc) > 0) message = "another host uses the socket's address"
    }
    return new SocketError(code, message)
}
