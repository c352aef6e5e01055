import * as ds from "@devicescript/core"
import { PTIME, RTP_PORT } from "../config"
import { SocketError } from "../errors"
import { Signal } from "../signal"
import {
    AF_INET_TUPLE,
    SOCK_DGRAM,
    SocketAddress,
    SocketOption,
    TUPLE_COMMON,
    bind,
    close,
    connect,
    getsockname,
    reach,
    setsockopt,
    socket,
} from "../socket/socket"
import { Codec } from "../voice/g711"
import { Session } from "../voice/session"
import { VoiceSource } from "../voice/source"

/** DSCP EF in the TOS octet (RFC 3246). */
const TOS_VOICE = 46 << 2
/** Milliseconds in which the other side's MAC address must be found. */
const REACH_TIMEOUT = 3000
/** Milliseconds for which the last frames of the other side are still heard. */
const TAIL = 200
/** A clock that is late by more milliseconds than this does not try to catch up. */
const LATE_MAX = 200

export enum CallState {
    Calling,
    Up,
    Ended,
}

/** What a call needs to know. */
export interface CallOptions {
    remote: SocketAddress
    codec: Codec
    source: VoiceSource
    /** `Infinity` until somebody hangs up. */
    seconds: number
    /** As in `socket`; `undefined` for the configured policy. */
    tuple: number
}

/** One call = one process = one address. */
export class Call {
    state = CallState.Calling
    local: SocketAddress
    session: Session
    /** Why it ended, if nobody asked for that. */
    error: Error
    /** Announces each change of state. */
    changed = new Signal()
    /** Whole frames that were left out because the clock was too late. */
    skipped = 0
    private hungUp = false
    private started = 0
    private ended = 0

    constructor(
        public id: number,
        public options: CallOptions
    ) {}

    /** The process of the call. */
    async run(): Promise<void> {
        const { remote, tuple } = this.options
        let sd = -1
        try {
            sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, tuple)
            setsockopt(sd, SocketOption.SO_NO_CHECK, true)
            setsockopt(sd, SocketOption.IP_TOS, TOS_VOICE)
            await bind(sd, { port: tuple === TUPLE_COMMON ? 0 : RTP_PORT })
            await connect(sd, remote)
            this.local = getsockname(sd)
            await reach(sd, REACH_TIMEOUT)
            if (!this.hungUp) await this.talk(sd)
        } catch (e) {
            this.error = e as Error
        }
        this.ended = ds.millis()
        // the address goes back before anybody hears that the call has ended
        if (sd >= 0) await this.tidy(sd)
        this.become(CallState.Ended)
    }

    private async tidy(sd: number): Promise<void> {
        try {
            await close(sd)
        } catch (e) {
            if (!this.error) this.error = e as Error
        }
    }

    /** Frame n leaves at t0 + 20n ms, whenever the one before it has left. */
    private async talk(sd: number): Promise<void> {
        const self = this
        const session = new Session(sd, this.options.codec, this.options.source, code => self.fail(code))
        this.session = session
        this.started = ds.millis()
        this.become(CallState.Up)
        const frames = Math.round((this.options.seconds * 1000) / PTIME)
        let t0 = this.started
        let n = 0
        while (!this.hungUp && !this.error && session.txFrames < frames) {
            const late = ds.millis() - (t0 + PTIME * n)
            if (late < 0) await ds.sleep(-late)
            else if (late > LATE_MAX) {
                const skip = Math.floor(late / PTIME)
                session.skip(skip)
                this.skipped += skip
                t0 += skip * PTIME
            } else {
                session.sendFrame()
                n++
                if (late >= PTIME) await ds.sleep(0)
            }
        }
        if (!this.error) await ds.sleep(TAIL)
    }

    private fail(code: string): void {
        // what the network says while the call is hung up is no longer of interest
        if (!this.hungUp && !this.error) this.error = new SocketError(code, REASONS[code] || "the socket failed")
    }

    private become(state: CallState): void {
        this.state = state
        this.changed.notify(state)
    }

    /** Ask the call to end; `ended` tells when it has. */
    hangup(): void {
        this.hungUp = true
    }

    /** Wait until the call is in this state, or ended. */
    async reached(state: CallState): Promise<void> {
        while (this.state < state) await this.changed.wait()
    }

    /** Seconds since the call came up, until it ended. */
    seconds(): number {
        if (!this.session) return 0
        return Math.round(((this.ended || ds.millis()) - this.started) / 100) / 10
    }
}

const REASONS: Record<string, string> = {
    ECONNREFUSED: "the other side has nothing on that port",
    EHOSTUNREACH: "the other side does not answer any more",
    ENETDOWN: "the lease of the call's address has ended",
}
