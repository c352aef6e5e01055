/**
 * Pieces of the message that is being read: parameters, URIs and their parts. Nothing is copied: a piece is a `Span` of the buffer in
 * which the message was received. Octets are looked for with the runtime's own search wherever it can do it: to look at four in the VM
 * costs as much as to search a hundred.
 * Read first: RFC 3261, 19.1.1 (URIs), 20 (parameters, quoted strings), 25.1.
 */
import { textAt } from "../base/text"
import { parseAddress } from "../wire/address"

/** A piece of `packet`: `from << 16 | to`. No piece is 0: there is something before each. */
export type Span = number

export const LF = 10
export const CR = 13
export const SP = 32
const QUOTE = 34
export const COMMA = 44
export const SLASH = 47
export const COLON = 58
export const SEMICOLON = 59
const LESS = 60
export const EQUALS = 61
const GREATER = 62
const QUESTION = 63
export const AT = 64
const BRACKET_END = 93
const BACKSLASH = 92

/** Items of a list that are looked at: a turn of the VM has a limit. */
const ITEMS = 64

/** What the message lies in. */
export let packet: Buffer
/** Its `indexOf`, bound to it once: that halves the cost of a search. */
export let find: (octet: number, from: number, to: number) => number

export function readFrom(b: Buffer): void {
    packet = b
    find = b.indexOf
}

/** Octets of a text at most: it has to fit into the heap. */
const TEXT = 1000

/** Its text, or the beginning of a long one. */
export function textOf(span: Span): string {
    const at = span >> 16
    return textAt(packet, at, Math.min(span & 0xffff, at + TEXT))
}

/** Without the blanks around it. */
export function trim(at: number, end: number): Span {
    while (at < end) {
        if (packet[end - 1] > SP) {
            while (packet[at] <= SP) at++
            break
        }
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

/** The decimal number with which it begins; less than 0 if it is none, or more than `max`. */
export function decimalOf(span: Span, max: number): number {
    // the runtime reads what it can: NaN if there is no digit
    const value = +(textOf(span) as any)
    return value <= max ? value : -1
}

/** The position of an octet, or the end if there is none. */
export function before(octet: number, at: number, end: number): number {
    const i = find(octet, at, end)
    return i < 0 ? end : i
}

/** The position of a separator outside of quoted strings and `<>`; the end if there is none, or one of these has no end. */
export function beforeSeparator(separator: number, from: number, end: number): number {
    for (;;) {
        const stop = find(separator, from, end)
        if (stop < 0) return end
        // what is nowhere is behind everything
        let i = Math.min(find(QUOTE, from, stop) >>> 0, find(LESS, from, stop) >>> 0)
        if (i > stop) return stop
        // `"` has this bit and ends itself, `<` has it not and `>` has
        const closing = packet[i] | 2
        // RFC 3261, 25.1: what follows a backslash ends nothing; in <> there is none
        i++
        while (i > 1) {
            from = find(closing, i, end) + 1
            if (from === 0) return end
            i = find(BACKSLASH, i, from) + 2
        }
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

/** The same in any list, what is between quotes without them, its escapes as they are. @param at where what is before the first item is: a separator or a blank */
export function itemOf(separator: number, at: number, end: number, name: string): Span {
    for (let i = 0; i < ITEMS; i++) {
        if (at >= end) return 0
        const stop = beforeSeparator(separator, at + 1, end)
        const equals = before(EQUALS, at + 1, stop)
        if (isText(trim(at + 1, equals), name)) {
            if (equals === stop) return (stop << 16) | stop
            const value = trim(equals + 1, stop)
            // one octet less at both ends
            return find(QUOTE, (value >> 16) + 1, stop) < 0 ? value : value + 0xffff
        }
        at = stop
    }
    return 0
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
    const colon = before(COLON, Math.max(at, find(BRACKET_END, at, end)), end)
    host = trim(at, colon)
    hostPartEnd = to
    port = 0
    if (colon < end) port = decimalOf(((colon + 1) << 16) | end, 65535)
    return Math.min(port, (host & 0xffff) - at - 1) >= 0
}

/** Read a URI of sip or sips: `user`, `host`, `port`; `uriParamOf` tells its parameters. @returns whether it is sound */
export function readUri(uri: Span): boolean {
    const end = uri & 0xffff
    let at = before(COLON, uri >> 16, end) + 1
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

/** Read who sent a message, by its Via (RFC 3261, 20.42), as `host` and `port`. @returns whether that is told, and sound */
export function readVia(via: Span): boolean {
    const end = via & 0xffff
    // protocol, version and transport: without a first slash there is no second one, since the search begins behind the end
    const slash = find(SLASH, (find(SLASH, via >> 16, end) & 0xffff) + 1, end)
    if (slash < 0) return false
    // blanks may be around the slashes, and are before the sender
    return readHostPort(trim(before(SP, trim(slash + 1, end) >> 16, end), end) >> 16, end)
}

/** The host that was read as an address; `undefined` if it is a name. */
export function hostAddress(): number {
    return parseAddress(textOf(host))
}

/** The URI of `name-addr` or `addr-spec` (RFC 3261, 20.10 and 25.1), as From, Contact and Route have it; 0 if the value is malformed. */
export function uriOf(value: Span): Span {
    let from = value >> 16
    let to = value & 0xffff
    // one address: a name without quotes is words, and no list
    if (beforeSeparator(COMMA, from, to) < to) return 0
    const angle = beforeSeparator(LESS, from, to)
    if (angle < to) {
        from = angle + 1
        to = find(GREATER, from, to)
        if (to < 0) return 0
    } else {
        // RFC 3261, 20: with a comma, a question mark or a semicolon it has to be in <>; the last one begins parameters of the header
        to = trim(from, before(SEMICOLON, from, to)) & 0xffff
        if (find(QUESTION, from, to) >= 0) return 0
    }
    // what begins with a blank or a name is no URI, and there is none without a scheme
    if (packet[from] <= QUOTE) return 0
    return find(COLON, from, to) < 0 ? 0 : (from << 16) | to
}
