/** When voice leaves: what the LAN has seen of some senders, against the clock that each has to keep. */
import type { EmbeddedLan } from "../../sim/lan/lan.js"
import { udpOf } from "../../test/support/ethernet-client.js"

/** Milliseconds between two frames of a call (RFC 3551, 4.2), and what may be between a frame and its time. */
export const PTIME = 20
export const LATE = 20

/** `ECHO_PORT` of the embedded LAN's devices. */
const ECHO = 4000

/** Milliseconds, by the clock of the day: the same in all processes. */
export function clock(): number {
    return performance.timeOrigin + performance.now()
}

/** Samples in a millisecond: RTP timestamps count them. */
const SAMPLES = 8
const RTP_TIMESTAMP = 4

/** A frame of voice. */
export interface Sent {
    /** Milliseconds, when it left. */
    at: number
    /** Its RTP timestamp. */
    timestamp: number
}

/** How the frames of some calls have left. */
export interface Departures {
    frames: number
    /** Frames that left more than `LATE` ms after their time. */
    late: number
    /** Those of them that a pause of the machine while they were due does not explain; the crowd behind one may. */
    lateBeyond: number
    /** Milliseconds after their time: half of the frames, 99 % of them, all. */
    p50: number
    p99: number
    worst: number
}

/** A time in which the machine did not run the sender, or who watches it, although there was something to do. */
export interface Pause {
    /** Milliseconds, by the same clock as the frames. */
    from: number
    ms: number
}

/** Notes each frame of voice that enters the switch on its way to an echo device. */
export class Observer {
    private readonly sent = new Map<string, Sent[]>()
    private readonly listener = (frame: Buffer) => this.see(frame)

    constructor(private readonly lan: EmbeddedLan) {
        lan.on("frame", this.listener)
    }

    /** Ends it. @param pauses of the sender meanwhile */
    stop(pauses: Pause[]): Departures {
        this.lan.off("frame", this.listener)
        return departuresOf([...this.sent.values()], pauses)
    }

    private see(frame: Buffer): void {
        const now = clock()
        const udp = udpOf(frame)
        if (udp?.destinationPort !== ECHO) return
        const voice = { at: now, timestamp: udp.payload.readUInt32BE(RTP_TIMESTAMP) }
        const sent = this.sent.get(udp.ip.source)
        if (sent) sent.push(voice)
        else this.sent.set(udp.ip.source, [voice])
    }
}

/** @param calls the frames of each, in order */
export function departuresOf(calls: Sent[][], pauses: Pause[]): Departures {
    const merged = merge(pauses)
    const late = calls.flatMap(sent => lateness(sent).map((ms, i) => ({ ms, own: ms - paused(merged, sent[i].at - ms, sent[i].at) })))
    late.sort((a, b) => a.ms - b.ms)
    const at = (share: number) => late[Math.ceil(share * late.length) - 1].ms
    return {
        frames: late.length,
        late: late.filter(({ ms }) => ms > LATE).length,
        lateBeyond: late.filter(({ own }) => own > LATE).length,
        p50: at(0.5),
        p99: at(0.99),
        worst: at(1),
    }
}

/** The same time in pauses that do not overlap. */
function merge(pauses: Pause[]): Pause[] {
    const merged: Pause[] = []
    for (const { from, ms } of [...pauses].sort((a, b) => a.from - b.from)) {
        const last = merged.at(-1)
        if (last && from <= last.from + last.ms) last.ms = Math.max(last.ms, from + ms - last.from)
        else merged.push({ from, ms })
    }
    return merged
}

/** Milliseconds of pauses between two times. */
function paused(pauses: Pause[], from: number, to: number): number {
    return pauses.reduce((sum, p) => sum + Math.max(0, Math.min(to, p.from + p.ms) - Math.max(from, p.from)), 0)
}

/**
 * How late each frame of one call has left, in milliseconds. Frame n has to leave at t0 + 20n ms, and its timestamp tells
 * n, also behind frames that were left out. Nobody outside knows t0, but no frame leaves before its time, so that the
 * one which is earliest on this clock tells it.
 */
function lateness(sent: Sent[]): number[] {
    const offsets = sent.map(({ at, timestamp }) => at - ((timestamp - sent[0].timestamp) >>> 0) / SAMPLES)
    const start = Math.min(...offsets)
    return offsets.map(offset => offset - start)
}
