import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { SAMPLES_PER_FRAME } from "../config"
import { counters } from "../counters"
import { setreceiver } from "../socket/socket"
import { Receiver, Socket, payloadOffset } from "../socket/table"
import { Codec } from "./g711"
import { RECEPTION_SIZE, countPacket } from "./reception"
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

/** An RTP session on a connected socket: voice of a call in both directions. It can be used again after `end`. */
export class Session implements Receiver {
    /** Frames sent. */
    txFrames = 0
    /** POSIX code with which the socket has failed. */
    error: string = undefined
    /** What was received: see `reception.ts`. */
    reception = Buffer.alloc(RECEPTION_SIZE)
    private socket: Socket = undefined
    private frame: Buffer = undefined
    private rtp = 0
    private sequence = 0
    private timestamp = 0
    codec = Codec.PCMU
    private play = Play.Tone
    /** Of the speech that is played, in samples. */
    private position = 0
    private echo: Echo = undefined

    /** Begin on a connected descriptor of the running process. */
    begin(sd: number): void {
        this.socket = setreceiver(sd, this)
        this.frame = this.socket.prepare(RTP_HEADER + SAMPLES_PER_FRAME)
        this.rtp = payloadOffset()
        // RFC 3550, 5.1: SSRC, first sequence number and first timestamp are random
        const random = randomBuffer(10)
        writeRtp(this.frame, this.rtp, this.codec | RTP_MARKER, random.getAt(0, "i32"))
        this.timestamp = random.getAt(4, "i32")
        this.sequence = random.getAt(8, "u16")
        if (this.play === Play.Tone) writeTone(this.frame, this.rtp + RTP_HEADER, this.codec)
        else if (this.play === Play.Echo) this.echo = new Echo(this.codec)
    }

    /** Send the next 20 ms. A frame that the PHY does not take is lost, and not counted as sent. */
    sendFrame(): void {
        const b = this.frame
        const rtp = this.rtp
        const sequence = this.sequence
        const timestamp = this.timestamp
        b[rtp + RTP_SEQUENCE] = sequence >> 8
        b[rtp + RTP_SEQUENCE + 1] = sequence
        b[rtp + RTP_TIMESTAMP] = timestamp >> 24
        b[rtp + RTP_TIMESTAMP + 1] = timestamp >> 16
        b[rtp + RTP_TIMESTAMP + 2] = timestamp >> 8
        b[rtp + RTP_TIMESTAMP + 3] = timestamp
        if (this.play === Play.Speech) this.position = writeSpeech(b, rtp + RTP_HEADER, this.codec, this.position)
        else if (this.echo) this.echo.read(b, rtp + RTP_HEADER)
        const sent = this.socket.transmit()
        if (sent) {
            // RFC 3551, 4.1: the marker is set on the first packet of a talkspurt alone
            if (this.txFrames === 0) b[rtp + RTP_TYPE] = this.codec
            this.txFrames++
        }
        this.sequence = (sequence + 1) & 0xffff
        this.timestamp = (timestamp + SAMPLES_PER_FRAME) | 0
    }

    /** The clock was late by whole frames: their time passes unheard, and the sequence shows no gap. */
    skip(frames: number): void {
        this.timestamp = (this.timestamp + frames * SAMPLES_PER_FRAME) | 0
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
        countPacket(
            this.reception,
            b.getAt(rtp + RTP_SSRC, "i32"),
            (b[rtp + RTP_SEQUENCE] << 8) | b[rtp + RTP_SEQUENCE + 1],
            (b[rtp + RTP_TIMESTAMP] << 24) |
                (b[rtp + RTP_TIMESTAMP + 1] << 16) |
                (b[rtp + RTP_TIMESTAMP + 2] << 8) |
                b[rtp + RTP_TIMESTAMP + 3],
            (ds.millis() * 8) | 0
        )
        if (this.echo) this.echo.hear(b, rtp + header, length - header - padding)
    }
}
