/** Puts one frame after the other on the wire, and takes the time that this takes. */
import type { Clock } from "./clock.js"
import type { EthernetPhy } from "./phy.js"

/** Without the frame check sequence. @see IEEE 802.3 3.2.8 */
export const FRAME_MIN = 60
/** Header and 1500 bytes. @see W5500 datasheet 4.2, Sn_MSSR */
export const FRAME_MAX = 1514
/** Preamble, frame check sequence, and the gap before the next frame. @see IEEE 802.3 3.1.1, 4.4.2 */
const OVERHEAD_BYTES = 8 + 4 + 12

/** As it is on the wire: padded to the least length. */
export function padded(frame: Buffer): Buffer {
    return frame.length < FRAME_MIN ? Buffer.concat([frame], FRAME_MIN) : frame
}

export class Transmitter {
    private frame: Buffer | undefined
    private endsAt = Infinity
    private unwake = (): void => {}

    /** @param sent told of a frame when it has left the wire */
    constructor(
        private readonly clock: Clock,
        private readonly phy: EthernetPhy,
        private readonly sent: (frame: Buffer) => void
    ) {}

    get busy(): boolean {
        return this.frame !== undefined
    }

    start(frame: Buffer): void {
        this.frame = padded(frame)
        this.linkChanged()
    }

    /** Without a link a frame waits; one that was cut off starts again with the next link. */
    linkChanged(): void {
        this.unwake()
        this.endsAt = Infinity
        if (!this.frame || !this.phy.link) return
        this.endsAt = this.clock.now() + (this.frame.length + OVERHEAD_BYTES) * this.phy.byteTime
        this.unwake = this.clock.wake(this.endsAt, () => this.settle())
    }

    /** Brings it to the present time. */
    settle(): void {
        if (!this.frame || this.clock.now() < this.endsAt) return
        const frame = this.frame
        this.stop()
        this.sent(frame)
    }

    /** Forgets the frame. */
    stop(): void {
        this.unwake()
        this.frame = undefined
        this.endsAt = Infinity
    }
}
