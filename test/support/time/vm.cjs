/**
 * Loaded into the process of the simulator VM before anything else (`node --require`): its clock hardly moves while the
 * VM computes, and goes on at once to the next thing to do when it sleeps. A test is as quick as the machine, and ends as it
 * does on an idle one, however often this one is stopped.
 *
 * If there is a LAN around the VM, in the process that started it, both have one clock, which is kept there (`clock.ts`,
 * at the TCP port `TUPLEPHONE_CLOCK`): the VM goes on as far as it is told to, or until it has something to send or to
 * hear, and says how far it came and what its connections have carried. It sends when it is told to go on again: by then
 * the others know how late it is.
 */
"use strict"
const net = require("node:net")
const { createInterface } = require("node:readline")
const { onVm } = require("../../../sim/vm-exports.cjs")
const { Timers, real } = require("./timers.cjs")

const { createConnection } = net
const { TUPLEPHONE_CLOCK, TUPLEPHONE_COLLECT } = process.env
/**
 * Milliseconds that a fiber takes to run, or rather the look at the clock before it: of fibers that sleep for none one
 * would be the next for ever. Roughly what it takes a firmware, and a unit test many times that.
 */
const COST = TUPLEPHONE_CLOCK ? 0.02 : 0.6
const timers = new Timers()
const began = timers.now
const links = []

let clock
/** Of the message that it has obeyed last. */
let number = 0
/** What is to be written, as functions that do it. */
let held = []
/** Whether a connection takes again what has waited for it. */
let resumed = false
let running = false
let scheduled = false

timers.installClocks(COST)

onVm(exports => {
    let deployed = false
    let started = false
    const jd_em_devs_deploy = (...parameters) => {
        deployed = true
        return exports.jd_em_devs_deploy(...parameters)
    }
    const jd_em_process = () => {
        if (deployed && !started) {
            started = true
            start()
        }
        return exports.jd_em_process()
    }
    // a collection at each allocation, which `devs run --test` asks for, finds faults in native code, and ours is none; it takes most of the time
    const jd_em_devs_enable_gc_stress = TUPLEPHONE_COLLECT ? exports.jd_em_devs_enable_gc_stress : () => {}
    return { jd_em_devs_deploy, jd_em_process, jd_em_devs_enable_gc_stress }
})

/** The VM has its program: until here it was loaded and connected, in real time. */
function start() {
    timers.install()
    timers.onSet = () => running || schedule()
    if (!TUPLEPHONE_CLOCK) return
    clock = createConnection({ port: Number(TUPLEPHONE_CLOCK), host: "127.0.0.1", noDelay: true }, report)
    clock.on("error", () => {})
    createInterface({ input: clock })
        .on("error", () => {})
        .on("line", line => {
            const message = JSON.parse(line)
            number = message.number
            if (held.length > 0) flush()
            else run(began + message.until)
            report()
        })
}

/** Something has happened: in a turn of the event loop of its own, when all of it has, what follows. */
function schedule() {
    if (scheduled) return
    scheduled = true
    real.setImmediate(() => {
        scheduled = false
        if (clock) report()
        else if (timers.next < Infinity) {
            timers.runNext()
            schedule()
        }
    })
}

/** Goes on until a moment at most. */
function run(until) {
    running = true
    resumed = false
    const goesOn = () => held.length === 0 && !resumed
    while (goesOn() && timers.next <= until) timers.runNext()
    if (goesOn()) timers.now = Math.max(timers.now, until)
    running = false
}

function flush() {
    for (const write of held) write()
    held = []
}

function report() {
    const carried = links.map(({ socket, ports, full }) => [ports, socket.bytesWritten, socket.bytesRead, full])
    clock.write(`${JSON.stringify({ number, at: timers.now - began, holds: held.length > 0, links: carried })}\n`)
}

net.createConnection = function connect(options, callback) {
    const link = { ports: "", full: false }
    if (options.onread) {
        const take = options.onread.callback
        options = {
            ...options,
            onread: {
                ...options.onread,
                callback(length, buffer) {
                    schedule()
                    link.full = !take(length, buffer)
                    return !link.full
                },
            },
        }
    }
    const socket = (link.socket = createConnection(options, callback))
    const { write, end, resume } = socket
    socket.write = (...args) => {
        if (!clock) return write.apply(socket, args)
        held.push(() => write.apply(socket, args))
        return true
    }
    socket.end = (...args) => {
        flush()
        return end.apply(socket, args)
    }
    socket.resume = () => {
        link.full = false
        resumed = true
        return resume.call(socket)
    }
    links.push(link)
    socket.once("connect", () => (link.ports = `${socket.localPort}:${socket.remotePort}`))
    for (const event of ["connect", "data", "close"]) socket.on(event, schedule)
    socket.on("close", () => links.splice(links.indexOf(link), 1))
    return socket
}
