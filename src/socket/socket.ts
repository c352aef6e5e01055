import * as ds from "@devicescript/core"
import { DATAGRAMS, MTU, SOCKETS } from "../config"
import { SocketError } from "../errors"
import { Source, closeInterface, needCommon, openInterface } from "../iface/addresses"
import { Output, TX_IP, allocate, neighbourFor, output } from "../iface/egress"
import { setOnUnreachable } from "../iface/icmp"
import { FREE, Interface, interfaces, isBroadcast } from "../iface/interface"
import { Neighbour, resolution, setOnNeighbour } from "../iface/neighbours"
import { DHCP_CLIENT_PORT } from "../wire/dhcp"
import { UNREACHABLE_HOST, UNREACHABLE_NET, UNREACHABLE_PORT, UNREACHABLE_PROTOCOL } from "../wire/icmp"
import { IPV4_HEADER, PROTOCOL_UDP } from "../wire/ipv4"
import { UDP_HEADER, writeUdp, writeUdpChecksum } from "../wire/udp"
import { ASSIGNING, Datagram, FROM_POOL, Receiver, Socket, SocketOption, TX_PAYLOAD, arrival, ephemeralPort, makeFrames, messageOf, openSocket, sockets } from "./table"
import { getpgrp, removeProcess } from "./process"

export { SocketOption } from "./table"

/** Address families. `AF_INET_TUPLE` asks for an address with three arguments alone. */
export const AF_INET = 2
export const AF_INET_TUPLE = 0x102

export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const IPPROTO_UDP = 17

/** The board's common address, as a plain socket has it. */
export const TUPLE_COMMON = 0
/** An address from the pool of reserved ones. */
export const TUPLE_STATIC = 1
/** A lease of its own. */
export const TUPLE_DHCP = 2
/** With one of the two above: the address is taken only at `bind` or `connect`. */
export const TUPLE_DEFER = 0x10
const TUPLE_OF = 0x100

/** Share the interface of that socket: RTP and RTCP of one call. */
export function tupleOf(sd: number): number {
    return TUPLE_OF | sd
}

/** `dhcp`, `static` or `common` as a tuple; `undefined` for another name. */
export function parseTuple(name: string): number {
    if (name === "dhcp") return TUPLE_DHCP
    if (name === "static") return TUPLE_STATIC
    return name === "common" ? TUPLE_COMMON : undefined
}

/** Where a socket is, or goes: an address as `wire/address` has them, and a port. */
export interface SocketAddress {
    address?: number
    port?: number
}

let defaultTuple = TUPLE_DHCP

/** Start the socket layer, on interfaces that are started. @param tuple what `AF_INET_TUPLE` without a tuple means */
export function startSockets(tuple: number): void {
    defaultTuple = tuple
    makeFrames()
    setOnNeighbour(onNeighbour)
    setOnUnreachable(onUnreachable)
}

function onNeighbour(n: Neighbour): void {
    for (const s of sockets) s.onNeighbour(n)
}

function onUnreachable(ifc: Interface, code: number, dst: number, srcPort: number, dstPort: number): void {
    const e = ifc.endpointOn(srcPort) as Socket
    // RFC 1122, 4.1.3.3: passed up; only a connected socket knows that it is meant
    if (!e || e.remote !== dst || e.remotePort !== dstPort) return
    if (code === UNREACHABLE_PORT || code === UNREACHABLE_PROTOCOL) e.onError("ECONNREFUSED")
    // RFC 1122, 3.2.2.1: this is a hint and no proof; it is believed as long as nothing was heard from there
    else if ((code === UNREACHABLE_NET || code === UNREACHABLE_HOST) && e.rx === 0) e.onError("EHOSTUNREACH")
}

/** The socket of a descriptor that the running process may use: one of its group's. @throws SocketError `EBADF`, `EACCES` */
export function lookup(sd: number): Socket {
    const s = sockets[sd]
    if (!s || s.process === FREE) throw new SocketError("EBADF", `${sd} is not an open socket`)
    if (s.process !== getpgrp()) throw new SocketError("EACCES", `socket ${sd} belongs to process group ${s.process}`)
    return s
}

/**
 * Create a socket (claims 9, 11-16).
 * @param format `AF_INET` or `AF_INET_TUPLE`
 * @param type `SOCK_DGRAM`
 * @param protocol 0 or `IPPROTO_UDP`
 * @param tuple which address; by default the common one, or with `AF_INET_TUPLE` the configured policy
 * @returns its descriptor
 * @throws SocketError `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `EINVAL`, `ENFILE`, `EADDRNOTAVAIL`; `EBADF`, `EACCES` from `tupleOf`
 */
export async function socket(format: number, type: number, protocol?: number, tuple?: number): Promise<number> {
    if (format !== AF_INET && format !== AF_INET_TUPLE)
        throw new SocketError("EAFNOSUPPORT", `address family ${format}: only AF_INET and AF_INET_TUPLE are known`)
    if (type !== SOCK_DGRAM || (protocol && protocol !== IPPROTO_UDP))
        throw new SocketError("EPROTONOSUPPORT", "only SOCK_DGRAM with UDP is known")
    if (tuple === undefined) tuple = format === AF_INET ? TUPLE_COMMON : defaultTuple

    const process = getpgrp()
    let ifc: Interface
    let source: Source
    const kind = tuple & ~TUPLE_DEFER
    if ((tuple & TUPLE_OF) !== 0) ifc = lookup(tuple & ~TUPLE_OF).ifc
    else if (kind === TUPLE_STATIC) source = Source.Static
    else if (kind === TUPLE_DHCP) source = Source.Dhcp
    else if (tuple === TUPLE_COMMON) ifc = interfaces[0]
    else throw new SocketError("EINVAL", `tuple ${tuple} is none of TUPLE_COMMON, TUPLE_STATIC, TUPLE_DHCP, tupleOf`)
    if (!ifc && source === undefined) throw new SocketError("EINVAL", "that socket has no address to share yet")

    const sd = openSocket(process, ifc, source)
    if (sd < 0) throw new SocketError("ENFILE", `all ${SOCKETS} sockets are open; close one`)
    if (!ifc && (tuple & TUPLE_DEFER) === 0) await assign(sockets[sd])
    return sd
}

/** Give a socket its address; one that cannot have it is gone. */
async function assign(s: Socket): Promise<void> {
    const generation = s.generation
    if ((s.flags & ASSIGNING) !== 0) throw new SocketError("EALREADY", "another fiber asks for the socket's address")
    s.flags |= ASSIGNING
    try {
        const ifc = await openInterface((s.flags & FROM_POOL) !== 0 ? Source.Static : Source.Dhcp, s.process)
        if (isStill(s, generation)) s.ifc = ifc
        else {
            await closeInterface(ifc)
            throw new SocketError("EBADF", messageOf("EBADF"))
        }
    } catch (e) {
        if (isStill(s, generation)) s.dispose()
        throw e
    }
}

/** Whether a socket has not been closed since, even if its descriptor is open again. */
function isStill(s: Socket, generation: number): boolean {
    return s.process !== FREE && s.generation === generation
}

/**
 * Bind a socket to its address and a port (claims 17-24).
 * @param to port 0 or none: an ephemeral one; the address is the socket's own and is best left out
 * @returns address and port
 * @throws SocketError `EINVAL` if it is bound, `EADDRINUSE`, `EADDRNOTAVAIL` (also if no address is to be had), `EALREADY` while
 *   another fiber waits for its address, `ENETDOWN`, `EBADF`, `EACCES`
 */
export async function bind(sd: number, to: SocketAddress): Promise<SocketAddress> {
    const s = lookup(sd)
    if (s.port !== 0) throw new SocketError("EINVAL", `socket ${sd} is bound to port ${s.port}`)
    const generation = s.generation
    if (!s.ifc) await assign(s)
    const ifc = s.ifc
    if (ifc.isCommon()) await needCommon()
    // while it waited, another fiber may have closed the socket, or bound it
    if (!isStill(s, generation)) throw new SocketError("EBADF", messageOf("EBADF"))
    if (s.port !== 0) throw new SocketError("EINVAL", `socket ${sd} is bound to port ${s.port}`)
    s.throwPending()
    if (ifc.address === 0) throw new SocketError("ENETDOWN", messageOf("ENETDOWN", ifc))
    if (to.address && to.address !== ifc.address)
        throw new SocketError("EADDRNOTAVAIL", "a socket is bound to its own address; leave the address out")
    const port = to.port || ephemeralPort(ifc)
    if (port < 1 || port > 65535) throw new SocketError("EINVAL", `port ${port} is not from 1 to 65535`)
    if (port === DHCP_CLIENT_PORT || ifc.endpointOn(port)) throw new SocketError("EADDRINUSE", `port ${port} is in use on ${ifc.name()}`)
    s.port = port
    ifc.add(s)
    return { address: ifc.address, port }
}

/**
 * Connect a socket to its target: it is bound if need be, sends there, and hears only that (claims 25-31).
 * @throws SocketError as `bind`; `EINVAL` for a bad target, `ENETUNREACH` without a route to it, `EACCES` for a broadcast address
 */
export async function connect(sd: number, to: SocketAddress): Promise<void> {
    const s = lookup(sd)
    if (!to.address || !(to.port > 0 && to.port < 65536))
        throw new SocketError("EINVAL", "a target needs an address and a port from 1 to 65535")
    if (s.port === 0) await bind(sd, {})
    s.throwPending()
    checkBroadcast(s, to.address)
    if (!isBroadcast(s.ifc, to.address) && !neighbourFor(s.ifc, to.address))
        throw new SocketError("ENETUNREACH", `there is no route from ${s.ifc.name()} to that address`)
    s.remote = to.address
    s.remotePort = to.port
    s.unprepare()
}

function checkBroadcast(s: Socket, address: number): void {
    if (!isSet(s, SocketOption.SO_BROADCAST) && isBroadcast(s.ifc, address))
        throw new SocketError("EACCES", "that is a broadcast address; set SO_BROADCAST first")
}

/**
 * Wait until the neighbour towards the target is known, so that no packet of a stream has to wait for it.
 * @throws SocketError `EHOSTUNREACH` if it does not answer within `timeout` milliseconds
 */
export async function reach(sd: number, timeout: number): Promise<void> {
    const s = lookup(sd)
    const until = ds.millis() + timeout
    const generation = s.generation
    while (true) {
        if (!isStill(s, generation)) throw new SocketError("EBADF", messageOf("EBADF"))
        s.throwPending()
        const n = neighbourFor(s.ifc, s.remote)
        if (n && n.known) return
        const left = until - ds.millis()
        if (left <= 0) throw new SocketError("EHOSTUNREACH", messageOf("EHOSTUNREACH"))
        await resolution.wait(left)
    }
}

/** Address and port in use (claims 32-35). @throws SocketError `EBADF`, `EACCES` */
export function getsockname(sd: number): SocketAddress {
    const s = lookup(sd)
    return { address: s.ifc ? s.ifc.address : 0, port: s.port }
}

/** The target of `connect`. @throws SocketError `ENOTCONN`, `EBADF`, `EACCES` */
export function getpeername(sd: number): SocketAddress {
    const s = lookup(sd)
    if (s.remotePort === 0) throw new SocketError("ENOTCONN", `socket ${sd} is not connected`)
    return { address: s.remote, port: s.remotePort }
}

function checkLength(length: number): void {
    if (length > MTU - IPV4_HEADER - UDP_HEADER)
        throw new SocketError("EMSGSIZE", `${length} bytes are more than a packet holds (${MTU - IPV4_HEADER - UDP_HEADER})`)
}

/**
 * Send a datagram to the connected target. It may wait for its neighbour's MAC address.
 * @throws SocketError `ENOTCONN`, `EMSGSIZE`, `ENOBUFS` if the PHY does not take it, or the error that is waiting
 */
export function send(sd: number, data: Buffer): void {
    const s = lookup(sd)
    s.throwPending()
    if (s.remotePort === 0) throw new SocketError("ENOTCONN", `socket ${sd} is not connected`)
    checkLength(data.length)
    const frame = s.prepare(data.length)
    frame.blitAt(TX_PAYLOAD, data, 0, data.length)
    if (!s.transmit()) throw new SocketError("ENOBUFS", "the PHY takes no more now; wait and try again")
}

/** Send a datagram to any target; the socket is bound if need be. @throws SocketError as `send` and `bind` */
export async function sendto(sd: number, data: Buffer, to: SocketAddress): Promise<void> {
    const s = lookup(sd)
    s.throwPending()
    if (!to.address || !(to.port > 0 && to.port < 65536))
        throw new SocketError("EINVAL", "a target needs an address and a port from 1 to 65535")
    checkLength(data.length)
    if (s.port === 0) await bind(sd, {})
    checkBroadcast(s, to.address)
    const b = allocate(s.ifc, PROTOCOL_UDP, s.tosOctet(), to.address, UDP_HEADER + data.length)
    const udp = TX_IP + IPV4_HEADER
    writeUdp(b, udp, s.port, to.port, data.length)
    b.blitAt(udp + UDP_HEADER, data, 0, data.length)
    if (!isSet(s, SocketOption.SO_NO_CHECK)) writeUdpChecksum(b, TX_IP, udp, UDP_HEADER + data.length)
    const o = output(s.ifc, b, to.address)
    if (o === Output.Unreachable) throw new SocketError("ENETUNREACH", `there is no route from ${s.ifc.name()} to that address`)
    if (!s.sent(o)) throw new SocketError("ENOBUFS", "the PHY takes no more now; wait and try again")
}

/**
 * Wait for a datagram and tell where it came from.
 * @param timeout milliseconds; `undefined` waits for ever
 * @throws SocketError `EAGAIN` on time-out, `EINVAL` on an unbound socket, or the error that is waiting
 */
export async function recvfrom(sd: number, timeout?: number): Promise<Datagram> {
    const s = lookup(sd)
    if (s.port === 0) throw new SocketError("EINVAL", `socket ${sd} is not bound: nothing can arrive`)
    const until = timeout === undefined ? Infinity : ds.millis() + timeout
    const generation = s.generation
    while (true) {
        if (!isStill(s, generation)) throw new SocketError("EBADF", messageOf("EBADF"))
        s.throwPending()
        const d = s.dequeue()
        if (d) return d
        const left = until - ds.millis()
        if (left <= 0) throw new SocketError("EAGAIN", `nothing arrived within ${timeout} ms`)
        await arrival.wait(left)
    }
}

/** As `recvfrom`, the payload alone. */
export async function recv(sd: number, timeout?: number): Promise<Buffer> {
    return (await recvfrom(sd, timeout)).data
}

/** Have datagrams read in place as they arrive, instead of queued for `recv`: the hot path. @returns the socket itself */
export function setreceiver(sd: number, receiver: Receiver): Socket {
    const s = lookup(sd)
    // what came before it is too old for it, and would stay in the heap until the end
    while (s.dequeue()) {}
    s.settle()
    s.receiver = receiver
    s.onPayload = receiver ? receiver.onPayload : undefined
    return s
}

function isSet(s: Socket, option: SocketOption): boolean {
    return (s.flags & (1 << option)) !== 0
}

/** @throws SocketError `EINVAL` for a value out of range, `EBADF`, `EACCES` */
export function setsockopt(sd: number, option: SocketOption, value: number | boolean): void {
    const s = lookup(sd)
    if (option === SocketOption.SO_NO_CHECK || option === SocketOption.SO_BROADCAST)
        s.flags = value ? s.flags | (1 << option) : s.flags & ~(1 << option)
    else if (option === SocketOption.SO_RCVBUF && value >= 1 && value <= DATAGRAMS) s.queueLength = value as number
    else if (option === SocketOption.IP_TOS && value >= 0 && value <= 255) s.tos = value as number
    else if (option === SocketOption.IP_DSCP && value >= 0 && value <= 63 && s.ifc) s.ifc.dscp = value as number
    else throw new SocketError("EINVAL", `option ${option} cannot be ${value}`)
    // headers are written anew
    for (const o of sockets) if (o === s || (o.ifc && o.ifc === s.ifc)) o.unprepare()
}

/** @throws SocketError `EINVAL`, `EBADF`, `EACCES` */
export function getsockopt(sd: number, option: SocketOption): number | boolean {
    const s = lookup(sd)
    if (option === SocketOption.SO_NO_CHECK || option === SocketOption.SO_BROADCAST) return isSet(s, option)
    if (option === SocketOption.SO_RCVBUF) return s.queueLength || DATAGRAMS
    if (option === SocketOption.IP_TOS) return s.tosOctet()
    if (option === SocketOption.IP_DSCP) return s.ifc ? s.ifc.dscp : 0
    throw new SocketError("EINVAL", `there is no option ${option}`)
}

/**
 * Close a socket: its port and descriptor are free at once, its interface and address with its last socket; a leased
 * address is released to its server (claims 36-39). There is one table of descriptors, so that this closes the socket for
 * all processes of its group.
 * @throws SocketError `EBADF`, `EACCES`
 */
export async function close(sd: number): Promise<void> {
    await dispose(lookup(sd))
}

async function dispose(s: Socket): Promise<void> {
    const ifc = s.ifc
    s.dispose()
    if (ifc && !ifc.isCommon() && !sockets.find(o => o.ifc === ifc)) await closeInterface(ifc)
}

/**
 * End the process that the running fiber is. With the last process of its group ends the group: all that it has open is
 * closed. Until then what this process has opened stays, since the others may be using it: POSIX closes a socket with the
 * last process that has a descriptor for it.
 */
export async function leaveProcess(): Promise<void> {
    // nobody can join the group from here on, although closing waits; if it goes on, no socket is `undefined`'s
    const group = removeProcess()
    for (let sd = 0; sd < sockets.length; sd++) if (sockets[sd].process === group) await dispose(sockets[sd])
}
