/**
 * A SIP message is read where it was received: `parse` says what it is, finds its lines, and checks what everybody relies on. Then
 * `lineOf` and `valueOf` say where a header's values are, and `span.ts` what is in them. One message at a time; nothing is copied,
 * but that folded lines become one line.
 * Read first: RFC 3261, 7 (the format), 8.2 (what a request must have), 18.3 (Content-Length), 20; RFC 4475 (what may be in it).
 */
import { SIP_BODY, SIP_LINES } from "../base/config"
import { Header, headerAt } from "./header"
import {
    AT,
    COLON,
    COMMA,
    CR,
    LF,
    QUESTION,
    SP,
    Span,
    before,
    beforeBlank,
    beforeSeparator,
    decimalOf,
    find,
    hasFlaw,
    isText,
    packet,
    paramsAt,
    readFrom,
    schemeOf,
    sentByOf,
    textOf,
    trim,
    uriOf,
} from "./span"

/** What `parse` says beside the status with which a request is to be refused. */
export const SOUND = 0
/** It is no message, or nobody can be told what is wrong with it. */
export const DROP = -1
/** Of a stream, whose rest has not come yet. */
export const MORE = 1

/** The methods, by their position in `METHODS`. */
export enum Method {
    Unknown = -1,
    Invite = 0,
    Ack = 7,
    Bye = 11,
    Cancel = 15,
    Options = 22,
    Register = 30,
    Update = 39,
    Refer = 46,
    Notify = 52,
    Message = 59,
    Info = 67,
    Prack = 72,
    Subscribe = 78,
    Publish = 88,
}
const METHODS = " INVITE ACK BYE CANCEL OPTIONS REGISTER UPDATE REFER NOTIFY MESSAGE INFO PRACK SUBSCRIBE PUBLISH "

/** Headers without which no request can be answered as it should (RFC 3261, 8.1.1), Max-Forwards apart, which RFC 2543 did not know. */
const REQUIRED = (1 << Header.From) | (1 << Header.To) | (1 << Header.CallId) | (1 << Header.CSeq)
const ALONE = (1 << Header.Via) - 1
/** Values of a header that anybody can ask for: to find one, those before it are passed. */
const VALUES = 32
/** Octets of a line at most, so that a turn of the VM is enough to look at it several times. */
const LINE = 1000
/** Unknown headers and folded lines of a message at most: a turn of the VM has a limit. */
const UNKNOWN = 128
/** `SIP/` in any case, and `/2.0`, as little-endian words. */
const FOLD = ~0x20202020
const SIP_SLASH = 0x0f504953
const VERSION_2 = 0x302e322f
const SIP_VERSION = 7
const TAB = 9
const CSEQ_MAX = 0x7fffffff

/** The status of a response; 0 says that it is a request. */
export let status = 0
/** Of a request; of the request that is answered (CSeq). */
export let method = Method.Unknown
/** The Request-URI; the reason phrase of a response. */
export let target: Span = 0
/** The number in CSeq. */
export let cseq = 0
/** The body is from here to there. Behind it, a stream may have the next message. */
export let body = 0
export let bodyEnd = 0

/** The known headers, in the order of their lines: which each is, and the span of its line. */
const ids = Buffer.alloc(SIP_LINES)
const findId = ids.indexOf
const spans = Buffer.alloc(4 * SIP_LINES)
let lines = 0
/** Which are there, and with which status the message is to be refused. */
let seen = 0
let fault = SOUND

/** What is found first is told. */
function refuse(code: number): void {
    if (fault === SOUND) fault = code
}

/** The name of a method that is known. */
export function nameOfMethod(id: Method): string {
    return METHODS.slice(id + 1, METHODS.indexOf(" ", id + 1))
}

/**
 * Read a message. Folded lines are unfolded in the buffer.
 * @param isStream whether it came in a stream, where it may be incomplete, and must say its length
 * @returns `SOUND`, `DROP`, `MORE`, or the status of the response with which the request is to be refused
 */
export function parse(b: Buffer, at: number, length: number, isStream: boolean): number {
    const end = at + length
    readFrom(b)
    fault = SOUND
    // RFC 3261, 7.5: and what keeps a flow open (RFC 5626, 3.5.1) is no message
    let head = at
    while (head < end) {
        if (b[head] > SP) break
        head++
    }
    const first = find(LF, head, end)
    body = first < 0 ? 0 : readHeaders(first + 1, end)
    if (body === 0) return isStream ? MORE : DROP
    const via = valueOf(Header.Via, 0)
    // nobody could be told
    if (sentByOf(via) >= (via & 0xffff)) return DROP
    if (hasFlaw(via >> 16, via & 0xffff)) refuse(400)
    readStartLine(head, b[first - 1] === CR ? first - 1 : first)
    if ((seen & REQUIRED) === REQUIRED) checkHeaders()
    else refuse(400)
    if (isCut(end, isStream)) return MORE
    if (fault === SOUND) return SOUND
    // nothing is an answer to these (RFC 3261, 17.1.1.3 and 18.1.2)
    if (status > 0) return DROP
    return method === Method.Ack ? DROP : fault
}

/** Find the lines of the headers. @returns where the body begins; 0 if there is no empty line, or there are too many others */
function readHeaders(at: number, end: number): number {
    const b = packet
    const search = find
    let begin = at
    let known = 0
    let unknown = 0
    let have = 0
    let twice = 0
    while (true) {
        let next = search(LF, begin, end)
        if (next < 0) return 0
        if (b[begin] <= CR)
            if (next - begin < 2) {
                lines = known
                seen = have
                // RFC 3261, 7.3.1: only what is a list may be there twice
                if ((twice & ALONE) !== 0) refuse(400)
                return next + 1
            }
        // RFC 3261, 7.3.1: a line goes on in one that begins with a blank
        while (b[next + 1] <= SP) {
            if (b[next + 1] <= CR) if (b[next + 1] !== TAB) break
            // in a stream, that is not there yet
            if (next + 1 >= end) return 0
            b[next] = SP
            if (b[next - 1] === CR) b[next - 1] = SP
            next = search(LF, next, end)
            if (next < 0) return 0
            unknown++
            if (unknown > UNKNOWN) return 0
        }
        const colon = search(COLON, begin, next)
        if (colon < 0) {
            refuse(400)
            unknown++
        } else {
            const id = headerAt(b, begin, (b[colon - 1] > SP ? colon : trim(begin, colon) & 0xffff) - begin)
            if (id < Header.Total) {
                const bit = 1 << id
                twice |= have & bit
                have |= bit
                ids[known] = id
                spans.setAt(4 * known, "i32", (begin << 16) | next)
                // one that is too long is as if it were not there
                if (next - begin > LINE) refuse(400)
                else known++
                if (known === SIP_LINES) return 0
            } else unknown++
        }
        if (unknown > UNKNOWN) return 0
        begin = next + 1
    }
}

/** RFC 3261, 7.1 and 7.2. */
function readStartLine(head: number, end: number): void {
    const first = before(SP, head, end)
    const second = before(SP, first + 1, end)
    target = ((first + 1) << 16) | second
    if (isSip(head, first)) {
        status = second - first === 4 ? decimalOf(target, 699) : 0
        if (status < 100) {
            refuse(400)
            // whatever it is, it is no request
            status = 1
        }
        if (packet.getAt(head + 3, "i32") !== VERSION_2) refuse(400)
        target = trim(second, end)
        return
    }
    status = 0
    method = methodOf((head << 16) | first)
    if (!isSip(second + 1, end)) refuse(400)
    else if (packet.getAt(second + 4, "i32") !== VERSION_2) refuse(505)
    checkTarget()
}

/** Whether this is the version of SIP, ours or another one (RFC 3261, 7.1). */
function isSip(at: number, end: number): boolean {
    if (end - at !== SIP_VERSION) return false
    return (packet.getAt(at, "i32") & FOLD) === SIP_SLASH
}

function methodOf(span: Span): Method {
    const end = span & 0xffff
    if (beforeBlank(span >> 16, end) < end) return Method.Unknown
    // found without blanks around it: a template of texts that are no ASCII has stopped the runtime
    const name = textOf(span)
    const at = METHODS.indexOf(name)
    if (at < 1) return Method.Unknown
    if (METHODS.charCodeAt(at - 1) !== SP) return Method.Unknown
    return METHODS.charCodeAt(at + name.length) === SP ? at - 1 : Method.Unknown
}

/** The Request-URI: RFC 3261, 8.2.2.1 and 19.1.1. */
function checkTarget(): void {
    const end = target & 0xffff
    const scheme = schemeOf(target)
    const colon = scheme & 0xffff
    // a scheme begins with a letter (RFC 3986, 3.1)
    if (((packet[target >> 16] | 32) - 97) >>> 0 > 25) return refuse(400)
    if (colon === end) return refuse(400)
    if (!isText(scheme, "sip"))
        if (!isText(scheme, "sips")) {
            if (!isText(scheme, "tel")) refuse(416)
            return
        }
    const host = Math.max(colon, find(AT, colon, end)) + 1
    if (host >= end) refuse(400)
    // headers are not for it (19.1.1, table 1)
    if (find(QUESTION, host, end) >= 0) refuse(400)
}

function checkHeaders(): void {
    checkParty(lineOf(Header.From, 0))
    checkParty(lineOf(Header.To, 0))
    const sequence = lineOf(Header.CSeq, 0)
    const at = sequence >> 16
    const end = sequence & 0xffff
    const blank = beforeBlank(at, end)
    const answered = methodOf(trim(blank, end))
    if (status > 0) method = answered
    if (answered !== method) refuse(400)
    cseq = decimalOf((at << 16) | blank, CSEQ_MAX)
    if (cseq < 0) refuse(400)
    const callId = lineOf(Header.CallId, 0)
    if (callId >> 16 >= (callId & 0xffff)) refuse(400)
    const hops = lineOf(Header.MaxForwards, 0)
    if (hops !== 0) if (decimalOf(hops, 255) < 0) refuse(400)
}

/** From and To: one address each. */
function checkParty(value: Span): void {
    const at = value >> 16
    const end = value & 0xffff
    if (uriOf(value) === 0) return refuse(400)
    // a name without quotes is words, and no list
    if (find(COMMA, at, end) >= 0) if (beforeSeparator(COMMA, at, end) !== end) refuse(400)
    if (hasFlaw(paramsAt, end)) refuse(400)
}

/** Find where the body ends: RFC 3261, 18.3. @returns whether that has not come yet */
function isCut(end: number, isStream: boolean): boolean {
    const value = lineOf(Header.ContentLength, 0)
    let length = end - body
    if (value !== 0) length = decimalOf(value, 0xffff)
    else if (isStream) length = -1
    if (length < 0) refuse(400)
    bodyEnd = body + length
    if (bodyEnd <= end) return false
    if (isStream) if (length <= SIP_BODY) return true
    refuse(isStream ? 413 : 400)
    return false
}

/** The line that `findLine` has found last, name and all; a line feed follows it. */
export let line: Span = 0

/** Find the n-th line of a header. @returns whether there is one */
export function findLine(header: Header, n: number): boolean {
    let at = -1
    for (let i = n; i >= 0; i--) {
        at = findId(header, at + 1, lines)
        if (at < 0) return false
    }
    line = spans.getAt(4 * at, "i32")
    return true
}

/** The value of the n-th line of a header; 0 if there is none. */
export function lineOf(header: Header, n: number): Span {
    if (!findLine(header, n)) return 0
    const end = line & 0xffff
    return trim(find(COLON, line >> 16, end) + 1, end)
}

/**
 * The n-th value of a header that is a list, whatever lines they stand in (RFC 3261, 7.3.1). A line is cut at its commas, but for those in
 * quoted strings and `<>`.
 * @returns 0 if there is none; an empty span for one that is empty
 */
export function valueOf(header: Header, n: number): Span {
    if (n >= VALUES) return 0
    let left = n
    let i = 0
    while (true) {
        const value = lineOf(header, i)
        if (value === 0) return 0
        const end = value & 0xffff
        let at = value >> 16
        while (at <= end) {
            let comma = beforeSeparator(COMMA, at, end)
            // what has no end is one value, in which its reader finds the flaw
            if (comma < 0) comma = end
            if (left === 0) return trim(at, comma)
            left--
            at = comma + 1
        }
        i++
    }
}
