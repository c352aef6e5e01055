/**
 * Sockets of streams: TCP (RFC 9293) behind a descriptor. The calls are those of `api.ts`, and `listen`, `accept` and `shutdown` here.
 * `startStreams` has them in the image.
 */
import * as ds from "@devicescript/core"
import { SOCKETS, TCP_STREAMS } from "../base/config"
import { SocketError } from "../base/errors"
import { choiceOf, nameOf, split } from "../base/text"
import { Source } from "../address/assign"
import { FREE, Interface, isBroadcast, keyOf } from "../link/interface"
import type { Endpoint } from "../transport/endpoint"
import { get, openTo, put, startTcp } from "../transport/tcp/calls"
import { closeSending, leave, reset } from "../transport/tcp/close"
import {
    ATTACHED,
    Connection,
    KEEP_ALIVE,
    NO_DELAY,
    PROTOCOL_TCP,
    State,
    changed,
    connectionOf,
    finish,
    mayReceive,
    takeConnection,
} from "../transport/tcp/connection"
import { arm } from "../transport/tcp/retransmission"
import { freeUnused } from "./api"
import { FROM_POOL, Socket, SocketRow, Stream, errorOf } from "./socket"
import { lookup, makeStream, openSocket, registerStreams, sockets } from "./table"

/**
 * Of `shutdown`: no more is received.
 * @category Streams
 */
export const SHUT_RD = 0
/**
 * Of `shutdown`: no more is sent.
 * @category Streams
 */
export const SHUT_WR = 1
/**
 * Of `shutdown`: both.
 * @category Streams
 */
export const SHUT_RDWR = 2

/** By `State`. */
const STATES = "closed listen syn-sent syn-received established close-wait fin-wait-1 closing last-ack fin-wait-2 time-wait"
const OPTIONS = KEEP_ALIVE | NO_DELAY

/**
 * Have streams: `socket` knows `SOCK_STREAM` from then on. Call it once, after `startStack`.
 * @param streams how many connections may be open at once, not counting those that only end: each takes 2,176 bytes of the heap from now on
 * @category Streams
 */
export function startStreams(streams: number = TCP_STREAMS): void {
    startTcp(streams, ifc => {
        freeUnused.start(ifc)
    })
    registerStreams((inPlaceOf, process, ifc, deferred) => new StreamSocket(inPlaceOf, process, ifc, deferred))
}

/** When a wait ends, of `ds.millis()`. @param timeout milliseconds; `undefined` waits for ever */
function endOf(timeout: number): number {
    return timeout === undefined ? Infinity : ds.millis() + timeout
}

/** Wait for a change of any connection. @returns whether there was time left to wait */
async function changedBefore(until: number): Promise<boolean> {
    const left = until - ds.millis()
    if (left > 0) await changed.wait(left)
    return left > 0
}

export class StreamSocket extends Socket implements Stream {
    override protocol = PROTOCOL_TCP
    override port = 0
    override remotePort = 0
    override remote = 0
    override rx = 0
    override tx = 0
    override drops = 0
    override tos = -1
    override flags = 0
    override generation = 0
    /** From `bind` on. */
    connection: Connection = undefined
    /** Whether nobody wants to receive any more. */
    deaf = false

    constructor(
        /** What the table had there, and has again afterwards. */
        private inPlaceOf: Socket,
        public override process: number,
        public override ifc: Interface,
        deferred: Source
    ) {
        super()
        this.flags = deferred === Source.Static ? FROM_POOL : 0
    }

    override endpoint(port: number): Endpoint {
        const c = takeConnection(this.ifc, keyOf(PROTOCOL_TCP, port))
        if (!c) throw new SocketError("ENOBUFS", "all connections are in use; close one")
        this.attach(c)
        return c
    }

    attach(c: Connection): void {
        c.flags |= ATTACHED
        this.connection = c
        this.unprepare()
    }

    override unprepare(): void {
        const c = this.connection
        if (!c) return
        c.flags = (c.flags & ~OPTIONS) | (this.flags & OPTIONS)
        c.tos = this.tosOctet()
        c.frame = undefined
        if (c.state >= State.Established) arm(c)
    }

    override settle(): void {
        const c = this.connection
        if (!c) return
        this.rx = c.received
        this.tx = c.sent
    }

    async open(address: number, port: number): Promise<void> {
        const c = this.check()
        if (c.state !== State.Closed ? true : c.remotePort !== 0)
            throw new SocketError("EISCONN", "the socket listens, or has a connection already; take another one")
        if (isBroadcast(this.ifc, address)) throw new SocketError("ENETUNREACH", "a stream goes to one host, and that address is for all")
        if (connectionOf(this.ifc, c.port, address, port))
            throw new SocketError("EADDRINUSE", "that connection is still ending; wait, or take another port")
        if (!openTo(c, address, port)) throw new SocketError("ENOBUFS", "all streams are in use; close one")
        this.remote = address
        this.remotePort = port
        while (true) {
            this.check()
            if (c.state >= State.Established) return
            await changed.wait()
        }
    }

    /** The connection. @throws SocketError `EBADF` if the socket was closed, `ENOTCONN` if it has none, or the error that waits for it */
    check(): Connection {
        if (this.process === FREE) throw failure("EBADF")
        const c = this.connection
        if (!c) throw failure("ENOTCONN")
        const code = c.error
        // a network that is down stays down
        if (code !== "ENETDOWN") c.error = undefined
        if (code) throw failure(code, this.ifc)
        return c
    }

    /** The connection, if it is or was one. */
    connected(): Connection {
        const c = this.check()
        if (c.remotePort === 0) throw failure("ENOTCONN")
        return c
    }

    /** `setreceiver` asks for it first. */
    dequeue(): void {
        throw new SocketError("EOPNOTSUPP", "a stream is read by recv")
    }

    async send(data: Buffer, timeout: number): Promise<number> {
        const until = endOf(timeout)
        let at = 0
        while (true) {
            const c = this.connected()
            if (c.state !== State.Established) if (c.state !== State.CloseWait) throw failure("EPIPE")
            at += put(c, data, at)
            if (at === data.length) return at
            if (await changedBefore(until)) continue
            if (at > 0) return at
            throw failure("EAGAIN")
        }
    }

    async recv(timeout: number): Promise<Buffer> {
        const until = endOf(timeout)
        while (true) {
            const c = this.connection
            if (c) if (c.rxCount > 0) if (!this.deaf) return get(c)
            this.connected()
            if (mayReceive(c) ? this.deaf : true) return Buffer.alloc(0)
            if (!(await changedBefore(until))) throw failure("EAGAIN")
        }
    }

    describe(row: SocketRow): void {
        const c = this.connection
        row.type = "stream"
        row.state = nameOf(STATES, c ? c.state : State.Closed)
    }

    /** End the connection from another fiber, process or not. */
    abort(): void {
        const c = this.connection
        if (!c) return
        if (c.state > State.SynSent) reset(c, "ECONNABORTED")
        else if (c.state === State.SynSent) finish(c, "ECONNABORTED")
    }

    /** Wait until the peer has acknowledged all, as long as `SO_LINGER` says. */
    async drain(): Promise<void> {
        const c = this.connection
        if (!c) return
        closeSending(c)
        const until = endOf(this.linger * 1000)
        while (c.tx) if (!(await changedBefore(until))) return
    }

    override dispose(): void {
        this.process = FREE
        this.generation++
        sockets[sockets.indexOf(this)] = this.inPlaceOf
        if (this.connection) leave(this.connection, this.linger === 0)
        changed.notify(true)
    }
}

function lookupStream(sd: number): StreamSocket {
    const s = lookup(sd)
    if (s instanceof StreamSocket) return s
    throw new SocketError("EOPNOTSUPP", `socket ${sd} is not one of a stream`)
}

/**
 * Have a bound socket hear those who connect to it.
 * @param backlog how many may wait for `accept`, at least 1
 * @throws SocketError `EINVAL` if it is not bound, or connected; `EOPNOTSUPP` on a socket of datagrams, `EBADF`, `EACCES`
 * @category Streams
 */
export function listen(sd: number, backlog: number): void {
    const s = lookupStream(sd)
    const c = s.connection
    if (!c) throw new SocketError("EINVAL", `socket ${sd} is not bound`)
    if (c.state > State.Listen ? true : c.remotePort !== 0) throw new SocketError("EINVAL", `socket ${sd} is connected`)
    c.state = State.Listen
    c.backlog = Math.max(1, backlog)
}

/**
 * Wait for a connection. Its socket has the listener's address (claim 12), which is given back with the last of them.
 * @param timeout milliseconds; `undefined` waits for ever
 * @returns the descriptor of the oldest that waits
 * @throws SocketError `EAGAIN` on time-out, `EINVAL` if the socket does not listen, `ENFILE` if all sockets are open; `EOPNOTSUPP`, `EBADF`,
 *   `EACCES`, `ENETDOWN`
 * @category Streams
 */
export async function accept(sd: number, timeout?: number): Promise<number> {
    const s = lookupStream(sd)
    const until = endOf(timeout)
    while (true) {
        const l = s.check()
        if (l.state !== State.Listen) throw new SocketError("EINVAL", `socket ${sd} does not listen`)
        // those that came last are first in the list
        let c: Connection
        for (let e = l.ifc.endpoints; e; e = e.next) {
            const k = e as Connection
            if (k.listener === l) if (k.state > State.SynReceived) c = k
        }
        if (c) return adopt(s, c)
        if (!(await changedBefore(until))) throw failure("EAGAIN")
    }
}

/** Give a connection its socket. */
function adopt(s: StreamSocket, c: Connection): number {
    const sd = openSocket(s.process, s.ifc, undefined, makeStream)
    if (sd < 0) throw new SocketError("ENFILE", `all ${SOCKETS} sockets are open; close one`)
    const a = sockets[sd] as StreamSocket
    a.port = s.port
    a.remote = c.remote
    a.remotePort = c.remotePort
    a.flags = s.flags
    a.tos = s.tos
    c.listener = undefined
    a.attach(c)
    return sd
}

/**
 * End one direction of a stream, or both; the descriptor stays.
 * @param how `SHUT_RD`: `recv` gives the end at once; `SHUT_WR`: the peer learns that no more comes, when it has all
 * @throws SocketError `ENOTCONN` if it is not connected; `EOPNOTSUPP`, `EBADF`, `EACCES`
 * @category Streams
 */
export function shutdown(sd: number, how: number): void {
    const s = lookupStream(sd)
    const c = s.connected()
    if (how !== SHUT_WR) s.deaf = true
    if (how !== SHUT_RD) closeSending(c)
    changed.notify(true)
}

const CODES = "EAGAIN EPIPE ECONNRESET ETIMEDOUT ENOTCONN"
const TEXTS =
    "the time is up|the stream was shut down for sending|the other side has ended the connection|the other side does not answer any more|the socket is not connected"

function failure(code: string, ifc?: Interface): SocketError {
    const i = choiceOf(CODES, code)
    return i === undefined ? errorOf(code, ifc) : new SocketError(code, split(TEXTS, "|")[i])
}
