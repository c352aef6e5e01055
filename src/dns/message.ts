/**
 * DNS messages: a query written, an answer read. What an answer says is the network's to say: each length, pointer and count in it is
 * checked, and how long it takes to read is bounded.
 * Read first: RFC 1035, 4.1; RFC 2782 for services.
 */
import { split } from "../base/text"
import { get16, htonl, put16 } from "../wire/order"

/** Types of records (RFC 1035, 3.2.2; RFC 2782). */
export const TYPE_A = 1
const TYPE_CNAME = 5
export const TYPE_SRV = 33
const CLASS_IN = 1

/** Codes of answers (RFC 1035, 4.1.1). */
export const NO_ERROR = 0
export const SERVER_FAILURE = 2
export const NAME_ERROR = 3

/** Offsets of the header (RFC 1035, 4.1.1). */
export const DNS_ID = 0
const FLAGS = 2
const CODE = 3
const QUESTIONS = 4
const ANSWERS = 6
const HEADER = 12
/** Of the flags: a response, to a standard query; one that did not fit; the wish for recursion. */
const RESPONSE = 0x80
const RESPONSE_MASK = 0xf8
const TRUNCATED = 2
const RECURSION_DESIRED = 1

/** Offsets of a record behind its name (RFC 1035, 4.1.3), and of a service in its data (RFC 2782). */
const TTL = 4
const DATA_LENGTH = 8
const DATA = 10
const WEIGHT = 2
const PORT = 4
const TARGET = 6

/** Octets of a message over UDP (RFC 1035, 2.3.4): nobody asks for more. */
const MESSAGE_MOST = 512
/** A label's length up to which it is one, and from which on it is a pointer (RFC 1035, 4.1.4). */
const LABEL_MOST = 63
const POINTER = 0xc0
/** Characters of a name, with dots and without the root's: 255 octets (RFC 1035, 2.3.4). */
const NAME_MOST = 253
/** Labels, pointers and characters that are read of a message: all its names may be long, and one and the same. */
const EFFORT = 2048

/** Where a service is (RFC 2782). */
export interface Service {
    /** The name of its host. */
    target: string
    port: number
    /** Its priority, and behind the point its place among those of the same one. */
    rank: number
}

/** What a message says of a name. */
export interface Answer {
    /** Addresses as `i32`, or services in the order in which they are to be used. */
    records: any[]
    /** The name that is to be asked for instead: the one that was asked for is an alias (RFC 1034, 3.6.2). `undefined` if there is none. */
    alias: string
}

/**
 * Of the answer that was read last: `NO_ERROR`, or why it says nothing; the seconds for which it holds, at most 0 if it does not;
 * and the octets of the message up to its last record.
 */
export let answerCode: number
export let answerTtl: number
export let answerLength: number

/** The cursor: where to read next; and what is left of `EFFORT`. */
let at: number
let effort: number

/**
 * Read a name at the cursor, which moves behind it.
 * @returns in small letters, since case means nothing (RFC 1035, 2.3.3); `undefined`, with the cursor at 0, if it is none, or none that can be shown
 */
function readName(b: Buffer): string {
    // no `i++` inside of an expression: it takes ten bytes of code more
    const text = Buffer.alloc(NAME_MOST + 1)
    let n = 0
    let i = at
    let behind = 0
    // a pointer leads to what was there before (RFC 1035, 4.1.4): each further back than the last one, so that there is no loop
    let before = at
    // nothing ends there
    at = 0
    for (;;) {
        effort--
        if (effort < 0) return undefined
        const length = b[i]
        if (length >= POINTER) {
            if (behind === 0) behind = i + 2
            i = get16(b, i) & 0x3fff
            if (i >= before) return undefined
            before = i
            continue
        }
        i++
        if (length === 0) break
        const end = i + length
        if (length > LABEL_MOST) return undefined
        if (n + length > NAME_MOST) return undefined
        if (n > 0) {
            text[n] = 0x2e
            n++
        }
        effort -= length
        while (i < end) {
            const c = b[i]
            if (c < 0x21) return undefined
            if (c > 0x7e) return undefined
            text[n] = c
            n++
            i++
        }
        // also if there was no length
        if (i >= b.length) return undefined
    }
    at = behind
    if (behind === 0) at = i
    const name = Buffer.alloc(n)
    name.blitAt(0, text, 0, n)
    return name.toString().toLowerCase()
}

/**
 * Write a query for records of a name. Its identifier is to be written when it is sent.
 * @param name in small letters, without the root's dot
 * @returns `undefined` if it is no name
 */
export function writeQuery(name: string, type: number): Buffer {
    const b = Buffer.alloc(HEADER + name.length + 6)
    b[FLAGS] = RECURSION_DESIRED
    b[QUESTIONS + 1] = 1
    at = HEADER
    for (const label of split(name, ".")) {
        b[at] = label.length
        b.blitAt(at + 1, label, 0, label.length)
        at += 1 + label.length
    }
    put16(b, at + 1, type)
    b[at + 4] = CLASS_IN
    // a name that is too long is none, nor one with empty labels, long ones or other characters
    effort = EFFORT
    at = HEADER
    if (readName(b) !== name) return undefined
    return b
}

/**
 * Read an answer.
 * @param asked what `writeQuery` gave
 * @returns `undefined` if it is none to this question (RFC 5452, 9.1), breaks off, or contradicts itself
 */
export function readAnswer(b: Buffer, asked: Buffer): Answer {
    if ((b[FLAGS] & RESPONSE_MASK) !== RESPONSE) return undefined
    if (b.length > MESSAGE_MOST) return undefined
    for (let i = HEADER; i < asked.length; i++) if (b[i] !== asked[i]) return undefined
    const type = asked[asked.length - 3]
    effort = EFFORT
    at = HEADER
    const name = readName(b)
    at = asked.length
    answerCode = b[CODE] & 15
    answerTtl = Infinity
    const records: any[] = []
    // aliases come before what they lead to (RFC 1034, 4.3.2); if not, the last one is asked for
    let owner = name
    for (let left = get16(b, ANSWERS); left > 0; left--) {
        const its = readName(b)
        if (its === undefined) return undefined
        const itsType = get16(b, at)
        const data = at + DATA
        const next = data + get16(b, at + DATA_LENGTH)
        if (next > b.length) return undefined
        if (its === owner) {
            answerTtl = Math.min(answerTtl, htonl(b.getAt(at + TTL, "i32")))
            at = data
            if (itsType === TYPE_CNAME) owner = readName(b)
            else if (itsType !== type) at = next
            else if (type === TYPE_SRV) addService(b, records)
            else {
                at += 4
                if (at <= next) records.push(b.getAt(data, "i32"))
            }
            if (at !== next) return undefined
        }
        at = next
    }
    answerLength = at
    if (b[FLAGS] & TRUNCATED) {
        // the rest is to be had over TCP alone (RFC 1035, 4.2.1): what is there serves for the moment
        answerTtl = 0
        if (records.length === 0) answerCode = SERVER_FAILURE
    }
    if (owner === name) owner = undefined
    return { records, alias: owner }
}

/** Add the service at the cursor, which moves behind it, where it belongs in the order of use. */
function addService(b: Buffer, services: Service[]): void {
    const data = at
    at += TARGET
    const target = readName(b)
    // the root: there is no such service (RFC 2782)
    if (!target) return
    // who waits least comes first, and waits are as long as 1 by the weight in the mean: that is the choice which RFC 2782 describes
    const wait = -Math.log(Math.random()) / (get16(b, data + WEIGHT) || 0.01)
    const rank = get16(b, data) + wait / (1 + wait)
    let i = services.length
    while (i > 0) {
        if (services[i - 1].rank < rank) break
        i--
    }
    services.insert(i, 1)
    services[i] = { target, port: get16(b, data + PORT), rank }
}
