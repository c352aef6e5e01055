/**
 * What the passes ask of a function's code: where statements begin, what jumps where, and what is still read; and how operations are taken
 * out of it.
 */
"use strict"

const { CALL, LAST, Op } = require("./code.cjs")

/** Remove these; who jumps there jumps to what follows. */
function remove(code, gone) {
    if (gone.size === 0) return false
    let next
    const after = new Map()
    for (let i = code.length - 1; i >= 0; i--) {
        if (gone.has(code[i])) after.set(code[i], next)
        else next = code[i]
    }
    const left = code.filter(o => !gone.has(o))
    for (const o of left) if (o.target && gone.has(o.target)) o.target = after.get(o.target)
    code.splice(0, code.length, ...left)
    return true
}

/** Operations that something jumps to. */
function targetsOf(code) {
    return new Set(code.filter(o => o.target).map(o => o.target))
}

function beginsStatement(code, i) {
    return i === 0 || code[i - 1].isStatement
}

/**
 * Which variables may still be read before and behind each operation.
 * @returns {{ before: Set<number>[], after: Set<number>[] }} by the operation's place
 */
function liveness(code) {
    const places = new Map(code.map((o, i) => [o, i]))
    const before = code.map(() => new Set())
    const after = code.map(() => new Set())
    const handlers = code.filter(o => o.op === Op.TRY).map(o => places.get(o.target))
    // a way out of `try` goes through `finally`, and on from its end
    const exits = code.filter(o => o.op === Op.THROW_JMP).map(o => places.get(o.target))
    for (let isNew = true; isNew; ) {
        isNew = false
        for (let i = code.length - 1; i >= 0; i--) {
            const o = code[i]
            const size = before[i].size + after[i].size
            const follow = handlers.slice()
            if (o.target) follow.push(places.get(o.target))
            if (o.op === Op.RE_THROW) follow.push(...exits)
            if (!LAST.has(o.op) && i + 1 < code.length) follow.push(i + 1)
            for (const next of follow) for (const v of before[next]) after[i].add(v)
            for (const v of after[i]) if (o.op !== Op.STORE_LOCAL || o.operand !== v) before[i].add(v)
            if (o.op === Op.LOAD_LOCAL) before[i].add(o.operand)
            if (before[i].size + after[i].size !== size) isNew = true
        }
    }
    return { before, after }
}

/** Whether anything reads, from here on, what the last call has given. */
function isResultUsed(code, from) {
    const seen = new Set()
    const waiting = [from]
    while (waiting.length > 0) {
        for (let i = waiting.pop(); i < code.length && !seen.has(i); i++) {
            const { op, target } = code[i]
            seen.add(i)
            if (op === Op.RET_VAL || op === Op.JMP_RET_VAL_Z) return true
            if (CALL.has(op) || op === Op.STORE_RET_VAL) break
            if (target) waiting.push(code.indexOf(target))
            if (LAST.has(op)) break
        }
    }
    return false
}

/** The same code in objects of its own, for jumps know them: each operation's copy. */
function copiesOf(code) {
    const copies = new Map(code.map(o => [o, { ...o }]))
    for (const o of copies.values()) if (o.target) o.target = copies.get(o.target)
    return copies
}

module.exports = { beginsStatement, copiesOf, isResultUsed, liveness, remove, targetsOf }
