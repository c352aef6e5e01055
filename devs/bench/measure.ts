import * as ds from "@devicescript/core"

/**
 * How a program in the VM is measured: it tells whoever started it when a piece of work begins and ends, by a word on
 * its stream, since its own clock stands still between two waits. See `bench/cable.cjs`, which listens.
 */

/** The runtime's stream as `phy/stream.ts` has it. */
export const stream = ds as typeof ds & {
    _socketOpen(host: string, port: number): number
    _socketWrite(b: Buffer): number
    _socketOnEvent(event: string, arg?: any): void
}

/** As long as no frame is: 65,280 bytes and more. */
const TALK: Buffer = hex`ff`

/** The moment is noted. */
export function mark(): void {
    stream._socketWrite(TALK)
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
        mark()
        loop(turns)
        mark()
    }
    say({ timed: name, turns })
}
