/**
 * One socket of the chip: its registers, its commands, and its two buffers. Only what MACRAW mode needs is here; a
 * socket that is not number 0 can therefore never open.
 * @see W5500 datasheet 4.2
 */
import { isBufferSize, type BufferMemory } from "./buffers.js"
import type { Counts, Refusal } from "./counts.js"
import { accepts } from "./filter.js"
import { RegisterFile } from "./register-file.js"
import {
    COMMANDS,
    SN_IR_RECV,
    SN_IR_SENDOK,
    SN_MR_MACRAW,
    SN_MR_PROTOCOL,
    SOCKET,
    SOCK_CLOSED,
    SOCK_MACRAW,
    type Register,
} from "./registers.js"
import { FRAME_MAX, type Transmitter } from "./transmitter.js"

/** Before each frame in the RX buffer: how long it is, these two bytes included. */
const LENGTH_BYTES = 2
const COMMAND_NAMES = new Map<number, string>(Object.entries(COMMANDS).map(([name, code]) => [code, name]))

/** What the sockets have in common. */
export interface Surroundings {
    readonly counts: Counts
    readonly tx: BufferMemory
    readonly rx: BufferMemory
    readonly transmitter: Transmitter
    /** SHAR. */
    readonly mac: () => Buffer
    readonly anyOpen: () => boolean
}

export class Socket {
    readonly registers = new RegisterFile(SOCKET)
    /** RX_RD as the chip knows it, which is as it was at the last RECV. */
    private taken = 0
    /** Of the frame that is being sent, which begins at TX_RD. */
    private sendingBytes = 0

    constructor(
        private readonly n: number,
        private readonly chip: Surroundings
    ) {}

    get open(): boolean {
        return this.registers.get(SOCKET.SR) !== SOCK_CLOSED
    }

    get interrupt(): boolean {
        return (this.registers.get(SOCKET.IR) & this.registers.get(SOCKET.IMR)) !== 0
    }

    reset(): void {
        this.registers.reset()
        this.taken = 0
        this.sendingBytes = 0
    }

    /** One byte from the host, to a register that it can change. */
    write(address: number, value: number): void {
        const { registers, chip } = this
        const register: Register = registers.ownerOf(address)!
        if (register === SOCKET.CR) return this.command(value)
        const changes = value !== registers.read(address)
        if (register === SOCKET.MR && this.open && (value ^ registers.read(address)) & SN_MR_PROTOCOL)
            return chip.counts.refuse("protocolWhileOpen")
        if (register === SOCKET.RXBUF_SIZE || register === SOCKET.TXBUF_SIZE) {
            if (!isBufferSize(value)) return chip.counts.refuse("bufferSize")
            if (changes && chip.anyOpen()) return chip.counts.refuse("bufferSizeWhileOpen")
        }
        registers.write(address, value)
        this.refresh()
    }

    /** Registers have been changed from outside: the pointers are what they now say. */
    poked(): void {
        this.taken = this.registers.get(SOCKET.RX_RD)
        this.refresh()
    }

    get sending(): boolean {
        return this.sendingBytes > 0
    }

    /** Tells of a place in the TX buffer whether it holds a part of the frame that is being sent. */
    inFlight(): (pointer: number) => boolean {
        const mask = this.chip.tx.sizeOf(this.n) - 1
        const from = this.registers.get(SOCKET.TX_RD)
        return pointer => ((pointer - from) & mask) < this.sendingBytes
    }

    /** The frame has left the wire. */
    sent(): void {
        const { registers } = this
        registers.set(SOCKET.TX_RD, (registers.get(SOCKET.TX_RD) + this.sendingBytes) & 0xffff)
        this.sendingBytes = 0
        this.raise(SN_IR_SENDOK)
    }

    /** A frame from the wire. */
    receive(frame: Buffer): void {
        const { registers, chip, n } = this
        if (!this.open) return chip.counts.drop("closed")
        if (frame.length > FRAME_MAX) return chip.counts.drop("tooLong")
        if (!accepts(frame, registers.get(SOCKET.MR), chip.mac())) return chip.counts.drop("filtered")
        const length = LENGTH_BYTES + frame.length
        if (registers.get(SOCKET.RX_RSR) + length > chip.rx.sizeOf(n)) return chip.counts.drop("full")
        const at = registers.get(SOCKET.RX_WR)
        const prefix = Buffer.alloc(LENGTH_BYTES)
        prefix.writeUInt16BE(length)
        chip.rx.write(n, at, Buffer.concat([prefix, frame]))
        registers.set(SOCKET.RX_WR, (at + length) & 0xffff)
        chip.counts.framesIn++
        this.raise(SN_IR_RECV)
    }

    /** The register reads as 0 again at once; what was asked for may still be under way. */
    private command(code: number): void {
        const { counts } = this.chip
        const name = COMMAND_NAMES.get(code)
        if (name === undefined) return code === 0 ? undefined : counts.refuse("command")
        if (this.carryOut(code)) counts.command(name)
        this.refresh()
    }

    private carryOut(code: number): boolean {
        if (code === COMMANDS.OPEN) return this.start()
        if (code === COMMANDS.CLOSE) return this.close()
        if (code === COMMANDS.SEND) return this.send()
        return this.received()
    }

    private start(): boolean {
        const { registers, chip } = this
        const protocol = registers.get(SOCKET.MR) & SN_MR_PROTOCOL
        if (this.n !== 0 || protocol !== SN_MR_MACRAW) return this.refuse("protocol")
        if (chip.tx.overbooked || chip.rx.overbooked) return this.refuse("bufferTotal")
        this.close()
        for (const pointer of [SOCKET.TX_RD, SOCKET.TX_WR, SOCKET.RX_RD, SOCKET.RX_WR]) registers.set(pointer, 0)
        this.taken = 0
        registers.set(SOCKET.SR, SOCK_MACRAW)
        return true
    }

    /** A frame that has not left the wire is lost. */
    private close(): boolean {
        if (this.open) this.chip.transmitter.stop()
        this.sendingBytes = 0
        this.registers.set(SOCKET.SR, SOCK_CLOSED)
        return true
    }

    private send(): boolean {
        const { registers, chip } = this
        if (!this.open) return this.refuse("closed")
        if (chip.transmitter.busy) return this.refuse("sendBusy")
        const from = registers.get(SOCKET.TX_RD)
        const length = (registers.get(SOCKET.TX_WR) - from) & 0xffff
        if (length === 0) return this.refuse("sendEmpty")
        if (length > chip.tx.sizeOf(this.n)) return this.refuse("sendOverrun")
        if (length > FRAME_MAX) return this.refuse("sendLong")
        this.sendingBytes = length
        chip.transmitter.start(chip.tx.read(this.n, from, length))
        return true
    }

    private received(): boolean {
        const { registers } = this
        if (!this.open) return this.refuse("closed")
        const read = registers.get(SOCKET.RX_RD)
        if (((read - this.taken) & 0xffff) > registers.get(SOCKET.RX_RSR)) return this.refuse("receivePointer")
        this.taken = read
        return true
    }

    private refuse(reason: Refusal): false {
        this.chip.counts.refuse(reason)
        return false
    }

    /** Whether it is masked or not: the mask is only for SIR and INTn. */
    private raise(interrupt: number): void {
        this.registers.set(SOCKET.IR, this.registers.get(SOCKET.IR) | interrupt)
        this.refresh()
    }

    /** What follows from other registers. */
    private refresh(): void {
        const { registers, chip, n } = this
        const waiting = (registers.get(SOCKET.TX_WR) - registers.get(SOCKET.TX_RD)) & 0xffff
        registers.set(SOCKET.TX_FSR, Math.max(0, chip.tx.sizeOf(n) - waiting))
        registers.set(SOCKET.RX_RSR, (registers.get(SOCKET.RX_WR) - this.taken) & 0xffff)
    }
}
