import * as ds from "@devicescript/core"
import { FRAMES_PER_TURN, STREAM_BACKLOG, VOICE_FRAME } from "../config"
import { counters } from "../counters"
import { parseDecimal } from "../wire/address"
import { ETH_MAX } from "../wire/ethernet"
import { FrameHandler, HEADROOM, Phy, handUp, internalError } from "./phy"

/** The runtime's one TCP or TLS client stream. */
type Stream = typeof ds & {
    _socketOpen(host: string, port: number): number
    _socketClose(): number
    _socketWrite(b: Buffer): number
    _socketOnEvent(event: "open" | "close" | "error" | "data", arg?: any): void
}
const stream = ds as Stream

/** Length before each frame, big-endian, as VDE's `vde_plug` carries it. */
const PREFIX = HEADROOM
/** A frame with a VLAN tag. A greater length means that the position in the stream is lost. */
const LENGTH_MAX = ETH_MAX + 4
const RECONNECT_FIRST = 250
const RECONNECT_MAX = 8000

/**
 * Read `tcp://HOST:PORT` or `tls://HOST:PORT`.
 * @returns its parts as the runtime wants them: a negative port stands for TLS
 * @throws RangeError that says what it must be
 */
export function parseLan(url: string): { url: string; host: string; port: number } {
    const tls = url.startsWith("tls://")
    const colon = url.indexOf(":", 6)
    const port = parseDecimal(url.slice(colon + 1), 65535)
    if (!(tls || url.startsWith("tcp://")) || colon <= 6 || !port)
        throw new RangeError("it must be tcp://HOST:PORT or tls://HOST:PORT")
    return { url, host: url.slice(6, colon), port: tls ? -port : port }
}

/** Ethernet frames over a TCP or TLS stream, each behind its length: Wi-Fi boards and the simulator. */
export class StreamPhy implements Phy {
    // fields are searched from the first on: what each frame needs comes first
    up = false
    private receive: FrameHandler = undefined
    private draining = false
    /** The frame whose bytes are not all there yet, its prefix included, and how many are. Voice fits; see `hold`. */
    private have = 0
    private voice = Buffer.alloc(PREFIX + VOICE_FRAME)
    private partial = this.voice
    /** The runtime's own: there is nothing between the frame and the stream. */
    transmit: (b: Buffer) => number = undefined
    description: string

    private host: string
    private port: number
    private link: (up: boolean) => void
    private waiting: Buffer[] = []
    private waitingBytes = 0
    private backoff = RECONNECT_FIRST
    private connecting = false
    /** Counts the streams, so that a fiber that slept knows whether its chunk is of the present one. */
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
            console.log(`phy: ${(e as Error).message}`)
        }
        this.lost()
    }

    private onOpen(): void {
        // what the old stream left half parsed is not the beginning of this one
        this.drop()
        this.up = true
        this.backoff = RECONNECT_FIRST
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

    /** What the stream carries is taken whatever its address: the switch behind it learns where each one is. */
    promiscuous(_on: boolean): boolean {
        return true
    }

    private async reconnect() {
        await ds.sleep(this.backoff)
        this.backoff = Math.min(2 * this.backoff, RECONNECT_MAX)
        counters.phyReconnects++
        this.connecting = false
        this.connect()
    }

    /** The position in the stream is lost: only a new one begins with a frame again. */
    private resynchronise(): void {
        stream._socketClose()
        this.lost()
    }

    private drop(): void {
        this.generation++
        this.waiting = []
        this.waitingBytes = 0
        this.have = 0
        this.partial = this.voice
    }

    /** The runtime calls this on a new fiber for each event, so a chunk may arrive while an earlier one is parsed. */
    private async onEvent(event: string, chunk: Buffer) {
        if (event !== "data") {
            if (event === "open") this.onOpen()
            else {
                if (event === "error") console.log(`phy: ${chunk}`)
                this.lost()
            }
            return
        }
        if (!this.up) return
        // the usual case: a frame, and nothing else; handed up without a further call
        const length = (chunk[0] << 8) | chunk[1]
        if (chunk.length === PREFIX + length && this.have === 0 && !this.draining && length <= LENGTH_MAX) {
            counters.phyRx++
            try {
                const receive = this.receive
                receive(chunk, PREFIX, length)
            } catch (e) {
                internalError(e as Error)
            }
        } else await this.drain(chunk)
    }

    /** Take any other chunk, and those that come meanwhile. */
    private async drain(chunk: Buffer) {
        if (this.draining) {
            this.waiting.push(chunk)
            this.waitingBytes += chunk.length
            if (this.waitingBytes > STREAM_BACKLOG) {
                counters.phyOverrun++
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
                // all of it is here, and is handed up from the chunk itself
                if (this.have === 0 && at <= end && length <= LENGTH_MAX) handUp(this.receive, chunk, from + PREFIX, length)
                else at = this.keep(chunk, from)
                // a long frame may cost as much as ten short ones: a DHCP message has many options to read
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
     * Keep the bytes at `at`, which are not a whole frame, and hand up the frame that they complete.
     * @returns where the next one begins, or -1 if the stream is no longer this one
     */
    private keep(chunk: Buffer, at: number): number {
        if (this.have < PREFIX) {
            this.partial[this.have] = chunk[at]
            this.have++
            at++
            if (this.have < PREFIX) return at
        }
        const length = (this.partial[0] << 8) | this.partial[1]
        if (length > LENGTH_MAX) return this.badLength()
        if (this.partial.length < PREFIX + length) this.hold(length)
        const want = Math.min(PREFIX + length - this.have, chunk.length - at)
        this.partial.blitAt(this.have, chunk, at, want)
        this.have += want
        if (this.have === PREFIX + length) {
            const b = this.partial
            this.have = 0
            this.partial = this.voice
            handUp(this.receive, b, PREFIX, length)
        }
        return at + want
    }

    /** A frame longer than voice gets a buffer of its own for the moment: few are, and 1.5 KB of heap are much here. */
    private hold(length: number): void {
        this.partial = Buffer.alloc(PREFIX + length)
        this.partial[0] = length >> 8
        this.partial[1] = length
    }

    private badLength(): number {
        counters.phyBadLength++
        this.resynchronise()
        return -1
    }
}
