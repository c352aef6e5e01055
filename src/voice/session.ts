import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { SAMPLES_PER_FRAME } from "../config"
import { counters } from "../counters"
import { transmitFrame } from "../iface/egress"
import { TAKEN } from "../phy/phy"
import { setreceiver } from "../socket/socket"
import { Receiver, Socket, TX_PAYLOAD } from "../socket/table"
import { Codec } from "./g711"
import { JITTER, JITTER_MAX, LATEST, RECEIVED, RECEPTION_SIZE, SSRC, TRANSIT, countPacket } from "./reception"
import {
    RTP_HEADER,
    RTP_MARKER,
    RTP_SEQUENCE,
    RTP_SSRC,
    RTP_TIMESTAMP,
    RTP_TYPE,
    rtpHeaderLength,
    rtpPadding,
    writeRtp,
} from "./rtp"
import { Echo, Play, writeSpeech, writeTone } from "./source"
import { SPEECH } from "./speech"

/** In samples. */
const SPEECH_LENGTH = SPEECH.length

/** Where a transmit buffer has the RTP packet, and its payload. */
const RTP = TX_PAYLOAD
const PAYLOAD = RTP + RTP_HEADER

/** An RTP session on a connected socket: voice of a call in both directions. It can be used again after `end`. */
export class Session implements Receiver {
    // fields are searched from the first on: what each frame needs comes first
    frame: Buffer = undefined
    /** Whether its voice is the speech as it stands in flash. */
    speaks = false
    /** Of the speech that is played, in samples. */
    position = 0
    socket: Socket = undefined
    codec = Codec.PCMU
    play = Play.Tone
    private echo: Echo = undefined
    /** Frames sent, as of the last `settle` of the socket. */
    txFrames = 0
    /** What was received: see `reception.ts`. */
    reception = Buffer.alloc(RECEPTION_SIZE)
    /** POSIX code with which the socket has failed. */
    error: string = undefined

    /** Begin on a connected descriptor of the running process. */
    begin(sd: number): void {
        const socket = setreceiver(sd, this)
        const b = socket.prepare(RTP_HEADER + SAMPLES_PER_FRAME)
        // RFC 3550, 5.1: SSRC, first sequence number and first timestamp are random
        const random = randomBuffer(10)
        writeRtp(b, RTP, this.codec | RTP_MARKER, random.getAt(0, "i32"))
        b.blitAt(RTP + RTP_SEQUENCE, random, 4, 6)
        if (this.play === Play.Tone) writeTone(b, PAYLOAD, this.codec)
        else if (this.play === Play.Echo) this.echo = new Echo(this.codec)
        else if (this.codec === Codec.PCMU) this.speaks = true
        this.frame = b
        this.socket = socket
    }

    /** Write the next 20 ms, if they are neither the same as ever nor the speech in flash. */
    write(): void {
        if (this.echo) this.echo.read(this.frame, PAYLOAD)
        else if (this.play === Play.Speech) this.position = writeSpeech(this.frame, PAYLOAD, this.codec, this.position)
    }

    /** The clock was late by whole frames: their time passes unheard, and the sequence shows no gap. */
    skip(frames: number): void {
        this.add(frames * SAMPLES_PER_FRAME)
    }

    /** Add to the timestamp of the next frame. */
    add(samples: number): void {
        const b = this.frame
        const at = RTP + RTP_TIMESTAMP
        const timestamp = (((b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]) + samples) | 0
        b[at] = timestamp >> 24
        b[at + 1] = timestamp >> 16
        b[at + 2] = timestamp >> 8
        b[at + 3] = timestamp
    }

    onSocketError(code: string): void {
        this.error = code
    }

    /** Make it a new session. */
    open(codec: Codec, play: Play): void {
        this.codec = codec
        this.play = play
        this.position = 0
        this.txFrames = 0
        this.error = undefined
        this.reception.fillAt(0, RECEPTION_SIZE, 0)
    }

    /** The voice has ended: only the figures stay. */
    end(): void {
        this.socket = undefined
        this.frame = undefined
        this.speaks = false
        this.echo = undefined
    }

    onPayload(b: Buffer, rtp: number, length: number): void {
        let header = RTP_HEADER
        let padding = 0
        // a plain header, the usual case, needs no more than a look
        if (length < RTP_HEADER || b[rtp] !== 0x80) {
            header = rtpHeaderLength(b, rtp, length)
            padding = header < 0 ? -1 : rtpPadding(b, rtp, length, header)
            if (padding < 0) {
                counters.rtpBad++
                return
            }
        }
        if ((b[rtp + RTP_TYPE] & 0x7f) !== this.codec) {
            counters.rtpForeign++
            return
        }
        const ssrc = b.getAt(rtp + RTP_SSRC, "i32")
        const sequence = (b[rtp + RTP_SEQUENCE] << 8) | b[rtp + RTP_SEQUENCE + 1]
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
        // the next packet of the same source, in time: what `countPacket` does with it, without a call
        if (jitter !== 0 && (latest & 0xffff) === sequence && ssrc === r.getAt(SSRC, "i32") && d > -JITTER_MAX && d < JITTER_MAX) {
            r.setAt(LATEST, "i32", latest)
            r.setAt(RECEIVED, "i32", r.getAt(RECEIVED, "i32") + 1)
            r.setAt(TRANSIT, "i32", transit)
            r.setAt(JITTER, "i32", jitter + (d < 0 ? -d : d) - ((jitter + 8) >> 4))
        } else countPacket(r, ssrc, sequence, transit)
        if (this.echo) this.echo.hear(b, rtp + header, length - header - padding)
    }
}

/**
 * Send the next 20 ms. A frame that the PHY does not take is lost, and not counted as sent. The hot path: one function
 * from the voice to the PHY, one count (see `Socket.settle`), no allocation but its own activation. One local is used
 * again and again, and nothing that makes the compiler add its own: each is 8 bytes of the heap, for each frame.
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
