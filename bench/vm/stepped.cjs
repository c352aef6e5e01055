/**
 * Loaded into the process of the simulator VM before anything else (`node --require`), in place of `cable.cjs`: the other end of the
 * VM's stream, and its clock. Once the program has said its first word, time stands still, and goes on only as far as it is
 * told to; at each moment the VM does all that it has to do. Its random numbers have a seed, once that was told. So a run is the
 * same each time.
 */
"use strict"
const crypto = require("node:crypto")
const { onVm } = require("../../sim/vm-exports.cjs")
const { ALLOCATED, WORD, find, used } = require("./heap.cjs")
const { takeStream } = require("./wire.cjs")

/** No frame begins like this: what the program says. See `devs/bench/measure.ts`. */
const TALK = 0xff
/** Turns after which the VM goes on for ever, or what is waited for is not said. */
const TURNS_MAX = 1000
/** Milliseconds: a VM that wants its next turn sooner has more to do now. */
const QUIET = 1

let memory
onVm(exports => void ({ memory } = exports))
let head
/** Bytes that the latest collection left: what was allocated since then is still there. */
function live() {
    const words = new Uint32Array(memory.buffer)
    head ??= find(words)
    return used(words, head) - words[head + ALLOCATED] * WORD
}

let frames = []
let said = []

function fromFirmware(bytes) {
    // the VM uses its memory again
    if (bytes[0] !== TALK) frames.push(Buffer.from(bytes))
    else said.push(Buffer.from(bytes.subarray(1)).toString())
}

const toFirmware = takeStream(fromFirmware)

/** Once time stands still: the next turn of the VM's loop, and the milliseconds after which it wants it. */
let turn
let wanted = 0
let held = false

const realTimeout = setTimeout
globalThis.setTimeout = (callback, delay, ...args) => {
    // the VM's loop re-arms itself with this callback, which no other timer of the command line tool has
    if (!/^process\d*$/.test(callback.name)) return realTimeout(callback, delay, ...args)
    if (held) {
        turn = callback
        wanted = delay
        return undefined
    }
    return realTimeout(() => {
        if (said.length === 0) return callback()
        // the program is ready
        held = true
        turn = callback
        setTime(Date.now())
        tell()
    }, delay)
}

let time
function setTime(now) {
    time = now
    Date.now = () => time
}

/** Numbers that come out the same from the same seed (xorshift, Marsaglia 2003). */
function seedRandom(seed) {
    let state = Math.imul(seed + 1, 0x9e3779b1) | 1
    crypto.randomBytes = size =>
        Buffer.from(
            Array.from({ length: size }, () => {
                state ^= state << 13
                state ^= state >>> 17
                state ^= state << 5
                return (state >>> 8) & 255
            })
        )
}

function tell() {
    process.send({ type: "stepped", now: time, frames, said, live: memory ? live() : 0 })
    frames = []
    said = []
}

/** Let time go on, have chunks arrive, and do what there is to do, until `words` are said. */
process.on("message", ({ seed, ms, chunks, words }) => {
    if (seed !== undefined) return seedRandom(seed)
    setTime(time + ms)
    for (const chunk of chunks) toFirmware(chunk)
    let turns = 0
    do {
        turn()
        turns++
    } while (turns < TURNS_MAX && (wanted < QUIET || said.length < words))
    return tell()
})
