/**
 * Functions, names and numbers are told by their place in a table, and a place below 248 takes one byte of code, others two
 * or three: what is used most comes first. The tables themselves take no code.
 */
"use strict"

const { Op, lengthOf } = require("./code.cjs")
const { Description, NUM_SERVICE_SPECS, Section } = require("./image.cjs")

const TO_FUNCTION = new Set([Op.STATIC_FUNCTION, Op.MAKE_CLOSURE])
const TO_FLOAT = new Set([Op.LITERAL_F64])
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

/**
 * Order a table by how often code uses its entries, and have code name their new places.
 * @param ops the operations whose operand is a place in the table
 * @param {number} fixed so many entries stay first
 * @returns {{ ordered: any[], places: number[] }} the table, and the new place of each of its entries
 */
function orderByUse(table, functions, ops, fixed) {
    const operations = functions.flatMap(({ code }) => code.filter(o => ops.has(o.op)))
    const uses = table.map((_, i) => (i < fixed ? Number.POSITIVE_INFINITY : 0))
    for (const o of operations) uses[o.operand]++
    // what is equal stays in its order
    const order = uses.map((_, i) => i).sort((a, b) => (uses[a] === uses[b] ? 0 : uses[b] - uses[a]))
    const places = []
    order.forEach((old, i) => {
        places[old] = i
    })
    for (const o of operations) o.operand = places[o.operand]
    return { ordered: order.map(i => table[i]), places }
}

function entriesOf(section, size) {
    return Array.from({ length: section.length / size }, (_, i) => section.subarray(i * size, (i + 1) * size))
}

/** @returns {object[]} the functions in their new order; the first stays, for the program begins with it */
function orderFunctions(functions) {
    return orderByUse(functions, functions, TO_FUNCTION, 1).ordered
}

/** Where the image has names beside code: each place once, for no two packets share their fields. */
function namesIn({ head, sections }, functions) {
    const specs = sections[Section.ServiceSpecs]
    const all = functions.map(({ description }) => [description, Description.NAME])
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
    // the last entry may be there only to fill a word: it stays the last
    const table = entriesOf(image.sections[Section.AsciiStrings], ASCII_ENTRY)
    const { ordered, places } = orderByUse(table, functions, TO_ASCII, 0)
    for (const [buffer, at] of namesIn(image, functions)) {
        const name = buffer.readUInt16LE(at)
        if (name >> TABLE_SHIFT === TABLE_ASCII)
            buffer.writeUInt16LE((TABLE_ASCII << TABLE_SHIFT) | places[name & ((1 << TABLE_SHIFT) - 1)], at)
    }
    image.sections[Section.AsciiStrings] = Buffer.concat(ordered)
}

/** A number that takes more than two bytes beside its operation goes to the table of numbers, which is not limited as code is. */
function moveNumbers(image, functions) {
    const entries = entriesOf(image.sections[Section.Floats], FLOAT_ENTRY)
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
    image.sections[Section.Floats] = Buffer.concat(orderByUse(entries, functions, TO_FLOAT, 0).ordered)
}

module.exports = { ASCII_ENTRY, TABLE_ASCII, TABLE_SHIFT, TO_ASCII, entriesOf, moveNumbers, namesIn, orderFunctions, orderNames }
