/**
 * Loaded into the process of the simulator VM before anything else (`node --require`): says when a program has ended,
 * which the runtime itself never does. It writes the line `ENDED` when none of the fibers is the program's any more;
 * those of the stack below it go on for ever.
 *
 * The runtime has its state in one structure in the VM's linear memory. That is found by the image that it runs, and is
 * believed if what it points to points back. All of these have 32 bits, at the byte offsets below.
 * @see DeviceScript's runtime, devs_internal.h (devs_ctx, devs_fiber) and gc_alloc.c (_devs_gc_t)
 */
"use strict"
const fs = require("node:fs")
const path = require("node:path")
const { onVm } = require("../vm-exports.cjs")

const { TUPLEPHONE_OWN_FUNCTIONS } = process.env
const IMAGE = path.join(process.cwd(), ".devicescript/bin/bytecode.devs")
const ENDED = "tuplephone: ended"
/** Turns of the VM for which it must stay so: what was printed last is out then. */
const TURNS = 5

/** Microseconds. */
const FOREVER = 1e9

const CONTEXT_IMAGE = 228
const CONTEXT_FIBERS = 240
const CONTEXT_GC = 288
const GC_CONTEXT = 20
const FIBER_NEXT = 0
/** The function that it was started with: 16 bits. */
const FIBER_FUNCTION = 22
const FIBER_CONTEXT = 44

const own = new Set(JSON.parse(TUPLEPHONE_OWN_FUNCTIONS ?? "[]"))
const image = fs.readFileSync(IMAGE)

let vm
let deployed = false
let isReset = false
let context = 0
let turns = 0

const wordAt = address => new DataView(vm.memory.buffer).getUint32(address, true)
const isContext = address => wordAt(wordAt(address + CONTEXT_GC) + GC_CONTEXT) === address

/** @returns its address, 0 if it is not there yet */
function find() {
    const bytes = Buffer.from(vm.memory.buffer)
    const words = new Uint32Array(vm.memory.buffer)
    for (let at = bytes.indexOf(image); at >= 0; at = bytes.indexOf(image, at + 1))
        for (let word = words.indexOf(at); word >= 0; word = words.indexOf(at, word + 1)) {
            const address = 4 * word - CONTEXT_IMAGE
            if (
                address > 0 &&
                4 * word + CONTEXT_GC < bytes.length &&
                wordAt(address + CONTEXT_GC) < bytes.length - GC_CONTEXT &&
                isContext(address)
            )
                return address
        }
    return 0
}

/** The functions that the fibers were started with. */
function functions() {
    const found = []
    for (let fiber = wordAt(context + CONTEXT_FIBERS); fiber !== 0; fiber = wordAt(fiber + FIBER_NEXT)) {
        if (wordAt(fiber + FIBER_CONTEXT) !== context) throw new Error("a fiber of this runtime looks otherwise")
        found.push(wordAt(fiber + FIBER_FUNCTION) & 0xffff)
    }
    return found
}

function look() {
    if (!context || !isContext(context)) context = find()
    if (!context) return
    if (functions().some(index => own.has(index))) turns = 0
    else if (++turns === TURNS) console.log(ENDED)
}

onVm(found => {
    vm = found
    return {
        jd_em_devs_deploy: (...parameters) => {
            deployed = true
            return vm.jd_em_devs_deploy(...parameters)
        },
        jd_em_process: () => {
            // what comes on the bus after a reset would find the runtime in pieces
            if (isReset) return FOREVER
            try {
                const sleep = vm.jd_em_process()
                if (deployed) look()
                return sleep
            } catch (error) {
                // a reset, which the program has asked for
                if (error?.name !== "ExitStatus") throw error
                isReset = true
                console.log(ENDED)
                return FOREVER
            }
        },
    }
})
