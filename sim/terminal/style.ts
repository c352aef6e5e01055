/** Colours, where the reader wants them. */
import type { WriteStream } from "node:tty"

export interface Style {
    heading(text: string): string
    error(text: string): string
    good(text: string): string
    waiting(text: string): string
    past(text: string): string
}

/** Select graphic rendition. @see ECMA-48 8.3.117 */
const sgr = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`
const same = (text: string) => text

export const PLAIN: Style = { heading: same, error: same, good: same, waiting: same, past: same }
export const COLOURED: Style = { heading: sgr(1, 22), error: sgr(31, 39), good: sgr(32, 39), waiting: sgr(33, 39), past: sgr(2, 22) }

/** @see https://no-color.org */
export function styleFor(stream: Pick<WriteStream, "isTTY">, env: NodeJS.ProcessEnv = process.env): Style {
    return stream.isTTY && !env.NO_COLOR && env.TERM !== "dumb" ? COLOURED : PLAIN
}
