/**
 * A function that is called at one place is written there: it needs no description of 16 bytes, and the call, which is what costs a chip
 * most, is not made.
 */
"use strict"

const { CALL, LOCAL, Op, operation } = require("./code.cjs")
const { beginsStatement, copiesOf, isResultUsed, liveness } = require("./flow.cjs")
const { Description } = require("./image.cjs")

/** Operations that know variables of another function, or have others know theirs. */
const CLOSED = new Set([Op.MAKE_CLOSURE, Op.LOAD_CLOSURE, Op.STORE_CLOSURE])
/** Variables more than before that a function may have for it: as many as the activation takes that is not made any more. */
const MORE = 3
/** One that has so many has become so for the sake of speed, and is to get no slower: each call makes room for all. */
const MANY = 12
/** What does nothing but give a value. */
const PLAIN = new Set([Op.UNDEFINED, Op.LITERAL, Op.LITERAL_F64, Op.LOAD_LOCAL, Op.RET_VAL])

/** The expressions of a statement, each a list: those of a call are what is called and its arguments. */
function expressionsOf(code, first, end) {
    const starts = []
    for (let i = first; i < end; i++) {
        const { arity } = code[i]
        const start = arity > 0 ? starts[starts.length - arity] : i
        starts.splice(starts.length - arity, arity, start)
    }
    return starts.map((start, i) => code.slice(start, starts[i + 1] ?? end))
}

function endOfStatement(code, i) {
    while (!code[i].isStatement) i++
    return i
}

/** Where a function is called: the place of its name, that of the call, and the arguments; `undefined` if it is not, or something else is done with it. */
function callOf(code, index) {
    const at = code.findIndex(o => o.op === Op.STATIC_FUNCTION && o.operand === index)
    if (at < 0 || !beginsStatement(code, at)) return undefined
    const call = endOfStatement(code, at)
    if (!CALL.has(code[call].op)) return undefined
    const [called, ...passed] = expressionsOf(code, at, call)
    return called.length === 1 ? { at, call, passed } : undefined
}

/** Whether a function may be a part of its caller. */
function isPart({ description, code }) {
    return description[Description.FLAGS] === 0 && description[Description.TRIES] === 0 && !code.some(o => CLOSED.has(o.op))
}

/** What a function does, for its caller: with variables of that, and jumps to its end instead of returns. @param base where its variables begin @param next what follows the call */
function bodyOf(callee, base, next, isUsed) {
    const body = []
    const copies = copiesOf(callee.code)
    const end = callee.code.at(-1)
    for (const o of callee.code) {
        if (o === end) break
        const c = copies.get(o)
        if (LOCAL.has(c.op)) c.operand += base
        if (o.target === end) c.target = next
        body.push(c)
        if (c.op !== Op.RETURN) continue
        const value = body.at(-2)
        // a value that nobody wants is not kept, and what follows is still reached by those who jump to it
        if (!isUsed && PLAIN.has(value.op) && value.arity === 0) {
            Object.assign(value, { op: Op.JMP, operand: 0, hasOperand: true, isStatement: true, target: next })
            body.pop()
        } else {
            Object.assign(c, { op: Op.STORE_RET_VAL })
            body.push(operation(Op.JMP, true, c.place, next))
        }
    }
    return body
}

/** Write a function into its caller. */
function write(caller, callee, { at, call, passed }) {
    const { code } = caller
    const next = code[call + 1]
    const { place } = code[call]
    const isUsed = isResultUsed(code, call + 1)
    const base = caller.debug.slots.length
    caller.debug.slots.push(...callee.debug.slots.map(slot => ({ ...slot, type: "tmp" })))
    caller.description.writeUInt16LE(caller.debug.slots.length, Description.SLOTS)
    const store = slot => ({ ...operation(Op.STORE_LOCAL, true, place), hasOperand: true, operand: base + slot, arity: 1 })
    const parts = []
    passed.forEach((expression, i) => parts.push(...expression, store(i)))
    // in a loop they have a value from the last time
    const first = liveness(callee.code).before[0]
    for (const slot of first) if (slot >= passed.length) parts.push(operation(Op.UNDEFINED, false, place), store(slot))
    parts.push(...bodyOf(callee, base, next, isUsed))
    const gone = code.splice(at, call + 1 - at, ...parts)
    const [begin] = parts.length > 0 ? parts : [next]
    for (const o of code) if (o.target === gone[0]) o.target = begin
}

function copyOf({ code, debug, description }) {
    return { code: [...copiesOf(code).values()], slots: debug.slots.slice(), count: description.readUInt16LE(Description.SLOTS) }
}

function restore(f, { code, slots, count }) {
    f.code = code
    f.debug.slots = slots
    f.description.writeUInt16LE(count, Description.SLOTS)
}

/**
 * A program of somebody's own keeps its functions, and calls those of the firmware: what has gone wrong there is told with its line.
 * @param {object[]} functions by their numbers; `isFirmware` says whose they are. Those that have become a part of another one have no code any more, and are `isGone`
 * @param {(f: object) => void} finish makes a function as small as it can be
 */
function inline(functions, finish) {
    const uses = functions.map(() => 0)
    for (const { code } of functions) for (const o of code) if (o.op === Op.STATIC_FUNCTION || o.op === Op.MAKE_CLOSURE) uses[o.operand]++
    const done = new Set()
    const expand = caller => {
        if (done.has(caller)) return
        done.add(caller)
        const isClosed = caller.code.some(o => o.op === Op.MAKE_CLOSURE)
        finish(caller)
        const few = caller.debug.slots.length
        const most = few < MANY ? few + MORE : few
        const called = new Set(caller.code.filter(o => o.op === Op.STATIC_FUNCTION).map(o => o.operand))
        for (const index of isClosed ? [] : called) {
            const callee = functions[index]
            if (index === 0 || uses[index] !== 1 || callee === caller || !callee.isFirmware || !caller.isFirmware) continue
            expand(callee)
            if (!isPart(callee)) continue
            const place = callOf(caller.code, index)
            if (!place || place.passed.length > callee.description[Description.ARGUMENTS]) continue
            const before = copyOf(caller)
            write(caller, callee, place)
            finish(caller)
            callee.isGone = caller === functions[0] || caller.debug.slots.length <= most
            if (!callee.isGone) restore(caller, before)
        }
    }
    for (const f of functions) expand(f)
    for (const f of functions) if (f.isGone) f.code = []
}

module.exports = { inline }
