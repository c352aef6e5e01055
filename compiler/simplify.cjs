/**
 * What can be left out of a function: code that nothing reaches, jumps to jumps, and the compiler's own variables that hand
 * a value to the statement that follows. Variables of the program stay as they are, for who looks at them in a debugger.
 */
"use strict"

const { FIRST_LONG, FIRST_NUMBER, LAST, Op, operation } = require("./code.cjs")
const { beginsStatement, isResultUsed, liveness, remove, targetsOf } = require("./flow.cjs")

/** Jumps that only go elsewhere. */
const GOES = new Set([Op.JMP, Op.JMP_Z, Op.JMP_RET_VAL_Z, Op.END_TRY])

/** What no way leads to. */
function removeDead(code) {
    const reached = new Set()
    const waiting = [0]
    const places = new Map(code.map((o, i) => [o, i]))
    while (waiting.length > 0) {
        for (let i = waiting.pop(); i < code.length && !reached.has(code[i]); i++) {
            reached.add(code[i])
            if (code[i].target) waiting.push(places.get(code[i].target))
            if (LAST.has(code[i].op)) break
        }
    }
    const end = code[code.length - 1]
    if (reached.has(end)) throw new Error("a way leads out of the function")
    reached.add(end)
    return remove(code, new Set(code.filter(o => !reached.has(o))))
}

/** A jump to a jump goes where that goes; one to what follows is none; one to a return without a value is that return. */
function thread(code) {
    let hasChanged = false
    const gone = new Set()
    for (let i = 0; i < code.length; i++) {
        const o = code[i]
        if (!GOES.has(o.op)) continue
        const seen = new Set()
        while (o.target.op === Op.JMP && !seen.has(o.target)) {
            seen.add(o.target)
            if (o.target.target === o.target) break
            o.target = o.target.target
            hasChanged = true
        }
        if (o.op !== Op.JMP) continue
        if (o.target === code[i + 1]) gone.add(o)
        else if (o.target.op === Op.UNDEFINED && code[code.indexOf(o.target) + 1].op === Op.RETURN) {
            // the same object, for others may jump to it
            Object.assign(o, operation(Op.UNDEFINED, false, o.place))
            code.splice(i + 1, 0, operation(Op.RETURN, true, o.place))
            hasChanged = true
        }
    }
    return remove(code, gone) || hasChanged
}

/** A condition is true or false by itself, and what is not false is true. */
function simplifyConditions(code) {
    for (let i = 1; i < code.length; i++) {
        if (code[i].op !== Op.JMP_Z && code[i].op !== Op.NOT) continue
        const before = code[i - 1]
        if (before.op === Op.TO_BOOL) return remove(code, new Set([before]))
        if (code[i].op === Op.JMP_Z && before.op === Op.NOT && code[i - 2].op === Op.NOT)
            return remove(code, new Set([before, code[i - 2]]))
    }
    return false
}

/**
 * `a && b` as a condition tests `a`, and where that is false tests it once more. The compiler's
 * `JMP_Z one (v); v = b; one: JMP_Z two (v)` goes to two at once, and `JMP_Z one (!v); v = b; one: JMP_Z two (v)` behind the second test.
 */
function threadConditions(code) {
    let hasChanged = false
    for (let i = 1; i < code.length; i++) {
        const o = code[i]
        if (o.op !== Op.JMP_Z) continue
        const isNot = code[i - 1].op === Op.NOT
        const load = isNot ? code[i - 2] : code[i - 1]
        if (load?.op !== Op.LOAD_LOCAL || !(isNot ? beginsStatement(code, i - 2) : beginsStatement(code, i - 1))) continue
        const at = code.indexOf(o.target)
        if (o.target.op !== Op.LOAD_LOCAL || o.target.operand !== load.operand) continue
        let test = at + 1
        // what the jump has found true is that of `v`, or of `!v`
        let isTrue = isNot
        for (; code[test].op === Op.NOT || code[test].op === Op.TO_BOOL; test++) if (code[test].op === Op.NOT) isTrue = !isTrue
        if (code[test].op !== Op.JMP_Z) continue
        const next = isTrue ? code[test + 1] : code[test].target
        // a loop that tests nothing else goes to itself
        if (next === o.target) continue
        o.target = next
        hasChanged = true
    }
    return hasChanged
}

const INVERSE = new Map([
    [Op.EQ, Op.NE],
    [Op.NE, Op.EQ],
    [Op.APPROX_EQ, Op.APPROX_NE],
    [Op.APPROX_NE, Op.APPROX_EQ],
])

function isReturn(code, i) {
    return code[i].op === Op.UNDEFINED && code[i + 1].op === Op.RETURN
}

/** `JMP_Z next (x); JMP there; next:` is `JMP_Z there (!x)`; and there may be another return without a value, if that is what is jumped over. */
function invert(code) {
    const targets = targetsOf(code)
    for (let i = 1; i + 2 < code.length; i++) {
        const [condition, jump, body] = [code[i - 1], code[i], code[i + 1]]
        if (jump.op !== Op.JMP_Z || targets.has(body)) continue
        const isNot = condition.op === Op.NOT
        let there
        if (body.op === Op.JMP && jump.target === code[i + 2]) there = body.target
        else if (isReturn(code, i + 1) && jump.target === code[i + 3] && (isNot || INVERSE.has(condition.op))) {
            there = code.find((o, k) => k !== i + 1 && isReturn(code, k))
        }
        if (!there) continue
        jump.target = there
        if (INVERSE.has(condition.op)) condition.op = INVERSE.get(condition.op)
        const gone = new Set(body.op === Op.JMP ? [body] : [body, code[i + 2]])
        if (isNot) gone.add(condition)
        else if (!INVERSE.has(condition.op)) code.splice(i, 0, operation(Op.NOT, false, condition.place))
        return remove(code, gone)
    }
    return false
}

/** Bytes of two ends that are the same, from which on one of them may be a jump to the other. */
const JUMP_BYTES = 3

/** Statements before a `LAST` that are the same at two places are there once. */
function mergeEnds(code) {
    const bytes = o => 1 + (o.hasOperand ? 1 : 0)
    const isSame = (a, b) => a.op === b.op && a.operand === b.operand && a.target === b.target
    const ends = code.map((o, i) => i).filter(i => code[i].op === Op.RETURN || code[i].op === Op.THROW || code[i].op === Op.JMP)
    for (let e = 0; e < ends.length; e++) {
        for (let f = e + 1; f < ends.length; f++) {
            // the later one stays, so that the jump is forward, and short
            let length = 0
            let [best, size] = [0, 0]
            let sum = 0
            while (length <= ends[e] && ends[f] - length > ends[e] && isSame(code[ends[e] - length], code[ends[f] - length])) {
                sum += bytes(code[ends[e] - length])
                length++
                if (beginsStatement(code, ends[e] - length + 1) && beginsStatement(code, ends[f] - length + 1)) [best, size] = [length, sum]
            }
            if (size <= JUMP_BYTES) continue
            const first = ends[e] - best + 1
            const kept = ends[f] - best + 1
            const gone = code.splice(first, best, operation(Op.JMP, true, code[first].place, code[kept]))
            // who jumps into the one that goes jumps into the other
            const other = new Map(gone.map((o, i) => [o, code[kept - best + 1 + i]]))
            for (const o of code) if (other.has(o.target)) o.target = other.get(o.target)
            return true
        }
    }
    return false
}

/** `v = w`, and until the last use of `v` there is no other value in `w`: that is `w`. */
function copy(code, isOwn) {
    const targets = targetsOf(code)
    const { after } = liveness(code)
    for (let i = 1; i < code.length; i++) {
        const [from, to] = [code[i - 1], code[i]]
        if (from.op !== Op.LOAD_LOCAL || to.op !== Op.STORE_LOCAL || !beginsStatement(code, i - 1)) continue
        if (!isOwn(to.operand)) continue
        const loads = []
        let k = i + 1
        let isLast = !after[i].has(to.operand)
        for (; k < code.length && !isLast; k++) {
            const o = code[k]
            if (targets.has(o) || (o.op === Op.STORE_LOCAL && (o.operand === to.operand || o.operand === from.operand))) break
            if (o.op === Op.LOAD_LOCAL && o.operand === to.operand) loads.push(o)
            isLast = !after[k].has(to.operand)
            if (o.target) break
        }
        if (!isLast) continue
        for (const o of loads) o.operand = from.operand
        return remove(code, new Set([from, to]))
    }
    return false
}

/** `v = x` and, with nothing between, a statement that begins with `v` and is the last to read it: that begins with `x`. */
function forward(code, isOwn) {
    const { after } = liveness(code)
    const targets = targetsOf(code)
    const gone = new Set()
    for (let i = 0; i + 1 < code.length; i++) {
        const [store, load] = [code[i], code[i + 1]]
        if (store.op !== Op.STORE_LOCAL || load.op !== Op.LOAD_LOCAL || load.operand !== store.operand) continue
        if (!isOwn(store.operand) || targets.has(load) || after[i + 1].has(load.operand)) continue
        gone.add(store).add(load)
    }
    return remove(code, gone)
}

/**
 * What is kept as a result and then read by the next statement, which begins with it, is there; and what is kept because it was one is one.
 */
function forwardResult(code) {
    const targets = targetsOf(code)
    for (let i = 0; i + 1 < code.length; i++) {
        if (code[i].op === Op.RET_VAL && code[i + 1].op === Op.STORE_RET_VAL) return remove(code, new Set([code[i], code[i + 1]]))
        if (code[i].op !== Op.STORE_RET_VAL || code[i + 1].op !== Op.RET_VAL || targets.has(code[i + 1])) continue
        let end = i + 2
        while (!code[end].isStatement && code[end].op !== Op.RET_VAL) end++
        // read twice, or tested behind
        if (code[end].op === Op.RET_VAL || isResultUsed(code, end + 1)) continue
        return remove(code, new Set([code[i], code[i + 1]]))
    }
    return false
}

/** Values that take no more code than a variable. */
const SHORT = new Set([Op.UNDEFINED, Op.TRUE, Op.FALSE, Op.NULL, Op.LITERAL, Op.STATIC_FUNCTION])

/** A variable that is only ever given one short value, or an argument that stays what it is, is that. */
function constants(code, isOwn, isArgument) {
    const stores = new Map()
    code.forEach((o, i) => {
        if (o.op === Op.STORE_LOCAL) stores.set(o.operand, stores.has(o.operand) ? -1 : i)
    })
    let first
    for (const [slot, i] of stores) {
        if (i < 1 || !isOwn(slot) || !beginsStatement(code, i - 1)) continue
        const value = code[i - 1]
        const isLasting = value.op === Op.LOAD_LOCAL && isArgument(value.operand) && !stores.has(value.operand)
        const isShort = value.op >= FIRST_NUMBER || (SHORT.has(value.op) && value.operand < FIRST_LONG)
        if (!isLasting && !isShort) continue
        first ??= liveness(code).before[0]
        if (first.has(slot)) continue
        for (const o of code)
            if (o.op === Op.LOAD_LOCAL && o.operand === slot)
                Object.assign(o, { op: value.op, operand: value.operand, hasOperand: value.hasOperand })
        return remove(code, new Set([value, code[i]]))
    }
    return false
}

/**
 * @param {object[]} code as `decode` gives it, and is changed
 * @param {(slot: number) => boolean} isOwn whether a variable is the compiler's: no closure knows it
 * @param {(slot: number) => boolean} isArgument
 * @param {boolean} isClosed whether closures may know, and change, the others
 */
function simplify(code, isOwn, isArgument, isClosed) {
    for (let hasChanged = true; hasChanged; ) {
        hasChanged = removeDead(code)
        hasChanged = thread(code) || hasChanged
        hasChanged = simplifyConditions(code) || hasChanged
        hasChanged = threadConditions(code) || hasChanged
        hasChanged = invert(code) || hasChanged
        hasChanged = forward(code, isOwn) || hasChanged
        hasChanged = forwardResult(code) || hasChanged
        if (!isClosed) hasChanged = constants(code, isOwn, isArgument) || hasChanged
        if (!isClosed) hasChanged = copy(code, isOwn) || hasChanged
        if (!hasChanged) hasChanged = mergeEnds(code)
    }
}

module.exports = { simplify }
