/** ICMP (RFC 792): echo both ways, and errors, which find the endpoint whose packet they quote. */
import * as ds from "@devicescript/core"
import { ICMP_ERRORS_PER_SECOND, MTU } from "../base/config"
import { count, Counter } from "../base/counters"
import { Signal } from "../base/signal"
import { checksumHolds, sum } from "../wire/checksum"
import {
    ICMP_CODE,
    ICMP_ECHO_REPLY,
    ICMP_ECHO_REQUEST,
    ICMP_HEADER,
    ICMP_IDENTIFIER,
    ICMP_REDIRECT,
    ICMP_ROUTER,
    ICMP_SEQUENCE,
    ICMP_TIME_EXCEEDED,
    ICMP_TYPE,
    ICMP_UNREACHABLE,
    writeIcmpChecksum,
} from "../wire/icmp"
import { IPV4_DST, IPV4_HEADER, IPV4_PROTOCOL, IPV4_SRC, IPV4_TOS, IPV4_TOTAL_LENGTH, IPV4_VERSION_IHL, PROTOCOL_ICMP } from "../wire/ipv4"
import { get16, put16 } from "../wire/order"
import { TX_IP } from "../link/ethernet"
import { Output, allocate, neighbourOn, output, sendBack } from "./output"
import { redirect } from "./redirects"
import type { Interface } from "../link/interface"

/** An echo reply, with its sequence number as value. */
const echoReply = new Signal()
const ECHO_IDENTIFIER = 0x7470

/** Where a transmit buffer has the message. */
const TX_ICMP = TX_IP + IPV4_HEADER

/** Bytes behind the IPv4 header that an error quotes at least (RFC 792): of every transport protocol, the ports are among them. */
const QUOTED = 8

/** Take an ICMP message of `length` bytes to one of our addresses. */
export function icmpInput(ifc: Interface, b: Buffer, ip: number, icmp: number, length: number): void {
    if (length < ICMP_HEADER) return count(Counter.IcmpBad)
    if (!checksumHolds(sum(b, icmp, length))) return count(Counter.IcmpBad)
    count(Counter.IcmpRx)
    const type = b[icmp + ICMP_TYPE]
    const source = b.getAt(ip + IPV4_SRC, "i32")
    if (type === ICMP_ECHO_REQUEST) {
        // RFC 1122, 3.2.2.6: the reply comes from the address that was asked, with the same data and class. A request that came in
        // fragments may be longer than what we send: its reply is cut off
        const n = Math.min(length, MTU - IPV4_HEADER)
        const f = allocate(ifc, PROTOCOL_ICMP, b[ip + IPV4_TOS], source, n)
        f.blitAt(TX_ICMP, b, icmp, n)
        f[TX_ICMP + ICMP_TYPE] = ICMP_ECHO_REPLY
        writeIcmpChecksum(f, TX_ICMP)
        count(Counter.IcmpTx)
        sendBack(ifc, f, b, ip)
    } else if (type === ICMP_ECHO_REPLY) {
        if (b.getAt(icmp + ICMP_IDENTIFIER, "u16") === ECHO_IDENTIFIER) echoReply.notify(get16(b, icmp + ICMP_SEQUENCE))
    } else if (type < 32) {
        // time exceeded is told as if its code were that of unreachable: net, or host
        const isError = 2 ** ICMP_UNREACHABLE + 2 ** ICMP_REDIRECT + 2 ** ICMP_TIME_EXCEEDED
        if ((isError >> type) & 1) onError(ifc, b, icmp, length, source)
    }
}

/** RFC 1122, 3.2.2.1: an error is told to the transport whose datagram it quotes; a redirect, to all (3.2.2.2). */
function onError(ifc: Interface, b: Buffer, icmp: number, length: number, source: number): void {
    const quoted = icmp + ICMP_HEADER
    const header = (b[quoted + IPV4_VERSION_IHL] & 15) * 4
    if (header < IPV4_HEADER) return count(Counter.IcmpBad)
    if (length < ICMP_HEADER + header + QUOTED) return count(Counter.IcmpBad)
    if (b.getAt(quoted + IPV4_SRC, "i32") !== ifc.address) return count(Counter.IcmpBad)
    const at = quoted + header
    const dst = b.getAt(quoted + IPV4_DST, "i32")
    if (b[icmp + ICMP_TYPE] === ICMP_REDIRECT) {
        const router = b.getAt(icmp + ICMP_ROUTER, "i32")
        if (!redirect(ifc, dst, source, router)) return count(Counter.IcmpUnbelieved)
        // asked for at once: what does not answer is no router
        neighbourOn(ifc, router)
        for (let e = ifc.endpoints; e; e = e.next) e.onWay()
        return
    }
    const e = ifc.endpointOn(b[quoted + IPV4_PROTOCOL], get16(b, at))
    if (e) e.onUnreachable(b[icmp + ICMP_CODE], dst, get16(b, at + 2), source)
}

let errorsSecond: number
let errorsSent: number

/** Whether one more stranger may have an answer in this second. */
export function mayAnswer(): boolean {
    const second = (ds.millis() / 1000) | 0
    if (second !== errorsSecond) {
        errorsSecond = second
        errorsSent = 0
    }
    if (++errorsSent <= ICMP_ERRORS_PER_SECOND) return true
    count(Counter.IcmpErrorsLimited)
    return false
}

/**
 * Answer a packet to a port or protocol that nobody has, with its header and first 8 bytes (RFC 792; RFC 1122, 3.2.2).
 * @param type ICMP_UNREACHABLE, or ICMP_TIME_EXCEEDED
 */
export function sendError(ifc: Interface, b: Buffer, ip: number, header: number, type: number, code: number): void {
    if (!mayAnswer()) return
    const dst = b.getAt(ip + IPV4_SRC, "i32")
    // what lies behind a shorter packet is not its sender's to see
    const quoted = Math.min(header + QUOTED, get16(b, ip + IPV4_TOTAL_LENGTH))
    const f = allocate(ifc, PROTOCOL_ICMP, 0, dst, ICMP_HEADER + quoted)
    f[TX_ICMP + ICMP_TYPE] = type
    f[TX_ICMP + ICMP_CODE] = code
    f.blitAt(TX_ICMP + ICMP_HEADER, b, ip, quoted)
    writeIcmpChecksum(f, TX_ICMP)
    count(Counter.IcmpTx)
    sendBack(ifc, f, b, ip)
}

const PING_DATA = 32
let lastSequence = 0

/**
 * Send one echo request and wait for its reply.
 * @param timeout milliseconds
 * @returns milliseconds until the reply, -1 on time-out, -2 without a route
 */
export async function ping(ifc: Interface, dst: number, timeout: number): Promise<number> {
    const f = allocate(ifc, PROTOCOL_ICMP, 0, dst, ICMP_HEADER + PING_DATA)
    f[TX_ICMP + ICMP_TYPE] = ICMP_ECHO_REQUEST
    f.setAt(TX_ICMP + ICMP_IDENTIFIER, "u16", ECHO_IDENTIFIER)
    // counted over all pings, so that a late answer to one is none to another
    lastSequence = (lastSequence + 1) & 0xffff
    const sequence = lastSequence
    put16(f, TX_ICMP + ICMP_SEQUENCE, sequence)
    writeIcmpChecksum(f, TX_ICMP)
    count(Counter.IcmpTx)
    const start = ds.millis()
    if (output(ifc, f, dst) === Output.Unreachable) return -2
    for (;;) {
        const left = start + timeout - ds.millis()
        if (left <= 0) return -1
        if ((await echoReply.wait(left)) === sequence) return ds.millis() - start
    }
}
