import * as ds from "@devicescript/core"
import { SpiDevice } from "../../../src/phy/w5500/spi"
import { copyOf, get16, millis, put16 } from "./support"

// A W5500 as its datasheet (version 1.0.9) describes it, as far as MACRAW on socket 0 needs it.

/** Address and control phase (2.2). */
const PHASES = 3
const WRITE = 4
/** Blocks: the upper five bits of the control phase (2.2.2). */
const COMMON = 0
const SOCKET = 1
const TX = 2
const RX = 3
/** Bytes of the registers of the common block and of one socket. */
const COMMON_SIZE = 0x40
const SOCKET_SIZE = 0x30
/** What we have of the 16 KB of a buffer. The addresses wrap earlier, and that is all the difference. */
const MEMORY = 4096

// registers (4)
const MR = 0x00
const SHAR = 0x09
const SIMR = 0x18
const PHYCFGR = 0x2e
const VERSIONR = 0x39
export const SN_MR = 0x00
const SN_CR = 0x01
const OPEN = 0x01
const SEND = 0x20
const RECV = 0x40
const SN_IR = 0x02
const SN_SR = 0x03
const SN_SIZES = 0x1e
const SN_TX_RD = 0x22
export const SN_TX_WR = 0x24
export const SN_RX_RSR = 0x26
export const SN_RX_RD = 0x28
const SN_RX_WR = 0x2a
export const SN_IMR = 0x2c
const IR_RECV = 0x04
const IR_SEND_OK = 0x10
const SOCK_MACRAW = 0x42

/** PHYCFGR: no link, 100 Mb/s full duplex, and the same but for one of the two. */
export const NO_LINK = 0xb8
export const FAST = 0xbf
export const TEN_MEGABIT = 0xbd
export const HALF_DUPLEX = 0xbb

export class FakeChip implements SpiDevice {
    hasInterrupt = true
    label = "a test"
    version = 4
    link = FAST
    /** What was sent, oldest first. */
    sent: Buffer[] = []
    /** How often the driver has looked at the link. */
    looks = 0
    /** Each change of the reset line: `0` or `1`. */
    resets = ""
    /** When the line was set low. */
    resetAt: number[] = []
    /** Transfers: the three octets of the phases, and the number of data octets. */
    log = ""
    logging = false
    /** Whether each transfer gives other fibers a turn, as the bus of a board does. */
    slow = false
    /** Status reads for which a frame is under way, and those left for the last. */
    airtime = 0
    private flying = 0
    /** Called before each transfer; what it throws is the bus's error. After each: it may spoil the answer. */
    before: (b: Buffer) => void
    after: (b: Buffer) => void

    private common = Buffer.alloc(COMMON_SIZE)
    private sockets = Buffer.alloc(8 * SOCKET_SIZE)
    private tx = Buffer.alloc(MEMORY)
    private rx = Buffer.alloc(MEMORY)
    /** The end of the last frame sent. */
    private txSent = 0
    private held = false
    /** When the reset line was changed last. */
    private changed = -1

    constructor() {
        this.clear()
    }

    /** All registers as a reset leaves them: the chip's own, by its pin or by MR. */
    clear(): void {
        this.common.fillAt(0, COMMON_SIZE, 0)
        this.sockets.fillAt(0, this.sockets.length, 0)
        for (let n = 0; n < 8; n++) {
            this.sockets.fillAt(n * SOCKET_SIZE + SN_SIZES, 2, 2)
            this.sockets[n * SOCKET_SIZE + SN_IMR] = 0xff
        }
        this.flying = 0
        this.txSent = 0
    }

    /** Kilobytes of the receive and of the transmit buffer of each socket. */
    sizes(): Buffer {
        const b = Buffer.alloc(16)
        for (let n = 0; n < 8; n++) b.blitAt(2 * n, this.sockets, n * SOCKET_SIZE + SN_SIZES, 2)
        return b
    }

    mac(): Buffer {
        return copyOf(this.common, SHAR, 6)
    }

    simr(): number {
        return this.common[SIMR]
    }

    /** A register of socket 0: one octet, or two. */
    octet(register: number): number {
        return this.sockets[register]
    }

    pair(register: number): number {
        return get16(this.sockets, register)
    }

    /** The chip loses what was in a register of socket 0. */
    spoil(register: number, value: number): void {
        put16(this.sockets, register, value)
    }

    /** The cable brings a frame. */
    arrive(frame: Buffer): void {
        const b = Buffer.alloc(2 + frame.length)
        put16(b, 0, b.length)
        b.blitAt(2, frame, 0, frame.length)
        this.arriveRaw(b)
    }

    /** These octets appear in the receive buffer, whatever they are. */
    arriveRaw(b: Buffer): void {
        if (this.sockets[SN_SR] !== SOCK_MACRAW) return
        const at = this.pair(SN_RX_WR)
        this.move(this.rx, at, b, 0, b.length, true)
        put16(this.sockets, SN_RX_WR, (at + b.length) & 0xffff)
        this.count()
        this.sockets[SN_IR] |= IR_RECV
    }

    /** Forget what was transferred, and note what will be. */
    record(): void {
        this.log = ""
        this.logging = true
    }

    async write(b: Buffer): Promise<void> {
        if ((b[2] & WRITE) === 0) throw new Error("written, but the control phase says read")
        await this.transfer(b)
    }

    async exchange(b: Buffer): Promise<void> {
        if ((b[2] & WRITE) !== 0) throw new Error("read, but the control phase says write")
        await this.transfer(b)
        if (this.flying === 0) return
        this.flying--
        if (this.flying === 0) put16(this.sockets, SN_TX_RD, this.txSent)
    }

    reset(high: boolean): void {
        this.resets += high ? "1" : "0"
        this.held = !high
        // 5.5.1: low for 500 us
        if (high && millis() === this.changed) throw new Error("the reset line was low for too short a time")
        this.changed = millis()
        if (high) this.clear()
        else this.resetAt.push(this.changed)
    }

    interrupt(): boolean {
        if (!this.hasInterrupt || (this.common[SIMR] & 1) === 0) return false
        return (this.sockets[SN_IR] & this.sockets[SN_IMR]) !== 0
    }

    private async transfer(b: Buffer): Promise<void> {
        if (this.slow) await ds.sleep(0)
        if (this.before) this.before(b)
        if ((b[2] & 3) !== 0) throw new Error("not the mode of variable length")
        if (this.logging) this.note(b)
        // 5.5.1: 1 ms until the clock is stable
        if (!this.held && millis() !== this.changed) this.serve(b)
        if (this.after) this.after(b)
    }

    private note(b: Buffer): void {
        if (this.log.length > 0) this.log += " "
        this.log += `${copyOf(b, 0, PHASES).toString("hex")}+${b.length - PHASES}`
    }

    private serve(b: Buffer): void {
        const address = get16(b, 0)
        const block = b[2] >> 3
        const writes = (b[2] & WRITE) !== 0
        const n = b.length - PHASES
        if (block === COMMON) {
            this.common[VERSIONR] = this.version
            this.common[PHYCFGR] = this.link
            if (address + n > COMMON_SIZE) throw new Error("no such register")
            if (writes) this.common.blitAt(address, b, PHASES, n)
            else b.blitAt(PHASES, this.common, address, n)
            if (address === PHYCFGR) this.looks++
            if (writes && address === MR && (b[PHASES] & 0x80) !== 0) this.clear()
        } else if (block === TX) this.move(this.tx, address, b, PHASES, n, writes)
        else if (block === RX) this.move(this.rx, address, b, PHASES, n, writes)
        else if ((block & 3) !== SOCKET || address + n > SOCKET_SIZE) throw new Error("no such register")
        else if (writes) this.setRegisters(block >> 2, address, b, n)
        else b.blitAt(PHASES, this.sockets, (block >> 2) * SOCKET_SIZE + address, n)
    }

    private setRegisters(socket: number, address: number, b: Buffer, n: number): void {
        if (socket === 0 && address <= SN_SR && n > 1) throw new Error("only alone")
        if (socket === 0 && address === SN_CR) this.command(b[PHASES])
        else if (socket === 0 && address === SN_IR) this.sockets[SN_IR] &= ~b[PHASES]
        else this.sockets.blitAt(socket * SOCKET_SIZE + address, b, PHASES, n)
    }

    private command(command: number): void {
        const s = this.sockets
        if (command === OPEN) {
            if ((s[SN_MR] & 0x0f) === 4) s[SN_SR] = SOCK_MACRAW
            s.fillAt(SN_TX_RD, SN_IMR - SN_TX_RD, 0)
        } else if (s[SN_SR] !== SOCK_MACRAW) return
        else if (command === SEND) this.send()
        else if (command === RECV) this.count()
        else throw new Error("no such command")
    }

    private send(): void {
        const to = this.pair(SN_TX_WR)
        const frame = Buffer.alloc((to - this.txSent) & 0xffff)
        this.move(this.tx, this.txSent, frame, 0, frame.length, false)
        this.sent.push(frame)
        this.txSent = to
        this.flying = this.airtime
        if (this.flying === 0) put16(this.sockets, SN_TX_RD, to)
        this.sockets[SN_IR] |= IR_SEND_OK
    }

    /** The size of what was received: Sn_RX_RD counts from the next RECV on. */
    private count(): void {
        put16(this.sockets, SN_RX_RSR, (this.pair(SN_RX_WR) - this.pair(SN_RX_RD)) & 0xffff)
    }

    /** Between a buffer's memory and `b`, around the end of the memory. */
    private move(memory: Buffer, address: number, b: Buffer, at: number, length: number, into: boolean): void {
        let from = address & (MEMORY - 1)
        while (length > 0) {
            const n = Math.min(length, MEMORY - from)
            if (into) memory.blitAt(from, b, at, n)
            else b.blitAt(at, memory, from, n)
            at += n
            length -= n
            from = 0
        }
    }
}
