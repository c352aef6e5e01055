/** When voice leaves: what the LAN has seen of some senders, against the clock that each has to keep. */
import type { EmbeddedLan } from "../sim/lan/lan.js"
import { udpOf } from "../test/support/ethernet-client.js"

/** Milliseconds between two frames of a call (RFC 3551, 4.2), and what may be between a frame and its time. */
export const PTIME = 20
export const LATE = 20

/** `ECHO_PORT` of the embedded LAN's devices. */
const ECHO = 4000

/** How the frames of some calls have left. */
export interface Departures {
    frames: number
    /** Frames that left more than `LATE` ms after their time. */
    late: number
    /** Milliseconds after their time: half of the frames, 99 % of them, all. */
    p50: number
    p99: number
    worst: number
}

/** Milliseconds between two looks at the clock. */
const LOOK = 5

/** Notes each frame of voice that enters the switch on its way to an echo device. */
export class Observer {
    /** Times in milliseconds, by sender. */
    private readonly times = new Map<string, number[]>()
    private readonly listener = (frame: Buffer) => this.see(frame)
    private readonly timer: NodeJS.Timeout
    private looked = performance.now()
    private longest = 0

    constructor(private readonly lan: EmbeddedLan) {
        lan.on("frame", this.listener)
        this.timer = setInterval(() => this.look(), LOOK)
    }

    /**
     * Ends it.
     * @returns also for how many milliseconds at most this program itself did not run when it should: what a machine
     * under load does to us, it does to the phone
     */
    stop(): Departures & { pause: number } {
        this.lan.off("frame", this.listener)
        clearInterval(this.timer)
        this.look()
        return { ...departuresOf([...this.times.values()]), pause: this.longest }
    }

    private look(): void {
        const now = performance.now()
        this.longest = Math.max(this.longest, now - this.looked - LOOK)
        this.looked = now
    }

    private see(frame: Buffer): void {
        const now = performance.now()
        const udp = udpOf(frame)
        if (udp?.destinationPort !== ECHO) return
        const times = this.times.get(udp.ip.source)
        if (times) times.push(now)
        else this.times.set(udp.ip.source, [now])
    }
}

/** @param times when the frames left, in milliseconds, of each call */
export function departuresOf(times: number[][]): Departures {
    const late = times.flatMap(lateness).sort((a, b) => a - b)
    const at = (share: number) => late[Math.ceil(share * late.length) - 1]
    return { frames: late.length, late: late.filter(ms => ms > LATE).length, p50: at(0.5), p99: at(0.99), worst: at(1) }
}

/**
 * How late each frame of one call has left, in milliseconds. Frame n has to leave at t0 + 20n ms; nobody outside knows
 * t0, but no frame leaves before its time, so that the frame which is earliest on this clock tells it.
 */
function lateness(times: number[]): number[] {
    const offsets = times.map((at, n) => at - PTIME * n)
    const start = Math.min(...offsets)
    return offsets.map(offset => offset - start)
}
