/**
 * Loaded into the process of the simulator VM before anything else (`node --require`): when the VM first boots, its clock
 * has run for `UPTIME_MS` milliseconds already. After a restart it begins at 0, as on a board.
 *
 * The VM's clock is made of what `Date.now` has gone on between two looks, of which it sees 32 bits of microseconds.
 */
"use strict"
const fs = require("node:fs")
const { onVm } = require("../../sim/vm-exports.cjs")

/** Made in the folder where the VM has its flash, which outlives a restart. */
const MARK = "uptime"
const WRAP_MS = 2 ** 32 / 1000
const JUMP = 4_000_000

const real = Date.now
// the first look is at a clock of 0
let offset = Math.ceil(Math.ceil(real() / WRAP_MS) * WRAP_MS) - real()
Date.now = () => real() + offset

let left = fs.existsSync(MARK) ? 0 : Number(process.env.UPTIME_MS)
fs.writeFileSync(MARK, "")

onVm(exports => {
    // the command line tool initialises the VM once to give it its name, and once more to start it
    let named = false
    const jd_em_set_device_id_string = (...parameters) => {
        named = true
        return exports.jd_em_set_device_id_string(...parameters)
    }
    const jd_em_init = (...parameters) => {
        const code = exports.jd_em_init(...parameters)
        if (!named) return code
        exports.jd_em_process()
        for (; left > 0; left -= JUMP) {
            offset += Math.min(left, JUMP)
            exports.jd_em_process()
        }
        return code
    }
    return { jd_em_set_device_id_string, jd_em_init }
})
