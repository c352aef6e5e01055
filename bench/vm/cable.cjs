/**
 * Loaded into the process of the simulator VM before anything else (`node --require`). It is the other end of the VM's
 * stream: what the firmware writes to its PHY comes here, and what is to be received leaves from here. There is no
 * network and no other program in between, so that nothing but the VM is timed. What is told is the processor time of
 * this process, to the microsecond: the clock on the wall also counts what other programs do meanwhile. With
 * `TUPLEPHONE_METER` the VM has a meter (`meter.cjs`), and its instructions are told as well.
 *
 * The VM works in turns of its loop, a callback of `setTimeout`. What arrives lies before the next turn; a turn's time
 * is that of all the fibers that had something to do.
 */
"use strict"
const { onVm } = require("../../sim/vm-exports.cjs")
const { ALLOCATED, WORD, find } = require("./heap.cjs")
const meter = require("./meter.cjs")
const { takeStream } = require("./wire.cjs")

/** No frame begins like this (its length would be 65,280): a mark, or a message of the program to whoever measures. */
const TALK = 0xff
/** What is executed between these two is not counted: work for the measurement's sake. */
const PAUSE = 0xfe
const RESUME = 0xfd

if (process.env.TUPLEPHONE_METER) meter.install()

/** Microseconds. */
function processorTime() {
    const { user, system } = process.cpuUsage()
    return user + system
}

/** Bytes that the VM has allocated since its last collection, or -1 if that cannot be told. */
let memory
onVm(exports => void ({ memory } = exports))
let head
function allocated() {
    if (!memory) return -1
    const words = new Uint32Array(memory.buffer)
    head ??= find(words)
    return head < 0 ? -1 : words[head + ALLOCATED] * WORD
}

/** Instructions that the VM has executed but for the pauses; while one lasts, those at its beginning. */
let pausedAt
let inPauses = 0
const instructions = () => (pausedAt ?? meter.instructions()) - inPauses

let marks = []
let captured

function fromFirmware(bytes) {
    if (bytes[0] === PAUSE) pausedAt = meter.instructions()
    else if (bytes[0] === RESUME) {
        inPauses += meter.instructions() - pausedAt
        pausedAt = undefined
    } else if (bytes[0] !== TALK) {
        if (captured) captured.push(bytes)
    } else if (bytes.length === 1) marks.push({ time: processorTime(), bytes: allocated(), instructions: instructions() })
    else {
        process.send({ type: "said", text: Buffer.from(bytes.subarray(1)).toString(), marks })
        marks = []
    }
}

const toFirmware = takeStream(fromFirmware)

/** Chunks that arrive before each of the next turns, and, if somebody sets it, the milliseconds of the clock then. */
let rounds
let next = 0
let times = []
let bytes = []
let executed = []

function beginTurn() {
    if (!rounds || next >= rounds.chunks.length) return undefined
    if (rounds.clock) {
        const now = rounds.began + rounds.clock[next]
        Date.now = () => now
    }
    bytes.push(allocated())
    executed.push(instructions())
    const began = processorTime()
    for (const chunk of rounds.chunks[next]) toFirmware(chunk)
    return began
}

function endTurn(began) {
    if (began === undefined) return
    times.push(processorTime() - began)
    bytes.push(allocated() - bytes.pop())
    executed.push(instructions() - executed.pop())
    if (++next < rounds.chunks.length) return
    Date.now = realNow
    rounds = undefined
    process.send({ type: "turns", microseconds: times, bytes, instructions: executed })
}

const realNow = Date.now
const realTimeout = setTimeout
globalThis.setTimeout = (callback, delay, ...args) => {
    // the VM's loop re-arms itself with this callback, which no other timer of the command line tool has
    if (!/^process\d*$/.test(callback.name)) return realTimeout(callback, delay, ...args)
    const turn = () => {
        const began = beginTurn()
        callback()
        endTurn(began)
    }
    return realTimeout(turn, rounds ? 0 : delay)
}

process.on("message", message => {
    if (message.type === "rounds") {
        rounds = { ...message, began: realNow() }
        next = 0
        times = []
        bytes = []
        executed = []
    } else if (message.type === "capture") captured = []
    else if (message.type === "captured") {
        process.send({ type: "captured", frames: captured })
        captured = undefined
    }
})
