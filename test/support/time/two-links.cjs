/**
 * In place of the simulator VM, for the tests of simulated time: says something each second on two connections that have
 * one port at this end. `node two-links.cjs PORT PORT`
 */
"use strict"
const net = require("node:net")
const EVERY = 1000

WebAssembly.instantiate = async () => ({ instance: { exports: { jd_em_devs_deploy() {}, jd_em_process } } })
require("./vm.cjs")

const [one, other] = process.argv.slice(2).map(Number)

function say(socket) {
    socket.on("data", () => {})
    setInterval(() => socket.write("."), EVERY)
}

function jd_em_process() {
    const first = net.createConnection({ port: one, host: "127.0.0.1" }, () => {
        say(first)
        const second = net.createConnection({ port: other, host: "127.0.0.1", localAddress: "127.0.0.2", localPort: first.localPort }, () =>
            say(second)
        )
    })
}

WebAssembly.instantiate().then(({ instance: { exports } }) => {
    exports.jd_em_devs_deploy()
    exports.jd_em_process()
})
