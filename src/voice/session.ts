import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { SAMPLES_PER_FRAME } from "../config"
import { counters } from "../counters"
import { setreceiver } from "../socket/socket"
import { Receiver, payloadOffset } from "../socket/table"
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

/** Where its last 20 ms begin. */
const SPEECH_LAST = SPEECH.length - SAMPLES_PER_FRAME

/** An RTP session on a connected socket: voice of a call in both directions. It can be used again after `end`. */
export class Session implements Receiver {
    // fields are searched from the first on: what each frame needs comes first
    private frame: Buffer = undefined
    private rtp = 0
    codec = Codec.PCMU
    private play = Play.Tone
    /** Of the speech that is played, in samples. */
    private position = 0
    private echo: Echo = undefined
    /** The socket's, bound once. */
    private transmit: () => boolean = undefined
    /** Frames sent. */
    txFrames = 0
    /** What was received: see `reception.ts`. */
    reception = Buffer.alloc(RECEPTION_SIZE)
    /** POSIX code with which the socket has failed. */
    error: string = undefined

    /** Begin on a connected descriptor of the running process. */
    begin(sd: number): void {
        const socket = setreceiver(sd, this)
        this.transmit = socket.transmit
        this.frame = socket.prepare(RTP_HEADER + SAMPLES_PER_FRAME)
        this.rtp = payloadOffset()
        // RFC 3550, 5.1: SSRC, first sequence number and first timestamp are random
        const random = randomBuffer(10)
        writeRtp(this.frame, this.rtp, this.codec | RTP_MARKER, random.getAt(0, "i32"))
        this.frame.blitAt(this.rtp + RTP_SEQUENCE, random, 4, 6)
        if (this.play === Play.Tone) writeTone(this.frame, this.rtp + RTP_HEADER, this.codec)
        else if (this.play === Play.Echo) this.echo = new Echo(this.codec)
    }

    /** Send the next 20 ms. A frame that the PHY does not take is lost, and not counted as sent. */
    sendFrame(): void {
        const b = this.frame
        const rtp = this.rtp
        if (this.play === Play.Speech) {
            const position = this.position
            if (this.codec === Codec.PCMU) {
                // what `writeSpeech` does, without a call
                b.blitAt(rtp + RTP_HEADER, SPEECH, position, SAMPLES_PER_FRAME)
                this.position = position < SPEECH_LAST ? position + SAMPLES_PER_FRAME : 0
            } else this.position = writeSpeech(b, rtp + RTP_HEADER, this.codec, position)
        } else if (this.echo) this.echo.read(b, rtp + RTP_HEADER)
        // RFC 3551, 4.1: the marker is set on the first packet of a talkspurt alone
        const transmit = this.transmit
        if (transmit() && this.txFrames++ === 0) b[rtp + RTP_TYPE] = this.codec
        // the next sequence number and timestamp; their lower octets hold most of the changes
        const sequence = b[rtp + (RTP_SEQUENCE + 1)] + 1
        b[rtp + (RTP_SEQUENCE + 1)] = sequence
        if (sequence > 255) b[rtp + RTP_SEQUENCE] = b[rtp + RTP_SEQUENCE] + 1
        const timestamp = b[rtp + (RTP_TIMESTAMP + 3)] + SAMPLES_PER_FRAME
        b[rtp + (RTP_TIMESTAMP + 3)] = timestamp
        if (timestamp > 255) {
            const higher = b[rtp + (RTP_TIMESTAMP + 2)] + 1
            b[rtp + (RTP_TIMESTAMP + 2)] = higher
            if (higher > 255) this.add(0x10000)
        }
    }

    /** The clock was late by whole frames: their time passes unheard, and the sequence shows no gap. */
    skip(frames: number): void {
        this.add(frames * SAMPLES_PER_FRAME)
    }

    /** Add to the timestamp of the next frame. */
    private add(samples: number): void {
        const b = this.frame
        const at = this.rtp + RTP_TIMESTAMP
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
        this.transmit = undefined
        this.frame = undefined
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
