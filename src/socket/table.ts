/** The table of descriptors: which socket a descriptor is, made at boot as far as calls need it. */
import { CALLS, SOCKETS } from "../base/config"
import { fail } from "../base/errors"
import { collect } from "../base/heap"
import { getpgrp } from "../base/process"
import { Source } from "../address/assign"
import { FREE, Interface } from "../link/interface"
import { DatagramSocket } from "./datagram"
import { Socket } from "./socket"

/**
 * The sockets, by descriptor. Those of the calls, and one for their RTCP, are made at boot, like the interfaces; the others
 * when they are opened for the first time.
 */
export const sockets: Socket[] = []
for (let i = 0; i <= CALLS; i++) {
    sockets.push(new DatagramSocket())
    collect()
}

/** Before anybody looks at what was counted. */
export function settleSockets(): void {
    for (const s of sockets) s.settle()
}

/** Makes a socket of another kind, in the place of the one that the table has. */
export type SocketMaker = (inPlaceOf: Socket, process: number, ifc: Interface, deferred: Source) => Socket

/** Makes sockets of streams, in an image that has them. */
export let makeStream: SocketMaker

/** Have streams: their part of the image calls it. */
export function registerStreams(make: SocketMaker): void {
    makeStream = make
}

/**
 * Open the lowest free descriptor (POSIX).
 * @param make for one that is not for datagrams
 * @returns -1 if all are open
 */
export function openSocket(process: number, ifc: Interface, deferred: Source, make?: SocketMaker): number {
    let sd = 0
    while (sd < sockets.length) {
        if (sockets[sd].process === FREE) break
        sd++
    }
    if (sd >= SOCKETS) return -1
    if (sd === sockets.length) sockets.push(new DatagramSocket())
    const s = sockets[sd] as DatagramSocket
    if (make) sockets[sd] = make(s, process, ifc, deferred)
    else s.open(process, ifc, deferred)
    return sd
}

/** The socket of a descriptor that the running process may use: one of its group's. @throws SocketError `EBADF`, `EACCES` */
export function lookup(sd: number): Socket {
    const s = sockets[sd]
    let process = FREE
    if (s) process = s.process
    if (process === FREE) fail("EBADF", `${sd} is not an open socket`)
    if (process !== getpgrp()) fail("EACCES", `socket ${sd} belongs to process group ${process}`)
    return s
}

/** The same, if it is for datagrams. @throws SocketError `EBADF`, `EACCES`, `EOPNOTSUPP` */
export function lookupDatagram(sd: number): DatagramSocket {
    const s = lookup(sd)
    if (s instanceof DatagramSocket) return s
    fail("EOPNOTSUPP", `socket ${sd} is one of a stream`)
}
