/** RFC 3550, A.1: a gap larger than this, or a step back larger than that, means that the source began anew. */
const MAX_DROPOUT = 3000
const MAX_MISORDER = 100
const SEQUENCES = 65536

/** What arrives from one source: RFC 3550, A.1, A.3 and A.8. */
export class Reception {
    received = 0
    /** Packets that came after one with a later sequence number. */
    reordered = 0
    private ssrc = 0
    /** Extended sequence numbers of the first packet and of the latest. */
    private first = 0
    private latest = -1
    /** Counts of sources, or of beginnings of one, that are past. */
    private receivedBefore = 0
    private lostBefore = 0
    private bad = -1
    private transit = 0
    /** 16 times the interarrival jitter, in timestamp units. */
    private jitter = 0

    /**
     * Count a packet.
     * @param ssrc as `i32` @param timestamp as a number of 32 bits @param arrival in timestamp units, 32 bits
     */
    count(ssrc: number, sequence: number, timestamp: number, arrival: number): void {
        if (this.latest < 0 || ssrc !== this.ssrc) this.begin(ssrc, sequence)
        else {
            const step = (sequence - this.latest) & 0xffff
            if (step === 0) {
                // a duplicate: received, but nothing new
            } else if (step < MAX_DROPOUT) this.latest += step
            else if (step <= SEQUENCES - MAX_MISORDER) {
                // two in a row from the far place show that it is no stray packet
                if (sequence !== this.bad) {
                    this.bad = (sequence + 1) & 0xffff
                    return
                }
                this.begin(ssrc, sequence)
            } else this.reordered++
        }
        this.received++
        const transit = (arrival - timestamp) | 0
        if (this.received - this.receivedBefore > 1) {
            let d = (transit - this.transit) | 0
            if (d < 0) d = -d
            this.jitter += d - ((this.jitter + 8) >> 4)
        }
        this.transit = transit
    }

    private begin(ssrc: number, sequence: number): void {
        this.lostBefore = this.lost()
        this.receivedBefore = this.received
        this.ssrc = ssrc
        this.first = sequence
        this.latest = sequence
        this.bad = -1
    }

    /** Packets expected and not received; duplicates can make it negative (RFC 3550, 6.4.1). */
    lost(): number {
        if (this.latest < 0) return 0
        return this.lostBefore + (this.latest - this.first + 1) - (this.received - this.receivedBefore)
    }

    /** Interarrival jitter in milliseconds at 8 kHz. */
    jitterMs(): number {
        return Math.round((this.jitter / 16 / 8) * 100) / 100
    }
}
