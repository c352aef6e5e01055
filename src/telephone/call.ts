import * as ds from "@devicescript/core"
import { PTIME, RTP_PORT } from "../config"
import { SocketError } from "../errors"
import { Signal } from "../signal"
import { enterProcess } from "../socket/process"
import {
    AF_INET_TUPLE,
    SOCK_DGRAM,
    SocketAddress,
    SocketOption,
    bind,
    connect,
    leaveProcess,
    lookup,
    reach,
    setsockopt,
    socket,
} from "../socket/socket"
import { messageOf } from "../socket/table"
import { Codec } from "../voice/g711"
import { Session, sendFrame } from "../voice/session"
import { Play } from "../voice/source"

/** DSCP class EF (RFC 3246). */
const EF = 46
/** Milliseconds in which the other side's MAC address must be found. */
const REACH_TIMEOUT = 3000
/** Milliseconds for which the last frames of the other side are still heard. */
const TAIL = 200
/** A clock that is late by more milliseconds than this does not try to catch up. */
const LATE_MAX = 200

export enum CallState {
    /** The slot has had no call yet. */
    Free,
    Calling,
    Up,
    /** Somebody has hung up, or it has failed: its address is being given back. */
    Leaving,
    Ended,
}

/** Announces that some call has changed its state. */
const changed = new Signal()

/** One call = one process = one address. A slot of the table of calls. */
export class Call {
    state = CallState.Free
    id = 0
    remoteAddress = 0
    remotePort = 0
    localAddress = 0
    localPort = 0
    session = new Session()
    /** Why it ended, if nobody asked for that. */
    error: Error = undefined
    /** Whole frames that were left out because the clock was too late. */
    skipped = 0
    /** How many to send. */
    private frames = 0
    private tuple: number = undefined
    private started = 0
    private ended = 0

    /**
     * Make the slot a new call.
     * @param seconds `Infinity` until somebody hangs up
     * @param tuple as in `socket`; `undefined` for the configured policy
     */
    open(id: number, remote: SocketAddress, codec: Codec, play: Play, seconds: number, tuple: number): void {
        this.id = id
        this.frames = Math.round((seconds * 1000) / PTIME)
        this.tuple = tuple
        this.remoteAddress = remote.address
        this.remotePort = remote.port
        this.localAddress = 0
        this.localPort = 0
        this.session.open(codec, play)
        this.error = undefined
        this.skipped = 0
        this.started = 0
        this.ended = 0
        this.become(CallState.Calling)
    }

    /**
     * The processes of the calls that have this slot, one after the other. Its fiber is started at boot, like all that
     * lasts: see `iface/interface.ts`.
     */
    async live(): Promise<void> {
        while (true) {
            while (!this.isLive()) await changed.wait()
            enterProcess()
            try {
                await this.setUp()
                // frame n leaves at t0 + 20n ms, whenever the one before it has left
                let next = ds.millis()
                let n = 0
                this.started = next
                if (this.state === CallState.Calling) this.become(CallState.Up)
                while (this.isTalking(n)) {
                    const late = ds.millis() - next
                    if (late < 0) await ds.sleep(-late)
                    else {
                        if (late > LATE_MAX) next += this.skip(late)
                        sendFrame(this.session)
                        next += PTIME
                        n++
                        if (late >= PTIME) await ds.sleep(0)
                    }
                }
                await this.tearDown()
            } catch (e) {
                this.error = e as Error
            }
            this.ended = ds.millis()
            // the address goes back before anybody hears that the call has ended
            try {
                await leaveProcess()
            } catch (e) {
                if (!this.error) this.error = e as Error
            }
            this.session.end()
            this.become(CallState.Ended)
        }
    }

    /** Obtain the address and find the other side. */
    private async setUp(): Promise<void> {
        const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, this.tuple)
        setsockopt(sd, SocketOption.SO_NO_CHECK, true)
        const isShared = lookup(sd).ifc.isCommon()
        const local = await bind(sd, { port: isShared ? 0 : RTP_PORT })
        this.localAddress = local.address
        this.localPort = local.port
        // on the common address other sockets have other classes
        if (isShared) setsockopt(sd, SocketOption.IP_TOS, EF << 2)
        else setsockopt(sd, SocketOption.IP_DSCP, EF)
        await connect(sd, { address: this.remoteAddress, port: this.remotePort })
        await reach(sd, REACH_TIMEOUT)
        this.session.begin(sd)
    }

    /** @param n frames whose time has come so far, sent or not */
    private isTalking(n: number): boolean {
        return this.state === CallState.Up && !this.session.error && n < this.frames
    }

    /** Leave out whole frames. @returns their milliseconds */
    private skip(late: number): number {
        const frames = Math.floor(late / PTIME)
        this.session.skip(frames)
        this.skipped += frames
        return frames * PTIME
    }

    /** Hear the last frames of the other side. @throws SocketError if the socket has failed */
    private async tearDown(): Promise<void> {
        const code = this.session.error
        // what the network says of a call that somebody has hung up is no longer of interest
        if (code && this.state === CallState.Up) throw new SocketError(code, messageOf(code, this.session.socket.ifc))
        await ds.sleep(TAIL)
    }

    private become(state: CallState): void {
        this.state = state
        changed.notify(state)
    }

    /** Ask the call to end; `reached` tells when it has. */
    hangup(): void {
        this.state = CallState.Leaving
    }

    /** Wait until the call is in this state, or ended. */
    async reached(state: CallState): Promise<void> {
        const id = this.id
        // the slot of a call that has ended may have a new one
        while (this.id === id && this.state < state) await changed.wait()
    }

    /** Whether it takes a place: it is being placed, up, or being taken down. */
    isLive(): boolean {
        return this.state !== CallState.Free && this.state !== CallState.Ended
    }

    /** When it ended, `ds.millis()`; 0 for a slot that has had no call yet. */
    endedAt(): number {
        return this.ended
    }

    /** Seconds since the call came up, until it ended. */
    seconds(): number {
        if (this.started === 0) return 0
        return Math.round(((this.ended || ds.millis()) - this.started) / 100) / 10
    }
}
