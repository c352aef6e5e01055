/** The table of descriptors: which socket a descriptor is, made at boot as far as calls need it. */
import { CALLS, SOCKETS, USUAL_FRAME } from "../base/config"
import { SocketError } from "../base/errors"
import { collect } from "../base/heap"
import { getpgrp } from "../base/process"
import { Source } from "../address/assign"
import { FREE, Interface } from "../link/interface"
import { HEADROOM } from "../phy/phy"
import { DatagramSocket } from "./datagram"

/**
 * The sockets, by descriptor. Those of the calls, and one for their RTCP, are made at boot, like the interfaces; the others
 * when they are opened for the first time.
 */
export const sockets: DatagramSocket[] = []
for (let i = 0; i <= CALLS; i++) {
    sockets.push(new DatagramSocket())
    collect()
}

/** Before anybody looks at what was counted. */
export function settleSockets(): void {
    for (const s of sockets) s.settle()
}

/** Make the frames of the calls' sockets. */
export function makeFrames(): void {
    for (let sd = 0; sd < CALLS; sd++) {
        if (!sockets[sd].frame) sockets[sd].frame = Buffer.alloc(HEADROOM + USUAL_FRAME)
        collect()
    }
}

/** Open the lowest free descriptor (POSIX). @returns -1 if all are open */
export function openSocket(process: number, ifc: Interface, deferred: Source): number {
    let sd = 0
    while (sd < sockets.length) {
        if (sockets[sd].process === FREE) break
        sd++
    }
    if (sd >= SOCKETS) return -1
    if (sd === sockets.length) sockets.push(new DatagramSocket())
    sockets[sd].open(process, ifc, deferred)
    return sd
}

/** The socket of a descriptor that the running process may use: one of its group's. @throws SocketError `EBADF`, `EACCES` */
export function lookup(sd: number): DatagramSocket {
    const s = sockets[sd]
    if ((s ? s.process : FREE) === FREE) throw new SocketError("EBADF", `${sd} is not an open socket`)
    if (s.process !== getpgrp()) throw new SocketError("EACCES", `socket ${sd} belongs to process group ${s.process}`)
    return s
}
