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
    let port = parseDecimal(url.slice(colon + 1), 65535)
    if (scheme !== undefined)
        if (colon > 6)
            if (port > 0) {
                if (scheme) port = -port
                return { url, host: url.slice(6, colon), port }
            }
    throw new RangeError("it must be tcp://HOST:PORT or tls://HOST:PORT")
}

// The runtime has one stream, so its state is the module's.

let phy: Phy
let host: string
let port: number
let receive: FrameHandler
let link: (up: boolean) => void
/** How many bytes of `partial` are there. `partial` is for a frame that has not arrived whole, prefix included; see `keep`. */
let have: number
let partial: Buffer
/** Chunks that wait for `drain`, which parses an earlier one. */
let draining: boolean
let waiting: Buffer[]
let waitingBytes: number
let backoff = RECONNECT_FIRST
/** Whether a new stream is to be opened in a moment. */
export let connecting = false
/** Number of the present stream. A fiber that slept compares it: its chunk may be of an earlier one. */
let generation = 0

/** The PHY of a board without an Ethernet controller. @param url as `parseLan` takes it */
export function streamPhy(url: string, macHigh: number, macLow: number): Phy {
    const lan = parseLan(url)
    host = lan.host
    port = lan.port
    partial = Buffer.alloc(PREFIX + USUAL_FRAME)
    drop()
    phy = {
        up: false,
        macHigh,
        macLow,
        label: url,
        heap: 0,
        // the runtime's own function: nothing lies between a frame and the stream
        transmit: stream._socketWrite,
        start,
        lost,
        promiscuous,
    }
    return phy
}

function start(onFrame: FrameHandler, onLink: (up: boolean) => void): void {
    receive = onFrame
    link = onLink
    stream._socketOnEvent = onEvent
    connect()
}

function connect(): void {
    try {
        if (stream._socketOpen(host, port) === 0) return
    } catch (e) {
        // a board does not return an error but throws until its Wi-Fi is up
        complain((e as Error).message)
    }
    lost()
}

/** The stream has ended: open another. */
function lost(): void {
    if (phy.up) {
        phy.up = false
        link(false)
    }
    drop()
    if (!connecting) {
        connecting = true
        reconnect.start()
    }
}

/** Nothing to do: the PHY hands up every frame, and the switch behind the stream learns each address. */
function promiscuous(_on: boolean): boolean {
    return true
}

async function reconnect() {
    await ds.sleep(backoff)
    backoff = Math.min(2 * backoff, RECONNECT_MAX)
    count(Counter.PhyReconnects)
    connecting = false
    connect()
}

/** Forget what is left of the old stream. */
function drop(): void {
    generation++
    waiting = []
    waitingBytes = 0
    have = 0
}

/** The runtime calls this on a new fiber for each event, so a chunk may arrive while an earlier one is parsed. */
async function onEvent(event: string, chunk: Buffer) {
    if (event !== "data") {
        if (event === "open") {
            drop()
            phy.up = true
            backoff = RECONNECT_FIRST
            complain(undefined)
            link(true)
        } else {
            if (event === "error") complain(`${chunk}`)
            lost()
        }
        return
    }
    if (!phy.up) return
    // the usual case is one whole frame: hand it up here, because a call costs more than this test
    const length = (chunk[0] << 8) | chunk[1]
    if (chunk.length === PREFIX + length)
        if (have === 0)
            if (!draining)
                if (length <= LENGTH_MAX) {
                    received.frames = received.frames + 1
                    try {
                        receive(chunk, PREFIX, length)
                    } catch (e) {
                        internalError(RECEIVING, e)
                    }
                    return
                }
    await drain(chunk)
}

/** Hand up the frames of any other chunk, and of the chunks that arrive meanwhile. */
async function drain(chunk: Buffer) {
    if (draining) {
        waiting.push(chunk)
        waitingBytes += chunk.length
        if (waitingBytes > STREAM_BACKLOG) {
            count(Counter.PhyOverrun)
            stream._socketClose()
            lost()
        }
        return
    }
    draining = true
    let its = generation
    let frames = 0
    while (chunk) {
        let at = 0
        const end = chunk.length
        while (at < end) {
            const from = at
            const length = (chunk[at] << 8) | chunk[at + 1]
            at += PREFIX + length
            // a whole frame is handed up from the chunk itself
            let whole = false
            if (have === 0) if (at <= end) whole = length <= LENGTH_MAX
            if (whole) handUp(receive, chunk, from + PREFIX, length)
            else at = keep(chunk, from)
            // a long frame counts as several: a DHCP message has many options to read
            frames += 1 + ((at - from) >> 6)
            if (frames >= FRAMES_PER_TURN) {
                frames = 0
                await ds.sleep(0)
                if (its !== generation) break
            }
        }
        chunk = waiting.shift()
        if (!chunk) break
        its = generation
        waitingBytes -= chunk.length
    }
    draining = false
}

/**
 * Keep the part of a frame that begins at `at`. Hand the frame up once it is complete.
 * @returns where the next part or frame begins; the chunk's end if the stream was given up
 */
function keep(chunk: Buffer, at: number): number {
    if (have < PREFIX) {
        partial[have] = chunk[at]
        have++
        at++
        if (have < PREFIX) return at
    }
    const size = PREFIX + ((partial[0] << 8) | partial[1])
    if (size > PREFIX + LENGTH_MAX) {
        // the position in this stream is lost; a new one begins with a frame
        count(Counter.PhyBadLength)
        stream._socketClose()
        lost()
        return chunk.length
    }
    if (partial.length < size) {
        // the longest frame so far: a heap in use may have no room for another one like it, so the buffer stays
        const prefix = partial
        partial = Buffer.alloc(size)
        partial.blitAt(0, prefix, 0, PREFIX)
    }
    const want = Math.min(size - have, chunk.length - at)
    partial.blitAt(have, chunk, at, want)
    have += want
    if (have === size) {
        have = 0
        handUp(receive, partial, PREFIX, size - PREFIX)
    }
    return at + want
}
