/**
 * A model of the W5500 Ethernet controller as a driver sees it: SPI transactions, two lines, and a wire. It is exact in
 * the registers and in MACRAW mode on socket 0; the chip's own TCP/IP stack (TCP, UDP, ARP, ping, PPPoE, wake on LAN)
 * is not in it.
 * @see W5500 datasheet 1.0.9
 */
import { BufferMemory } from "./buffers.js"
import { realClock, type Clock } from "./clock.js"
import { Counts, type Refusal } from "./counts.js"
import { InterruptLine } from "./interrupt.js"
import { EthernetPhy } from "./phy.js"
import { RegisterFile } from "./register-file.js"
import { COMMON, COMMON_BLOCK, MR_RST, SOCKET, SOCKETS } from "./registers.js"
import { Socket } from "./socket.js"
import { Transmitter, padded } from "./transmitter.js"

/** Two bytes of address and one of control, while which MISO counts. @see W5500 datasheet 2.2, 2.3 */
const HEADER = Buffer.from([1, 2, 3])
const CONTROL_AT = 2
const BLOCK_SHIFT = 3
const WRITE = 0x04
const OPERATION_MODE = 0x03
/** Bytes of data in each operation mode; in mode 0 chip select ends them. @see W5500 datasheet 2.2.2 */
const MODE_BYTES = [undefined, 1, 2, 4]
/** Nothing drives MISO, and a resistor pulls it up. */
const FLOATING = 0xff

/** How a block is called in the counts. */
const BLOCK_NAMES = ["", "socket", "tx", "rx"]
const blockName = (block: number): string => (block === COMMON_BLOCK ? "common" : `${BLOCK_NAMES[block & 3]}${block >> 2}`)

export class W5500 {
    /** Given each frame that has left the wire. */
    onTransmit = (_frame: Buffer): void => {}
    /** Told when INTn goes low (true) and high. */
    onInterrupt = (_asserted: boolean): void => {}
    readonly counts = new Counts()

    private readonly common = new RegisterFile(COMMON)
    private readonly phy = new EthernetPhy()
    private readonly line: InterruptLine
    private readonly transmitter: Transmitter
    private readonly tx = new BufferMemory(() => this.sockets.map(({ registers }) => registers.get(SOCKET.TXBUF_SIZE)))
    private readonly rx = new BufferMemory(() => this.sockets.map(({ registers }) => registers.get(SOCKET.RXBUF_SIZE)))
    private readonly sockets: readonly Socket[]
    private linked = false
    private inReset = false
    private stuckAt: number | undefined

    constructor(clock: Clock = realClock) {
        this.line = new InterruptLine(clock, asserted => this.onInterrupt(asserted))
        this.transmitter = new Transmitter(clock, this.phy, frame => this.sent(frame))
        const { counts, tx, rx, transmitter } = this
        const mac = () => this.common.bytesOf(COMMON.SHAR)
        const anyOpen = () => this.sockets.some(({ open }) => open)
        this.sockets = Array.from({ length: SOCKETS }, (_, n) => new Socket(n, { counts, tx, rx, transmitter, mac, anyOpen }))
    }

    /** One period of chip select. @returns as many bytes from MISO */
    transaction(mosi: Buffer): Buffer {
        this.settle()
        this.counts.transactions++
        this.counts.bytes += mosi.length
        if (this.stuckAt !== undefined) return Buffer.alloc(mosi.length, this.stuckAt)
        if (this.inReset) {
            this.counts.refuse("inReset")
            return Buffer.alloc(mosi.length, FLOATING)
        }
        const miso = Buffer.alloc(mosi.length)
        HEADER.copy(miso)
        const refusal = this.transfer(mosi, miso.subarray(HEADER.length))
        if (refusal) this.counts.refuse(refusal)
        this.refresh()
        return miso
    }

    /** RSTn: 0 holds the chip in reset. */
    resetLine(level: 0 | 1): void {
        this.inReset = level === 0
        if (this.inReset) this.reset()
    }

    /** Whether INTn is low. */
    get interrupt(): boolean {
        this.settle()
        return this.line.asserted
    }

    /** A frame from the wire, without its frame check sequence; its sender has padded it, if it was short. */
    receive(frame: Buffer): void {
        this.settle()
        if (this.phy.link) this.sockets[0].receive(padded(frame))
        else this.counts.drop("linkDown")
        this.refresh()
    }

    /** Whether there is a cable, and the PHY is not in reset or powered down. */
    get link(): boolean {
        return this.phy.link
    }

    plug(): void {
        this.phy.plugged = true
        this.refresh()
    }

    unplug(): void {
        this.settle()
        this.phy.plugged = false
        this.refresh()
    }

    /** What the chip refused, and how often. */
    get refused(): Counts["refused"] {
        return this.counts.refused
    }

    /** All registers as after a reset: by the line, by software, or because the supply broke down. The cable stays. */
    reset(): void {
        this.transmitter.stop()
        this.common.reset()
        this.phy.reset()
        for (const socket of this.sockets) socket.reset()
        this.line.reset()
        this.refresh()
    }

    /** Changes what is in a block, past all rules. */
    poke(block: number, address: number, bytes: Buffer): void {
        const n = block >> 2
        if (block === COMMON_BLOCK) {
            bytes.forEach((byte, i) => this.common.poke(address + i, byte))
            this.phy.write(this.common.get(COMMON.PHYCFGR))
        } else if ((block & 3) === 1) {
            bytes.forEach((byte, i) => this.sockets[n].registers.poke(address + i, byte))
            this.sockets[n].poked()
        } else this.memory(block).write(n, address, bytes)
        this.refresh()
    }

    /** From now on MISO is stuck at this value and nothing is understood; `undefined` ends that. */
    answer(byte: number | undefined): void {
        this.stuckAt = byte
    }

    /** The phases after the header; `data` is MISO's part of them, to be filled in. @returns why nothing was done */
    private transfer(mosi: Buffer, data: Buffer): Refusal | undefined {
        if (data.length === 0) return "shortTransaction"
        const address = mosi.readUInt16BE(0)
        const control = mosi[CONTROL_AT]
        const block = control >> BLOCK_SHIFT
        const bytes = MODE_BYTES[control & OPERATION_MODE] ?? data.length
        if (data.length !== bytes) return "fixedLength"
        if (block !== COMMON_BLOCK && (block & 3) === 0) return "reservedBlock"
        if ((block & 3) > 1 && this.memory(block).sizeOf(block >> 2) === 0) return "noBuffer"
        const write = (control & WRITE) !== 0
        this.counts.transfer(`${blockName(block)} ${write ? "write" : "read"}`, bytes)
        if ((block & 3) > 1) this.transferBuffer(block, address, write ? mosi.subarray(HEADER.length) : undefined, data)
        else
            for (let i = 0; i < bytes; i++) {
                const at = (address + i) & 0xffff
                if (write) this.write(block, at, mosi[HEADER.length + i])
                else data[i] = this.read(block, at)
            }
        return undefined
    }

    private transferBuffer(block: number, address: number, written: Buffer | undefined, data: Buffer): void {
        const n = block >> 2
        const memory = this.memory(block)
        if (!written) memory.read(n, address, data.length).copy(data)
        else memory.write(n, address, memory === this.tx ? this.outsideFrame(n, address, written) : written)
    }

    /** What is to be written to a TX buffer, but for the bytes of a frame that is being sent: these stay as they are. */
    private outsideFrame(n: number, address: number, written: Buffer): Buffer {
        if (!this.sockets[n].sending) return written
        const inFlight = this.sockets[n].inFlight()
        const present = this.tx.read(n, address, written.length)
        return Buffer.from(
            written.map((byte, i) => {
                if (!inFlight(address + i)) return byte
                this.counts.refuse("sendInFlight")
                return present[i]
            })
        )
    }

    private read(block: number, address: number): number {
        // to read on across reserved addresses is no fault: one long read is cheaper than several short ones
        return this.registers(block).read(address)
    }

    private write(block: number, address: number, value: number): void {
        const register = this.registers(block).ownerOf(address)
        if (!register) return this.counts.refuse("reservedAddress")
        if (register.readOnly) return this.counts.refuse("readOnly")
        if (block !== COMMON_BLOCK) return this.sockets[block >> 2].write(address, value)
        this.common.write(address, value)
        if (register === COMMON.PHYCFGR) this.phy.write(value)
        if (register === COMMON.MR && value & MR_RST) this.reset()
    }

    private registers(block: number): RegisterFile {
        return block === COMMON_BLOCK ? this.common : this.sockets[block >> 2].registers
    }

    private memory(block: number): BufferMemory {
        return (block & 3) === 2 ? this.tx : this.rx
    }

    private sent(frame: Buffer): void {
        this.sockets[0].sent()
        this.counts.framesOut++
        this.onTransmit(frame)
        this.refresh()
    }

    /** Time has gone on since the last look. */
    private settle(): void {
        this.transmitter.settle()
        this.line.settle()
    }

    /** What follows from the rest: link, status bits and interrupts. */
    private refresh(): void {
        if (this.linked !== this.phy.link) {
            this.linked = this.phy.link
            this.transmitter.linkChanged()
        }
        this.common.set(COMMON.PHYCFGR, this.phy.read())
        const sir = this.sockets.reduce((bits, { interrupt }, n) => bits | (Number(interrupt) << n), 0)
        this.common.set(COMMON.SIR, sir)
        const own = this.common.get(COMMON.IR) & this.common.get(COMMON.IMR)
        this.line.update((own << SOCKETS) | (sir & this.common.get(COMMON.SIMR)), this.common.get(COMMON.INTLEVEL))
    }
}
