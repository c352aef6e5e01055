import * as ds from "@devicescript/core"
import { SpiDevice } from "../../src/phy/w5500/spi"

type Stream = typeof ds & {
    _socketOpen(host: string, port: number): number
    _socketWrite(b: Buffer): number
    _socketOnEvent(event: "open" | "close" | "error" | "data", arg?: any): void
}
const stream = ds as Stream

/** Each message is a length of two bytes, big-endian, then one byte that says what it is, then its data. */
const HEADER = 3
enum Operation {
    Write,
    Exchange,
    Reset,
}
enum Report {
    Answer = 1,
    Interrupt = 3,
}
/** Milliseconds until a model that is silent counts as gone. */
const TIMEOUT = 2000

/** The SPI bus of the simulator, which has none: its transfers go over the stream to the model of the chip. */
export class ModelSpi implements SpiDevice {
    hasInterrupt = true
    label = "the simulated SPI bus"

    private open = false
    private asserted = false
    private header = Buffer.alloc(HEADER)
    private line = Buffer.alloc(1)
    /** Where the answer goes that is awaited. */
    private answer: Buffer
    /** The message that arrives: bytes of its header and its data that are there, and its first three. */
    private have = 0
    private got = 0
    private message = Buffer.alloc(HEADER)

    constructor(
        private host: string,
        private port: number
    ) {
        const self = this
        stream._socketOnEvent = (event, arg) => {
            if (event === "data") self.onData(arg as Buffer)
            else {
                self.open = event === "open"
                self.have = 0
                self.got = 0
            }
        }
    }

    async write(b: Buffer): Promise<void> {
        this.send(Operation.Write, b)
    }

    async exchange(b: Buffer): Promise<void> {
        this.answer = b
        this.send(Operation.Exchange, b)
        // this VM looks at its stream when it wakes
        for (let i = 0; i < TIMEOUT && this.answer; i++) await ds.sleep(1)
        if (this.answer) throw new Error("the model of the W5500 does not answer")
    }

    reset(high: boolean): void {
        if (!this.open) stream._socketOpen(this.host, this.port)
        this.line[0] = high ? 1 : 0
        this.send(Operation.Reset, this.line)
    }

    interrupt(): boolean {
        return this.asserted
    }

    private send(operation: Operation, b: Buffer): void {
        this.header[0] = (b.length + 1) >> 8
        this.header[1] = b.length + 1
        this.header[2] = operation
        if (stream._socketWrite(this.header) !== 0 || stream._socketWrite(b) !== 0) this.open = false
    }

    private onData(chunk: Buffer): void {
        let at = 0
        while (at < chunk.length) {
            if (this.have < HEADER) {
                this.message[this.have] = chunk[at]
                this.have++
                at++
                continue
            }
            const length = ((this.message[0] << 8) | this.message[1]) - 1
            const n = Math.min(length - this.got, chunk.length - at)
            if (this.message[2] === Report.Interrupt) this.asserted = chunk[at] === 1
            else if (this.message[2] === Report.Answer && this.answer) this.answer.blitAt(this.got, chunk, at, n)
            this.got += n
            at += n
            if (this.got < length) return
            if (this.message[2] === Report.Answer) this.answer = undefined
            this.have = 0
            this.got = 0
        }
    }
}
