/** What a socket asks of a connection. @see RFC 9293, 3.9.1 and 3.10.1 to 3.10.3 */
import { TCP_BUFFER, TCP_CONNECTIONS } from "../../base/config"
import { reserveTimers } from "../../base/timers"
import { registerProtocol } from "../../ip/protocols"
import { Interface } from "../../link/interface"
import { SYN } from "../../wire/tcp"
import { Connection, MSS, PROTOCOL_TCP, State, hasRoom, mayReceive, startConnections, takeBuffers } from "./connection"
import { tcpInput } from "./input"
import { begin } from "./open"
import { acknowledge, startOutput, transmit } from "./output"
import { intoRing, outOfRing } from "./ring"
import { onTimer } from "./timeouts"

/** Have TCP in the image. @param streams how many connections may have buffers @param free is told of each interface that a connection needs no more */
export function startTcp(streams: number, free: (ifc: Interface) => void): void {
    startConnections(reserveTimers(2 * TCP_CONNECTIONS, onTimer), streams, free)
    startOutput()
    registerProtocol(PROTOCOL_TCP, tcpInput)
}

/** Open a connection to a peer. @returns whether there are buffers for it */
export function openTo(c: Connection, remote: number, remotePort: number): boolean {
    if (!hasRoom()) return false
    takeBuffers(c)
    c.remote = remote
    c.remotePort = remotePort
    begin(c, SYN, State.SynSent)
    return true
}

/** Take data to send, as far as there is room. @param from of the first octet @returns how many octets were taken */
export function put(c: Connection, b: Buffer, from: number): number {
    const n = Math.min(TCP_BUFFER - c.txCount, b.length - from)
    if (n > 0) {
        intoRing(c.tx, c.txFirst + c.txCount, b, from, n)
        c.txCount += n
        transmit(c, false)
    }
    return n
}

/** Take out what was received, at most a segment's worth. */
export function get(c: Connection): Buffer {
    const n = Math.min(MSS, c.rxCount)
    const b = Buffer.alloc(n)
    outOfRing(c.rx, c.rxFirst, b, 0, n)
    c.rxFirst = (c.rxFirst + n) % TCP_BUFFER
    c.rxCount -= n
    // when the peer cannot send another segment it learns of the room, if that is worth one
    const window = (c.rcvAdv - c.rcvNxt) | 0
    if (window < MSS) if (TCP_BUFFER - c.rxCount - window >= MSS) if (mayReceive(c)) acknowledge(c)
    return b
}
