/**
 * Pieces of the message that is being read: parameters, URIs and their parts. Nothing is copied: a piece is a `Span` of the buffer in
 * which the message was received. Octets are looked for with the runtime's own search wherever it can do it: to look at four in the VM
 * costs as much as to search a hundred.
 * Read first: RFC 3261, 19.1.1 (URIs), 20 (parameters, quoted strings), 25.1.
 */
import { parseAddress } from "../wire/address"

/** A piece of `packet`: `from << 16 | to`. No piece is 0: there is something before each. */
export type Span = number

const TAB = 9
export const LF = 10
export const CR = 13
export const SP = 32
const QUOTE = 34
export const COMMA = 44
const SLASH = 47
export const COLON = 58
const SEMICOLON = 59
const LESS = 60
export const EQUALS = 61
const GREATER = 62
export const QUESTION = 63
export const AT = 64
const BRACKET = 91
const BRACKET_END = 93
const BACKSLASH = 92

/** Parameters of one value at most, and digits of a number, zeros included: a turn of the VM has a limit. */
const PARAMETERS = 64
const DIGITS = 32

/** What the message lies in. */
export let packet: Buffer
/** Its `indexOf`, bound to it once: that halves the cost of a search. */
export let find: (octet: number, from: number, to: number) => number

export function readFrom(b: Buffer): void {
    packet = b
    find = b.indexOf
}

export function textOf(span: Span): string {
    return packet.slice(span >> 16, span & 0xffff).toString()
}

/** Without the blanks around it. */
export function trim(from: number, to: number): Span {
    const b = packet
    let at = from
    let end = to
    while (at < end) {
        if (b[at] > SP) break
        at++
    }
    while (end > at) {
        if (b[end - 1] > SP) break
        end--
    }
    return (at << 16) | end
}

/** Whether the span is this text in any case. @param text in lower case */
export function isText(span: Span, text: string): boolean {
    // most are longer or shorter, and make no text
    if ((span & 0xffff) - (span >> 16) !== text.length) return false
    return textOf(span).toLowerCase() === text
}

/** A decimal number; -1 if it is none, or more than `max`. */
export function decimalOf(span: Span, max: number): number {
    const b = packet
    const end = span & 0xffff
    let at = span >> 16
    let value = 0
    if ((end - at - 1) >>> 0 >= DIGITS) return -1
    while (at < end) {
        const digit = b[at] - 48
        if (digit >>> 0 > 9) return -1
        // it may become a double, and too large in any case
        value = value * 10 + digit
        at++
    }
    return value > max ? -1 : value
}

/** The position of an octet, or the end if there is none. */
export function before(octet: number, at: number, end: number): number {
    const i = find(octet, at, end)
    return i < 0 ? end : i
}

/** Where a blank is. */
export function beforeBlank(at: number, end: number): number {
    return before(SP, at, before(TAB, at, end))
}

/** The quote that ends the quoted string which begins at `quote` (RFC 3261, 25.1); -1 if none does. */
function closingQuote(quote: number, end: number): number {
    let i = quote
    while (true) {
        i = find(QUOTE, i + 1, end)
        if (i < 0) return -1
        let escapes = i
        while (packet[escapes - 1] === BACKSLASH) escapes--
        if (((i - escapes) & 1) === 0) return i
    }
}

/** The position of a separator outside of quoted strings and `<>`; the end if there is none; -1 if one of these has no end before it. */
export function beforeSeparator(separator: number, at: number, end: number): number {
    let from = at
    while (true) {
        const stop = find(separator, from, end)
        if (stop < 0) return end
        const quote = find(QUOTE, from, stop)
        const angle = find(LESS, from, quote < 0 ? stop : quote)
        if (angle >= 0) from = find(GREATER, angle, end)
        else if (quote >= 0) from = closingQuote(quote, end)
        else return stop
        if (from < 0) return -1
        from++
    }
}

/**
 * A parameter of a value: `;name=value`. One without a value is an empty span, and so is not 0.
 * @param name in lower case
 * @returns 0 if it is not there
 */
export function paramOf(value: Span, name: string): Span {
    const end = value & 0xffff
    return itemOf(SEMICOLON, beforeSeparator(SEMICOLON, value >> 16, end), end, name)
}

/** The same in any list. @param from where what is before the first item is: a separator or a blank */
export function itemOf(separator: number, from: number, end: number, name: string): Span {
    const initial = name.charCodeAt(0)
    let at = from
    // with a quoted string that has no end it is -1
    while (at >>> 0 < end) {
        const stop = beforeSeparator(separator, at + 1, end)
        // another letter alone says that it is another one; what is no letter may be a blank
        const first = packet[at + 1] | 32
        if (first === initial ? true : first < 97) {
            const equals = before(EQUALS, at + 1, stop)
            if (isText(trim(at + 1, equals), name)) return equals === stop ? (stop << 16) | stop : unquoted(trim(equals + 1, stop))
        }
        at = stop
    }
    return 0
}

/** What is between quotes, its escapes as they are; all of it if there are none. */
function unquoted(span: Span): Span {
    // one octet less at both ends
    return packet[span >> 16] === QUOTE ? span + 0xffff : span
}

/** Whether something is missing between two semicolons or behind the last one, or there are more of them than anybody will look at. */
export function hasFlaw(at: number, end: number): boolean {
    let from = at
    for (let i = 0; i < PARAMETERS; i++) {
        from = find(SEMICOLON, from, end) + 1
        if (from === 0) return false
        if (from === end) return true
        if (packet[from] === SEMICOLON) return true
    }
    return true
}

/** What is before the first colon of a URI; all of it if there is none. */
export function schemeOf(uri: Span): Span {
    const at = uri >> 16
    return (at << 16) | before(COLON, at, uri & 0xffff)
}

/** What `readUri` and `readVia` have found; no user is 0. */
export let user: Span = 0
export let host: Span = 0
/** 0 if none is said. */
export let port = 0
/** Where a URI ends before its headers (RFC 3261, 19.1.1), and a Via. */
export let hostPartEnd = 0

/** Read `host:port`, which ends at a semicolon. @returns whether there is a host, and a sound port if any */
function readHostPort(at: number, to: number): boolean {
    const end = before(SEMICOLON, at, to)
    // an IPv6 reference has brackets around its colons
    const colon = before(COLON, packet[at] === BRACKET ? before(BRACKET_END, at, end) : at, end)
    host = trim(at, colon)
    port = colon < end ? decimalOf(trim(colon + 1, end), 65535) : 0
    hostPartEnd = to
    const hostEnd = host & 0xffff
    if (at >= hostEnd) return false
    return beforeBlank(at, hostEnd) < hostEnd ? false : port >= 0
}

/** Read a URI of sip or sips: `user`, `host`, `port`; `uriParamOf` tells its parameters. @returns whether it is sound */
export function readUri(uri: Span): boolean {
    const end = uri & 0xffff
    let at = find(COLON, uri >> 16, end) + 1
    const sign = find(AT, at, end)
    user = 0
    if (sign >= 0) {
        user = (at << 16) | before(COLON, at, sign)
        at = sign + 1
    }
    return readHostPort(at, before(QUESTION, at, end))
}

/** A parameter of the URI that `readUri` has read: those of a user look the same, but stand before the host. */
export function uriParamOf(name: string): Span {
    return paramOf(((host >> 16) << 16) | hostPartEnd, name)
}

/** Where in a value of Via its sender is, behind protocol, version and transport (RFC 3261, 20.42); the end if there is none. */
export function sentByOf(via: Span): number {
    const end = via & 0xffff
    const version = find(SLASH, via >> 16, end) + 1
    const transport = version > 0 ? find(SLASH, version, end) + 1 : 0
    if (transport === 0) return end
    // blanks may be around the slashes, and are before the sender
    return trim(beforeBlank(trim(transport, end) >> 16, end), end) >> 16
}

/** Read who sent a message, by its Via, as `host` and `port`. @returns whether that is told, and sound */
export function readVia(via: Span): boolean {
    return readHostPort(sentByOf(via), via & 0xffff)
}

/** The host that was read as an address; `undefined` if it is a name. */
export function hostAddress(): number {
    return parseAddress(textOf(host))
}

/** Where the parameters of the value begin that `uriOf` has read. */
export let paramsAt = 0

/** The URI of `name-addr` or `addr-spec` (RFC 3261, 20.10 and 25.1), as From, Contact and Route have it; 0 if the value is malformed. */
export function uriOf(value: Span): Span {
    const at = value >> 16
    const end = value & 0xffff
    let from = beforeSeparator(LESS, at, end)
    if (from < 0) return 0
    let to: number
    if (from < end) {
        from++
        to = find(GREATER, from, end)
        if (to < 0) return 0
        paramsAt = to
    } else {
        // RFC 3261, 20: with a comma, a question mark or a semicolon it has to be in <>; the last one begins parameters of the header
        from = at
        paramsAt = before(SEMICOLON, at, end)
        to = trim(at, paramsAt) & 0xffff
        if (find(QUESTION, from, to) >= 0) return 0
    }
    // what begins with a blank or a name is no URI, and there is none without a scheme
    if (packet[from] <= QUOTE) return 0
    return find(COLON, from, to) < 0 ? 0 : (from << 16) | to
}
