/**
 * Session descriptions, offered and answered: one stream of G.711 among whatever else the other side wishes.
 * Read first: RFC 8866, 5 and 9 (the format); RFC 3264, 5 and 6 (offer and answer), 8.4 (hold); RFC 4733 (telephone events); RFC 3605 (`a=rtcp`).
 */
import { PTIME } from "../base/config"
import { formatAddress, isUnicast, parseAddress } from "../wire/address"
import { COLON, CR, EQUALS, LF, SP, Span, before, decimalOf, isText, packet, readFrom, textOf } from "./span"
import { copy, copySpan, write } from "./writer"

/** That of PCMU is 0. */
const PCMA = 8
const COMFORT_NOISE = 13
/** What we call telephone events if we are asked first. */
export const TELEPHONE_EVENT = 101

/** Directions as the sender of a description sees them; both are `sendrecv`. */
export const RECEIVES = 1
export const SENDS = 2
/** In the order of their bits, each in `DIRECTION` letters. */
const DIRECTIONS = "inactive recvonly sendonly sendrecv"
const DIRECTION = 9

/** The audio of the other side. */
export class Media {
    /** Which of the `m=` lines it is, from 0. */
    index: number
    address: number
    port: number
    rtcpPort: number
    /** PCMU or PCMA, whichever it likes better. */
    codec: number
    /** The payload type of telephone events, -1 if it has none. */
    events: number
    hasComfortNoise: boolean
    /** Milliseconds of a packet that it asks for. */
    ptime: number
    /** What it does: `RECEIVES`, `SENDS`. It holds the call if it does not receive. */
    direction: number
}

/** Types of lines: `c`, `a` and `m`. */
const CONNECTION = 99
const ATTRIBUTE = 97
const MEDIA = 109

/** Four letters of words, ` IP4` with a blank, as little-endian words themselves: to compare texts would cost ten times as much. */
const AUDIO = 0x69647561
const IP4 = 0x34504920
const RTPM = 0x6d707472
const PTIM = 0x6d697470
const RTCP = 0x70637472
const TELE = 0x656c6574
/** `/800`, of 8000. */
const RATE = 0x3030382f

function wordAt(from: number): number {
    return packet.getAt(from, "i32")
}

/** The line that is being read: its value, and what follows it. */
let at = 0
let lineEnd = 0
let next = 0
let last = 0
/** How many lines may still be read: a turn of the VM has a limit. */
let left = 0
const LINES = 128
/** Payload types of one stream that are looked at. */
const TYPES = 32
/** `255.255.255.255` */
const ADDRESS_LENGTH = 15

function startLines(b: Buffer, from: number, end: number): void {
    readFrom(b)
    next = from
    last = end
    left = LINES
}

/** Go to the next line; `at` is where its value begins. @returns its type, a letter; -1 at the end */
function nextLine(): number {
    if (next >= last) return -1
    left--
    if (left < 0) return -1
    const b = packet
    at = next + 2
    const type = b[at - 1] === EQUALS ? b[next] : 0
    lineEnd = before(LF, next, last)
    next = lineEnd + 1
    if (b[lineEnd - 1] === CR) lineEnd--
    return type
}

/** Go behind the next word of the line. */
function nextWord(): Span {
    const from = at
    const end = before(SP, from, lineEnd)
    at = end + 1
    return (from << 16) | end
}

/**
 * Read an offer or an answer: the first audio that we can send and hear.
 * @returns `undefined` if there is none
 */
export function readSdp(b: Buffer, from: number, end: number): Media {
    startLines(b, from, end)
    const m = new Media()
    m.index = -1
    m.direction = SENDS | RECEIVES
    // of the session: each medium may say otherwise
    let address: number
    let direction = m.direction
    while (true) {
        const type = nextLine()
        if (type === ATTRIBUTE) readAttribute(m)
        else if (type === CONNECTION) m.address = connection()
        else if (type < 0 ? true : type === MEDIA) {
            if (isUsable(m)) return m
            if (type < 0) return undefined
            if (m.index < 0) {
                address = m.address
                direction = m.direction
            }
            m.index++
            m.address = address
            m.direction = direction
            readMedia(m)
        }
    }
}

function isUsable(m: Media): boolean {
    if (m.codec === undefined) return false
    if (m.address === undefined) return false
    // RFC 3264, 8.4: how a call was held before there were directions
    if (m.address === 0) m.direction &= ~RECEIVES
    else if (!isUnicast(m.address)) return false
    return true
}

/** `m=audio 49170 RTP/AVP 0 8 101` (RFC 8866, 5.14). What is not that has no codec. */
function readMedia(m: Media): void {
    m.codec = undefined
    m.hasComfortNoise = false
    m.events = -1
    m.ptime = PTIME
    const media = wordAt(at)
    nextWord()
    m.port = decimalOf(nextWord(), 65535)
    m.rtcpPort = m.port + 1
    if (m.port <= 0) return
    if (media !== AUDIO) return
    if (!isText(nextWord(), "rtp/avp")) return
    for (let i = 0; i < TYPES; i++) {
        if (at >= lineEnd) return
        const type = decimalOf(nextWord(), 127)
        if (type === COMFORT_NOISE) m.hasComfortNoise = true
        else if (m.codec === undefined) if ((type & ~PCMA) === 0) m.codec = type
    }
}

/** `c=IN IP4 10.77.0.50` (RFC 8866, 5.7). @returns `undefined` for an address that we cannot reach, or do not understand */
function connection(): number {
    if (wordAt(at + 2) !== IP4) return undefined
    at += 7
    return lineEnd - at > ADDRESS_LENGTH ? undefined : parseAddress(textOf((at << 16) | lineEnd))
}

/** `a=` (RFC 8866, 6). The length and four letters of its name tell those from others that say something to us. */
function readAttribute(m: Media): void {
    const name = at
    const colon = before(COLON, name, lineEnd)
    const length = colon - name
    const word = wordAt(name)
    at = colon + 1
    if (length === 8) {
        const i = DIRECTIONS.indexOf(textOf((name << 16) | colon))
        if (i >= 0) m.direction = (i / DIRECTION) | 0
    } else if (word === RTPM) {
        const type = nextWord()
        // at this rate: wide-band codecs have others
        if (wordAt(at) === TELE) if (wordAt(lineEnd - 5) === RATE) m.events = decimalOf(type, 127)
    } else if (word === PTIM) {
        const ptime = decimalOf(nextWord(), 200)
        if (ptime > 0) m.ptime = ptime
    } else if (word === RTCP)
        if (length === 4) {
            const port = decimalOf(nextWord(), 65535)
            if (port > 0) m.rtcpPort = port
        }
}

/** What we say of ourselves. */
export class Local {
    address: number
    port: number
    /** The number of the session, and of its description: one more each time that it differs (RFC 3264, 8). */
    id: number
    version: number
    direction: number
}

/** Write an offer. @param codec which we like better */
export function writeOffer(l: Local, codec: number): void {
    writeSession(l)
    writeMedia(l, `${codec} ${codec ^ PCMA}`, TELEPHONE_EVENT, PTIME)
}

/**
 * Write the answer to an offer: one `m=` line for each of its own, in order, all but one refused (RFC 3264, 6).
 * @param m what `readSdp` found in the offer, which is still where it was
 */
export function writeAnswer(l: Local, m: Media, b: Buffer, from: number, end: number): void {
    writeSession(l)
    startLines(b, from, end)
    let index = 0
    while (true) {
        const type = nextLine()
        if (type < 0) return
        if (type !== MEDIA) continue
        if (index === m.index) writeMedia(l, m.hasComfortNoise ? `${m.codec} ${COMFORT_NOISE}` : `${m.codec}`, m.events, m.ptime)
        else {
            write("m=")
            copySpan(nextWord())
            nextWord()
            write(" 0 ")
            copy(b, at, Math.max(at, lineEnd))
            write("\r\n")
        }
        index++
    }
}

function writeSession(l: Local): void {
    const address = formatAddress(l.address)
    write(`v=0\r\no=- ${l.id} ${l.version} IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\n`)
}

function writeMedia(l: Local, codecs: string, events: number, ptime: number): void {
    write(`m=audio ${l.port} RTP/AVP ${codecs}`)
    if (events >= 0) write(` ${events}\r\na=rtpmap:${events} telephone-event/8000\r\na=fmtp:${events} 0-15`)
    const direction = DIRECTION * l.direction
    write(`\r\na=ptime:${ptime}\r\na=${DIRECTIONS.slice(direction, direction + DIRECTION - 1)}\r\n`)
}
