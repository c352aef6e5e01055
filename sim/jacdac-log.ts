/**
 * What the Jacdac library says. It writes it with `console.debug` and `console.error`, to outputs that here are for
 * answers and errors alone; so its lines are taken from there. Import this before the library is used.
 */
import { EventEmitter } from "node:events"

interface Events {
    /** A line of a board's log, which came along with the packets on its serial line. */
    board: [line: string]
    /** Something on a serial line was neither a packet nor text. */
    damaged: [what: string]
}

export const jacdacLog = new EventEmitter<Events>()

/** A board's log as the library's serial transport tells it: whole lines, the end of one, gaps. */
const BOARD = /^DEV(-[NS])?: (.*)$/s
const DAMAGED = /^JDUSB Error: (.*)$/s

console.debug = (...parts: unknown[]) => {
    const [, , line] = BOARD.exec(String(parts[0])) ?? []
    if (line !== undefined) jacdacLog.emit("board", line)
}

const error = console.error
console.error = (...parts: unknown[]) => {
    const [, what] = DAMAGED.exec(String(parts[0])) ?? []
    if (what === undefined) error(...parts)
    else jacdacLog.emit("damaged", what)
}
