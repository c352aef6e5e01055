/**
 * One connection that a peer has opened: which segments it takes, and what it answers. What it sends by itself is in
 * `tcp-sender.ts`; the names RCV.NXT and so on are those of RFC 9293 3.3.1.
 *
 * The peer opens, and it also ends first: its FIN is answered by ours as soon as the service has read everything. So five states
 * of RFC 9293 3.3.2 are enough, in this order, with any RST or silence leading to the last one:
 *
 *     syn-received --ACK of SYN--> established --FIN--> close-wait --all is read--> last-ack --ACK of FIN--> closed
 * @see RFC 9293 3.10.7.4, RFC 5961
 */
import { ACK, FIN, RST, SYN, segmentLength, type TcpSegment } from "./tcp.js"
import { after, distance } from "./tcp-sequence.js"
import { MSS, TcpSender } from "./tcp-sender.js"

/** What is kept until the service reads it. */
const RECEIVE_BYTES = 8192

/** A connection as its service has it. */
export interface TcpStream {
    /** How much more can be written. */
    readonly room: number
    /** Up to so many bytes of what has arrived. */
    read(most?: number): Buffer
    /** @throws RangeError for more than there is room for */
    write(data: Buffer): void
}

/** Told whenever something has arrived, or there is more room to write. What it does not read closes the window of the peer. */
export type TcpService = (stream: TcpStream) => void

export interface TcpConnectionOptions {
    syn: TcpSegment
    /** Our first sequence number. */
    iss: number
    service: TcpService
    /** Sends a segment to the peer. */
    send: (segment: Omit<TcpSegment, "sourcePort" | "destinationPort">) => void
    /** Told when it is over. */
    onClosed: () => void
}

export class TcpConnection implements TcpStream {
    private state: "syn-received" | "established" | "close-wait" | "last-ack" | "closed" = "syn-received"
    private rcvNxt: number
    /** The end of the window that the peer was told. */
    private rcvEnd: number
    private unread: Buffer = Buffer.alloc(0)
    private readonly sender: TcpSender

    constructor(private readonly options: TcpConnectionOptions) {
        const { syn, iss } = options
        this.rcvNxt = this.rcvEnd = after(syn.sequence, 1)
        const emit = (flags: number, sequence: number, payload: Buffer) => this.send(flags, sequence, payload)
        this.sender = new TcpSender(syn, iss, emit, () => this.close())
    }

    open(): void {
        this.sender.open()
    }

    get room(): number {
        return this.sender.room
    }

    read(most = RECEIVE_BYTES): Buffer {
        const data = this.unread.subarray(0, most)
        this.unread = this.unread.subarray(data.length)
        return data
    }

    write(data: Buffer): void {
        this.sender.write(data)
    }

    /** The order of the steps is that of RFC 9293 3.10.7.4. */
    receive(segment: TcpSegment): void {
        const { flags, sequence } = segment
        if (!this.isAcceptable(segment)) {
            if (!(flags & RST)) this.acknowledge()
        } else if (flags & RST) {
            // whoever does not know the exact number has only guessed it (RFC 5961 3.2)
            if (sequence === this.rcvNxt) this.close()
            else this.acknowledge()
        } else if (flags & SYN) {
            if (this.state === "syn-received") this.close()
            else this.acknowledge()
        } else if (flags & ACK && this.takeAcknowledgment(segment)) this.serve(this.takeData(segment))
    }

    /** Ends it without a word to the peer. */
    close(): void {
        if (this.state === "closed") return
        this.state = "closed"
        this.sender.stop()
        this.options.onClosed()
    }

    /** Ends it, and tells the peer. */
    abort(): void {
        this.send(RST | ACK, this.sender.sequence)
        this.close()
    }

    /** Whether some of it is in the window. If that is closed, the next segment is taken for the ACK that it has. */
    private isAcceptable(segment: TcpSegment): boolean {
        const first = distance(this.rcvNxt, segment.sequence)
        const last = first + Math.max(segmentLength(segment) - 1, 0)
        const window = distance(this.rcvNxt, this.rcvEnd)
        return first === 0 || (first < window && last >= 0)
    }

    /** @returns whether the rest of the segment counts */
    private takeAcknowledgment(segment: TcpSegment): boolean {
        if (!this.sender.covers(segment.acknowledgment)) {
            if (this.state === "syn-received") this.send(RST, segment.acknowledgment)
            else this.acknowledge()
            return false
        }
        if (this.state === "syn-received") this.state = "established"
        this.sender.acknowledge(segment)
        if (this.state === "last-ack" && this.sender.isDone) this.close()
        return this.state !== "closed"
    }

    /** Takes what comes next and has room; what is beyond a hole will come again. @returns whether the segment wants an answer */
    private takeData({ sequence, flags, payload }: TcpSegment): boolean {
        if (payload.length === 0 && !(flags & FIN)) return false
        const known = distance(sequence, this.rcvNxt)
        if (this.state !== "established" || known < 0) return true
        const data = payload.subarray(known, known + distance(this.rcvNxt, this.rcvEnd))
        this.unread = Buffer.concat([this.unread, data])
        this.rcvNxt = after(this.rcvNxt, data.length)
        if (flags & FIN && known + data.length === payload.length) {
            this.state = "close-wait"
            this.rcvNxt = after(this.rcvNxt, 1)
            // a FIN needs no room: it is welcome behind a full window
            if (distance(this.rcvEnd, this.rcvNxt) > 0) this.rcvEnd = this.rcvNxt
        }
        return true
    }

    /** Lets the service work, and sends what came of it. @param asked whether the peer waits for an ACK */
    private serve(asked: boolean): void {
        this.options.service(this)
        if (this.state === "close-wait" && this.unread.length === 0) {
            this.state = "last-ack"
            this.sender.close()
        }
        const sent = this.sender.transmit()
        if (!sent && (asked || this.nextRcvEnd() !== this.rcvEnd)) this.acknowledge()
    }

    /** Where the window may end: it grows by a whole segment or not at all (RFC 9293 3.8.6.2.2), and never shrinks. */
    private nextRcvEnd(): number {
        const end = after(this.rcvNxt, RECEIVE_BYTES - this.unread.length)
        return distance(this.rcvEnd, end) >= MSS ? end : this.rcvEnd
    }

    private acknowledge(): void {
        this.send(ACK, this.sender.sequence)
    }

    private send(flags: number, sequence: number, payload: Buffer = Buffer.alloc(0)): void {
        this.rcvEnd = this.nextRcvEnd()
        const mss = flags & SYN ? MSS : undefined
        const acknowledgment = flags & ACK ? this.rcvNxt : 0
        this.options.send({ flags, sequence, acknowledgment, window: distance(this.rcvNxt, this.rcvEnd), mss, payload })
    }
}
