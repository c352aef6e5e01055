/**
 * The handset: one microphone and one loudspeaker, which one call at a time has. What it hears comes from the call's jitter buffer, or is a
 * tone; what it says goes to `voice/source.ts`.
 * Read first: `services/handset.md`; `rtp/playout.ts`; `rtp/clock.ts`, which calls `tick`.
 */
import * as ds from "@devicescript/core"
import { ECHO_OCTETS, SAMPLES_PER_FRAME, SPEAKER_OCTETS, SPEAKER_WAITING } from "../base/config"
import { count, Counter } from "../base/counters"
import { tickBy } from "../rtp/clock"
import { sendDigits } from "../rtp/dtmf"
import { DIGITS } from "../rtp/events"
import { Playout } from "../rtp/playout"
import { Session, attendBy, eventsOf } from "../rtp/session"
import { Codec, silenceOf } from "../voice/g711"
import { Echo, Play, isHandsetGone, makeMicrophone, seeHandset } from "../voice/source"
import { Tone, writeTones } from "../voice/tones"
import { Call, CallState } from "./call"
import { answer, hold, placeUri } from "./line"
import { calls } from "./telephone"

/** What a packet of voice has before it. */
const FORMAT = 0
const SEQUENCE = 1
const VOICE = 2
/** Milliseconds for which a call that has failed is told by a tone. */
const BUSY = 5000
/** Digits of a number, at most; E.164 has 15. */
const NUMBER_MAX = 32
/** The first status that means that it rings at the other side. */
const RINGS = 180

/** The packets for the handset: the payload of each, see `services/handset.md`, and what sends it. */
export interface Packets {
    voice: Buffer
    ring: Buffer
    sendVoice(): Promise<void>
    sendRing(): Promise<void>
}
let make: () => Packets

/** These are `undefined` until a handset has shown itself: a phone that has none needs the room for something else. */
let packets: Packets
/** The payload of the packet for the loudspeaker. */
let speaker: Buffer
/** Waits until there is such a packet. */
let sender: ds.Fiber
/** What was not sent yet. */
let waiting: Buffer
let filled = 0
let playout: Playout
let mic: Echo
/** The session that has the handset. */
let session: Session
/** Whether the handset is off the hook. */
let isOff = false
/** What was dialled so far. */
let number = ""
/** When a number was dialled that cannot be called. */
let failed = -Infinity
/** The tone that the loudspeaker plays, and how much of it. */
let tone = Tone.None
let played = 0

/** Boot calls it. @param makePackets makes them, once */
export function startHandset(makePackets: () => Packets): void {
    make = makePackets
    attendBy(attend)
}

async function runSpeaker() {
    sender = ds.Fiber.self()
    for (;;) {
        while (filled < SPEAKER_OCTETS) await ds.suspend<any>(undefined)
        speaker.blitAt(VOICE, waiting, 0, SPEAKER_OCTETS)
        speaker[SEQUENCE] = speaker[SEQUENCE] + 1
        filled -= SPEAKER_OCTETS
        waiting.blitAt(0, waiting, SPEAKER_OCTETS, filled)
        await packets.sendVoice()
    }
}

/** Give a session the handset: one that talks with it, or, if nobody does, one that has just begun. */
export function attend(s: Session): void {
    if (isHandsetGone()) return
    if (session?.ear === playout)
        if (session !== s) {
            if (session.play === Play.Handset) {
                if (s.play !== Play.Handset) return
                const c = calls.find(k => k.session === session)
                if (c.peer !== null) park.start(c)
            }
            session.ear = playout.also
        }
    session = s
    if (s.ear !== playout) playout.also = s.ear
    s.ear = playout
    playout.begin(s.codec)
    mic.count = 0
    filled = 0
    speaker[FORMAT] = s.codec
    tickBy(tick)
}

/** Hold a call that has no handset any more. */
async function park(c: Call): Promise<void> {
    try {
        await hold(c, true)
    } catch {
        // it has ended, or its other side does not agree: then it hears silence
    }
}

/** 20 ms of voice for the loudspeaker. @returns whether there will be more */
function tick(): boolean {
    if (session) if (session.ear !== playout) session = undefined
    if (isHandsetGone()) {
        if (session) session.ear = playout.also
        session = undefined
        tone = Tone.None
    }
    // all packets together are 50 a second
    if (filled > waiting.length - SAMPLES_PER_FRAME) {
        count(Counter.SpeakerFull)
        filled -= SAMPLES_PER_FRAME
    }
    const format = speaker[FORMAT]
    if (session) playout.read(waiting, filled)
    else waiting.fillAt(filled, waiting.length - filled, silenceOf(format))
    if (tone !== Tone.None) writeTones(tone, played++, waiting, filled, format)
    filled += SAMPLES_PER_FRAME
    const isMore = session ? true : tone !== Tone.None
    // the last piece does not wait for others
    if (!isMore) filled += SPEAKER_OCTETS - 1 - ((filled - 1) % SPEAKER_OCTETS)
    if (filled >= SPEAKER_OCTETS) if (sender.suspended) sender.resume(true)
    return isMore
}

/** What the microphone hears. */
export function onVoice(b: Buffer): void {
    if (session?.play !== Play.Handset) return
    const length = b.length - VOICE
    // nothing is said before the call is up, and while it is held
    if (!session.talker) mic.count = 0
    // one that is in step has no more than two packets here
    if (b[FORMAT] !== Codec.PCMU ? true : mic.count + length > ECHO_OCTETS) return count(Counter.HandsetBad)
    mic.hear(b, 0, VOICE, length)
}

/** The hook, twice a second. @param state 1 if the handset is off it */
export async function onHook(state: number): Promise<void> {
    if (!packets) {
        packets = make()
        speaker = packets.voice
        waiting = Buffer.alloc(SPEAKER_WAITING)
        playout = new Playout()
        mic = makeMicrophone()
        runSpeaker.start()
    }
    seeHandset()
    const now = ds.millis()
    const isLifted = state === 1 ? !isOff : false
    const isLaid = state === 1 ? false : isOff
    isOff = state === 1
    if (!isOff) {
        number = ""
        failed = -Infinity
    }
    let next = isOff ? Tone.Dial : Tone.None
    if (number !== "") next = Tone.None
    if (failed + BUSY > now) next = Tone.Busy
    let rings = 0
    for (const c of calls) {
        const isOurs = c.session.play === Play.Handset
        if (isOurs)
            if (c.isLive()) {
                if (isLaid) c.hangup()
                next = Tone.None
                if (c.state === CallState.Calling) if (c.peer !== null) if (c.dialog.status >= RINGS) next = Tone.Ringback
            } else if (c.error) if (c.ended + BUSY > now) if (next !== Tone.Ringback) next = Tone.Busy
        if (c.session.socket) if (!session) attend(c.session)
        if (c.state === CallState.Ringing) {
            rings = 1
            if (isLifted) answer(c, Play.Handset)
            else if (session) next = Tone.Waiting
        }
    }
    if (packets.ring[0] !== rings) {
        packets.ring[0] = rings
        await tellRing()
    }
    if (next !== tone) {
        tone = next
        played = 0
    }
    if (tone !== Tone.None) {
        if (!session) speaker[FORMAT] = Codec.PCMU
        tickBy(tick)
    }
}

/** A key. @param code of its digit, in ASCII */
export async function onKey(code: number): Promise<void> {
    const digit = String.fromCharCode(code)
    if (DIGITS.indexOf(digit) < 0) return count(Counter.HandsetBad)
    if (session) {
        if (eventsOf(session) >= 0) await sendDigits(session, digit)
    } else if (!isOff) return
    else if (digit !== "#") number = (number + digit).slice(0, NUMBER_MAX)
    else {
        const text = number
        number = ""
        failed = ds.millis()
        if (placeUri(text, Codec.PCMU, Play.Handset, Infinity, undefined)) failed = -Infinity
    }
}

/** Say whether a call rings. */
export async function tellRing(): Promise<void> {
    if (packets) await packets.sendRing()
}
