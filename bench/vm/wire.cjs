/**
 * For what is loaded into the process of the simulator VM before anything else (`node --require`): the other end of the VM's
 * stream. What the firmware writes to its PHY comes here, and what is to be received leaves from here; there is no network and no
 * other program in between.
 */
"use strict"
const { EventEmitter } = require("node:events")
const fs = require("node:fs")
const net = require("node:net")

/** What the VM believes to be a TCP connection. */
class Wire extends EventEmitter {
    constructor(write) {
        super()
        this.write = write
    }

    setNoDelay() {}

    end() {}
}

/** Take the VM's stream. @param fromFirmware takes what it writes, in memory that it uses again @returns what gives it a chunk */
function takeStream(fromFirmware) {
    let lan
    net.createConnection = (...args) => {
        const connected = args.find(a => typeof a === "function")
        // the VM's serial line (with its port given as a number) is of no use here
        const wire = typeof args[0] === "number" ? new Wire(() => {}) : (lan = new Wire(fromFirmware))
        if (connected) wire.once("connect", connected)
        setImmediate(() => wire.emit("connect"))
        return wire
    }
    // the VM must not outlive the program that started it, however that one ended
    process.on("disconnect", () => {
        // the folder in which it runs is its own
        fs.rmSync(process.cwd(), { recursive: true, force: true })
        process.exit(0)
    })
    return chunk => lan.emit("data", chunk)
}

module.exports = { takeStream }
