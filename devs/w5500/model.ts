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

let isOpen = false
let asserted = false
const header = Buffer.alloc(HEADER)
const line = Buffer.alloc(1)
/** Where the answer goes that is awaited. */
let answer: Buffer
/** The message that arrives: bytes of its header and its data that are there, and its first three. */
let have = 0
let got = 0
const message = Buffer.alloc(HEADER)

function send(operation: Operation, b: Buffer): void {
    header[0] = (b.length + 1) >> 8
    header[1] = b.length + 1
    header[2] = operation
    // who is not there takes neither
    stream._socketWrite(header)
    if (stream._socketWrite(b) !== 0) isOpen = false
}

function onData(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
        if (have < HEADER) {
            message[have] = chunk[at]
            have++
            at++
            continue
        }
        const length = ((message[0] << 8) | message[1]) - 1
        const n = Math.min(length - got, chunk.length - at)
        const isAnswer = message[2] === Report.Answer
        if (message[2] === Report.Interrupt) asserted = chunk[at] === 1
        if (isAnswer) if (answer) answer.blitAt(got, chunk, at, n)
        got += n
        at += n
        if (got < length) return
        if (isAnswer) answer = undefined
        have = 0
        got = 0
    }
}

/** The SPI bus of the simulator, which has none: its transfers go over the stream to the model of the chip. There is one. */
export class ModelSpi implements SpiDevice {
    hasInterrupt = true
    label = "the simulated SPI bus"

    constructor(private lan: { host: string; port: number }) {
        stream._socketOnEvent = (event, arg) => {
            if (event === "data") return onData(arg as Buffer)
            isOpen = event === "open"
            have = 0
            got = 0
        }
    }

    async write(b: Buffer): Promise<void> {
        send(Operation.Write, b)
    }

    async exchange(b: Buffer): Promise<void> {
        answer = b
        send(Operation.Exchange, b)
        // this VM looks at its stream when it wakes
        for (let i = 0; i < TIMEOUT; i++) {
            if (!answer) return
            await ds.sleep(1)
        }
        throw new Error("the model of the W5500 does not answer")
    }

    reset(high: boolean): void {
        if (!isOpen) stream._socketOpen(this.lan.host, this.lan.port)
        line[0] = +high
        send(Operation.Reset, line)
    }

    interrupt(): boolean {
        return asserted
    }
}
