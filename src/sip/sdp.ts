/**
 * Session descriptions, offered and answered: one stream of G.711 among whatever else the other side wishes.
 * Read first: RFC 8866, 5 and 9 (the format); RFC 3264, 5 and 6 (offer and answer), 8.4 (hold); RFC 4733 (telephone events); RFC 3605 (`a=rtcp`);
 * RFC 5761, 5.1.1 (`a=rtcp-mux`).
 */
import { PTIME } from "../base/config"
import { formatAddress, isUnicast, parseAddress } from "../wire/address"
import { TELEPHONE_EVENT } from "../wire/rtp"
import { CR, LF, Span, before, decimalOf, packet, readFrom, textOf } from "./span"
import { write } from "./writer"

/** That of PCMU is 0. */
const PCMA = 8
/** Directions as the sender of a description sees them; both are `sendrecv`. */
export const RECEIVES = 1
export const SENDS = 2
/** In the order of their bits, each in `DIRECTION` letters, the last one a blank. */
const DIRECTIONS = "a=inactive a=recvonly a=sendonly a=sendrecv "
const DIRECTION = 11
/** RFC 5761, 5.1.1. */
const MUXED = "a=rtcp-mux"

/** The audio of the other side. */
export interface Media {
    /** Which of the `m=` lines it is, from 0. */
    index: number
    address: number
    port: number
    /** Of its RTCP; and whether that is to come where the voice does. */
    rtcpPort: number
    isMuxed: boolean
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

/** The line that is being read, with its type; and what follows it. */
let line: Span = 0
let text: string
let next = 0
let last = 0
/** How many lines may still be read, -1 at the end: a turn of the VM has a limit. */
let left = 0
const LINES = 128
/** Where in a `c=` the address is: `c=IN IP4 255.255.255.255`. A text that is one octet too long is none. */
const ADDRESS = 9
const ADDRESS_END = 25

/** Go to the next line. @returns its type, a letter; at the end as if one more medium began */
function nextLine(): number {
    const at = next
    if (at >= last) left = 0
    left--
    if (left < 0) return MEDIA
    next = before(LF, at, last) + 1
    // the others say nothing to us
    if (packet[at] <= MEDIA) {
        line = (at << 16) | before(CR, at, next - 1)
        text = textOf(line)
    }
    return packet[at]
}

/** The number behind this beginning of the line; less than 0 if the line begins otherwise, or with none, or one above `max`. */
function numberAfter(name: string, max: number): number {
    return text.indexOf(name) === 0 ? decimalOf(line + (name.length << 16), max) : -1
}

/**
 * Read an offer or an answer: the first audio that we can send and hear. One function on purpose: code is scarcer than anything else.
 * @returns `undefined` if there is none
 */
export function readSdp(b: Buffer, from: number, end: number): Media {
    readFrom(b)
    next = from
    last = end
    left = LINES
    // of the session: each medium may say otherwise
    const session: any = {}
    session.index = -1
    session.ptime = PTIME
    session.direction = SENDS | RECEIVES
    let m: Media = session
    for (;;) {
        const type = nextLine()
        if (type === ATTRIBUTE) {
            // RFC 8866, 6
            const ptime = numberAfter("a=ptime:", 200)
            if (ptime > 0) m.ptime = ptime
            const rtcp = numberAfter("a=rtcp:", 65535)
            if (rtcp > 0) m.rtcpPort = rtcp
            if (text === MUXED) m.isMuxed = true
            // at this rate: wide-band codecs have others
            if (text.indexOf(" telephone-event/8000") > 0) m.events = numberAfter("a=rtpmap:", 127)
            const direction = DIRECTIONS.indexOf(text + " ")
            if (direction >= 0) m.direction = (direction / DIRECTION) | 0
        } else if (type === CONNECTION) {
            // RFC 8866, 5.7: what is not like `c=IN IP4 10.77.0.50` is none that we can reach, or understand
            m.address = parseAddress(text.slice(ADDRESS, ADDRESS_END))
        } else if (type === MEDIA) {
            // the one before is over
            if (m.codec !== undefined) {
                if (isUnicast(m.address)) return m
                if (m.address === 0) {
                    // RFC 3264, 8.4: how a call was held before there were directions
                    m.direction &= ~RECEIVES
                    return m
                }
            }
            if (left < 0) return undefined
            const index = m.index + 1
            m = {} as Media
            m.index = index
            m.address = session.address
            m.direction = session.direction
            // RFC 8866, 6.4 has `ptime` in media alone; some say it of the session
            m.ptime = session.ptime
            m.events = -1
            // `m=audio 49170/2 RTP/AVP 0 8 101` (RFC 8866, 5.14): what is not like that has no codec
            m.port = numberAfter("m=audio ", 65535)
            m.rtcpPort = m.port + 1
            const types = text + " "
            if (m.port > 0)
                if (types.indexOf(" RTP/AVP ") > 0) {
                    m.hasComfortNoise = types.indexOf(" 13 ") > 0
                    const pcmu = types.indexOf(" 0 ")
                    const pcma = types.indexOf(" 8 ")
                    // whichever comes first; -1, as an unsigned number, comes last
                    if (pcmu !== pcma) m.codec = pcmu >>> 0 < pcma >>> 0 ? 0 : PCMA
                }
        }
    }
}

/** What we say of ourselves. */
export interface Local {
    address: number
    port: number
    /** The number of the session, and of its description: more each time that it differs (RFC 3264, 8). */
    id: number
    version: number
    direction: number
}

/** Write an offer. @param codec which we like better */
export function writeOffer(l: Local, codec: number): void {
    writeSession(l)
    writeMedia(l, `${codec} ${codec ^ PCMA}`, TELEPHONE_EVENT, PTIME, false)
}

/**
 * Write the answer to an offer: one `m=` line for each of its own, in order, all but one refused (RFC 3264, 6).
 * @param m what `readSdp` found in the offer, which is still where it was
 */
export function writeAnswer(l: Local, m: Media, b: Buffer, from: number, end: number): void {
    writeSession(l)
    readFrom(b)
    next = from
    last = end
    left = LINES
    let index = 0
    for (;;) {
        if (nextLine() === MEDIA) {
            if (left < 0) return
            if (index === m.index) writeMedia(l, m.codec + (m.hasComfortNoise ? " 13" : ""), m.events, m.ptime, m.isMuxed)
            else {
                const port = text.indexOf(" ")
                write(text.slice(0, port) + " 0" + text.slice(text.indexOf(" ", port + 1)) + "\r\n")
            }
            index++
        }
    }
}

function writeSession(l: Local): void {
    const address = formatAddress(l.address)
    write(`v=0\r\no=- ${l.id} ${l.version} IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\n`)
}

function writeMedia(l: Local, codecs: string, events: number, ptime: number, isMuxed: boolean): void {
    write(`m=audio ${l.port} RTP/AVP ${codecs}`)
    if (events >= 0) write(` ${events}\r\na=rtpmap:${events} telephone-event/8000\r\na=fmtp:${events} 0-15`)
    const direction = DIRECTION * l.direction
    write(`\r\na=ptime:${ptime}\r\n${DIRECTIONS.slice(direction, direction + DIRECTION - 1)}\r\n`)
    if (isMuxed) write(MUXED + "\r\n")
}
