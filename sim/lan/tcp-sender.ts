/**
 * What a connection sends: its data until they are acknowledged, within the window of the peer, and again when they are lost. The
 * names SND.UNA and so on are those of RFC 9293 3.3.1.
 * @see RFC 9293 3.8, RFC 6298
 */
import { ACK, FIN, MSS_DEFAULT, PSH, SYN, type TcpSegment } from "./tcp.js"
import { after, distance } from "./tcp-sequence.js"

/** What is kept until it is acknowledged. */
const SEND_BYTES = 8192
/** What may be under way before the network has shown what it carries (RFC 6928 2). */
const INITIAL_SEGMENTS = 10
/** What a packet of Ethernet holds. */
export const MSS = 1460
/** Less is no size of a segment: every network carries packets of 68 bytes (RFC 791 3.2). */
const MSS_LEAST = 28
/** The first time-out. It is not measured: RFC 6298 2.4 rounds up to it what a round trip on this LAN takes. */
const RTO_MS = 1000
const RTO_MAX_MS = 60_000
/** So often in a row a time-out may pass unanswered: three minutes, as a SYN must be given (RFC 9293 3.8.3, MUST-23). */
const MAX_UNANSWERED = 7

type Emit = (flags: number, sequence: number, payload: Buffer) => void

export class TcpSender {
    /** Data from SND.UNA on. */
    private queue: Buffer = Buffer.alloc(0)
    private una: number
    private nxt: number
    /** The end of all that was ever sent: after a time-out SND.NXT goes back. */
    private max: number
    private wnd = 0
    /** The segment that told the window, by its sequence number and acknowledgment. */
    private wl1: number
    private wl2: number
    /** The widest window that was told. */
    private widest = 0
    /** The congestion window (RFC 5681 3.1): one segment after a time-out, one more for each acknowledgment. */
    private cwnd: number
    private readonly mss: number
    private synAcknowledged = false
    private finQueued = false
    private finAcknowledged = false
    private rto = RTO_MS
    private unanswered = 0
    private timer: NodeJS.Timeout | undefined
    private stopped = false

    /**
     * @param syn of the peer
     * @param iss our first sequence number
     * @param emit sends a segment
     * @param giveUp is told when the peer answers no more
     */
    constructor(
        syn: TcpSegment,
        private readonly iss: number,
        private readonly emit: Emit,
        private readonly giveUp: () => void
    ) {
        this.una = iss
        this.nxt = this.max = after(iss, 1)
        this.wl1 = syn.sequence
        this.wl2 = iss
        this.mss = Math.max(Math.min(syn.mss ?? MSS_DEFAULT, MSS), MSS_LEAST)
        this.cwnd = Math.min(INITIAL_SEGMENTS * this.mss, SEND_BYTES)
    }

    /** The sequence number of a segment without data. A byte that asks for a window is beyond it, where no segment is taken. */
    get sequence(): number {
        const edge = after(this.una, this.wnd)
        return this.synAcknowledged && distance(edge, this.max) > 0 ? edge : this.max
    }

    /** How much more may be written. */
    get room(): number {
        return this.finQueued ? 0 : SEND_BYTES - this.queue.length
    }

    /** Whether the peer has everything, the FIN included. */
    get isDone(): boolean {
        return this.finAcknowledged
    }

    /** Sends our SYN, which acknowledges the peer's, until it is acknowledged. */
    open(): void {
        this.arm()
        this.emit(SYN | ACK, this.iss, Buffer.alloc(0))
    }

    /** Adds to what is sent. @throws RangeError for more than there is room for */
    write(data: Buffer): void {
        if (data.length > this.room) throw new RangeError(`there is room for ${this.room} bytes, not for ${data.length}`)
        this.queue = Buffer.concat([this.queue, data])
    }

    /** A FIN follows what was written. */
    close(): void {
        this.finQueued = true
    }

    stop(): void {
        this.stopped = true
        clearTimeout(this.timer)
    }

    /** Whether an acknowledgment is of something that was sent, and not too old to be true (RFC 5961 5.2). */
    covers(acknowledgment: number): boolean {
        if (!this.synAcknowledged) return acknowledgment === this.max
        return distance(acknowledgment, this.max) >= 0 && distance(this.una, acknowledgment) >= -this.widest
    }

    /** Takes acknowledgment and window of a segment that is covered. */
    acknowledge(segment: TcpSegment): void {
        const { acknowledgment } = segment
        let advanced = distance(this.una, acknowledgment)
        if (advanced < 0) return
        if (advanced > 0) {
            this.una = acknowledgment
            if (distance(this.nxt, this.una) > 0) this.nxt = this.una
            // that of the SYN is no reason for more (RFC 5681 3.1)
            if (this.synAcknowledged) this.cwnd = Math.min(this.cwnd + this.mss, SEND_BYTES)
            else advanced--
            this.synAcknowledged = true
            this.finAcknowledged = advanced > this.queue.length
            this.queue = this.queue.subarray(advanced)
            this.answered()
        }
        this.updateWindow(segment)
        // whoever answers is asked for a window as long as it takes (RFC 9293 3.8.6.1, MUST-37)
        if (this.wnd === 0) this.unanswered = 0
    }

    /** RFC 9293 3.10.7.4, fifth. */
    private updateWindow({ sequence, acknowledgment, window }: TcpSegment): void {
        const newer = distance(this.wl1, sequence)
        if (newer < 0 || (newer === 0 && distance(this.wl2, acknowledgment) < 0)) return
        if (this.wnd === 0 && window > 0) {
            // the byte that asked for the window had no place: it goes again with what follows it
            this.nxt = this.una
            this.answered()
        }
        this.wnd = window
        this.wl1 = sequence
        this.wl2 = acknowledgment
        this.widest = Math.max(this.widest, window)
    }

    private answered(): void {
        this.rto = RTO_MS
        this.unanswered = 0
        clearTimeout(this.timer)
        this.timer = undefined
    }

    /**
     * Sends what may go now. @returns whether anything went
     * @param force sends one segment also when it is small, and one byte when the window is closed
     */
    transmit(force = false): boolean {
        let sent = false
        while (this.transmitOne(force && !sent)) sent = true
        this.arm()
        return sent
    }

    private transmitOne(force: boolean): boolean {
        const inFlight = distance(this.una, this.nxt)
        const left = this.queue.length - inFlight
        // a FIN that was sent is one more in flight than there are data
        if (!this.synAcknowledged || left < 0 || this.stopped) return false
        const room = Math.max(Math.min(this.wnd, this.cwnd) - inFlight, force ? 1 : 0)
        const n = Math.max(Math.min(left, room, this.mss), 0)
        const fin = this.finQueued && n === left && room > n
        if (n === 0 && !fin) return false
        // no silly window (RFC 9293 3.8.6.2.1). Nagle's algorithm is off: who sends to an echo waits for it
        if (!fin && !force && n < left && n < this.mss && 2 * n < this.widest) return false
        const sequence = this.nxt
        this.nxt = after(sequence, fin ? n + 1 : n)
        if (distance(this.max, this.nxt) > 0) this.max = this.nxt
        // last: what it delivers may be answered at once
        this.emit(ACK | (n > 0 && n === left ? PSH : 0) | (fin ? FIN : 0), sequence, this.queue.subarray(inFlight, inFlight + n))
        return true
    }

    /** One timer for what is in flight and for what has to wait: it sends the first segment again, or asks for a window. */
    private arm(): void {
        const waits = !this.synAcknowledged || this.queue.length > 0 || (this.finQueued && !this.finAcknowledged)
        if (!waits || this.timer || this.stopped) return
        this.timer = setTimeout(() => this.expire(), this.rto)
        this.timer.unref()
    }

    /** RFC 6298 5.4 to 5.6. */
    private expire(): void {
        this.timer = undefined
        if (this.unanswered === MAX_UNANSWERED) return this.giveUp()
        this.unanswered++
        this.rto = Math.min(this.rto * 2, RTO_MAX_MS)
        if (!this.synAcknowledged) return this.open()
        // what waits for a window is not lost
        if (this.wnd > 0 && this.nxt !== this.una) this.cwnd = this.mss
        this.nxt = this.una
        this.transmit(true)
    }
}
