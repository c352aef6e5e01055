/**
 * Loaded into the process of the simulator VM before anything else (`node --require`). It stands in for the parts of
 * a board around the chip: the cable to the LAN, the serial line, and the TCP stack's receive window.
 *
 * The command line tool's VM knows one Jacdac port (8082), so that only one VM could run on a machine; here it is led to
 * where this VM's launcher has its bus. So is a program that reads no settings to the LAN, which it looks for at port 4789.
 */
"use strict"
const fs = require("node:fs")
const net = require("node:net")

const { TUPLEPHONE_BUS, TUPLEPHONE_LAN, TUPLEPHONE_PHY } = process.env
const BUS_DEFAULT = 8082
const LAN_DEFAULT = 4789
/**
 * A board's runtime hands data up in chunks of at most 1,024 bytes. It looks at its stream every few milliseconds, and
 * finds little; a VM that a busy host has held up would find all that came meanwhile, at worst more than its heap
 * takes. So one look finds at most two TCP segments here (2 * 1,436 bytes), and the rest waits, as in a TCP window.
 * What comes from the model of an Ethernet controller was asked for.
 */
const CHUNK = 1024
const WINDOW = TUPLEPHONE_PHY === "w5500" ? Infinity : 2872
/** Milliseconds after which the VM, which looks at least every 10 ms, has taken a window of data. */
const WINDOW_PAUSE = 10

function leave() {
    // the folder in which it keeps its flash is its own
    fs.rmSync(process.cwd(), { recursive: true, force: true })
    process.exit(0)
}
// the VM must not outlive the program that started it, however that one ended; nor its folder, if that program is killed while
// it puts things in order
process.on("disconnect", leave)
process.on("SIGTERM", leave)

const connect = net.createConnection
net.createConnection = function createConnection(...args) {
    const options = typeof args[0] === "object" ? args[0] : { port: args[0], host: args[1] }
    const callback = args.find(a => typeof a === "function")
    if (options.port === BUS_DEFAULT && TUPLEPHONE_BUS) return connect({ ...options, port: Number(TUPLEPHONE_BUS) }, callback)
    const isLan = options.port === LAN_DEFAULT || `${options.host}:${options.port}` === TUPLEPHONE_LAN
    if (!isLan || !TUPLEPHONE_LAN) return connect(...args)
    const colon = TUPLEPHONE_LAN.lastIndexOf(":")
    return windowed({ host: TUPLEPHONE_LAN.slice(0, colon), port: Number(TUPLEPHONE_LAN.slice(colon + 1)) }, callback)
}

function windowed(options, callback) {
    let window = WINDOW
    const socket = connect(
        {
            ...options,
            noDelay: true,
            onread: {
                buffer: Buffer.alloc(CHUNK),
                callback(length, buffer) {
                    socket.emit("data", Buffer.from(buffer.subarray(0, length)))
                    window -= length
                    if (window > 0) return true
                    setTimeout(() => {
                        window = WINDOW
                        socket.resume()
                    }, WINDOW_PAUSE)
                    return false
                },
            },
        },
        callback
    )
    return socket
}
