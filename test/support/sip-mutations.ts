/** SIP messages that are nearly right: what typing errors, bad software and bad intent make of sound ones. */
import type { Random } from "../../fuzz/random.js"

/** Octets; longer ones have other tests. */
const MOST = 4096
const PIECES = [
    ",",
    ";",
    ";;",
    '"',
    "<",
    ">",
    "\\",
    "\r\n",
    "\n",
    "\r\n ",
    "\r\n\r\n",
    ":",
    " ",
    "\t",
    "@",
    "=",
    "/",
    "?",
    "[",
    "\0",
    "\xff\xfe",
    "999999999999",
]
const WAYS = ["change", "insert", "remove", "double", "cut", "piece", "piece", "swap"] as const

/** What one change, or several, or none, make of a message. */
export function mutated(random: Random, sound: Buffer): Buffer {
    let m = sound
    for (let left = random.below(4); left > 0; left--) {
        const at = random.below(m.length)
        const end = Math.min(m.length, at + 1 + random.below(random.chance(0.9) ? 12 : 300))
        const [before, piece, after] = [m.subarray(0, at), m.subarray(at, end), m.subarray(end)]
        const join = (...parts: Buffer[]) => Buffer.concat(parts)
        const text = Buffer.from(random.one(PIECES), "latin1")
        const way = random.one(WAYS)
        if (way === "change") m = join(before, random.bytes(1), m.subarray(at + 1))
        else if (way === "insert") m = join(before, random.bytes(1 + random.below(3)), m.subarray(at))
        else if (way === "remove") m = join(before, after)
        else if (way === "double") m = join(before, piece, piece, after)
        else if (way === "cut") m = random.chance(0.3) ? join(before) : m
        else if (way === "piece")
            m = join(before, ...Array.from({ length: random.chance(0.95) ? 1 : 1 + random.below(200) }, () => text), m.subarray(at))
        else m = join(after, piece, before)
        if (m.length < 2) break
    }
    return m.length < 2 || m.length > MOST ? sound : Buffer.from(m)
}
