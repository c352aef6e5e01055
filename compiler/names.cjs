/**
 * The names of the firmware's functions are not in its image: a debugger has them in what the compiler says of the image, and a phone's flash
 * has room for little else. A class keeps its name, which errors tell, and so does every function of a user's program, who reads its
 * name where the program has failed. Texts that nothing names any more go.
 */
"use strict"

const { Description, Section } = require("./image.cjs")
const { ASCII_ENTRY, TABLE_ASCII, TABLE_SHIFT, TO_ASCII, entriesOf, namesIn } = require("./numbers.cjs")

/** The runtime's own text without a letter: the first in its table, which is this one. */
const EMPTY = 1 << TABLE_SHIFT
const IS_CLASS = /^[A-Z]/

function dropNames(functions) {
    for (const { description, debug, isFirmware } of functions)
        if (isFirmware && !IS_CLASS.test(debug.name)) description.writeUInt16LE(EMPTY, Description.NAME)
}

/** How a table tells where its texts are: of each entry, the octets that the place takes, and what aligns it. */
const UTF8 = { entry: 4, bytes: 4, alignment: 2 }
const ASCII = { entry: ASCII_ENTRY, bytes: 2, alignment: 1 }
const BUFFER = { entry: 8, bytes: 4, alignment: 1 }

/** The octets of a text, its end included. */
function lengthOf(data, { entry }, at, row) {
    if (entry === BUFFER.entry) return row.readUInt32LE(4) + 1
    if (entry === ASCII.entry) return data.indexOf(0, at) + 1 - at
    // its size and its length, a table of places in it, and the text
    const size = data.readUInt16LE(at)
    const jumps = data.readUInt16LE(at + 2) >> 4
    return 4 + 2 * jumps + size + 1
}

/** Leave out the texts that nothing in the image names. Call it when code names its last places. */
function dropTexts(image, functions) {
    const { sections } = image
    const used = new Set()
    for (const { code } of functions) for (const o of code) if (TO_ASCII.has(o.op)) used.add(o.operand)
    for (const [buffer, at] of namesIn(image, functions)) {
        const name = buffer.readUInt16LE(at)
        if (name >> TABLE_SHIFT === TABLE_ASCII) used.add(name & ((1 << TABLE_SHIFT) - 1))
    }
    const old = sections[Section.StringData]
    const pieces = []
    let end = 0
    const moved = new Map()
    const move = (kind, rows, isUsed) =>
        rows.forEach((row, i) => {
            if (!isUsed(i)) return
            const at = row.readUIntLE(0, kind.bytes)
            const length = lengthOf(old, kind, at, row)
            const key = `${at} ${length}`
            if (!moved.has(key)) {
                const fill = (kind.alignment - (end % kind.alignment)) % kind.alignment
                pieces.push(Buffer.alloc(fill), old.subarray(at, at + length))
                moved.set(key, end + fill)
                end += fill + length
            }
            row.writeUIntLE(moved.get(key), 0, kind.bytes)
        })
    const rowsOf = (section, kind) => entriesOf(sections[section], kind.entry)
    // a place in the first table has 16 bits: its texts come first
    const names = rowsOf(Section.AsciiStrings, ASCII)
    move(ASCII, names, i => used.has(i))
    // that of the last one
    const ends = Math.max(end - 1, 0)
    move(UTF8, rowsOf(Section.Utf8Strings, UTF8), () => true)
    move(BUFFER, rowsOf(Section.Buffers, BUFFER), () => true)
    const last = Buffer.alloc(4 - (end % 4))
    sections[Section.StringData] = Buffer.concat([...pieces, last])
    // those that nothing names have no letter
    names.forEach((row, i) => {
        if (!used.has(i)) row.writeUInt16LE(ends, 0)
    })
}

module.exports = { dropNames, dropTexts }
