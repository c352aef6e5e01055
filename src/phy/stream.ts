/**
 * Ethernet frames over the runtime's one TCP or TLS stream, each behind its length: the PHY of Wi-Fi boards and of the
 * simulator. A chunk of the stream may hold several frames, or a part of one.
 * Read first: `Phy` in `phy.ts`. The format is that of VDE's `vde_plug`: two octets of length, big-endian, then the frame.
 */
import * as ds from "@devicescript/core"
import { FRAMES_PER_TURN, STREAM_BACKLOG, USUAL_FRAME } from "../base/config"
import { count, Counter, received } from "../base/counters"
import { internalError } from "../base/errors"
import { choiceOf } from "../base/text"
import { parseDecimal } from "../wire/address"
import { ETH_MAX } from "../wire/ethernet"
import { FrameHandler, HEADROOM, Phy, RECEIVING, complain, handUp } from "./phy"

/** The runtime's one TCP or TLS client stream. */
type Stream = typeof ds & {
    _socketOpen(host: string, port: number): number
    _socketClose(): number
    _socketWrite(b: Buffer): number
    _socketOnEvent(event: "open" | "close" | "error" | "data", arg?: any): void
}
const stream = ds as Stream

/** Octets of the length before each frame. */
const PREFIX = HEADROOM
/** A frame with a VLAN tag. If a length is greater, the position in the stream is lost. */
const LENGTH_MAX = ETH_MAX + 4
/** Milliseconds before a new stream is opened: doubled each time. */
const RECONNECT_FIRST = 250
const RECONNECT_MAX = 8000

/**
 * Read `tcp://HOST:PORT` or `tls://HOST:PORT`.
 * @returns its parts as the runtime wants them: a negative port stands for TLS
 * @throws RangeError that says what it must be
 */
export function parseLan(url: string): { url: string; host: string; port: number } {
    const scheme = choiceOf("tcp:// tls://", url.slice(0, 6))
    const colon = url.indexOf(":", 6)
    const port = parseDecimal(url.slice(colon + 1), 65535)
    if (scheme === undefined || colon <= 6 || !port) throw new RangeError("it must be tcp://HOST:PORT or tls://HOST:PORT")
    return { url, host: url.slice(6, colon), port: scheme ? -port : port }
}

/** The PHY of a board without an Ethernet controller. */
export class StreamPhy implements Phy {
    // the VM searches fields from the first on: what each frame needs comes first
    up = false
    private receive: FrameHandler = undefined
    private draining = false
    /** How many bytes of `partial` are there. `partial` is a frame that has not arrived whole, prefix included; see `keep`. */
    private have = 0
    private usual = Buffer.alloc(PREFIX + USUAL_FRAME)
    private partial = this.usual
    /** The runtime's own function: nothing lies between a frame and the stream. */
    transmit: (b: Buffer) => number = undefined
    description: string
    heap = 0

    private host: string
    private port: number
    private link: (up: boolean) => void
    private waiting: Buffer[] = []
    private waitingBytes = 0
    private backoff = RECONNECT_FIRST
    private connecting = false
    /** Number of the present stream. A fiber that slept compares it: its chunk may be of an earlier one. */
    private generation = 0

    /** @param url as `parseLan` takes it */
    constructor(
        url: string,
        public macHigh: number,
        public macLow: number
    ) {
        const lan = parseLan(url)
        this.description = url
        this.host = lan.host
        this.port = lan.port
    }

    start(receive: FrameHandler, link: (up: boolean) => void): void {
        this.receive = receive
        this.link = link
        this.transmit = stream._socketWrite
        stream._socketOnEvent = this.onEvent
        this.connect()
    }

    private connect(): void {
        try {
            if (stream._socketOpen(this.host, this.port) === 0) return
        } catch (e) {
            // a board does not return an error but throws until its Wi-Fi is up
            complain((e as Error).message)
        }
        this.lost()
    }

    private onOpen(): void {
        // forget the half-read frame of the old stream: the new one begins with a frame
        this.drop()
        this.up = true
        this.backoff = RECONNECT_FIRST
        complain(undefined)
        this.link(true)
    }

    /** The stream has ended: open another. */
    lost(): void {
        if (this.up) {
            this.up = false
            this.link(false)
        }
        this.drop()
        if (!this.connecting) {
            this.connecting = true
            this.reconnect.start()
        }
    }

    /** Nothing to do: the PHY hands up every frame, and the switch behind the stream learns each address. */
    promiscuous(_on: boolean): boolean {
        return true
    }

    private async reconnect() {
        await ds.sleep(this.backoff)
        this.backoff = Math.min(2 * this.backoff, RECONNECT_MAX)
        count(Counter.PhyReconnects)
        this.connecting = false
        this.connect()
    }

    /** Open a new stream, since the position in this one is lost. A new stream begins with a frame. */
    private resynchronise(): void {
        stream._socketClose()
        this.lost()
    }

    private drop(): void {
        this.generation++
        this.waiting = []
        this.waitingBytes = 0
        this.have = 0
        this.partial = this.usual
    }

    /** The runtime calls this on a new fiber for each event, so a chunk may arrive while an earlier one is parsed. */
    private async onEvent(event: string, chunk: Buffer) {
        if (event !== "data") {
            if (event === "open") this.onOpen()
            else {
                if (event === "error") complain(`${chunk}`)
                this.lost()
            }
            return
        }
        if (!this.up) return
        // the usual case is one whole frame: hand it up here, because a call costs more than this test
        const length = (chunk[0] << 8) | chunk[1]
        if (chunk.length === PREFIX + length && this.have === 0 && !this.draining && length <= LENGTH_MAX) {
            received.frames++
            try {
                const receive = this.receive
                receive(chunk, PREFIX, length)
            } catch (e) {
                internalError(RECEIVING, e)
            }
        } else await this.drain(chunk)
    }

    /** Hand up the frames of any other chunk, and of the chunks that arrive meanwhile. */
    private async drain(chunk: Buffer) {
        if (this.draining) {
            this.waiting.push(chunk)
            this.waitingBytes += chunk.length
            if (this.waitingBytes > STREAM_BACKLOG) {
                count(Counter.PhyOverrun)
                this.resynchronise()
            }
            return
        }
        this.draining = true
        let generation = this.generation
        let frames = 0
        while (chunk) {
            let at = 0
            const end = chunk.length
            while (at >= 0 && at < end) {
                const from = at
                const length = (chunk[at] << 8) | chunk[at + 1]
                at += PREFIX + length
                // a whole frame is handed up from the chunk itself
                if (this.have === 0 && at <= end && length <= LENGTH_MAX) handUp(this.receive, chunk, from + PREFIX, length)
                else at = this.keep(chunk, from)
                // a long frame counts as several: a DHCP message has many options to read
                frames += 1 + ((at - from) >> 6)
                if (frames >= FRAMES_PER_TURN) {
                    frames = 0
                    await ds.sleep(0)
                    if (generation !== this.generation) break
                }
            }
            chunk = undefined
            if (this.waiting.length > 0) {
                chunk = this.waiting.shift()
                generation = this.generation
                this.waitingBytes -= chunk.length
            }
        }
        this.draining = false
    }

    /**
     * Keep the part of a frame that begins at `at`. Hand the frame up once it is complete.
     * @returns where the next part or frame begins; -1 if the stream was given up
     */
    private keep(chunk: Buffer, at: number): number {
        if (this.have < PREFIX) {
            this.partial[this.have] = chunk[at]
            this.have++
            at++
            if (this.have < PREFIX) return at
        }
        const length = (this.partial[0] << 8) | this.partial[1]
        if (length > LENGTH_MAX) {
            count(Counter.PhyBadLength)
            this.resynchronise()
            return -1
        }
        if (this.partial.length < PREFIX + length) {
            // a frame longer than the usual one gets a buffer for the moment: few are, and 1.5 KB of heap are much here
            const prefix = this.partial
            this.partial = Buffer.alloc(PREFIX + length)
            this.partial.blitAt(0, prefix, 0, PREFIX)
        }
        const want = Math.min(PREFIX + length - this.have, chunk.length - at)
        this.partial.blitAt(this.have, chunk, at, want)
        this.have += want
        if (this.have === PREFIX + length) {
            const b = this.partial
            this.have = 0
            this.partial = this.usual
            handUp(this.receive, b, PREFIX, length)
        }
        return at + want
    }
}
