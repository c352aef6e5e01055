/** The last calls: who, when, how long, and what became of them, in one buffer that is made at boot, for strings that last would cut the heap to pieces. */
import * as ds from "@devicescript/core"
import { CALL_LOG } from "../base/config"
import { split } from "../base/text"
import { endpointText } from "../wire/address"
import { Call, INCOMING, logBy, remotePortOf } from "./call"

/** An entry: when the call ended, in seconds since boot; how many tenths of a second it was up; three texts, with a line end between them and 0 behind. */
const ENDED = 0
const TENTHS = 4
const TEXTS = 8
/** Octets of all texts, and of what became of it: who the other side was has the rest. */
const TEXTS_MAX = 59
const OUTCOME_MAX = 28
const ENTRY = TEXTS + TEXTS_MAX + 1

const entries = Buffer.alloc(CALL_LOG * ENTRY)
let count = 0

/** From now on, know each call. */
export function startLog(): void {
    logBy(logCall)
}

/** Note a call that has ended now. Texts that are longer than there is room for lose their end. */
function logCall(c: Call): void {
    let outcome = "ended"
    const isIncoming = (c.held & INCOMING) !== 0
    if (c.started === 0) outcome = isIncoming ? "missed" : "given up"
    if (c.error) outcome = c.error.message
    if (c.reason) outcome = c.reason
    const peer = c.peer || endpointText(c.remoteAddress, remotePortOf(c))
    const at = (count % CALL_LOG) * ENTRY
    count++
    const texts = Buffer.from((isIncoming ? "in\n" : "out\n") + outcome.slice(0, OUTCOME_MAX) + "\n" + peer)
    entries.fillAt(at, ENTRY, 0)
    entries.setAt(at + ENDED, "u32", ds.millis() / 1000)
    entries.setAt(at + TENTHS, "u32", c.seconds() * 10)
    entries.blitAt(at + TEXTS, texts, 0, Math.min(texts.length, TEXTS_MAX))
}

/** Numbers of the calls that are known, the last one first: `loggedCall` tells what they were. */
export function loggedCalls(): number[] {
    const numbers: number[] = []
    for (let n = count - 1; n >= Math.max(0, count - CALL_LOG); n--) numbers.push(n)
    return numbers
}

/** What is known of a call: `ago`, seconds since it ended; `seconds`, how long it was up. */
export function loggedCall(n: number) {
    const at = (n % CALL_LOG) * ENTRY
    const texts = at + TEXTS
    const [direction, outcome, peer] = split(entries.slice(texts, entries.indexOf(0, texts)).toString(), "\n")
    const ago = Math.round(ds.millis() / 1000 - entries.getAt(at + ENDED, "u32"))
    return { ago, direction, peer, seconds: entries.getAt(at + TENTHS, "u32") / 10, outcome }
}
