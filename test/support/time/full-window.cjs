/**
 * In place of the simulator VM, for the tests of simulated time: takes a chunk each second, as a board whose receive window is
 * full. When its connection has ended it makes another, and says there how many bytes it has heard. `node full-window.cjs PORT`
 */
"use strict"
const net = require("node:net")
const CHUNK = 1024
const PAUSE = 1000

WebAssembly.instantiate = async () => ({ instance: { exports: { jd_em_devs_deploy() {}, jd_em_process: connect } } })
require("./vm.cjs")

const port = Number(process.argv[2])
let heard = 0

function connect() {
    const socket = net.createConnection(
        {
            port,
            host: "127.0.0.1",
            onread: {
                buffer: Buffer.alloc(CHUNK),
                callback(length) {
                    heard += length
                    setTimeout(() => socket.resume(), PAUSE)
                    return false
                },
            },
        },
        () => socket.write(String(heard))
    )
    socket.on("error", () => {})
    socket.once("close", () => setTimeout(connect, PAUSE))
}

WebAssembly.instantiate().then(({ instance: { exports } }) => {
    exports.jd_em_devs_deploy()
    exports.jd_em_process()
})
