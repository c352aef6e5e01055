/**
 * Ethernet frames through a WIZnet W5500, an Ethernet controller on an SPI bus. Socket 0 is in MACRAW mode and has all of the
 * chip's memory; the chip's own TCP/IP is not used. One fiber does everything: set-up, then turn after turn of one status
 * read and what that calls for.
 * Read first: `registers.ts` (addresses, phases), `queue.ts` (frames that wait), `spi.ts` (the bus). In the datasheet
 * (version 1.0.9): 2.2 SPI frames, 4.2 socket registers.
 */
import * as ds from "@devicescript/core"
import { USUAL_FRAME, W5500_POLL } from "../../base/config"
import { count, Counter, countMany } from "../../base/counters"
import { collect } from "../../base/heap"
import { ETH_HEADER, ETH_MAX } from "../../wire/ethernet"
import { FrameHandler, Phy, complain, handUp } from "../phy"
import { FrameQueue } from "./queue"
import {
    BUFFER_KB,
    COMMON,
    LENGTH,
    MR,
    MR_RST,
    NEXT_SOCKET,
    OPEN,
    PHASES,
    PHYCFGR,
    PHYCFGR_FAST,
    PHYCFGR_LNK,
    RECV,
    RX_BUFFER,
    SEND,
    SHAR,
    SIMR,
    SN_CR,
    SN_IMR,
    SN_IR,
    SN_IR_RECV,
    SN_MR,
    SN_MR_BLOCK,
    SN_MR_MACRAW,
    SN_MR_MFEN,
    SN_RXBUF_SIZE,
    SN_RX_RD,
    SN_RX_RSR,
    SN_RX_WR,
    SN_SR,
    SN_TX_RD,
    SN_TX_WR,
    SOCKET,
    SOCK_MACRAW,
    TX_BUFFER,
    VERSION,
    VERSIONR,
    WRITE,
    phases,
    transfer,
} from "./registers"
import { SpiDevice } from "./spi"

/** Octets that a usual frame takes in the receive buffer. */
const USUAL_RECEIVED = LENGTH + USUAL_FRAME
/** Usual frames that one transfer reads if more than one has arrived. */
const READ_TOGETHER = 3
/** Reads of the receive buffer after one status read. */
const READS_PER_TURN = 4
/** Greatest length in the receive buffer: a frame with a VLAN tag. */
const RECEIVED_MAX = LENGTH + ETH_MAX + 4

// A status read begins at Sn_CR and ends with Sn_RX_WR. Its answer has each register here:
const AT_CR = PHASES
const AT_SR = PHASES + SN_SR - SN_CR
const AT_TX_RD = PHASES + SN_TX_RD - SN_CR
const AT_TX_WR = PHASES + SN_TX_WR - SN_CR
const AT_RX_RSR = PHASES + SN_RX_RSR - SN_CR
const AT_RX_RD = PHASES + SN_RX_RD - SN_CR
const AT_RX_WR = PHASES + SN_RX_WR - SN_CR

/** Doubt at which the chip is set up again. A status read that finds it busy adds 1, one that finds it astray `ASTRAY`. */
const DOUBT_MAX = 50
const ASTRAY = 20
/** Milliseconds between looks at the link. */
const LINK_INTERVAL = 500
/** Milliseconds before the next attempt after a set-up that failed: doubled each time. */
const RETRY_FIRST = 250
const RETRY_MAX = 8000

/** The PHY of a board with a W5500. */
export class W5500Phy implements Phy {
    // the VM searches fields from the first on: what each frame needs comes first
    private queue = new FrameQueue()
    /** What Sn_RX_RD and Sn_TX_WR must be. */
    private rxRead = 0
    private txWrite = 0
    private doubt = 0
    private fast = false
    private status = transfer(SN_CR, SOCKET, SN_IMR - SN_CR)
    private pointer = transfer(SN_TX_WR, SOCKET | WRITE, 2)
    private command = transfer(SN_CR, SOCKET | WRITE, 1)
    private acknowledge = transfer(SN_IR, SOCKET | WRITE, 1)
    private one = Buffer.alloc(PHASES + USUAL_RECEIVED)
    private several = Buffer.alloc(PHASES + READ_TOGETHER * USUAL_RECEIVED)
    private receive: FrameHandler = undefined
    /** MAC filter as it shall be, and as the chip was told. */
    private filter = SN_MR_MFEN
    private filterSet = SN_MR_MFEN
    private link: (up: boolean) => void
    /** What serves the chip; a test ends it. */
    pump: ds.Fiber
    up = false
    /** The queue's own: nothing lies between a frame and the queue. */
    transmit: (b: Buffer) => number = this.queue.put
    description: string
    /** Frames in the queue, and what one transfer reads. */
    heap = 4

    constructor(
        private spi: SpiDevice,
        public macHigh: number,
        public macLow: number
    ) {
        this.description = spi.description
        this.acknowledge[PHASES] = SN_IR_RECV
    }

    start(receive: FrameHandler, link: (up: boolean) => void): void {
        this.receive = receive
        this.link = link
        // the fiber's first activation lasts: give it a place among what was made at boot
        collect()
        this.pump = this.run.start()
    }

    /** Nothing to do: the driver looks at the link by itself. */
    lost(): void {}

    /** Set the chip up again before anything that waits is sent: the answer to it must find the filter changed. */
    promiscuous(on: boolean): boolean {
        this.filter = on ? 0 : SN_MR_MFEN
        if (this.filter !== this.filterSet) this.doubt = DOUBT_MAX
        return true
    }

    /** Set the chip up and serve it, for ever. One function, so that its activation stays where it was made at boot. */
    private async run() {
        const spi = this.spi
        const queue = this.queue
        const self = ds.Fiber.self()
        let retry = RETRY_FIRST
        let hard = true
        while (true) {
            try {
                await this.setUp(hard)
                retry = RETRY_FIRST
                let looked = ds.millis()
                while (this.doubt < DOUBT_MAX && this.filter === this.filterSet) {
                    if (queue.count === 0 && !spi.interrupt()) {
                        queue.sleeper = self
                        await ds.suspend<any>(W5500_POLL)
                        queue.sleeper = undefined
                    }
                    const due = ds.millis() - looked >= LINK_INTERVAL
                    if (due) {
                        looked = ds.millis()
                        await this.lookAtLink()
                    }
                    // acknowledged before the status is read: a frame that comes later asks again
                    if (spi.interrupt()) await spi.write(this.acknowledge)
                    // a chip that was reset by itself never asks: each look at the link also reads the status
                    else if (queue.count === 0 && spi.hasInterrupt && !due) continue
                    while (await this.turn()) {}
                }
                // it answers, so no reset: its registers are written again, and it keeps its link
                hard = false
            } catch (e) {
                complain((e as Error).message)
                hard = true
                this.setLink(false)
                await ds.sleep(retry)
                retry = Math.min(2 * retry, RETRY_MAX)
            }
            count(Counter.PhyReconnects)
        }
    }

    /** Read the status, and do what it calls for. @returns whether there may be more to do at once */
    private async turn(): Promise<boolean> {
        const s = this.status
        // the answer to the last read lies where the phases were
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
        // the chip has not taken the last command, or a frame arrives just now: look again
        if (s[AT_CR] !== 0 || ((rxWrite - rxRead) & 0xffff) !== received) {
            this.doubt++
            return this.doubt < DOUBT_MAX
        }
        const queue = this.queue
        this.doubt = queue.count > 0 && !sent ? this.doubt + 1 : 0
        const left = received > 0 && (await this.read(received))
        if (sent && this.doubt === 0 && queue.count > 0) await this.sendWaiting()
        return this.doubt < DOUBT_MAX && (queue.count > 0 || left)
    }

    /**
     * Hand up the frames at the beginning of the receive buffer. A frame that is not read to its end stays in the chip.
     * @returns whether something is left
     */
    private async read(received: number): Promise<boolean> {
        let left = received
        // one RECV serves several reads; not all at once, so that frames that wait to be sent do not wait for long
        for (let reads = 0; left > 0 && reads < READS_PER_TURN; reads++) {
            let b = left > USUAL_RECEIVED ? this.several : this.one
            await this.readInto(b)
            let n = Math.min(left, b.length - PHASES)
            const first = (b[PHASES] << 8) | b[PHASES + 1]
            if (first > n && first <= left && first <= RECEIVED_MAX) {
                // few frames are so long, and a buffer of 1.5 KB to keep is much here
                b = Buffer.alloc(PHASES + first)
                await this.readInto(b)
                n = first
            }
            let at = 0
            // at least once: a single octet is no length either
            while (at === 0 || at + LENGTH <= n) {
                const length = (b[PHASES + at] << 8) | b[PHASES + at + 1]
                if (length < LENGTH + ETH_HEADER || length > RECEIVED_MAX || at + length > left) {
                    count(Counter.PhyBadLength)
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
        await this.advance(SN_RX_RD, this.rxRead, RECV)
        return left > 0
    }

    private async readInto(b: Buffer) {
        phases(b, this.rxRead, RX_BUFFER)
        await this.spi.exchange(b)
    }

    /**
     * Send the oldest frame, and those after it that are as long or longer. At 100 Mb/s, full duplex, nothing asks whether a
     * frame has left before the next: it leaves in less time (19 us) than the next one needs on the bus (88 us at 20 MHz).
     */
    private async sendWaiting() {
        const queue = this.queue
        let more = true
        while (more) {
            // the frame stays in the queue until it is sent: if the bus fails, none is lost uncounted
            const b = queue.frames[queue.head]
            // the chip wraps the address at the end of its buffer
            phases(b, this.txWrite, TX_BUFFER | WRITE)
            await this.spi.write(b)
            this.txWrite = (this.txWrite + b.length - PHASES) & 0xffff
            await this.advance(SN_TX_WR, this.txWrite, SEND)
            queue.remove()
            more = this.fast && queue.count > 0 && b.length <= queue.frames[queue.head].length
        }
    }

    /** Tell the chip how far its buffer is written or read, and then what to do about it. */
    private async advance(register: number, value: number, command: number) {
        const b = this.pointer
        // `write` leaves the phases as they are, and only the register's low octet differs
        b[1] = register
        b[PHASES] = value >> 8
        b[PHASES + 1] = value
        await this.spi.write(b)
        this.command[PHASES] = command
        await this.spi.write(this.command)
    }

    private async set(block: number, register: number, value: number) {
        const b = transfer(register, block | WRITE, 1)
        b[PHASES] = value
        await this.spi.write(b)
    }

    /**
     * Write the chip's registers. @param hard pull its reset line first
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

    /** Read link, speed and version of the chip. @throws if what answers is no W5500 */
    private async lookAtLink() {
        const b = Buffer.alloc(PHASES + VERSIONR - PHYCFGR + 1)
        let version = 0
        // a wrong version once may be noise on the line
        for (let i = 0; i < 2 && version !== VERSION; i++) {
            phases(b, PHYCFGR, COMMON)
            await this.spi.exchange(b)
            version = b[PHASES + VERSIONR - PHYCFGR]
        }
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
        if (up) complain(undefined)
        else {
            // when the link comes back, the frames that wait are too late
            const queue = this.queue
            countMany(Counter.PhyTxDown, queue.count)
            while (queue.count > 0) queue.remove()
        }
        this.link(up)
    }
}
