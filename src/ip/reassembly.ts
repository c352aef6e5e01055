/**
 * Fragments put together: one datagram at a time, which then comes in as if its frame had just arrived. Of voice nothing is ever in
 * fragments; large messages of the signalling are.
 * Read first: RFC 791, 3.2; RFC 815; RFC 1122, 3.3.2; `receive` in `input.ts`, which calls this for fragments alone.
 *
 * **The buffer** is as long as the longest datagram so far, and stays: a phone that gets no fragments has none, and a heap in use that had
 * room for it once may have none for another one (docs/performance.md, "Heap and image"). The first fragment of a datagram of UDP tells its
 * length at once; that of another protocol, or one that comes before it, does not: the buffer grows then. Fragments are not kept apart until all
 * are there, since the heap would need room for both.
 *
 * **Who has the place.** A first fragment takes it from another datagram, any other fragment only if it is free. So a flood
 * cannot hold the place: a real datagram takes it, and loses it only to a first fragment that falls between its own fragments, which
 * their sender sends one right after the other. With two senders at once, the one that was first loses, and sends again.
 *
 * **An overlap** drops the datagram, with what is still to come of it (RFC 5722, 4, has that for IPv6): it is made to be understood in
 * two ways. A fragment that comes twice is no overlap.
 */
import * as ds from "@devicescript/core"
import { FRAGMENTS, REASSEMBLY_MOST, REASSEMBLY_TIMEOUT } from "../base/config"
import { count, Counter } from "../base/counters"
import { reserveTimers, setTimer } from "../base/timers"
import { interfaceOf, isSource } from "../link/interface"
import { ETH_HEADER } from "../wire/ethernet"
import { ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY } from "../wire/icmp"
import {
    IPV4_DST,
    IPV4_FLAGS_FRAGMENT,
    IPV4_HEADER_MOST,
    IPV4_IDENTIFICATION,
    IPV4_PROTOCOL,
    IPV4_SRC,
    MORE_FRAGMENTS,
    PROTOCOL_UDP,
    setIpv4Length,
} from "../wire/ipv4"
import { get16 } from "../wire/order"
import { UDP_LENGTH } from "../wire/udp"
import { registerReassembly } from "./fragments"
import { sendError } from "./icmp"
import { receive } from "./input"

/** Where the buffer has the data. The headers of the first fragment end there, however long they are. */
const DATA = ETH_HEADER + IPV4_HEADER_MOST

/** Where the last fragment ends in `spans`: no other one may be behind it. */
const END = 0x7fff

/** Which datagram has the place (RFC 791, 3.2): source, destination, and identification with protocol. */
let source: number
let destination: number
let key: number
/** Whether it is on its way. If not, it is whole, or given up: what still comes of it is dropped. */
let isOpen: boolean
let data = Buffer.alloc(0)
/** The bytes of each fragment that is there: its first one, and above 16 bits the one behind it; behind the last one there is none. */
let spans: number[]
/** How many bytes are there, and how many there will be: `Infinity` as long as the last fragment is not there. */
let have: number
let size: number
/** Bytes of the first fragment's header; 0 as long as that is not there. */
let firstHeader: number
let timer: number

/** Have fragments put together. Call it once, when the stack is started. */
export function startReassembly(): void {
    timer = reserveTimers(1, expire)
    registerReassembly(reassemble)
}

/** Take a fragment. */
function reassemble(b: Buffer, ip: number, header: number, total: number): void {
    const from = b.getAt(ip + IPV4_SRC, "i32")
    const to = b.getAt(ip + IPV4_DST, "i32")
    const ifc = interfaceOf(to)
    if (!ifc) return count(Counter.IpForeign)
    if (!isSource(ifc, from)) return count(Counter.IpBadSource)
    const n = total - header
    const flags = get16(b, ip + IPV4_FLAGS_FRAGMENT)
    const start = (flags << 3) & 0xffff
    const end = start + n
    let behind = END
    if (flags & MORE_FRAGMENTS) {
        behind = end
        // all but the last one are whole blocks of 8 bytes (RFC 791, 3.1)
        if (n & 7) return count(Counter.IpFragment)
    }
    if (end > REASSEMBLY_MOST) return count(Counter.IpFragment)

    const its = (b.getAt(ip + IPV4_IDENTIFICATION, "u16") << 8) | b[ip + IPV4_PROTOCOL]
    if (((source ^ from) | (destination ^ to) | (key ^ its)) !== 0) {
        if (isOpen) {
            if (start !== 0) return count(Counter.IpFragment)
            count(Counter.IpReassemblyDisplaced)
        }
        source = from
        destination = to
        key = its
        spans = []
        have = 0
        size = Infinity
        firstHeader = 0
        isOpen = true
        setTimer(timer, ds.millis() + REASSEMBLY_TIMEOUT)
    }
    if (!isOpen) return count(Counter.IpFragment)
    const span = (behind << 16) | start
    if (spans.indexOf(span) >= 0) return count(Counter.IpFragment)
    let apart = spans.length < FRAGMENTS
    for (const other of spans) if (start < other >> 16) if (behind > (other & 0xffff)) apart = false
    if (!apart) {
        isOpen = false
        return count(Counter.IpReassemblyOverlap)
    }
    spans.push(span)
    have += n
    if (behind === END) size = end
    let room = end
    if (start === 0)
        if (b[ip + IPV4_PROTOCOL] === PROTOCOL_UDP) room = Math.min(Math.max(end, get16(b, ip + header + UDP_LENGTH)), REASSEMBLY_MOST)
    const before = data
    if (DATA + room > before.length) {
        data = Buffer.alloc(DATA + room)
        data.blitAt(0, before, 0, before.length)
    }
    data.blitAt(DATA + start, b, ip + header, n)
    if (start === 0) {
        firstHeader = header
        data.blitAt(DATA - header - ETH_HEADER, b, ip - ETH_HEADER, ETH_HEADER + header)
    }
    if (have !== size) return
    // handed up in a frame that could not be: it has the first fragment's headers, and is no fragment
    isOpen = false
    const first = DATA - firstHeader
    data.setAt(first + IPV4_FLAGS_FRAGMENT, "u16", 0)
    setIpv4Length(data, first, firstHeader, size)
    count(Counter.IpReassembled)
    receive(data, first - ETH_HEADER, ETH_HEADER + firstHeader + size)
}

/** The time is up: give the place free, and say so to who has sent the first fragment (RFC 1122, 3.3.2). */
function expire(): void {
    key = 0
    source = 0
    if (!isOpen) return
    isOpen = false
    count(Counter.IpReassemblyTimeout)
    const ifc = interfaceOf(destination)
    if (!ifc) return
    if (firstHeader !== 0) sendError(ifc, data, DATA - firstHeader, firstHeader, ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY)
}
