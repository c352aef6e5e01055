/**
 * A SIP message is read where it was received: `parse` says what it is, finds its lines, and checks what everybody relies on. Then
 * `lineOf` and `valueOf` say where a header's values are, and `span.ts` what is in them. One message at a time; nothing is copied,
 * but that folded lines become one line.
 * Read first: RFC 3261, 7 (the format), 8.2 (what a request must have), 18.3 (Content-Length), 20; RFC 4475 (what may be in it).
 */
import { SIP_BODY, SIP_LINES } from "../base/config"
import { BY_KEY, FOLD, Header, NAME, NAMES, NONE } from "./header"
import {
    AT,
    COLON,
    COMMA,
    CR,
    LF,
    SLASH,
    SP,
    Span,
    before,
    beforeSeparator,
    decimalOf,
    find,
    hostPartEnd,
    packet,
    readFrom,
    readUri,
    readVia,
    schemeOf,
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

/** The schemes of Request-URIs that are known, those first whose URIs we read. */
const SCHEMES = " sip sips tel "
const TEL = 9

/** Faults of a request: by how much their statuses are above this. Small numbers are short in the code. */
const STATUS = 398
const BAD = 400 - STATUS
const TOO_LARGE = 413 - STATUS
const SCHEME = 416 - STATUS
const VERSION = 505 - STATUS

/** Values of a header that anybody can ask for: to find one, those before it are passed. */
const VALUES = 32
/** Octets of a line at most, so that a turn of the VM is enough to look at it several times. */
const LINE = 1000
/** `/2.0` as a little-endian word, and where it is in `SIP/2.0`. */
const VERSION_2 = 0x302e322f
const SIP = 3
const SIP_VERSION = 7
const TAB = 9
/** Tabs that become blanks, at most: a turn of the VM has a limit. */
const TABS = 64
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

/** The name of a method that is known. */
export function nameOfMethod(id: Method): string {
    return METHODS.slice(id + 1, METHODS.indexOf(" ", id + 1))
}

/**
 * Read a message. Folded lines are unfolded in the buffer. One function on purpose, as `check` is: code is scarcer than anything else, and
 * each function more takes some 40 octets of it.
 * @param isStream whether it came in a stream, where it may be incomplete, and must say its length
 * @returns `SOUND`, `DROP`, `MORE`, or the status of the response with which the request is to be refused
 */
export function parse(b: Buffer, at: number, length: number, isStream: boolean): number {
    readFrom(b)
    const search = find
    const end = at + length
    // RFC 3261, 7.5: and what keeps a flow open (RFC 5626, 3.5.1) is no message
    const head = trim(at, end) >> 16
    let begin = head
    let from = head
    let fault = SOUND
    for (lines = 0; lines < SIP_LINES; lines++) {
        const next = search(LF, from, end)
        if (next < 0) break
        from = next + 1
        if (from - begin < 3) {
            fault = check(head, from, end, isStream, fault)
            if (fault <= MORE) return fault
            // nothing is an answer to these (RFC 3261, 17.1.1.3 and 18.1.2)
            if (status > 0) return DROP
            return method === Method.Ack ? DROP : fault + STATUS
        }
        ids[lines] = NONE
        // RFC 3261, 7.3.1: a line goes on in one that begins with a blank or a tab, and not with the end of a line
        if (b[from] <= SP)
            if ((b[from] & 7) < 2) {
                // in a stream, that is not there yet
                if (from >= end) break
                b[next] = SP
                b[from] = SP
                if (b[next - 1] === CR) b[next - 1] = SP
                continue
            }
        let size = search(COLON, begin, next) - begin
        if (size > 0) {
            while (b[begin + size - 1] <= SP) size--
            let initial = b.getAt(begin, "i32")
            let final = b.getAt(begin + size - 4, "i32") & FOLD
            // To, Via and the compact forms: what is before them is shifted out
            if (size < 4) {
                final >>>= 32 - 8 * size
                initial = final
            }
            // behind the names there is nothing, and so `NONE` is alike to none
            const name = NAME * BY_KEY[((final ^ (final >> 3)) + size) & 255]
            const id = NAMES[name + 8]
            if ((((initial ^ NAMES.getAt(name, "i32")) | (final ^ NAMES.getAt(name + 4, "i32"))) & FOLD) === 0)
                if (next - begin < LINE) {
                    // one that is too long is as if it were not there
                    // RFC 3261, 7.3.1: only what is a list may be there twice
                    if (id < Header.Via) if (findId(id, 0, lines) >= 0) fault = BAD
                    ids[lines] = id
                    spans.setAt(4 * lines, "i32", (begin << 16) | next)
                }
        }
        begin = from
    }
    return isStream ? MORE : DROP
}

/**
 * Find the end of the body, read the first line, and what else everybody relies on (RFC 3261, 7.1, 7.2, 8.1.1). What a user agent gets over
 * by itself is not checked: hops, semicolons without parameters, an empty Call-ID.
 * @param from where the body begins
 * @returns `SOUND`, `MORE`, `DROP`, or what is to be added to `STATUS`; `fault` if there is nothing else
 */
function check(head: number, from: number, end: number, isStream: boolean, fault: number): number {
    // RFC 3261, 18.3
    const value = lineOf(Header.ContentLength, 0)
    let size = end - from
    if (value !== 0) size = decimalOf(value, 0xffff)
    else if (isStream) size = -1
    body = from
    bodyEnd = from + size
    if (size < 0) fault = BAD
    if (bodyEnd > end) {
        fault = BAD
        if (isStream) {
            if (size <= SIP_BODY) return MORE
            fault = TOO_LARGE
        }
    }
    // RFC 3261, 25.1: a tab is as good as a blank, and becomes one
    let tab = head
    for (let i = 0; i < TABS; i++) {
        tab = find(TAB, tab, from)
        if (tab < 0) break
        packet[tab] = SP
    }
    // nobody could be told
    if (!readVia(valueOf(Header.Via, 0))) return DROP
    const lineEnd = find(LF, head, from)
    const first = before(SP, head, lineEnd)
    const second = before(SP, first + 1, lineEnd)
    target = ((first + 1) << 16) | second
    status = 0
    let version = second + 1
    // there is none in a method
    if (find(SLASH, head, first) >= 0) {
        status = decimalOf(target, 699)
        if (status < 100) return DROP
        target = trim(second, lineEnd)
        version = head
    } else {
        // joined: a template of texts that are no ASCII has stopped the runtime
        method = METHODS.indexOf(" " + textOf((head << 16) | first) + " ")
        if (packet[version + SIP_VERSION] > CR) return BAD
        // letters begin here (8.2.2.1; RFC 3986, 3.1)
        if (packet[first + 1] <= AT) return BAD
        const scheme = SCHEMES.indexOf(" " + textOf(schemeOf(target)).toLowerCase() + " ")
        if (scheme < 0) return SCHEME
        if (scheme < TEL) {
            if (!readUri(target)) return BAD
            // headers are not for it (19.1.1, table 1)
            if (hostPartEnd < second) return BAD
        }
    }
    if (packet.getAt(version + SIP, "i32") !== VERSION_2) return VERSION
    if (uriOf(lineOf(Header.From, 0)) === 0) return BAD
    if (uriOf(lineOf(Header.To, 0)) === 0) return BAD
    if (findId(Header.CallId, 0, lines) < 0) return BAD
    const sequence = lineOf(Header.CSeq, 0)
    cseq = decimalOf(sequence, CSEQ_MAX)
    if (cseq < 0) return BAD
    const sequenceEnd = sequence & 0xffff
    const answered = METHODS.indexOf(" " + textOf(trim(before(SP, sequence >> 16, sequenceEnd), sequenceEnd)) + " ")
    if (status > 0) method = answered
    return answered === method ? fault : BAD
}

/** The line that `findLine` has found last, name and all; a line feed follows it. */
export let line: Span = 0

/** Find the n-th line of a header. @returns whether there is one */
export function findLine(header: Header, n: number): boolean {
    let at = -1
    for (; n >= 0; n--) {
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
    for (let i = 0; ; i++) {
        const value = lineOf(header, i)
        if (value === 0) return 0
        const end = value & 0xffff
        let at = value >> 16
        while (at <= end) {
            // what has no end is one value, in which its reader finds the flaw
            const comma = beforeSeparator(COMMA, at, end)
            if (n === 0) return trim(at, comma)
            n--
            at = comma + 1
        }
    }
}
