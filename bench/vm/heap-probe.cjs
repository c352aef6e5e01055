/**
 * Loaded into the process of the simulator VM before anything else (`node --require`): reads the VM's heap from outside,
 * since the runtime tells of its collector only when memory has run out. Writes a line `heap: {...}` each half second:
 * `collections`, `allocations` and `bytes` allocated since the start, and `live`, the bytes that the latest collection left.
 * Read first: `heap.cjs`.
 */
"use strict"
const { onVm } = require("../../sim/vm-exports.cjs")
const { ALLOCATED, ALLOCATIONS, THRESHOLD, WORD, find, used } = require("./heap.cjs")

const LOOK_MS = 2
const TELL_MS = 500

let memory
onVm(exports => void ({ memory } = exports))

let head = -1
let last = 0
const told = { collections: 0, allocations: 0, bytes: 0, live: 0 }

function look() {
    // memory that has grown is a new buffer
    const words = new Uint32Array(memory.buffer)
    const now = words[head + ALLOCATED]
    told.allocations = words[head + ALLOCATIONS]
    if (now < last) {
        told.collections++
        // what went up to the threshold after the last look was not seen; a collection for want of space comes earlier
        told.bytes += Math.max(0, words[head + THRESHOLD] - last) * WORD
        told.bytes += now * WORD
        // what was allocated since then is still there
        told.live = used(words, head) - now * WORD
    } else told.bytes += (now - last) * WORD
    last = now
}

function begin() {
    if (memory) head = find(new Uint32Array(memory.buffer))
    if (head < 0) {
        setTimeout(begin, TELL_MS)
        return
    }
    setInterval(look, LOOK_MS)
    setInterval(() => console.log(`heap: ${JSON.stringify(told)}`), TELL_MS)
}
begin()
