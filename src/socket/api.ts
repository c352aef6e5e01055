/**
 * The socket API: POSIX's calls on descriptors, with the tuple of the application (claims 9 to 39). Read `socket.ts` and
 * `datagram.ts` for what is behind a descriptor.
 */
import * as ds from "@devicescript/core"
import { CALLS, MTU, SOCKETS, USUAL_FRAME } from "../base/config"
import { fail, SocketError } from "../base/errors"
import { collect } from "../base/heap"
import { getpgrp, removeProcess } from "../base/process"
import { Source, openInterface } from "../address/assign"
import { closeInterface } from "../address/release"
import { needCommon } from "../address/common"
import { Output, neighbourFor } from "../ip/output"
import { Interface, interfaceOf, interfaces, isBroadcast } from "../link/interface"
import { resolution } from "../link/neighbours"
import { HEADROOM } from "../phy/phy"
import { ephemeralPort } from "../transport/ports"
import { IPV4_HEADER } from "../wire/ipv4"
import { UDP_HEADER } from "../wire/udp"
import { Datagram, DatagramSocket, TX_PAYLOAD } from "./datagram"
import { ASSIGNING, FROM_POOL, Receiver, Socket, SocketOption, Stream, arrival, errorOf, protocolOf } from "./socket"
import { SocketMaker, lookup, lookupDatagram, makeStream, openSocket, sockets } from "./table"
import { TUPLE_COMMON, TUPLE_DEFER, TUPLE_DHCP, TUPLE_OF, TUPLE_STATIC } from "./tuple"

/**
 * The address family of a plain socket, which has the board's common address.
 * @category Kinds of sockets
 */
export const AF_INET = 2
/**
 * The address family of a socket with an address of its own (claim 12): which one, says the tuple, or without a tuple the
 * setting `TUPLE`.
 * @category Kinds of sockets
 */
export const AF_INET_TUPLE = 0x102

/**
 * A socket for a stream of bytes: TCP. A program has it after `startStreams`.
 * @category Kinds of sockets
 */
export const SOCK_STREAM = 1
/**
 * A socket for datagrams.
 * @category Kinds of sockets
 */
export const SOCK_DGRAM = 2
/**
 * The protocol of datagrams, which 0 means too.
 * @category Kinds of sockets
 */
export const IPPROTO_UDP = 17
/**
 * The protocol of streams, which 0 means too.
 * @category Kinds of sockets
 */
export const IPPROTO_TCP = 6

const NO_ROOM = "the PHY takes no more now; wait and try again"

/**
 * Where a socket is, or where something goes.
 * @category Sockets
 */
export interface SocketAddress {
    /** As `parseAddress` gives it. */
    address?: number
    /** 1 to 65535; 0 or left out for none. */
    port?: number
}

let defaultTuple = TUPLE_DHCP

/** Start the socket layer, on interfaces that are started. @param tuple what `AF_INET_TUPLE` without a tuple means */
export function startSockets(tuple: number): void {
    defaultTuple = tuple
    // the frames of the calls' sockets
    for (let sd = 0; sd < CALLS; sd++) {
        const s = sockets[sd] as DatagramSocket
        if (!s.frame) s.frame = Buffer.alloc(HEADROOM + USUAL_FRAME)
        collect()
    }
}

/**
 * Create a socket (claims 9, 11-16). With `TUPLE_DHCP` or `TUPLE_STATIC` it has its address when this returns, unless that
 * is deferred.
 * @param format `AF_INET` or `AF_INET_TUPLE`
 * @param type `SOCK_DGRAM`, or `SOCK_STREAM` after `startStreams`
 * @param protocol 0, or the one of the type: `IPPROTO_UDP`, `IPPROTO_TCP`
 * @param tuple which address; by default the common one, or with `AF_INET_TUPLE` the configured policy
 * @returns its descriptor
 * @throws SocketError `EAFNOSUPPORT` for another family, `EPROTONOSUPPORT` for another type or protocol, `EINVAL` for a tuple
 *   that is none, or that of a socket without an address, `ENFILE` if all sockets are open (24), `EADDRNOTAVAIL` if no address is
 *   to be had; `EBADF`, `EACCES` from `tupleOf`
 * @category Sockets
 */
export async function socket(format: number, type: number, protocol?: number, tuple?: number): Promise<number> {
    let usual = TUPLE_COMMON
    if (format === AF_INET_TUPLE) usual = defaultTuple
    else if (format !== AF_INET) fail("EAFNOSUPPORT", `address family ${format}: only AF_INET and AF_INET_TUPLE are known`)
    let own = IPPROTO_UDP
    let make: SocketMaker
    if (type !== SOCK_DGRAM) {
        if (type === SOCK_STREAM) make = makeStream
        own = IPPROTO_TCP
        // a type that is not in the image has no protocol
        if (!make) protocol = -1
    }
    if (protocol) if (protocol !== own) fail("EPROTONOSUPPORT", "this image has no such sockets")
    if (tuple === undefined) tuple = usual

    const process = getpgrp()
    let ifc: Interface
    let source: Source
    const kind = tuple & ~TUPLE_DEFER
    if (tuple & TUPLE_OF) ifc = lookup(tuple & ~TUPLE_OF).ifc
    else if (kind === TUPLE_STATIC) source = Source.Static
    else if (kind === TUPLE_DHCP) source = Source.Dhcp
    else if (tuple === TUPLE_COMMON) ifc = interfaces[0]
    else fail("EINVAL", `tuple ${tuple} is none of TUPLE_COMMON, TUPLE_STATIC, TUPLE_DHCP, tupleOf`)
    if (!ifc) if (source === undefined) fail("EINVAL", "that socket has no address to share yet")

    const sd = openSocket(process, ifc, source, make)
    if (sd < 0) fail("ENFILE", `all ${SOCKETS} sockets are open; close one`)
    if (!ifc) if ((tuple & TUPLE_DEFER) === 0) await assign(sockets[sd])
    return sd
}

/** Give a socket its address; one that cannot have it is gone. */
async function assign(s: Socket): Promise<void> {
    const generation = s.generation
    if (s.flags & ASSIGNING) fail("EALREADY", "another fiber asks for the socket's address")
    s.flags = s.flags | ASSIGNING
    try {
        let source = Source.Dhcp
        if (s.flags & FROM_POOL) source = Source.Static
        const ifc = await openInterface(source, s.process)
        if (s.generation === generation) s.ifc = ifc
        else {
            await closeInterface(ifc)
            throw errorOf("EBADF")
        }
    } catch (e) {
        if (s.generation === generation) s.dispose()
        throw e
    }
}

/** @throws SocketError `EBADF` if a socket was closed meanwhile, or the error that waits for it */
function checkStill(s: Socket, generation: number): void {
    if (s.generation !== generation) throw errorOf("EBADF")
    s.throwPending()
}

/**
 * Bind a socket to its address and a port (claims 17-24).
 * @param to port 0 or none: an ephemeral one (49152 to 65535); the address is the socket's own and is best left out
 * @returns address and port
 * @throws SocketError `EINVAL` if it is bound or the port is none, `EADDRINUSE` if the port is in use on that address, `EADDRNOTAVAIL` for
 *   an address that is not its own, or if no address is to be had, `EALREADY` while another fiber waits for its address,
 *   `ENOBUFS` for a stream if all connections are in use (8), `ENETDOWN` if the address is lost, `EBADF`, `EACCES`
 * @category Sockets
 */
export async function bind(sd: number, to: SocketAddress): Promise<SocketAddress> {
    const s = lookup(sd)
    const generation = s.generation
    if (!s.ifc) await assign(s)
    const ifc = s.ifc
    if (ifc.isCommon()) await needCommon()
    // while it waited, another fiber may have closed the socket, or bound it
    checkStill(s, generation)
    if (s.port !== 0) fail("EINVAL", `socket ${sd} is bound to port ${s.port}`)
    if (ifc.address === 0) throw errorOf("ENETDOWN", ifc)
    if (to.address) if (to.address !== ifc.address) fail("EADDRNOTAVAIL", "a socket is bound to its own address; leave the address out")
    let port = to.port
    if (!port) port = ephemeralPort(ifc, protocolOf(s))
    if (!isPort(port)) fail("EINVAL", `port ${port} is not from 1 to 65535`)
    if (ifc.endpointOn(protocolOf(s), port)) fail("EADDRINUSE", `port ${port} is in use on ${ifc.name()}`)
    ifc.add(s.endpoint(port))
    s.port = port
    return { address: ifc.address, port }
}

/**
 * Connect a socket to its target: it is bound if need be, sends there, and hears only that (claims 25-31). One of a stream waits
 * until the other side has answered.
 * @throws SocketError as `bind`; `EINVAL` for a bad target, `ENETUNREACH` without a route to it, `EACCES` for a broadcast address without `SO_BROADCAST`.
 *   For a stream also `EISCONN` if it is connected or listens, `EADDRINUSE` while the same connection is still ending, `ENOBUFS`
 *   if all buffers are in use (4 streams), `ECONNREFUSED`, `EHOSTUNREACH`, `ETIMEDOUT`
 * @category Sockets
 */
export async function connect(sd: number, to: SocketAddress): Promise<void> {
    const s = await bound(sd, to)
    s.throwPending()
    checkBroadcast(s, to.address)
    if (!isBroadcast(s.ifc, to.address)) if (!neighbourFor(s.ifc, to.address)) throw unreachable(s, to.address)
    if (s.protocol) return await (s as Stream).open(to.address, to.port)
    s.remote = to.address
    s.remotePort = to.port
    s.unprepare()
}

function isPort(port: number): boolean {
    if (port > 0) return port < 65536
    return false
}

/** The socket of a descriptor, bound if need be, for a target that may be one. */
async function bound(sd: number, to: SocketAddress): Promise<Socket> {
    const s = lookup(sd)
    if (!to.address || !isPort(to.port)) fail("EINVAL", "a target needs an address and a port from 1 to 65535")
    if (s.port === 0) await bind(sd, {})
    return s
}

function unreachable(s: Socket, address: number): SocketError {
    let why = "that is an address of this device itself"
    if (!interfaceOf(address)) why = `there is no route from ${s.ifc.name()} to that address`
    return new SocketError("ENETUNREACH", why)
}

function checkBroadcast(s: Socket, address: number): void {
    if ((s.flags & (1 << SocketOption.SO_BROADCAST)) === 0)
        if (isBroadcast(s.ifc, address)) fail("EACCES", "that is a broadcast address; set SO_BROADCAST first")
}

/**
 * Wait until the neighbour towards the target of `connect` is known, so that no packet of a stream has to wait for it: of
 * those sent before, only the last one waits.
 * @param timeout milliseconds
 * @throws SocketError `EHOSTUNREACH` if it does not answer in that time
 * @category Data
 */
export async function reach(sd: number, timeout: number): Promise<void> {
    const s = lookup(sd)
    const until = ds.millis() + timeout
    const generation = s.generation
    for (;;) {
        checkStill(s, generation)
        const n = neighbourFor(s.ifc, s.remote)
        if (n?.known) return
        const left = until - ds.millis()
        if (left <= 0) throw errorOf("EHOSTUNREACH")
        await resolution.wait(left)
    }
}

/**
 * Where a socket is (claims 32-35).
 * @returns address and port in use, each 0 while there is none
 * @throws SocketError `EBADF`, `EACCES`
 * @category Sockets
 */
export function getsockname(sd: number): SocketAddress {
    const s = lookup(sd)
    return { address: s.ifc ? s.ifc.address : 0, port: s.port }
}

/**
 * The target of `connect`, or who has connected to a socket that `accept` gave.
 * @throws SocketError `ENOTCONN` if it is not connected, `EBADF`, `EACCES`
 * @category Sockets
 */
export function getpeername(sd: number): SocketAddress {
    const s = lookup(sd)
    if (s.remotePort === 0) fail("ENOTCONN", `socket ${sd} is not connected`)
    return { address: s.remote, port: s.remotePort }
}

function checkLength(length: number): void {
    if (length > MTU - IPV4_HEADER - UDP_HEADER)
        fail("EMSGSIZE", `${length} bytes are more than a packet holds (${MTU - IPV4_HEADER - UDP_HEADER})`)
}

/**
 * Send to the connected target: a datagram, which may wait for its neighbour's MAC address, or bytes of a stream. Await it on a
 * stream: it returns when the last of them is in the stream's buffer (2920 bytes), which does not say that the other side has them.
 * @param data of a datagram at most 1472 bytes; they may be changed when this returns
 * @param timeout milliseconds for which a stream waits until it has room for all of them; `undefined` waits for ever
 * @returns how many bytes were taken: all, but of a stream whose time is up
 * @throws SocketError `ENOTCONN`, `EMSGSIZE` if a datagram is too long, `ENOBUFS` if the PHY does not take it, `EAGAIN` if a stream
 *   has taken none in that time, `EPIPE` after `shutdown`, or the error that is waiting: `ECONNREFUSED` or `EHOSTUNREACH` from the other
 *   side, `ECONNRESET`, `ETIMEDOUT` of a stream, `ENETDOWN` if the address is lost
 * @category Data
 */
export function send(sd: number, data: Buffer, timeout?: number): number {
    const s = lookup(sd)
    // only a stream waits: programs that send datagrams need not await it
    if (s.protocol) return (s as any).send(data, timeout)
    s.throwPending()
    if (s.remotePort === 0) fail("ENOTCONN", `socket ${sd} is not connected`)
    checkLength(data.length)
    const d = s as DatagramSocket
    const frame = d.prepare(data.length)
    frame.blitAt(TX_PAYLOAD, data, 0, data.length)
    if (!d.transmit()) fail("ENOBUFS", NO_ROOM)
    return data.length
}

/**
 * Send a datagram to any target; the socket is bound if need be.
 * @param data at most 1472 bytes; they may be changed when this returns
 * @param to what `recvfrom` gave may be passed to answer it
 * @throws SocketError as `send` and `bind`; `EOPNOTSUPP` on a stream, `EINVAL` for a bad target, `ENETUNREACH` without a route to it or for an address of this
 *   device, `EACCES` for a broadcast address without `SO_BROADCAST`
 * @category Data
 */
export async function sendto(sd: number, data: Buffer, to: SocketAddress): Promise<void> {
    checkLength(data.length)
    const s = lookupDatagram(sd)
    await bound(sd, to)
    s.throwPending()
    checkBroadcast(s, to.address)
    const o = s.sendTo(data, to.address, to.port)
    if (o === Output.Unreachable) throw unreachable(s, to.address)
    if (!s.sent(o)) fail("ENOBUFS", NO_ROOM)
}

/**
 * Wait for a datagram and tell where it came from.
 * @param timeout milliseconds; `undefined` waits for ever
 * @returns the oldest that waits: its `data`, the `address` and `port` of who sent it, and at which address it came in
 * @throws SocketError `EAGAIN` on time-out, `EINVAL` on an unbound socket, `EOPNOTSUPP` on a stream, or the error that is waiting: see `send`
 * @category Data
 */
export async function recvfrom(sd: number, timeout?: number): Promise<Datagram> {
    const s = lookupDatagram(sd)
    if (s.port === 0) fail("EINVAL", `socket ${sd} is not bound: nothing can arrive`)
    const until = timeout === undefined ? Infinity : ds.millis() + timeout
    const generation = s.generation
    for (;;) {
        checkStill(s, generation)
        const d = s.dequeue()
        if (d) return d
        const left = until - ds.millis()
        if (left <= 0) fail("EAGAIN", `nothing arrived within ${timeout} ms`)
        await arrival.wait(left)
    }
}

/**
 * Wait for data: the payload of the oldest datagram that waits, or what a stream has brought, at most 536 bytes at once. A stream
 * has no boundaries: what was sent at once may come in pieces, and in one piece with what was sent next.
 * @param timeout milliseconds; `undefined` waits for ever
 * @returns an empty buffer at the end of a stream
 * @throws SocketError as `recvfrom`; on a stream `ENOTCONN` if it is not connected, `ECONNRESET`, `ETIMEDOUT`
 * @category Data
 */
export async function recv(sd: number, timeout?: number): Promise<Buffer> {
    const s = lookup(sd)
    if (s.protocol) return await (s as Stream).recv(timeout)
    return (await recvfrom(sd, timeout)).data
}

/**
 * Have datagrams read in place as they arrive, instead of queued for `recv`: the hot path, which copies and allocates nothing.
 * What waits in the queue is dropped.
 * @param receiver is called from the fiber that reads the PHY, and must not wait; `undefined` ends it
 * @returns the socket itself, for the stack's own use
 * @throws SocketError `EOPNOTSUPP` on a stream, `EBADF`, `EACCES`
 * @category Data
 */
export function setreceiver(sd: number, receiver: Receiver): DatagramSocket {
    const s = lookup(sd) as DatagramSocket
    // what came before it is too old for it, and would stay in the heap until the end
    while (s.dequeue()) {}
    s.settle()
    s.receiver = receiver
    s.onPayload = receiver?.onPayload
    return s
}

/**
 * Close a socket: its port and descriptor are free at once, its interface and address with its last socket; a leased
 * address is released to its server (claims 36-39). There is one table of descriptors, so that this closes the socket for
 * all processes of its group.
 *
 * What a stream was given to send goes on its way (but see `SO_LINGER`), and its address stays until the connection has ended: 10
 * seconds longer for the side that closes first (TIME-WAIT). What was received and not read resets the connection.
 * @throws SocketError `EBADF`, `EACCES`
 * @category Sockets
 */
export async function close(sd: number): Promise<void> {
    await dispose(lookup(sd))
}

async function dispose(s: Socket): Promise<void> {
    if (s.linger > 0) await (s as Stream).drain()
    const ifc = s.ifc
    s.dispose()
    if (ifc) await freeUnused(ifc)
}

/** Give an interface and its address back, unless it is the common one, or a socket or the end of a stream needs it. */
export async function freeUnused(ifc: Interface): Promise<void> {
    if (ifc.isCommon()) return
    if (ifc.endpoints) return
    for (const s of sockets) if (s.ifc === ifc) return
    await closeInterface(ifc)
}

/**
 * End the process that the running fiber is. With the last process of its group ends the group: all that it has open is
 * closed. Until then what this process has opened stays, since the others may be using it: POSIX closes a socket with the
 * last process that has a descriptor for it.
 * @category Processes
 */
export async function leaveProcess(): Promise<void> {
    // nobody can join the group from here on, although closing waits; if it goes on, no socket is `undefined`'s
    const group = removeProcess()
    for (let sd = 0; sd < sockets.length; sd++) if (sockets[sd].process === group) await dispose(sockets[sd])
}
