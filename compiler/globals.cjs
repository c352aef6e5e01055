/**
 * Global variables. What the program begins with, and never changes, needs none: a text, a number or a function is told where it is
 * read. Those that are left are numbered anew, for each takes 8 bytes of the heap.
 */
"use strict"

const { Op } = require("./code.cjs")
const { remove } = require("./flow.cjs")
const { NUM_GLOBALS } = require("./image.cjs")

/** They push something that is in the image. Not a buffer: to push that takes 250 instructions more than to push a variable, and tables are read in loops. */
const STATIC = new Set([
    ...[Op.STATIC_BUILTIN_STRING, Op.STATIC_ASCII_STRING, Op.STATIC_UTF8_STRING],
    ...[Op.STATIC_FUNCTION, Op.LITERAL, Op.LITERAL_F64],
])

/** Whether an operation of the program's first function runs, whatever happens: nothing jumps over it, and it is in no `try`. */
function isCertain(code, i) {
    const places = new Map(code.map((o, n) => [o, n]))
    return !code.slice(0, i).some(o => o.target && places.get(o.target) > i)
}

/** @returns {Map<number, object>} the operation that tells what a global variable is */
function constantsOf(functions) {
    const [{ code: first }] = functions
    const stores = functions.flatMap(({ code }) => code.filter(o => o.op === Op.STORE_GLOBAL))
    const counts = new Map()
    for (const { operand } of stores) counts.set(operand, (counts.get(operand) ?? 0) + 1)
    const constants = new Map()
    for (let i = 1; i < first.length; i++) {
        const store = first[i]
        if (store.op !== Op.STORE_GLOBAL || counts.get(store.operand) > 1) continue
        if (STATIC.has(first[i - 1].op) && isCertain(first, i)) constants.set(store.operand, first[i - 1])
    }
    return constants
}

function placeConstants(functions) {
    const constants = constantsOf(functions)
    for (const { code } of functions)
        for (const o of code) {
            if (o.op !== Op.LOAD_GLOBAL || !constants.has(o.operand)) continue
            const { op, operand, hasOperand } = constants.get(o.operand)
            Object.assign(o, { op, operand, hasOperand })
        }
    const [{ code: first }] = functions
    const gone = new Set()
    first.forEach((o, i) => {
        if (o.op === Op.STORE_GLOBAL && constants.has(o.operand)) gone.add(o).add(first[i - 1])
    })
    remove(first, gone)
}

/** @param {object} dbg knows the names of the variables */
function numberGlobals({ head }, functions, dbg) {
    const operations = functions.flatMap(({ code }) => code.filter(o => o.op === Op.STORE_GLOBAL || o.op === Op.LOAD_GLOBAL))
    const used = [...new Set(operations.map(o => o.operand))].sort((a, b) => a - b)
    const places = new Map(used.map((old, i) => [old, i]))
    for (const o of operations) o.operand = places.get(o.operand)
    head.writeUInt16LE(used.length, NUM_GLOBALS)
    dbg.globals = used.map(old => dbg.globals[old])
}

module.exports = { numberGlobals, placeConstants }
