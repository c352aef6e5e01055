/** A chip with a host that knows SPI and nothing else, and time that tests make pass. */
import assert from "node:assert/strict"
import { buildEthernet } from "../../sim/lan/ethernet.js"
import { W5500 } from "../../sim/w5500/chip.js"
import type { Clock } from "../../sim/w5500/clock.js"

export const MAC = "02:00:5e:00:00:55"
export const MAC_BYTES = "02005e000055"

/** Blocks, offsets and values as the datasheet has them, written down here once more so that a slip in the model shows. */
export const COMMON = 0
export const S0 = 1
export const TX0 = 2
export const RX0 = 3
export const S1 = 5
export const TX1 = 6
export const RX1 = 7
export const OPEN = 0x01
export const CLOSE = 0x10
export const SEND = 0x20
export const RECV = 0x40
export const SENDOK = 0x10
export const RECEIVED = 0x04
export const MACRAW = 0x04

/** Time that only goes on when told to, in nanoseconds. */
export class TestClock implements Clock {
    private time = 0
    private waiting: { at: number; action: () => void }[] = []

    now(): number {
        return this.time
    }

    wake(at: number, action: () => void): () => void {
        const entry = { at, action }
        this.waiting.push(entry)
        return () => (this.waiting = this.waiting.filter(other => other !== entry))
    }

    advance(nanoseconds: number): void {
        this.time += nanoseconds
        const due = this.waiting.filter(({ at }) => at <= this.time)
        this.waiting = this.waiting.filter(({ at }) => at > this.time)
        for (const { action } of due) action()
    }

    /** Lets the time pass without telling anybody: what is due shows at the next look. */
    pass(nanoseconds: number): void {
        this.time += nanoseconds
    }
}

/** MOSI of a transaction that reads or writes. */
export const reading = (block: number, address: number, length: number) =>
    Buffer.concat([Buffer.from([address >> 8, address & 255, block << 3])], 3 + length)
export const writing = (block: number, address: number, hex: string) =>
    Buffer.concat([Buffer.from([address >> 8, address & 255, (block << 3) | 4]), Buffer.from(hex, "hex")])

/** A chip with a host that knows SPI and nothing else. All data as hexadecimal digits. */
export class Bench {
    readonly clock = new TestClock()
    readonly chip = new W5500(this.clock)
    readonly sent: Buffer[] = []
    readonly interrupts: boolean[] = []

    constructor() {
        this.chip.onTransmit = frame => this.sent.push(frame)
        this.chip.onInterrupt = asserted => this.interrupts.push(asserted)
        this.chip.plug()
    }

    read(block: number, address: number, length = 1): string {
        return this.chip
            .transaction(reading(block, address, length))
            .subarray(3)
            .toString("hex")
    }

    write(block: number, address: number, hex: string): void {
        this.chip.transaction(writing(block, address, hex))
    }

    command(code: number, block = S0): void {
        this.write(block, 0x01, byte(code))
    }

    /** Socket 0 in MACRAW mode. */
    open(mode = 0): this {
        this.write(COMMON, 0x09, MAC_BYTES)
        this.write(S0, 0x00, byte(mode | MACRAW))
        this.command(OPEN)
        assert.equal(this.read(S0, 0x03), "42")
        return this
    }

    /** All of the TX path: data at TX_WR, TX_WR behind it, SEND. */
    send(frame: Buffer): void {
        const at = parseInt(this.read(S0, 0x24, 2), 16)
        this.write(TX0, at, frame.toString("hex"))
        this.write(S0, 0x24, word(at + frame.length))
        this.command(SEND)
    }

    /** All of the RX path for one frame; its prefix included. */
    take(): string {
        const at = parseInt(this.read(S0, 0x28, 2), 16)
        const length = parseInt(this.read(RX0, at, 2), 16)
        const data = this.read(RX0, at, length)
        this.write(S0, 0x28, word(at + length))
        this.command(RECV)
        return data
    }

    /** How many bytes wait in the RX buffer. */
    get received(): number {
        return parseInt(this.read(S0, 0x26, 2), 16)
    }

    refuses(expected: Record<string, number>): void {
        assert.deepEqual(this.chip.refused, expected)
    }
}

export const byte = (value: number) => (value & 0xff).toString(16).padStart(2, "0")
export const word = (value: number) => (value & 0xffff).toString(16).padStart(4, "0")

/** A frame of so many bytes, no two of which in a row are alike. */
export function frameOf(length: number, destination = MAC, etherType = 0x88b5): Buffer {
    const payload = Buffer.from(Array.from({ length: length - 14 }, (_, i) => (i * 7 + length) & 255))
    return buildEthernet({ destination, source: "02:00:5e:00:00:01", etherType, payload })
}

/** On the wire: preamble, frame check sequence and gap; 80 ns a byte at 100 Mb/s. */
export const wireTime = (length: number) => (8 + length + 4 + 12) * 80

/** Resolves when the condition holds; rejects after 3 s. */
export async function until(what: string, condition: () => boolean): Promise<void> {
    for (const end = Date.now() + 3000; !condition(); await new Promise(resolve => setTimeout(resolve, 2)))
        assert.ok(Date.now() < end, `timed out: ${what}`)
}
