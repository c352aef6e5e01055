/**
 * An RTP session: the voice of one call in both directions, on a connected socket. `sendFrame` is the hot path out: it patches
 * the prepared frame and gives it to the PHY. `onPayload` is the hot path in.
 * Read first: RFC 3550, 5.1; RFC 3551, 4.1 and 4.5.14; `reception.ts`; `socket/datagram.ts`.
 */
import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { SAMPLES_PER_FRAME } from "../base/config"
import { count, Counter } from "../base/counters"
import { transmitFrame } from "../link/ethernet"
import { TAKEN } from "../phy/phy"
import { setreceiver } from "../socket/api"
import { Receiver } from "../socket/socket"
import { DatagramSocket, TX_PAYLOAD } from "../socket/datagram"
import { PROTOCOL_UDP } from "../wire/ipv4"
import { htonl } from "../wire/order"
import { Codec, silenceOf } from "../voice/g711"
import {
    EVENTS,
    JITTER,
    JITTER_MAX,
    LATEST,
    RECEIVED,
    RECEPTION_SIZE,
    RTCP_PORT,
    SSRC,
    TRANSIT,
    countOther,
    countPacket,
} from "./reception"
import {
    RTP_HEADER,
    RTP_MARKER,
    RTP_SEQUENCE,
    RTP_SSRC,
    RTP_TIMESTAMP,
    RTP_TYPE,
    COMFORT_NOISE,
    TELEPHONE_EVENT,
    rtpHeaderLength,
    rtpPadding,
    writeRtp,
} from "../wire/rtp"
import { hearEvent } from "./events"
import { hearReport, reportOf, scheduleReport } from "./rtcp"
import { Echo, Play, microphone, writeMicrophone, writeSpeech, writeTone } from "../voice/source"
import { SPEECH } from "../voice/speech"

/** Samples of the speech. A field of the buffer would cost more, for each frame. */
const SPEECH_LENGTH = SPEECH.length

/** Where a transmit buffer has the RTP packet, and its payload. */
const RTP = TX_PAYLOAD
const PAYLOAD = RTP + RTP_HEADER

/** Who hears what a session receives: voice of `length` octets at `payload`, in the packet that begins at `rtp`. */
export interface Ear {
    hear(b: Buffer, rtp: number, payload: number, length: number): void
    /** Write what it says back. */
    echo(b: Buffer, at: number): void
}

/** Is told of each session that begins, and may give it an ear. */
let attend: (s: Session) => void

export function attendBy(that: (s: Session) => void): void {
    attend = that
}

/** The payload type of telephone events; -1 if the other side takes none. */
export function eventsOf(s: Session): number {
    return s.reception.getAt(EVENTS, "i8")
}

/** A session. `open` and `begin` use it again after `end`. It has 12 fields, as many as a table of fields has room for. */
export class Session implements Receiver {
    // the VM searches fields from the first on: what each frame needs comes first
    frame: Buffer = undefined
    /** Whether the payload is the speech as it lies in flash. */
    speaks = false
    socket: DatagramSocket = undefined
    /** Position in the speech, in samples. */
    position: number
    codec: Codec
    play: Play
    ear: Ear = undefined
    /** Frames sent, as of the last `settle` of the socket. */
    txFrames: number
    /** Figures of what was received: see `reception.ts`. */
    reception = Buffer.alloc(RECEPTION_SIZE)
    /** POSIX code with which the socket has failed, or a defect that sending has met. */
    error: any
    /** Frames that are still to be sent: see `clock.ts`. */
    left = 0
    /** Who waits until none is. */
    talker: ds.Fiber = undefined

    constructor() {
        this.open(Codec.PCMU, Play.Tone)
    }

    /** Begin on a connected descriptor of the running process. */
    begin(sd: number): void {
        const socket = setreceiver(sd, this)
        const b = socket.prepare(RTP_HEADER + SAMPLES_PER_FRAME)
        // RFC 3550, 5.1: SSRC, first sequence number and first timestamp are random
        const random = randomBuffer(10)
        writeRtp(b, RTP, RTP_MARKER, random.getAt(0, "i32"))
        b.blitAt(RTP + RTP_SEQUENCE, random, 4, 6)
        this.frame = b
        this.socket = socket
        scheduleReport(this.reception, 0.5)
        this.speak()
        b[RTP + RTP_TYPE] = this.codec | RTP_MARKER
    }

    /** Begin what is played, in the codec that it is to have. */
    private speak(): void {
        const b = this.frame
        b[RTP + RTP_TYPE] = this.codec
        this.speaks = false
        if (this.play === Play.Tone) writeTone(b, PAYLOAD, this.codec)
        else if (this.play === Play.Echo) {
            this.ear = new Echo(this.codec)
        } else if (this.play === Play.Speech) this.speaks = this.codec === Codec.PCMU
        if (attend) attend(this)
    }

    /** Begin with a codec, or go on to another target, in another codec perhaps: the same source, with the next sequence number (RFC 3264, 8.3.1). */
    aim(address: number, port: number, codec: Codec, events: number, rtcp: number): void {
        const s = this.socket
        this.reception.setAt(EVENTS, "i8", events)
        this.reception.setAt(RTCP_PORT, "u16", rtcp)
        const isOther = codec !== this.codec
        this.codec = codec
        // it has not begun yet
        if (!s) return
        s.remote = address
        s.remotePort = port
        s.unprepare()
        if (isOther) this.speak()
    }

    /** Write the next 20 ms of a source other than the tone and the speech in flash, which `sendFrame` handles. */
    write(): void {
        const { frame, codec, play } = this
        if (play === Play.Speech) this.position = writeSpeech(frame, PAYLOAD, codec, this.position)
        else if (play === Play.Echo) this.ear.echo(frame, PAYLOAD)
        // the microphone is whose the loudspeaker is
        else if (this.ear ? microphone : undefined) writeMicrophone(frame, PAYLOAD, codec)
        else frame.fillAt(PAYLOAD, SAMPLES_PER_FRAME, silenceOf(codec))
    }

    /** Add to the timestamp of the next frame. */
    add(samples: number): void {
        const b = this.frame
        const at = RTP + RTP_TIMESTAMP
        b.setAt(at, "i32", htonl(htonl(b.getAt(at, "i32")) + samples))
    }

    onSocketError(code: string): void {
        this.error = code
        this.stop()
    }

    /** Send no more, and have who waits for that look. */
    stop(): void {
        this.left = 0
        if (this.talker?.suspended) this.talker.resume(true)
    }

    /** Make this a new session. */
    open(codec: Codec, play: Play): void {
        this.reception.fillAt(0, RECEPTION_SIZE, 0)
        this.position = 0
        this.codec = codec
        this.play = play
        this.txFrames = 0
        this.error = undefined
        this.reception.setAt(EVENTS, "i8", TELEPHONE_EVENT)
    }

    /** Tell the other side by RTCP how it is going, or that the session is over; nothing if nothing was sent (RFC 3550, 6.3.7). */
    report(isOver: boolean): void {
        const { socket: s, reception: r } = this
        scheduleReport(r, 1)
        s.settle()
        if (this.txFrames === 0) return
        const port = r.getAt(RTCP_PORT, "u16") || s.remotePort + 1
        // there is none above the last one
        if (port > 65535) return
        const b = reportOf(this.frame, RTP, r, this.txFrames, SAMPLES_PER_FRAME, s.ifc.address, isOver)
        // RTCP comes from the port above the voice's (RFC 3550, 11), unless it shares that (RFC 5761), or another socket has it
        const own = s.port
        if (port !== s.remotePort) if (!s.ifc.endpointOn(PROTOCOL_UDP, own + 1)) s.port = own + 1
        const sent = s.sendTo(b, s.remote, port)
        s.port = own
        s.sent(sent)
    }

    /** RTCP of the other side. */
    hear(b: Buffer, at: number, end: number): void {
        hearReport(this.reception, this.frame.getAt(RTP + RTP_SSRC, "i32"), b, at, end)
    }

    /** Let go of socket and frame; the figures stay. */
    end(): void {
        this.socket = undefined
        this.frame = undefined
        this.speaks = false
        this.ear = undefined
    }

    onPayload(b: Buffer, rtp: number, length: number): void {
        let header = RTP_HEADER
        let padding = 0
        // the usual case is a plain header: this test is all that it costs
        if (length < RTP_HEADER ? true : b[rtp] !== 0x80) {
            header = rtpHeaderLength(b, rtp, length)
            padding = header < 0 ? -1 : rtpPadding(b, rtp, length, header)
            if (padding < 0) return count(Counter.RtpBad)
        }
        const ssrc = b.getAt(rtp + RTP_SSRC, "i32")
        const sequence = (b[rtp + RTP_SEQUENCE] << 8) | b[rtp + RTP_SEQUENCE + 1]
        if ((b[rtp + RTP_TYPE] & 0x7f) !== this.codec) {
            // 64 to 95 are types of RTCP (RFC 5761, 4)
            if ((b[rtp + RTP_TYPE] & 0x60) === 0x40) return this.hear(b, rtp, rtp + length)
            countOther(this.reception, ssrc, sequence)
            if ((b[rtp + RTP_TYPE] & 0x7f) === eventsOf(this))
                return hearEvent(this, this.reception, b, rtp, rtp + header, length - header - padding)
            // who is silent may say how that sounds (RFC 3389): what is heard then is silence
            if ((b[rtp + RTP_TYPE] & 0x7f) === COMFORT_NOISE) return
            return count(Counter.RtpForeign)
        }
        const transit =
            (ds.millis() * 8 -
                ((b[rtp + RTP_TIMESTAMP] << 24) |
                    (b[rtp + RTP_TIMESTAMP + 1] << 16) |
                    (b[rtp + RTP_TIMESTAMP + 2] << 8) |
                    b[rtp + RTP_TIMESTAMP + 3])) |
            0
        const r = this.reception
        const latest = r.getAt(LATEST, "i32") + 1
        const jitter = r.getAt(JITTER, "i32")
        const d = (transit - r.getAt(TRANSIT, "i32")) | 0
        // the usual case is the next packet of the same source, in time: do here what `countPacket` does, without its call
        if ((latest & 0xffff) === sequence)
            if (ssrc === r.getAt(SSRC, "i32"))
                if (jitter !== 0)
                    if (d < JITTER_MAX)
                        if (d > -JITTER_MAX) {
                            r.setAt(LATEST, "i32", latest)
                            r.setAt(RECEIVED, "i32", r.getAt(RECEIVED, "i32") + 1)
                            r.setAt(TRANSIT, "i32", transit)
                            r.setAt(JITTER, "i32", jitter + (d < 0 ? -d : d) - ((jitter + 8) >> 4))
                            if (this.ear) this.ear.hear(b, rtp, rtp + header, length - header - padding)
                            return
                        }
        if (!countPacket(r, ssrc, sequence, transit)) return count(Counter.RtpForeign)
        if (this.ear) this.ear.hear(b, rtp, rtp + header, length - header - padding)
    }
}

/**
 * Send the next 20 ms. A frame that the PHY does not take is lost, and not counted as sent.
 * One function on purpose, from the voice to the PHY: a call costs 4,000 to 6,000 instructions (docs/performance.md). It counts once
 * (see `DatagramSocket.settle`) and allocates nothing but its own activation. One local is used again and again, and nothing makes
 * the compiler add one: each local takes 8 bytes of the heap, for each frame.
 */
export function sendFrame(s: Session): void {
    const b = s.frame
    let x = s.position
    if (s.speaks) {
        b.blitAt(PAYLOAD, SPEECH, x, SAMPLES_PER_FRAME)
        x = x + SAMPLES_PER_FRAME
        if (x >= SPEECH_LENGTH) x = 0
        s.position = x
    } else if (s.play !== Play.Tone) s.write()
    const socket = s.socket
    // RFC 3551, 4.1: the marker is set on the first packet of a talkspurt alone
    if (socket.ready) {
        x = transmitFrame(b)
        if (x === TAKEN) {
            x = socket.fresh
            socket.fresh = x + 1
            if (x === 0) b[RTP + RTP_TYPE] = s.codec
        } else socket.refused(x)
    } else if (socket.transmit()) b[RTP + RTP_TYPE] = s.codec
    // the next sequence number and timestamp; their lower octets hold most of the changes
    x = b[RTP + RTP_SEQUENCE + 1] + 1
    b[RTP + RTP_SEQUENCE + 1] = x
    if (x > 255) b[RTP + RTP_SEQUENCE] = b[RTP + RTP_SEQUENCE] + 1
    x = b[RTP + RTP_TIMESTAMP + 3] + SAMPLES_PER_FRAME
    b[RTP + RTP_TIMESTAMP + 3] = x
    if (x > 255) {
        x = b[RTP + RTP_TIMESTAMP + 2] + 1
        b[RTP + RTP_TIMESTAMP + 2] = x
        if (x > 255) s.add(0x10000)
    }
}
