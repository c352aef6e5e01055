/** What a debugger knows of an image: which code is of which place in the sources, and in which file that is. */
"use strict"

/** Entries of the map from code to source: place in the source and its length, place in code; first and last as differences to the entry before. */
const MAP_ENTRY = 3

/** @returns each entry as it is: `{ position, length, pc }` */
function placesOf({ srcmap }) {
    const all = []
    let [position, pc] = [0, 0]
    for (let i = 0; i < srcmap.length; i += MAP_ENTRY) {
        position += srcmap[i]
        pc += srcmap[i + 2]
        all.push({ position, length: srcmap[i + 1], pc })
    }
    return all
}

/** The map that has these entries. */
function mapOf(places) {
    const srcmap = []
    let last = { position: 0, pc: 0 }
    for (const e of places) {
        srcmap.push(e.position - last.position, e.length, e.pc - last.pc)
        last = e
    }
    return srcmap
}

/** @returns {(position: number) => string} tells which file has a place of the sources, which count as one text */
function fileOf({ sources }) {
    const ends = []
    for (const { length } of sources) ends.push((ends.at(-1) ?? 0) + length)
    return position => sources[ends.findIndex(end => position < end)].path
}

module.exports = { fileOf, mapOf, placesOf }
