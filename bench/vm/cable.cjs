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
const { EventEmitter } = require("node:events")
const fs = require("node:fs")
const net = require("node:net")
const { onVm } = require("../../sim/vm-exports.cjs")
const meter = require("./meter.cjs")

/** No frame begins like this (its length would be 65,280): a mark, or a message of the program to whoever measures. */
const TALK = 0xff
/** What is executed between these two is not counted: work for the measurement's sake. */
const PAUSE = 0xfe
const RESUME = 0xfd

if (process.env.TUPLEPHONE_METER) meter.install()

// the VM must not outlive the program that started it, however that one ended
process.on("disconnect", () => {
    // the folder in which it runs is its own
    fs.rmSync(process.cwd(), { recursive: true, force: true })
    process.exit(0)
})

/** What the VM believes to be a TCP connection. */
class Wire extends EventEmitter {
    constructor(write) {
        super()
        this.write = write
    }

    setNoDelay() {}

    end() {}
}

/** Microseconds. */
function processorTime() {
    const { user, system } = process.cpuUsage()
    return user + system
}

/**
 * Bytes that the VM has allocated since its last collection, or -1 if that cannot be told. They are read in its memory:
 * its heap keeps, in words, the addresses of its first free block and of its one chunk, a count, a quarter of the
 * chunk's size, and this; the chunk begins with 0 and the address of its end (gc_alloc.c).
 */
let memory
onVm(exports => void ({ memory } = exports))
let heap
function allocated() {
    if (!memory) return -1
    const words = new Uint32Array(memory.buffer)
    heap ??= words.findIndex((chunk, i) => {
        const quarter = words[i + 2]
        if (quarter < 0x800 || quarter > 0x8000 || chunk === 0 || (chunk & 3) !== 0) return false
        const [zero, end] = words.subarray(chunk >> 2)
        return zero === 0 && Math.abs((end - chunk) / 16 - quarter) < 8 && words[i - 1] > chunk && words[i - 1] < end
    })
    return heap < 0 ? -1 : words[heap + 3] * 4
}

/** Instructions that the VM has executed but for the pauses; while one lasts, those at its beginning. */
let pausedAt
let inPauses = 0
const instructions = () => (pausedAt ?? meter.instructions()) - inPauses

let lan
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

net.createConnection = (...args) => {
    const connected = args.find(a => typeof a === "function")
    // the VM's serial line (with its port given as a number) is of no use here
    const wire = typeof args[0] === "number" ? new Wire(() => {}) : (lan = new Wire(fromFirmware))
    if (connected) wire.once("connect", connected)
    setImmediate(() => wire.emit("connect"))
    return wire
}

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
    for (const chunk of rounds.chunks[next]) lan.emit("data", chunk)
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
