/**
 * SIP messages are written here, one at a time, into one buffer: a line of start, headers, and a body whose length is filled in at the
 * end. What does not fit is never cut off: `finish` throws, and nothing is to be sent.
 * Read first: RFC 3261, 7; 8.2.6 (what a response copies); 18.2.1 (received); RFC 3581 (rport).
 */
import { SIP_MESSAGE } from "../base/config"
import { fail } from "../base/errors"
import { formatAddress } from "../wire/address"
import { Header } from "./header"
import { findLine, line, lineOf, valueOf } from "./message"
import { Span, packet, paramOf } from "./span"

/** The message: as many octets of it as `finish` says. */
export const out = Buffer.alloc(SIP_MESSAGE)
/** How long it is; more than `out` has if it does not fit: then nothing is written any more. */
export let size = 0
/** Where the number in Content-Length ends, and the body begins behind it; 0 if there is none yet. */
let lengthEnd = 0

export function copy(b: Buffer | string, from: number, to: number): void {
    const at = size
    const length = to - from
    size = at + length
    if (size <= SIP_MESSAGE) out.blitAt(at, b, from, length)
}

/** In any text of a header or a body. */
export function write(text: string): void {
    copy(text, 0, text.byteLength)
}

/** Copy a piece of the message that was parsed. */
export function copySpan(span: Span): void {
    copy(packet, span >> 16, span & 0xffff)
}

/** Begin a message, with what is first of it. */
export function start(text: string): void {
    size = 0
    lengthEnd = 0
    write(text)
}

/** Copy the lines of a header from the message that was parsed, in order, as they are. @param n from this one on */
export function copyHeader(header: Header, n: number): void {
    for (; findLine(header, n); n++) copy(packet, line >> 16, (line & 0xffff) + 1)
}

/**
 * Begin the response to the request that was parsed, or another one to the request whose response was.
 * The message that was parsed must not lie in `out`.
 * @param reason such as `200 OK`
 * @param tag of To, if there is none yet; "" for none
 * @param address and `port` where the request came from
 */
export function startResponse(reason: string, tag: string, address: number, port: number): void {
    start(`SIP/2.0 ${reason}\r\n`)
    // all of them, the topmost with where the request came from
    const via = valueOf(Header.Via, 0)
    const rport = paramOf(via, "rport")
    const asked = rport & 0xffff
    const end = via & 0xffff
    let at = line >> 16
    // RFC 3581, 4: it is asked for, and not told yet
    if (rport !== 0)
        if (rport >> 16 === asked) {
            copy(packet, at, asked)
            at = asked
            write(`=${port}`)
        }
    copy(packet, at, end)
    // RFC 3261, 18.2.1, wants it if it is not the sender; RFC 3581, 4, always if the port was asked for: then it harms nowhere
    if (paramOf(via, "received") === 0) write(`;received=${formatAddress(address)}`)
    copy(packet, end, (line & 0xffff) + 1)
    copyHeader(Header.Via, 1)
    copyHeader(Header.From, 0)
    const to = lineOf(Header.To, 0)
    if (to !== 0) {
        copy(packet, line >> 16, to & 0xffff)
        if (tag) if (paramOf(to, "tag") === 0) write(`;tag=${tag}`)
        write("\r\n")
    }
    copyHeader(Header.CallId, 0)
    copyHeader(Header.CSeq, 0)
    copyHeader(Header.RecordRoute, 0)
}

/** End the headers; what is written from here on is the body. */
export function startBody(): void {
    write("Content-Length:     0\r\n\r\n")
    lengthEnd = size - 4
}

/**
 * Fill in the length of the body.
 * @returns how long the message in `out` is
 * @throws SocketError EMSGSIZE if it does not fit
 */
export function finish(): number {
    if (lengthEnd === 0) startBody()
    if (size > SIP_MESSAGE) fail("EMSGSIZE", `a SIP message of ${size} octets, and ${SIP_MESSAGE} is the most`)
    const length = `${size - lengthEnd - 4}`
    out.blitAt(lengthEnd - length.length, length, 0, length.length)
    return size
}
