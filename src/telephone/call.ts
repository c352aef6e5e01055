/**
 * A call: one process, with one address of its own, from the first packet to the last. `live` is its whole life: wait for `open`,
 * obtain the address, talk by the media clock, say goodbye, give the address back.
 * Read first: `enterProcess` in `base/process.ts`, the calls of `socket/api.ts`, `rtp/session.ts`, `rtp/clock.ts`.
 */
import * as ds from "@devicescript/core"
import { PTIME, RTP_PORT } from "../base/config"
import { SocketError } from "../base/errors"
import { Signal } from "../base/signal"
import { enterProcess } from "../base/process"
import { AF_INET_TUPLE, SOCK_DGRAM, SocketAddress, bind, close, connect, leaveProcess, reach, socket } from "../socket/api"
import { SocketOption } from "../socket/socket"
import { DatagramSocket } from "../socket/datagram"
import { lookup } from "../socket/table"
import { setsockopt } from "../socket/options"
import { tupleOf } from "../socket/tuple"
import { errorOf } from "../socket/socket"
import { PROTOCOL_UDP } from "../wire/ipv4"
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
    Up,
    /** Somebody has hung up, or the call has failed: its address is being given back. */
    Leaving,
    Ended,
}

/** Announces that some call has changed its state. */
const changed = new Signal()

/** A slot of the table of calls. */
export class Call {
    state = CallState.Free
    id = 0
    remoteAddress = 0
    remotePort = 0
    localAddress = 0
    localPort = 0
    session = new Session()
    /** Why the call ended, if nobody hung up. */
    error: Error = undefined
    /** How many to send. */
    private frames = 0
    tuple: number = undefined
    private started = 0
    private fiber: ds.Fiber = undefined
    /** When the call ended, by `ds.millis()`; 0 until then. */
    ended = 0

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
        this.started = 0
        this.ended = 0
        become(this, CallState.Calling)
        if (this.fiber.suspended) this.fiber.resume(true)
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
                const sd = await setUp(this)
                this.started = ds.millis()
                if (this.state === CallState.Calling) become(this, CallState.Up)
                talk(this.session, this.frames)
                while (this.state === CallState.Up) {
                    if (this.session.left <= 0) break
                    await ds.suspend<any>(undefined)
                }
                hush(this.session)
                await tearDown(this, sd)
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
            become(this, CallState.Ended)
            // `call --seconds` reports the end itself
            if (this.error) if (this.started !== 0) if (this.frames === Infinity) onEnd(this)
        }
    }

    /** Ask the call to end; `reached` waits until it has. */
    hangup(): void {
        if (!this.isLive()) return
        this.state = CallState.Leaving
        this.session.stop()
    }

    /** Wait until the call is up. @throws SocketError that says why it is not */
    async answered(): Promise<void> {
        await this.reached(CallState.Up)
        if (this.error) throw this.error
        if (this.state !== CallState.Up) throw new SocketError("ECANCELED", "the call was hung up before it was up")
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
    const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, c.tuple)
    setsockopt(sd, SocketOption.SO_NO_CHECK, true)
    const isShared = lookup(sd).ifc.isCommon()
    const local = await bind(sd, { port: isShared ? 0 : RTP_PORT })
    c.localAddress = local.address
    c.localPort = local.port
    // on the common address other sockets have other classes
    if (isShared) setsockopt(sd, SocketOption.IP_TOS, EF << 2)
    else setsockopt(sd, SocketOption.IP_DSCP, EF)
    await connect(sd, { address: c.remoteAddress, port: c.remotePort })
    await reach(sd, REACH_TIMEOUT)
    c.session.begin(sd)
    return sd
}

/** Say goodbye, and hear the other side's last frames. @throws SocketError if the socket has failed */
async function tearDown(c: Call, sd: number): Promise<void> {
    if (c.session.failure) throw c.session.failure
    const code = c.session.error
    // after somebody has hung up, an error of the network means nothing
    if (code) if (c.state === CallState.Up) throw errorOf(code, c.session.socket.ifc)
    try {
        await sendBye(c, sd)
    } catch (e) {
        if (!(e instanceof SocketError)) throw e
        // BYE is a courtesy: without a free port or descriptor the other side finds out by itself
    }
    await ds.sleep(TAIL)
}

/** RTCP goes from the port above the call's to the one above its target's (RFC 3550, 11). */
async function sendBye(c: Call, sd: number): Promise<void> {
    const bye = c.session.bye(c.localAddress)
    const { ifc } = lookup(sd)
    // send nothing from an address that was lost: it may be another host's now
    if (!bye) return
    if (ifc.address !== c.localAddress) return
    const rtcp = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, tupleOf(sd))
    // if `bind` throws, the socket is closed with the process; on the common address another socket may have the port
    const port = c.localPort + 1
    await bind(rtcp, { port: ifc.endpointOn(PROTOCOL_UDP, port) ? 0 : port })
    const s = lookup(rtcp) as DatagramSocket
    // there is no port above the last one
    if (c.remotePort < 65535) s.sent(s.sendTo(bye, c.remoteAddress, c.remotePort + 1))
    await close(rtcp)
}

function become(c: Call, state: CallState): void {
    c.state = state
    changed.notify(state)
}
