/**
 * A call: one process, with one address of its own, from the first packet to the last. `live` is its whole life: wait for `open`,
 * obtain the address, talk by the media clock, say goodbye, give the address back.
 * Read first: `enterProcess` in `base/process.ts`, the calls of `socket/api.ts`, `rtp/session.ts`, `rtp/clock.ts`.
 */
import * as ds from "@devicescript/core"
import { PTIME, RTP_PORT } from "../base/config"
import { fail } from "../base/errors"
import { Signal } from "../base/signal"
import { enterProcess } from "../base/process"
import { AF_INET_TUPLE, SOCK_DGRAM, SocketAddress, bind, close, connect, leaveProcess, reach, socket } from "../socket/api"
import { SocketOption } from "../socket/socket"
import { lookup } from "../socket/table"
import { setsockopt } from "../socket/options"
import { errorOf } from "../socket/socket"
import { Codec } from "../voice/g711"
import { hush, talk } from "../rtp/clock"
import { Session } from "../rtp/session"
import { Play } from "../voice/source"

/** DSCP class EF (RFC 3246). */
const EF = 46
/** Milliseconds for finding the other side's MAC address: three seconds until a router is given up, and one for the next. */
const REACH_TIMEOUT = 4000
/** Milliseconds for which the last frames of the other side are still heard. */
const TAIL = 200

export enum CallState {
    /** The slot has had no call yet. */
    Free,
    Calling,
    /** Somebody calls us. */
    Ringing,
    Up,
    /** Somebody has hung up, or the call has failed: its address is being given back. */
    Leaving,
    Ended,
}

/** The user holds a call; the other side does, and does not want to hear. */
export const HELD_HERE = 1
export const HELD_THERE = 2
/** Beside these: nothing is sent; */
export const SILENT = 4
/** so many bits above `HELD_HERE`: the other side has been told; */
export const TOLD = 3
/** the call has another address than the other side was told. */
export const MOVED = 16
/** Somebody has called us. */
export const INCOMING = 32
/** Above these: one more than the tuple; 0 for the configured policy. */
const TUPLE = 6

/** What signals a call, in an image that has it: `line.ts`. All is done on the call's fiber, but `hangUp`, which must not wait. */
export interface Line {
    /** Wait until the call is answered: its target is known then. */
    setUp(c: Call): Promise<void>
    /** @returns milliseconds after which, or after which event, there is something to do for `work`; 0 if there is now */
    due(c: Call): number
    /** Do what is to be done while it is up. */
    work(c: Call): Promise<void>
    /** Tell the other side that it is over, whatever there is. It may be called twice. */
    tearDown(c: Call): Promise<void>
    /** The call is to end. */
    hangUp(c: Call): void
}

/** Before it is known where the other side is. */
export const NOWHERE: SocketAddress = { address: 0, port: 0 }

let line: Line

/** Say what signals the calls that have a `peer`. */
export function signalBy(that: Line): void {
    line = that
}

let log: (c: Call) => void

/** Say who notes each call that has ended. */
export function logBy(that: (c: Call) => void): void {
    log = that
}

/** Announces that some call has changed its state. */
export const changed = new Signal()

/** A slot of the table of calls. It has 15 fields, as many as a table of fields has room for: one more makes each table a quarter larger. */
export class Call {
    state = CallState.Free
    session = new Session()
    private fiber: ds.Fiber = undefined
    id: number
    remoteAddress: number
    localAddress: number
    /** Ours, and in the lower 16 bits the other side's: see `localPortOf` and `remotePortOf`. */
    ports: number
    /** Why the call ended, if nobody hung up. */
    error: Error
    /** The URI of the other side; `null` if nothing signals the call. */
    peer: string
    /** What is said of its end, if that is no error. */
    reason: string
    /** Its `Dialog`. No type of it here: to import one would bring its code and its buffers into images that signal nothing. */
    dialog: any
    /** Who holds it, `HELD_HERE` and `HELD_THERE`, and what stands beside them. */
    held: number
    /** How many to send; `Infinity` until somebody hangs up. */
    frames: number
    /** When it came up; 0 before. */
    started: number
    /** When the call ended, by `ds.millis()`; 0 until then. */
    ended: number

    constructor() {
        // all fields are there from boot on: a table of fields that grows later lies in the middle of the heap
        this.open(0, NOWHERE, Codec.PCMU, Play.Tone, 0, undefined)
        this.state = CallState.Free
    }

    /**
     * Make the slot a new call.
     * @param seconds `Infinity` until somebody hangs up
     * @param tuple as in `socket`; `undefined` for the configured policy
     */
    open(id: number, remote: SocketAddress, codec: Codec, play: Play, seconds: number, tuple: number): void {
        this.id = id
        this.peer = null
        this.reason = ""
        this.held = tuple === undefined ? 0 : (tuple + 1) << TUPLE
        this.frames = Math.round((seconds * 1000) / PTIME)
        this.remoteAddress = remote.address
        this.localAddress = 0
        this.ports = remote.port
        this.session.open(codec, play)
        this.error = undefined
        this.started = 0
        this.ended = 0
        become(this, CallState.Calling)
        if (this.fiber?.suspended) this.fiber.resume(true)
    }

    /**
     * Run the calls of this slot, one after the other, each as a process. Boot starts its fiber, like everything that lasts: see
     * `link/interface.ts`.
     * @param onEnd called for each call that was up and failed
     */
    async live(onEnd: (call: Call) => void): Promise<void> {
        this.fiber = ds.Fiber.self()
        while (true) {
            // not in a function of its own: its activation would be allocated in mid-heap, and stay there
            while (!this.isLive()) await ds.suspend<any>(undefined)
            enterProcess()
            try {
                let sd = await setUp(this)
                this.started = ds.millis()
                if (this.state < CallState.Up) become(this, CallState.Up)
                talk(this.session, this.frames)
                while (this.state === CallState.Up) {
                    if (this.session.left <= 0) {
                        // who is told goes on from another address
                        if (this.peer === null ? true : this.session.error !== "ENETDOWN") break
                        hush(this.session)
                        await close(sd)
                        this.session.error = undefined
                        sd = await setUp(this)
                        this.held = (this.held & ~SILENT) | MOVED
                        talk(this.session, this.frames - this.session.txFrames)
                    }
                    // here, and not in a function: its activation would lie in mid-heap as long as the call
                    let wait: number
                    if (this.peer !== null) wait = line.due(this)
                    if (wait <= 0) await line.work(this)
                    else await ds.suspend<any>(wait)
                }
                hush(this.session)
                if (this.peer !== null) await line.tearDown(this)
                await tearDown(this, sd)
            } catch (e) {
                this.error = e as Error
            }
            if (this.peer !== null) await line.tearDown(this)
            this.ended = ds.millis()
            // the address goes back before anybody hears that the call has ended
            try {
                await leaveProcess()
            } catch (e) {
                if (!this.error) this.error = e as Error
            }
            this.session.end()
            if (log) log(this)
            become(this, CallState.Ended)
            // a command reports the end of a call that it waits for
            if (this.reason ? true : this.error ? this.started !== 0 : false) if (this.frames === Infinity) onEnd(this)
        }
    }

    /** Ask the call to end; `reached` waits until it has. */
    hangup(): void {
        if (!this.isLive()) return
        this.state = CallState.Leaving
        this.session.stop()
        if (this.peer !== null) line.hangUp(this)
    }

    /** End it, and say why. */
    end(reason: string): void {
        this.reason = reason
        this.hangup()
    }

    /** Send nothing, or go on. */
    silence(isSilent: boolean): void {
        const s = this.session
        this.held = this.held & ~SILENT
        if (isSilent) {
            this.held = this.held | SILENT
            hush(s)
        } else talk(s, s.left)
        // the fiber that waits is still to be woken
        s.talker = this.fiber
    }

    /** After `reached`, and not with it: who waits for a call does so with as few activations as there can be. @throws SocketError that says why it is not up */
    checkUp(): void {
        if (this.error) throw this.error
        if (this.state !== CallState.Up) fail("ECANCELED", "the call was hung up before it was up")
    }

    /** Wait until the call is in this state, or ended. */
    async reached(state: CallState): Promise<void> {
        const id = this.id
        // another id means that a new call has the slot, so this one has ended
        while (this.state < state) {
            if (this.id !== id) return
            await changed.wait()
        }
    }

    /** Whether a call has the slot now: it is calling, up, or leaving. */
    isLive(): boolean {
        return this.state === CallState.Free ? false : this.state !== CallState.Ended
    }

    /** Seconds since the call came up, until it ended. */
    seconds(): number {
        if (this.started === 0) return 0
        return Math.round(((this.ended || ds.millis()) - this.started) / 100) / 10
    }
}

/** Obtain the address, and find the other side. @returns the descriptor of the call's socket */
async function setUp(c: Call): Promise<number> {
    const tuple = c.held >> TUPLE
    const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, tuple === 0 ? undefined : tuple - 1)
    setsockopt(sd, SocketOption.SO_NO_CHECK, true)
    const isShared = lookup(sd).ifc.isCommon()
    const local = await bind(sd, { port: isShared ? 0 : RTP_PORT })
    c.localAddress = local.address
    setPorts(c, local.port, remotePortOf(c))
    // on the common address other sockets have other classes
    if (isShared) setsockopt(sd, SocketOption.IP_TOS, EF << 2)
    else setsockopt(sd, SocketOption.IP_DSCP, EF)
    // who has been up only has another address
    if (c.started === 0) if (c.peer !== null) await line.setUp(c)
    await connect(sd, { address: c.remoteAddress, port: remotePortOf(c) })
    await reach(sd, REACH_TIMEOUT)
    c.session.begin(sd)
    return sd
}

/** Say goodbye, and hear the other side's last frames. @throws SocketError if the socket has failed */
async function tearDown(c: Call, sd: number): Promise<void> {
    const { error } = c.session
    // after somebody has hung up, an error of the network means nothing
    if (typeof error === "string") {
        if (c.state === CallState.Up) throw errorOf(error, c.session.socket.ifc)
    } else if (error) throw error
    // send nothing from an address that was lost: it may be another host's now
    if (lookup(sd).ifc.address === c.localAddress) c.session.report(true)
    await ds.sleep(TAIL)
}

export function localPortOf(c: Call): number {
    return c.ports >>> 16
}

export function remotePortOf(c: Call): number {
    return c.ports & 0xffff
}

export function setPorts(c: Call, local: number, remote: number): void {
    c.ports = local * 0x10000 + remote
}

export function become(c: Call, state: CallState): void {
    c.state = state
    changed.notify(state)
}
