import * as ds from "@devicescript/core"
import { collect } from "../../src/base/heap"

/**
 * How a program in the VM is measured: it tells whoever started it when a piece of work begins and ends, by a word on
 * its stream, since its own clock stands still between two waits. See `bench/vm/cable.cjs`, which listens.
 */

/** The runtime's stream as `phy/stream.ts` has it. */
export const stream = ds as typeof ds & {
    _socketOpen(host: string, port: number): number
    _socketWrite(b: Buffer): number
    _socketOnEvent(event: string, arg?: any): void
}

/** Open the stream, for a program at which nothing arrives. */
export async function openQuietly(): Promise<void> {
    let up = false
    stream._socketOnEvent = (event: string) => {
        if (event === "open") up = true
    }
    stream._socketOpen("127.0.0.1", 4789)
    while (!up) await ds.sleep(1)
}

/** As long as no frame is: 65,280 bytes and more. */
const TALK: Buffer = hex`ff`

/** What is executed between these two is not counted: see `bench/vm/cable.cjs`. Their own cost is, mostly. */
export const PAUSE: Buffer = hex`fe`
export const RESUME: Buffer = hex`fd`

/** The moment is noted. */
export function mark(): void {
    stream._socketWrite(TALK)
}

/** Have the collector run now, so that it does not in what follows, which must allocate less than 16 KB. */
export function settleHeap(): void {
    collect()
    Buffer.alloc(1)
}

/** Called through a variable, and so never made a part of its caller: what is allocated in it is not held by that any more. */
let settle: () => void
/** Whether what is measured has the collector's work in it, or the heap is settled before each block. */
export function keepCalm(on: boolean): void {
    settle = on ? settleHeap : undefined
}

/** Tell something, as JSON, and the moments since the last time. */
export function say(what: any): void {
    stream._socketWrite(Buffer.concat(TALK, Buffer.from(JSON.stringify(what))))
}

/**
 * Have a loop of `turns` turns timed, so many times: the VM ends a program that makes 131,072 steps without a wait.
 * The first is the collector's, and for warming up, and is left out by who listens.
 */
export async function time(name: string, turns: number, blocks: number, loop: (turns: number) => void): Promise<void> {
    for (let i = 0; i < blocks; i++) {
        await ds.sleep(0)
        if (settle) settle()
        mark()
        loop(turns)
        mark()
    }
    say({ timed: name, turns })
}

/** For so many milliseconds nothing of the firmware hears the chunks that come. */
export async function hearNothing(ms: number): Promise<void> {
    const heard = stream._socketOnEvent
    stream._socketOnEvent = () => {}
    say({ bare: true })
    await ds.sleep(ms)
    stream._socketOnEvent = heard
}
