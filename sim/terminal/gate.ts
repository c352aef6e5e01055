/**
 * Stands between the keyboard and readline. While a command runs, what is typed ahead waits, so that each line is
 * echoed behind its own prompt; and Tabs go one by one, since readline takes those that come with other keys for blanks.
 */
import { PassThrough, type Readable } from "node:stream"

const CTRL_C = 0x03
const TAB = 0x09
const NEWLINE = 0x0a
const RETURN = 0x0d
const CTRL_Z = 0x1a

/** A terminal, or something else to read. */
export type Keyboard = Readable & { setRawMode?(on: boolean): unknown }

/** What keys do while no line is being typed. */
export interface Keys {
    interrupt(): void
    suspend(): void
}

/** How many bytes readline can be given before it must have dealt with them. */
function segmentOf(bytes: Buffer): number {
    for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] === TAB) return i || 1
        if (bytes[i] === RETURN && bytes[i + 1] === NEWLINE) return i + 2
        if (bytes[i] === RETURN || bytes[i] === NEWLINE) return i + 1
    }
    return bytes.length
}

export class Gate {
    /** For readline, which sets the keyboard's mode through it. */
    readonly input: PassThrough & { setRawMode(on: boolean): void }
    private waiting: Buffer = Buffer.alloc(0)
    private isOpen = false
    /** Readline deals with a Tab or with the end of a line. */
    private isBusy = false
    /** Gives the completion up that is awaited, if one is. */
    private giveUp: (() => void) | undefined
    private hasEnded = false

    constructor(
        private readonly keyboard: Keyboard,
        private readonly keys: Keys
    ) {
        this.input = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => void keyboard.setRawMode?.(on) })
        keyboard.on("data", this.take)
        keyboard.on("end", this.end)
        keyboard.on("error", this.end)
    }

    /** A line can be typed: gives readline what waits, up to the end of the first line. */
    open(): void {
        this.isOpen = true
        this.pump()
    }

    /** A line was typed, and is obeyed. */
    close(): void {
        this.isOpen = false
    }

    /** Awaits a completion; Ctrl-C gives it up, with `nothing` for result. */
    async complete<T>(work: Promise<T>, nothing: T): Promise<T> {
        try {
            return await Promise.race([work, new Promise<T>(resolve => (this.giveUp = () => resolve(nothing)))])
        } finally {
            // readline shows it first
            setImmediate(() => {
                this.giveUp = undefined
                this.pump()
            })
        }
    }

    /** Leaves the keyboard alone. */
    stop(): void {
        this.keyboard.off("data", this.take)
        this.keyboard.off("end", this.end)
        this.keyboard.off("error", this.end)
        this.keyboard.pause()
    }

    private readonly take = (chunk: Buffer): void => {
        if (!this.isOpen || this.giveUp) chunk = this.obey(chunk)
        this.waiting = Buffer.concat([this.waiting, chunk])
        this.pump()
    }

    private readonly end = (): void => {
        this.hasEnded = true
        this.pump()
    }

    /** Keys that do not wait. @returns those that do */
    private obey(chunk: Buffer): Buffer {
        for (const [i, key] of chunk.entries()) {
            if (key !== CTRL_C) continue
            // as a terminal does, it takes with it what was typed before
            this.waiting = Buffer.alloc(0)
            if (this.giveUp) {
                this.giveUp()
                return chunk.subarray(i)
            }
            this.keys.interrupt()
        }
        const kept = chunk.subarray(chunk.lastIndexOf(CTRL_C) + 1)
        if (kept.includes(CTRL_Z)) this.keys.suspend()
        return kept.filter(key => key !== CTRL_Z) as Buffer
    }

    private pump(): void {
        while (this.isOpen && !this.isBusy && !this.giveUp && this.waiting.length > 0) {
            const length = segmentOf(this.waiting)
            const segment = this.waiting.subarray(0, length)
            this.waiting = this.waiting.subarray(length)
            const last = segment.at(-1)
            if (last === TAB || last === RETURN || last === NEWLINE) {
                this.isBusy = true
                setImmediate(() => {
                    this.isBusy = false
                    // a command runs: what came right behind it may be Ctrl-C
                    if (!this.isOpen) this.waiting = this.obey(this.waiting)
                    this.pump()
                })
            }
            this.input.write(segment)
        }
        if (this.hasEnded && this.isOpen && !this.isBusy && !this.giveUp) this.input.end()
    }
}
