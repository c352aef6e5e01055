import * as ds from "@devicescript/core"
import { PTIME, RTP_PORT } from "../config"
import { SocketError } from "../errors"
import { Signal } from "../signal"
import { Program } from "../socket/process"
import {
    AF_INET_TUPLE,
    SOCK_DGRAM,
    SocketOption,
    TUPLE_COMMON,
    bind,
    closeAll,
    connect,
    reach,
    setsockopt,
    socket,
} from "../socket/socket"
import { messageOf } from "../socket/table"
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

/** Announces that some call has changed its state. */
const changed = new Signal()

/** One call = one process = one address. */
export class Call implements Program {
    state = CallState.Calling
    localAddress = 0
    localPort = 0
    session: Session
    /** Why it ended, if nobody asked for that. */
    error: Error
    /** Whole frames that were left out because the clock was too late. */
    skipped = 0
    private hungUp = false
    private started = 0
    private ended = 0

    constructor(
        public id: number,
        public remoteAddress: number,
        public remotePort: number,
        public codec: Codec,
        private source: VoiceSource,
        /** `Infinity` until somebody hangs up. */
        private duration: number,
        /** As in `socket`; `undefined` for the configured policy. */
        private tuple: number,
        /** Called at the end of the call's process. */
        private retire: (call: Call) => void
    ) {}

    async run(): Promise<void> {
        try {
            const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, this.tuple)
            setsockopt(sd, SocketOption.SO_NO_CHECK, true)
            setsockopt(sd, SocketOption.IP_TOS, TOS_VOICE)
            const local = await bind(sd, { port: this.tuple === TUPLE_COMMON ? 0 : RTP_PORT })
            this.localAddress = local.address
            this.localPort = local.port
            await connect(sd, { address: this.remoteAddress, port: this.remotePort })
            await reach(sd, REACH_TIMEOUT)
            this.session = new Session(sd, this.codec, this.source)
            await this.talk(this.session)
        } catch (e) {
            this.error = e as Error
        }
        this.ended = ds.millis()
    }

    /** The address goes back before anybody hears that the call has ended. */
    async exit(process: number): Promise<void> {
        try {
            await closeAll(process)
        } finally {
            if (this.session) this.session.end()
            this.source = undefined
            this.retire(this)
            this.become(CallState.Ended)
        }
    }

    /** Frame n leaves at t0 + 20n ms, whenever the one before it has left. */
    private async talk(session: Session): Promise<void> {
        let t0 = ds.millis()
        this.started = t0
        this.become(CallState.Up)
        const frames = Math.round((this.duration * 1000) / PTIME)
        let n = 0
        while (!this.hungUp && !session.error && session.txFrames < frames) {
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
        if (!session.error) await ds.sleep(TAIL)
        // what the network says while the call is hung up is no longer of interest
        else if (!this.hungUp) this.error = new SocketError(session.error, messageOf(session.error))
    }

    private become(state: CallState): void {
        this.state = state
        changed.notify(state)
    }

    /** Ask the call to end; `reached` tells when it has. */
    hangup(): void {
        this.hungUp = true
    }

    /** Wait until the call is in this state, or ended. */
    async reached(state: CallState): Promise<void> {
        while (this.state < state) await changed.wait()
    }

    /** Seconds since the call came up, until it ended. */
    seconds(): number {
        if (this.started === 0) return 0
        return Math.round(((this.ended || ds.millis()) - this.started) / 100) / 10
    }
}
