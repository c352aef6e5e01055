/**
 * The digits of a keypad, sent beside the voice.
 * Read first: RFC 4733, 2.5.1 (who sends), 3.2 (the digits); `events.ts`.
 */
import * as ds from "@devicescript/core"
import { PTIME, SAMPLES_PER_FRAME } from "../base/config"
import { TX_PAYLOAD } from "../socket/datagram"
import { RTP_HEADER, RTP_MARKER, RTP_SEQUENCE, RTP_TYPE } from "../wire/rtp"
import { DIGITS, EVENT_LENGTH } from "./events"
import { Session, eventsOf } from "./session"

/** Of a payload: end and volume; how long it has lasted, in timestamp units. */
const FLAGS = RTP_HEADER + 1
const DURATION = RTP_HEADER + 2
const END = 0x80
/** In -dBm0. */
const VOLUME = 10
/** Packets of a digit: so many say how long it has lasted, and with the last of them as many say that it is over (2.5.1.4). */
const LASTING = 5
const ENDS = 3
/** Milliseconds between two digits, at least (ITU-T Q.24: 40). */
const PAUSE = 60

/** Which sessions send digits now. */
const sending: Session[] = []

/**
 * Send digits, one after the other, and after those that are being sent: each lasts 100 ms. The voice goes on meanwhile, as RFC 4733, 2.1 allows.
 * @param digits of `DIGITS`
 * @returns how many were sent: fewer if the session has ended
 */
export async function sendDigits(s: Session, digits: string): Promise<number> {
    while (sending.indexOf(s) >= 0) await ds.sleep(PTIME)
    sending.push(s)
    const sent = await send(s, digits)
    sending.insert(sending.indexOf(s), -1)
    return sent
}

async function send(s: Session, digits: string): Promise<number> {
    const b = Buffer.alloc(RTP_HEADER + EVENT_LENGTH)
    for (let i = 0; i < digits.length; i++) {
        for (let n = 1; n < LASTING + ENDS; n++) {
            const { frame, socket } = s
            // its address may be given back already
            if (!socket?.ifc) return i
            let type = eventsOf(s)
            if (n === 1) {
                // one timestamp for all of it, and a marker on the first
                b.blitAt(0, frame, TX_PAYLOAD, RTP_HEADER)
                b[RTP_HEADER] = DIGITS.indexOf(digits[i])
                type |= RTP_MARKER
            }
            b[RTP_TYPE] = type
            b[FLAGS] = n < LASTING ? VOLUME : VOLUME | END
            const duration = SAMPLES_PER_FRAME * Math.min(n, LASTING)
            b[DURATION] = duration >> 8
            b[DURATION + 1] = duration
            // the voice has the same sequence
            const at = TX_PAYLOAD + RTP_SEQUENCE
            const sequence = (frame[at] << 8) | frame[at + 1]
            b.blitAt(RTP_SEQUENCE, frame, at, 2)
            frame[at] = (sequence + 1) >> 8
            frame[at + 1] = sequence + 1
            socket.sent(socket.sendTo(b, socket.remote, socket.remotePort))
            await ds.sleep(PTIME)
        }
        await ds.sleep(PAUSE)
    }
    return digits.length
}
