/**
 * A function's bytecode as a list of operations whose jumps know the operation that they go to, and back.
 * @see DeviceScript's bytecode specification: an expression pushes its value, a statement takes all values from the stack
 */
"use strict"

/** The operations that the passes know by name. */
const Op = {
    RETURN: 12,
    JMP: 13,
    JMP_Z: 14,
    STORE_LOCAL: 17,
    STORE_GLOBAL: 18,
    LOAD_LOCAL: 21,
    LOAD_GLOBAL: 22,
    ASCII_FIELD: 27,
    STATIC_BUILTIN_STRING: 36,
    STATIC_ASCII_STRING: 37,
    STATIC_UTF8_STRING: 38,
    STATIC_FUNCTION: 39,
    LITERAL: 40,
    LITERAL_F64: 41,
    RET_VAL: 44,
    UNDEFINED: 46,
    TRUE: 48,
    FALSE: 49,
    TO_BOOL: 50,
    NOT: 56,
    EQ: 68,
    NE: 71,
    STORE_CLOSURE: 73,
    LOAD_CLOSURE: 74,
    MAKE_CLOSURE: 75,
    JMP_RET_VAL_Z: 78,
    TRY: 80,
    END_TRY: 81,
    THROW: 84,
    RE_THROW: 85,
    THROW_JMP: 86,
    NULL: 90,
    APPROX_EQ: 91,
    APPROX_NE: 92,
    STORE_RET_VAL: 93,
}
const JUMPS = new Set([Op.JMP, Op.JMP_Z, Op.JMP_RET_VAL_Z, Op.TRY, Op.END_TRY, Op.THROW_JMP])
/** Nothing runs behind these, unless something jumps there. To throw nothing again (85) goes on. */
const LAST = new Set([Op.RETURN, Op.JMP, Op.END_TRY, Op.THROW, Op.THROW_JMP])

/** Calls with 0 to 8 arguments. */
const CALL = new Set([2, 3, 4, 5, 6, 7, 8, 9, 10])

/** These name a variable of the function. */
const LOCAL = new Set([Op.LOAD_LOCAL, Op.STORE_LOCAL])

/** From here on an operation is a number, and has no other operand. */
const FIRST_NUMBER = 0x80
/** From here on an operand tells how long it is: 4 for negative, and bytes less one. */
const FIRST_LONG = 0xf8
const IS_STATEMENT = 0x10
const HAS_OPERAND = 0x20
const ARITY = 0x0f
/** Where each function must begin and end. */
const ALIGNMENT = 4

/**
 * @typedef {object} Operation
 * @property {number} op
 * @property {number} operand of jumps: nothing that counts
 * @property {boolean} hasOperand
 * @property {boolean} isStatement
 * @property {number} arity how many values it takes
 * @property {Operation | undefined} target where a jump goes
 * @property {number} from where it began in what the compiler wrote
 * @property {object} place in the source
 * @property {number} to where it begins now
 */

/** An operation without an operand, or a jump. @returns {Operation} */
function operation(op, isStatement, place, target) {
    return { op, operand: 0, hasOperand: target !== undefined, isStatement, arity: 0, target, from: -1, place, to: 0 }
}

/** Bytes of an operand. */
function lengthOf(value) {
    if (value >= 0 && value < FIRST_LONG) return 1
    const most = Math.abs(value)
    return most < 1 << 8 ? 2 : most < 1 << 16 ? 3 : most < 1 << 24 ? 4 : 5
}

/**
 * @param {Uint8Array} bytes
 * @param {string} properties one character for each operation, as the compiler has them
 * @returns {Operation[]} the last of them stands for the end, and is nothing
 */
function decode(bytes, properties) {
    const code = []
    const byPlace = new Map()
    let at = 0
    // what fills the last word is no operation
    while (at < bytes.length && bytes[at] !== 0) {
        const from = at
        const op = bytes[at++]
        const flags = op < FIRST_NUMBER ? properties.charCodeAt(op) : 0
        if (Number.isNaN(flags)) throw new Error(`no operation ${op}`)
        let operand = 0
        if (flags & HAS_OPERAND) {
            const first = bytes[at++]
            operand = first
            if (first >= FIRST_LONG) {
                operand = 0
                for (let left = (first & 3) + 1; left > 0; left--) operand = operand * 256 + bytes[at++]
                if (first & 4) operand = -operand
            }
        }
        const o = operation(op, !!(flags & IS_STATEMENT))
        o.from = from
        o.arity = flags & ARITY
        o.operand = operand
        o.hasOperand = !!(flags & HAS_OPERAND)
        code.push(o)
        byPlace.set(from, o)
    }
    const end = operation(0, true)
    end.from = at
    code.push(end)
    byPlace.set(at, end)
    for (const o of code) {
        if (!JUMPS.has(o.op)) continue
        o.target = byPlace.get(o.from + o.operand)
        if (!o.target) throw new Error(`a jump at ${o.from} goes to ${o.from + o.operand}, which is no operation`)
    }
    return code
}

/** Places for all of them, with jumps as short as they can be. @returns bytes in all */
function place(code) {
    for (const o of code) if (o.target) o.operand = 0
    for (let grew = true, at = 0; ; at = 0) {
        for (const o of code) {
            o.to = at
            at += o.op === 0 ? 0 : o.hasOperand ? 1 + lengthOf(o.operand) : 1
        }
        if (!grew) return at
        grew = false
        // a jump that has become longer stays so: it ends
        for (const o of code) {
            if (!o.target) continue
            const distance = o.target.to - o.to
            if (lengthOf(distance) > lengthOf(o.operand)) grew = true
            else if (lengthOf(distance) < lengthOf(o.operand)) continue
            o.operand = distance
        }
    }
}

/** @returns {Uint8Array} */
function encode(code) {
    const length = place(code)
    const bytes = new Uint8Array(Math.ceil(length / ALIGNMENT) * ALIGNMENT)
    for (const o of code) {
        if (o.op === 0) continue
        let at = o.to
        bytes[at++] = o.op
        if (!o.hasOperand) continue
        const value = o.target ? o.target.to - o.to : o.operand
        // a jump may have more bytes than it needs now: they are zeros in front
        const count = lengthOf(o.operand) - 1
        if (count === 0) bytes[at] = value
        else {
            bytes[at++] = FIRST_LONG | (value < 0 ? 4 : 0) | (count - 1)
            for (let shift = 8 * (count - 1); shift >= 0; shift -= 8) bytes[at++] = (Math.abs(value) >>> shift) & 0xff
        }
    }
    return bytes
}

module.exports = { CALL, FIRST_LONG, FIRST_NUMBER, LAST, LOCAL, Op, decode, encode, lengthOf, operation }
