/**
 * Loaded into the process of the simulator VM before anything else (`node --require`): reads the VM's heap from outside,
 * since the runtime tells of its collector only when memory has run out. Writes a line `heap: {...}` each half second:
 * `collections`, `allocations` and `bytes` allocated since the start, and `live`, the bytes that the latest collection left.
 *
 * The heap's head is five words in the VM's linear memory: first free block, first chunk, number of allocations,
 * words after which it collects, words allocated since it did. The one chunk follows: next chunk, end, blocks. Each
 * block begins with its size in words in 24 bits and a tag in 8.
 * @see DeviceScript's runtime, gc_alloc.c
 */
"use strict"
const { onVm } = require("../../sim/vm-exports.cjs")

const LOOK_MS = 2
const TELL_MS = 500
const WORD = 4
const HEAD_WORDS = 6
const TAG_FREE = 0x01
const TAG_FINAL = 0x4f

/** Places in the head, in words. */
const FIRST_CHUNK = 1
const ALLOCATIONS = 2
const THRESHOLD = 3
const ALLOCATED = 4

let memory
onVm(exports => void ({ memory } = exports))

/** Where in `words` the head lies: a chunk that begins right behind its head and ends where its last block says so. */
function find(words) {
    for (let at = 0; at < words.length - HEAD_WORDS - 2; at++) {
        const chunk = at + HEAD_WORDS
        if (words[at + FIRST_CHUNK] !== chunk * WORD || words[chunk] !== 0) continue
        const end = words[chunk + 1] / WORD
        if (end > chunk && end < words.length && words[end] >>> 24 === TAG_FINAL) return at
    }
    return -1
}

/** Bytes of all blocks that are not free. */
function used(words, head) {
    let sum = 0
    for (let block = head + HEAD_WORDS + 2; ; block += words[block] & 0xffffff) {
        const tag = words[block] >>> 24
        if (tag === TAG_FINAL) return sum
        if (tag !== TAG_FREE) sum += (words[block] & 0xffffff) * WORD
    }
}

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
