import { SpiDevice } from "../../src/phy/w5500/spi"
import { PAUSE, RESUME, stream } from "./measure"

/**
 * A W5500 whose own work is not counted, and which allocates nothing: what the driver costs, and no more. It knows as much
 * of the chip as the driver's usual way needs; `devs/test/support/chip.ts` is the one to test with.
 * @see W5500 datasheet 1.0.9, section 4
 */
const PHASES = 3
/** The control phase: block and direction. */
const COMMON_READ = 0x00
const SOCKET_READ = 0x08
const SOCKET_WRITE = 0x0c
const RX_READ = 0x18

const PHYCFGR = 0x2e
/** Link, 100 Mb/s, full duplex. */
const LINKED = 0xbf
const VERSIONR = 0x39
const VERSION = 4
const COMMON_SIZE = 0x40

const SN_CR = 0x01
const OPEN = 0x01
const SEND = 0x20
const RECV = 0x40
const SN_SR = 0x03
const SOCK_MACRAW = 0x42
const SN_TX_RD = 0x22
const SN_TX_WR = 0x24
const SN_RX_RSR = 0x26
const SN_RX_RD = 0x28
const SN_RX_WR = 0x2a
const SOCKET_SIZE = 0x30

export class QuietChip implements SpiDevice {
    hasInterrupt = true
    label = "a W5500 that is not counted"
    /** How many frames were sent in this round. */
    sent = 0

    private common = Buffer.alloc(COMMON_SIZE)
    private socket = Buffer.alloc(SOCKET_SIZE)
    /** What arrives in this round, where in it that begins, and where the receive buffer has its beginning. */
    private arrived: Buffer = undefined
    private from = 0
    private start = 0
    private asserted = false

    constructor() {
        this.common[PHYCFGR] = LINKED
        this.common[VERSIONR] = VERSION
    }

    /** Frames have arrived: the bytes of `b` from `from` on, each frame behind its length. */
    begin(b: Buffer, from: number): void {
        this.sent = 0
        this.arrived = b
        this.from = from
        this.start = this.pair(SN_RX_RD)
        this.put(SN_RX_WR, this.start + b.length - from)
        this.put(SN_RX_RSR, b.length - from)
        this.asserted = b.length > from
    }

    /** Whether all is read, and so many frames are sent. */
    done(frames: number): boolean {
        stream._socketWrite(PAUSE)
        const done = this.sent === frames && this.pair(SN_RX_RSR) === 0
        stream._socketWrite(RESUME)
        return done
    }

    async write(b: Buffer): Promise<void> {
        stream._socketWrite(PAUSE)
        if (b[2] === SOCKET_WRITE)
            if (b[1] === SN_CR) this.command(b[PHASES])
            else this.socket.blitAt(b[1], b, PHASES, b.length - PHASES)
        stream._socketWrite(RESUME)
    }

    async exchange(b: Buffer): Promise<void> {
        stream._socketWrite(PAUSE)
        const n = b.length - PHASES
        if (b[2] === COMMON_READ) b.blitAt(PHASES, this.common, b[1], n)
        else if (b[2] === SOCKET_READ) b.blitAt(PHASES, this.socket, b[1], n)
        else if (b[2] === RX_READ) {
            const at = this.from + ((((b[0] << 8) | b[1]) - this.start) & 0xffff)
            b.blitAt(PHASES, this.arrived, at, Math.min(n, this.arrived.length - at))
        }
        stream._socketWrite(RESUME)
    }

    reset(high: boolean): void {}

    interrupt(): boolean {
        return this.asserted
    }

    private command(command: number): void {
        if (command === OPEN) this.socket[SN_SR] = SOCK_MACRAW
        else if (command === SEND) {
            this.put(SN_TX_RD, this.pair(SN_TX_WR))
            this.sent++
        } else if (command === RECV) {
            const left = (this.pair(SN_RX_WR) - this.pair(SN_RX_RD)) & 0xffff
            this.put(SN_RX_RSR, left)
            this.asserted = left > 0
        }
    }

    private pair(register: number): number {
        return (this.socket[register] << 8) | this.socket[register + 1]
    }

    private put(register: number, value: number): void {
        this.socket[register] = value >> 8
        this.socket[register + 1] = value
    }
}
