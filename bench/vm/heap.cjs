/**
 * The VM's heap, read from outside: the runtime tells of its collector only when memory has run out.
 *
 * The heap's head is five words in the VM's linear memory: first free block, first chunk, number of allocations,
 * words after which it collects, words allocated since it did. The one chunk follows: next chunk, end, blocks. Each
 * block begins with its size in words in 24 bits and a tag in 8.
 * @see DeviceScript's runtime, gc_alloc.c
 */
"use strict"

const WORD = 4
const HEAD_WORDS = 6
const TAG_FREE = 0x01
const TAG_FINAL = 0x4f

/** Places in the head, in words. */
const FIRST_CHUNK = 1
const ALLOCATIONS = 2
const THRESHOLD = 3
const ALLOCATED = 4

/** Where in `words` the head lies: a chunk that begins right behind its head and ends where its last block says so; -1 if nowhere. */
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

module.exports = { WORD, ALLOCATIONS, THRESHOLD, ALLOCATED, find, used }
