/**
 * The instructions of WebAssembly, as far as one must know them to walk from each to the next: their immediates, and where a
 * basic block ends. Read first: `meter.cjs`, which needs it.
 * @see WebAssembly Core Specification, 5.4 (instructions)
 */
"use strict"

const Opcode = {
    unreachable: 0x00,
    nop: 0x01,
    block: 0x02,
    loop: 0x03,
    if: 0x04,
    else: 0x05,
    end: 0x0b,
    br: 0x0c,
    brIf: 0x0d,
    brTable: 0x0e,
    return: 0x0f,
    call: 0x10,
    callIndirect: 0x11,
    drop: 0x1a,
    select: 0x1b,
    selectTyped: 0x1c,
    localGet: 0x20,
    globalGet: 0x23,
    globalSet: 0x24,
    tableSet: 0x26,
    firstLoad: 0x28,
    lastStore: 0x3e,
    memorySize: 0x3f,
    memoryGrow: 0x40,
    i32Const: 0x41,
    i64Const: 0x42,
    f32Const: 0x43,
    f64Const: 0x44,
    firstNumeric: 0x45,
    f64Add: 0xa0,
    lastNumeric: 0xc4,
    prefix: 0xfc,
}

/** Instructions behind the prefix: how many numbers follow each. Those up to `lastSaturating` have none. */
const lastSaturating = 7
const PREFIXED = { 8: 2 /* memory.init */, 9: 1 /* data.drop */, 10: 2 /* memory.copy */, 11: 1 /* memory.fill */ }

/** How many numbers in LEB128 follow an opcode; what is not here has a rule of its own in `skipImmediates`. */
const NUMBERS = new Map()
function numbers(count, first, last = first) {
    for (let opcode = first; opcode <= last; opcode++) NUMBERS.set(opcode, count)
}
numbers(0, Opcode.unreachable, Opcode.nop)
numbers(1, Opcode.block, Opcode.if)
numbers(0, Opcode.else)
numbers(0, Opcode.end)
numbers(1, Opcode.br, Opcode.brIf)
numbers(0, Opcode.return)
numbers(1, Opcode.call)
numbers(2, Opcode.callIndirect)
numbers(0, Opcode.drop, Opcode.select)
numbers(1, Opcode.localGet, Opcode.tableSet)
numbers(2, Opcode.firstLoad, Opcode.lastStore)
numbers(1, Opcode.memorySize, Opcode.i64Const)
numbers(0, Opcode.firstNumeric, Opcode.lastNumeric)

/** Behind them another basic block begins: control goes elsewhere, or comes from elsewhere. */
const LAST_OF_BLOCK = new Set([
    Opcode.unreachable,
    Opcode.block,
    Opcode.loop,
    Opcode.if,
    Opcode.else,
    Opcode.end,
    Opcode.br,
    Opcode.brIf,
    Opcode.brTable,
    Opcode.return,
])

/** Only brackets around others: a processor does nothing for them. An `else` that is reached is a jump. */
const BRACKETS = new Set([Opcode.block, Opcode.loop, Opcode.end])

function skipNumbers(reader, count) {
    for (; count > 0; count--) reader.skipNumber()
}

/** Goes from behind an opcode to the next one. @throws if the instruction is unknown, since nobody knows then where that is */
function skipImmediates(reader, opcode) {
    const count = NUMBERS.get(opcode)
    if (count !== undefined) skipNumbers(reader, count)
    else if (opcode === Opcode.f32Const) reader.skip(4)
    else if (opcode === Opcode.f64Const) reader.skip(8)
    else if (opcode === Opcode.selectTyped) reader.skip(reader.number())
    // as many labels as it says, and the default
    else if (opcode === Opcode.brTable) skipNumbers(reader, reader.number() + 1)
    else if (opcode === Opcode.prefix) skipPrefixed(reader)
    else throw new Error(`the meter does not know the WebAssembly instruction 0x${opcode.toString(16)}; add it to bench/vm/wasm-code.cjs`)
}

function skipPrefixed(reader) {
    const operation = reader.number()
    if (operation <= lastSaturating) return
    const count = PREFIXED[operation]
    if (count === undefined)
        throw new Error(`the meter does not know the WebAssembly instruction 0xfc ${operation}; add it to bench/vm/wasm-code.cjs`)
    skipNumbers(reader, count)
}

/**
 * Calls `found` for each basic block of a function's body, which `reader` has at its first instruction.
 * @param {(block: Uint8Array, instructions: number) => void} found
 */
function eachBlock(reader, found) {
    while (!reader.ended) {
        const start = reader.at
        let instructions = 0
        let opcode
        do {
            opcode = reader.byte()
            skipImmediates(reader, opcode)
            if (!BRACKETS.has(opcode)) instructions++
        } while (!LAST_OF_BLOCK.has(opcode))
        found(reader.bytes.subarray(start, reader.at), instructions)
    }
}

module.exports = { Opcode, eachBlock }
