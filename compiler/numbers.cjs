/**
 * Functions, names and numbers are told by their place in a table, and a place below 248 takes one byte of code, others two
 * or three: what is used most comes first. The tables themselves take no code.
 */
"use strict"

const { Op, lengthOf } = require("./code.cjs")
const { NUM_SERVICE_SPECS, Section } = require("./image.cjs")

const TO_FUNCTION = new Set([Op.STATIC_FUNCTION, Op.MAKE_CLOSURE])
const TO_ASCII = new Set([Op.ASCII_FIELD, Op.STATIC_ASCII_STRING])

/** A place in a table of names tells in its upper two bits which table. */
const TABLE_SHIFT = 14
const TABLE_ASCII = 2
const ASCII_ENTRY = 2
const FLOAT_ENTRY = 8
const SPEC = 16
const SPEC_PACKETS = 8
const SPEC_PACKETS_OFFSET = 10
const PACKET = 8
const PACKET_FLAGS = 4
const PACKET_FIELDS = 6
const IS_MULTI_FIELD = 1
const FIELD = 4

/** Places by how often they are used. @returns {number[]} the new place of each */
function byUse(uses, first) {
    const order = uses.map((_, i) => i)
    order.sort((a, b) => (b < first) - (a < first) || uses[b] - uses[a] || a - b)
    const places = []
    order.forEach((old, i) => {
        places[old] = i
    })
    return places
}

function count(functions, ops, length) {
    const uses = new Array(length).fill(0)
    for (const { code } of functions) for (const o of code) if (ops.has(o.op)) uses[o.operand]++
    return uses
}

function renumber(functions, ops, places) {
    for (const { code } of functions) for (const o of code) if (ops.has(o.op)) o.operand = places[o.operand]
}

/** @returns {object[]} the functions in their new order; the first stays, for the program begins with it */
function orderFunctions(functions) {
    const places = byUse(count(functions, TO_FUNCTION, functions.length), 1)
    renumber(functions, TO_FUNCTION, places)
    const ordered = []
    functions.forEach((f, i) => {
        ordered[places[i]] = f
    })
    return ordered
}

/** Where the image has names beside code: each place once, for no two packets share their fields. */
function namesIn({ head, sections }, functions) {
    const specs = sections[Section.ServiceSpecs]
    const all = functions.map(({ description }) => [description, 12])
    for (let i = 0; i < head.readUInt16LE(NUM_SERVICE_SPECS); i++) {
        const spec = i * SPEC
        all.push([specs, spec])
        for (let p = 0; p < specs.readUInt16LE(spec + SPEC_PACKETS); p++) {
            const packet = 4 * specs.readUInt16LE(spec + SPEC_PACKETS_OFFSET) + p * PACKET
            all.push([specs, packet])
            if (!(specs.readUInt16LE(packet + PACKET_FLAGS) & IS_MULTI_FIELD)) continue
            for (let field = 4 * specs.readUInt16LE(packet + PACKET_FIELDS); specs.readUInt32LE(field) !== 0; field += FIELD)
                all.push([specs, field])
        }
    }
    return all
}

function orderNames(image, functions) {
    const table = image.sections[Section.AsciiStrings]
    // the last entry may be there only to fill a word: it stays the last
    const places = byUse(count(functions, TO_ASCII, table.length / ASCII_ENTRY), 0)
    renumber(functions, TO_ASCII, places)
    for (const [buffer, at] of namesIn(image, functions)) {
        const name = buffer.readUInt16LE(at)
        if (name >> TABLE_SHIFT === TABLE_ASCII)
            buffer.writeUInt16LE((TABLE_ASCII << TABLE_SHIFT) | places[name & ((1 << TABLE_SHIFT) - 1)], at)
    }
    const ordered = Buffer.alloc(table.length)
    places.forEach((place, old) => {
        table.copy(ordered, ASCII_ENTRY * place, ASCII_ENTRY * old, ASCII_ENTRY * (old + 1))
    })
    image.sections[Section.AsciiStrings] = ordered
}

/** A number that takes more than two bytes beside its operation goes to the table of numbers, which is not limited as code is. */
function moveNumbers(image, functions) {
    const entries = []
    const floats = image.sections[Section.Floats]
    for (let at = 0; at < floats.length; at += FLOAT_ENTRY) entries.push(floats.subarray(at, at + FLOAT_ENTRY))
    const byValue = new Map()
    for (const { code } of functions) {
        for (const o of code) {
            if (o.op !== Op.LITERAL || lengthOf(o.operand) < 3) continue
            if (!byValue.has(o.operand)) {
                const entry = Buffer.alloc(FLOAT_ENTRY)
                // a whole number of 32 bits, as the runtime tags it
                entry.writeInt32LE(o.operand, 0)
                entry.writeInt32LE(-1, 4)
                byValue.set(o.operand, entries.push(entry) - 1)
            }
            o.op = Op.LITERAL_F64
            o.operand = byValue.get(o.operand)
        }
    }
    const ops = new Set([Op.LITERAL_F64])
    const places = byUse(count(functions, ops, entries.length), 0)
    renumber(functions, ops, places)
    const ordered = []
    places.forEach((place, old) => {
        ordered[place] = entries[old]
    })
    image.sections[Section.Floats] = Buffer.concat(ordered)
}

module.exports = { moveNumbers, orderFunctions, orderNames }
