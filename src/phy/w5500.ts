import * as ds from "@devicescript/core"
import { MACRAW_QUEUE, VOICE_FRAME, W5500_POLL } from "../config"
import { counters } from "../counters"
import { collect } from "../heap"
import { ETH_HEADER, ETH_MAX } from "../wire/ethernet"
import { FrameHandler, HEADROOM, Phy, QUEUE_FULL, TAKEN, handUp } from "./phy"
import { SpiDevice } from "./spi"

// The WIZnet W5500, a switch port on an SPI bus: frames go in and out of its two buffers, nothing of its own TCP/IP is
// used. The names are those of its datasheet (version 1.0.9).

/** Address and control phase before the data (2.2). */
const PHASES = 3
/** Block select, and whether it is written (2.2.2), as the control phase has them. */
const COMMON = 0x00
const SOCKET = 0x08
const TX_BUFFER = 0x10
const RX_BUFFER = 0x18
const WRITE = 0x04
/** From the control phase of a socket's registers to that of the next one. */
const NEXT_SOCKET = 0x20

// common registers (4.1)
const MR = 0x00
const MR_RST = 0x80
const SHAR = 0x09
const SIMR = 0x18
const PHYCFGR = 0x2e
const PHYCFGR_LNK = 1
/** 100 Mb/s, full duplex. */
const PHYCFGR_FAST = 6
const VERSIONR = 0x39
const VERSION = 4

// socket registers (4.2)
const SN_MR = 0x00
const SN_MR_MACRAW = 0x04
/** We are no member of any multicast group, and do not speak IPv6: both are dropped by the chip. */
const SN_MR_BLOCK = 0x30
/** MAC filter: frames to our address, and broadcast. */
const SN_MR_MFEN = 0x80
const SN_CR = 0x01
const OPEN = 0x01
const SEND = 0x20
const RECV = 0x40
const SN_IR = 0x02
const SN_IR_RECV = 0x04
const SN_SR = 0x03
const SOCK_MACRAW = 0x42
const SN_RXBUF_SIZE = 0x1e
const SN_TX_RD = 0x22
const SN_TX_WR = 0x24
const SN_RX_RSR = 0x26
const SN_RX_RD = 0x28
const SN_RX_WR = 0x2a
const SN_IMR = 0x2c

/** Length before each received frame, its own two bytes included (MACRAW). */
const LENGTH = 2
/** Bytes in the receive buffer of a frame of voice, and how many of these are read at once if there are several. */
const VOICE_RECEIVED = LENGTH + VOICE_FRAME
const VOICE_TOGETHER = 3
/** Reads of the receive buffer after one of the status. */
const READS_PER_TURN = 4
/** Frames of voice for which buffers are kept; if more wait, others are made for the moment. */
const VOICE_BUFFERS = 8
/** Socket 0 has both buffers whole: kilobytes. */
const BUFFER_KB = 16
/** Greatest length in the receive buffer: a frame with a VLAN tag. */
const RECEIVED_MAX = LENGTH + ETH_MAX + 4
/** Where the status has them: all from Sn_CR to Sn_RX_WR is read. */
const AT_CR = PHASES
const AT_SR = PHASES + SN_SR - SN_CR
const AT_TX_RD = PHASES + SN_TX_RD - SN_CR
const AT_TX_WR = PHASES + SN_TX_WR - SN_CR
const AT_RX_RSR = PHASES + SN_RX_RSR - SN_CR
const AT_RX_RD = PHASES + SN_RX_RD - SN_CR
const AT_RX_WR = PHASES + SN_RX_WR - SN_CR
/** Doubt at which the chip is set up again: so many status reads on which it was busy, fewer on which it was astray. */
const DOUBT_MAX = 50
const ASTRAY = 20
/** Milliseconds between looks at the link, and after a set-up that has failed. */
const LINK_INTERVAL = 500
const RETRY_FIRST = 250
const RETRY_MAX = 8000

/**
 * Ethernet frames through a W5500 in MACRAW mode. One status read of 43 registers tells all that a turn needs: whether
 * the last command and the last frame are done, what has arrived, and whether the chip still is what we made of it.
 */
export class W5500Phy implements Phy {
    up = false
    description: string

    private receive: FrameHandler
    private link: (up: boolean) => void
    /** Frames to be sent, oldest first from `head` on; room for the two phases is before each. */
    private queue: Buffer[] = []
    private head = 0
    private count = 0
    /** Buffers for voice that are not in the queue. */
    private free: Buffer[] = []
    private status = transfer(SN_CR, SOCKET, SN_IMR - SN_CR)
    private pointer = Buffer.alloc(PHASES + 2)
    private command = Buffer.alloc(PHASES + 1)
    private one = Buffer.alloc(PHASES + VOICE_RECEIVED)
    private several = Buffer.alloc(PHASES + VOICE_TOGETHER * VOICE_RECEIVED)
    /** What the chip's pointers must be: Sn_RX_RD and Sn_TX_WR. */
    private rxRead = 0
    private txWrite = 0
    private doubt = 0
    private pump: ds.Fiber
    private idle = false
    private fast = false
    /** The MAC filter, as it shall be and as the chip was told. */
    private filter = SN_MR_MFEN
    private filterSet = SN_MR_MFEN

    constructor(
        private spi: SpiDevice,
        public macHigh: number,
        public macLow: number
    ) {
        this.description = spi.description
        for (let i = 0; i < MACRAW_QUEUE; i++) this.queue.push(undefined)
        for (let i = 0; i < VOICE_BUFFERS; i++) this.free.push(Buffer.alloc(PHASES + VOICE_FRAME))
    }

    start(receive: FrameHandler, link: (up: boolean) => void): void {
        this.receive = receive
        this.link = link
        // what it begins with lasts
        collect()
        this.pump = this.run.start()
    }

    transmit(b: Buffer): number {
        if (this.count === MACRAW_QUEUE) return QUEUE_FULL
        const length = b.length - HEADROOM
        const voice = length === VOICE_FRAME && this.free.length > 0
        const copy = voice ? this.free.pop() : Buffer.alloc(PHASES + length)
        // the phases are written when the frame's place in the chip's buffer is known
        copy.blitAt(PHASES, b, HEADROOM, length)
        this.queue[(this.head + this.count) & (MACRAW_QUEUE - 1)] = copy
        this.count++
        if (this.idle) {
            this.idle = false
            this.pump.resume(true)
        }
        return TAKEN
    }

    /** Its link is looked at from time to time. */
    lost(): void {}

    /** The chip is set up again for it, and before anything that waits is sent: the answer must find it changed. */
    promiscuous(on: boolean): boolean {
        this.filter = on ? 0 : SN_MR_MFEN
        if (this.filter !== this.filterSet) this.doubt = DOUBT_MAX
        return true
    }

    /** Set the chip up and serve it, again and again. All in one function, whose activation stays where it was at boot. */
    private async run() {
        const spi = this.spi
        let retry = RETRY_FIRST
        let hard = true
        while (true) {
            try {
                await this.setUp(hard)
                retry = RETRY_FIRST
                let looked = ds.millis()
                while (this.doubt < DOUBT_MAX && this.filter === this.filterSet) {
                    if (this.count === 0 && !spi.interrupt()) {
                        this.idle = true
                        await ds.suspend<any>(W5500_POLL)
                        this.idle = false
                    }
                    const due = ds.millis() - looked >= LINK_INTERVAL
                    if (due) {
                        looked = ds.millis()
                        await this.lookAtLink()
                    }
                    // cleared before the pointers are read, so that a frame which comes later asks again
                    if (spi.interrupt()) await this.set(SOCKET, SN_IR, SN_IR_RECV)
                    // a chip that was reset by itself never asks: its status is read with each look at the link
                    else if (this.count === 0 && spi.hasInterrupt && !due) continue
                    while (await this.turn()) {}
                }
                // it answers: its registers are written again, and it keeps its link
                hard = false
            } catch (e) {
                console.log(`phy: ${(e as Error).message}`)
                hard = true
                this.setLink(false)
                await ds.sleep(retry)
                retry = Math.min(2 * retry, RETRY_MAX)
            }
            counters.phyReconnects++
        }
    }

    /** One status read, and what it calls for. @returns whether there may be more to do at once */
    private async turn(): Promise<boolean> {
        const s = this.status
        phases(s, SN_CR, SOCKET)
        await this.spi.exchange(s)
        const rxRead = (s[AT_RX_RD] << 8) | s[AT_RX_RD + 1]
        const txWrite = (s[AT_TX_WR] << 8) | s[AT_TX_WR + 1]
        const received = (s[AT_RX_RSR] << 8) | s[AT_RX_RSR + 1]
        if (s[AT_SR] !== SOCK_MACRAW || rxRead !== this.rxRead || txWrite !== this.txWrite) {
            // once may be noise on the line; if it goes on, the chip was reset or has lost its way
            this.doubt += ASTRAY
            return this.doubt < DOUBT_MAX
        }
        const rxWrite = (s[AT_RX_WR] << 8) | s[AT_RX_WR + 1]
        const sent = ((s[AT_TX_RD] << 8) | s[AT_TX_RD + 1]) === txWrite
        // a command that is not taken yet, or a frame that arrives just now: look again
        if (s[AT_CR] !== 0 || ((rxWrite - rxRead) & 0xffff) !== received) {
            this.doubt++
            return this.doubt < DOUBT_MAX
        }
        this.doubt = this.count > 0 && !sent ? this.doubt + 1 : 0
        const left = received > 0 && (await this.read(received))
        if (sent && this.doubt === 0) await this.sendWaiting()
        return this.doubt < DOUBT_MAX && (this.count > 0 || left)
    }

    /**
     * Hand up the frames at the beginning of the receive buffer. One that is not read to its end stays in the chip.
     * @returns whether something is left
     */
    private async read(received: number): Promise<boolean> {
        let left = received
        // the chip needs to be told but once; not all at once, so that what waits to be sent does not wait for long
        for (let reads = 0; left > 0 && reads < READS_PER_TURN; reads++) {
            let b = left > VOICE_RECEIVED ? this.several : this.one
            await this.readInto(b)
            let n = Math.min(left, b.length - PHASES)
            const first = (b[PHASES] << 8) | b[PHASES + 1]
            if (first > n && first <= left && first <= RECEIVED_MAX) {
                // few frames are so long, and 1.5 KB of heap are much
                b = Buffer.alloc(PHASES + first)
                await this.readInto(b)
                n = first
            }
            let at = 0
            // at least once: a single octet is no length either
            while (at === 0 || at + LENGTH <= n) {
                const length = (b[PHASES + at] << 8) | b[PHASES + at + 1]
                if (length < LENGTH + ETH_HEADER || length > RECEIVED_MAX || at + length > left) {
                    counters.phyBadLength++
                    this.doubt = DOUBT_MAX
                    return false
                }
                if (at + length > n) break
                handUp(this.receive, b, PHASES + at + LENGTH, length - LENGTH)
                at += length
            }
            left -= at
            this.rxRead = (this.rxRead + at) & 0xffff
        }
        await this.point(SN_RX_RD, this.rxRead)
        await this.set(SOCKET, SN_CR, RECV)
        return left > 0
    }

    private async readInto(b: Buffer) {
        phases(b, this.rxRead, RX_BUFFER)
        await this.spi.exchange(b)
    }

    /**
     * Send the oldest frame, and those of voice that follow one: at 100 Mb/s, full duplex, a frame has left the chip
     * long before the next one has come in through the bus (19 us against 88 us at 20 MHz), so nothing asks whether it has.
     */
    private async sendWaiting() {
        let more = this.count > 0
        while (more) {
            const length = this.queue[this.head].length
            await this.send()
            more = this.fast && this.count > 0 && length <= this.queue[this.head].length
        }
    }

    private async send() {
        // it stays in the queue until it is sent, so that nothing is lost uncounted if the bus fails
        const b = this.queue[this.head]
        // the chip wraps the address at the end of its buffer
        phases(b, this.txWrite, TX_BUFFER | WRITE)
        await this.spi.write(b)
        this.txWrite = (this.txWrite + b.length - PHASES) & 0xffff
        await this.point(SN_TX_WR, this.txWrite)
        await this.set(SOCKET, SN_CR, SEND)
        this.recycle(this.first())
    }

    private recycle(b: Buffer): void {
        if (b.length === PHASES + VOICE_FRAME && this.free.length < VOICE_BUFFERS) this.free.push(b)
    }

    /** The oldest frame, taken out of the queue. */
    private first(): Buffer {
        const b = this.queue[this.head]
        this.queue[this.head] = undefined
        this.head = (this.head + 1) & (MACRAW_QUEUE - 1)
        this.count--
        return b
    }

    private async point(register: number, value: number) {
        const b = this.pointer
        phases(b, register, SOCKET | WRITE)
        b[PHASES] = value >> 8
        b[PHASES + 1] = value
        await this.spi.write(b)
    }

    private async set(block: number, register: number, value: number) {
        const b = this.command
        phases(b, register, block | WRITE)
        b[PHASES] = value
        await this.spi.write(b)
    }

    /**
     * Write the registers. @param hard reset the chip before
     * @throws if what answers is no W5500
     */
    private async setUp(hard: boolean) {
        if (hard) {
            // 5.5.1: low for 500 us, and 1 ms until the clock is stable
            this.spi.reset(false)
            await ds.sleep(2)
            this.spi.reset(true)
            await ds.sleep(2)
        }
        await this.set(COMMON, MR, MR_RST)
        await ds.sleep(1)
        await this.lookAtLink()
        const mac = Buffer.alloc(PHASES + 6)
        phases(mac, SHAR, COMMON | WRITE)
        mac.setAt(PHASES, "i32", this.macHigh)
        mac.setAt(PHASES + 4, "u16", this.macLow)
        await this.spi.write(mac)
        for (let n = 0; n < 8; n++) {
            const sizes = transfer(SN_RXBUF_SIZE, (SOCKET + n * NEXT_SOCKET) | WRITE, 2)
            if (n === 0) sizes.fillAt(PHASES, 2, BUFFER_KB)
            await this.spi.write(sizes)
        }
        await this.set(COMMON, SIMR, 1)
        await this.set(SOCKET, SN_IMR, SN_IR_RECV)
        this.filterSet = this.filter
        await this.set(SOCKET, SN_MR, this.filterSet | SN_MR_BLOCK | SN_MR_MACRAW)
        await this.set(SOCKET, SN_CR, OPEN)
        await ds.sleep(1)
        const state = transfer(SN_SR, SOCKET, 1)
        await this.spi.exchange(state)
        if (state[PHASES] !== SOCK_MACRAW) throw new Error(`the W5500 on ${this.description} does not open its socket`)
        this.rxRead = 0
        this.txWrite = 0
        this.doubt = 0
    }

    /** @throws if what answers is no W5500 */
    private async lookAtLink() {
        const b = transfer(PHYCFGR, COMMON, VERSIONR - PHYCFGR + 1)
        await this.spi.exchange(b)
        if (b[PHASES + VERSIONR - PHYCFGR] !== VERSION) {
            // once may be noise on the line
            phases(b, PHYCFGR, COMMON)
            await this.spi.exchange(b)
        }
        const version = b[PHASES + VERSIONR - PHYCFGR]
        if (version !== VERSION)
            throw new Error(
                `no W5500 answers on ${this.description} (VERSIONR is ${version} instead of ${VERSION}); see its supply and its wires`
            )
        this.fast = (b[PHASES] & PHYCFGR_FAST) === PHYCFGR_FAST
        this.setLink((b[PHASES] & PHYCFGR_LNK) !== 0)
    }

    private setLink(up: boolean): void {
        if (up === this.up) return
        this.up = up
        if (!up) this.drop()
        this.link(up)
    }

    /** What waits for a link that is gone is too late when it comes back. */
    private drop(): void {
        counters.phyTxDown += this.count
        while (this.count > 0) this.recycle(this.first())
    }
}

function phases(b: Buffer, address: number, control: number): void {
    b[0] = address >> 8
    b[1] = address
    b[2] = control
}

function transfer(address: number, control: number, length: number): Buffer {
    const b = Buffer.alloc(PHASES + length)
    phases(b, address, control)
    return b
}
