/**
 * A function's variables: those that nothing uses any more take no room in its activation, and those of the compiler's own that are not
 * in use at the same time have one place. Variables of the program keep theirs, for who looks at them in a debugger.
 */
"use strict"

const { LOCAL, Op } = require("./code.cjs")
const { beginsStatement, liveness, remove } = require("./flow.cjs")
const { Description } = require("./image.cjs")

/** Which variables may not have one place: a set for each. */
function conflictsOf(code, slots) {
    const { before, after } = liveness(code)
    const conflicts = slots.map(() => new Set())
    const add = (a, b) => {
        if (a === b) return
        conflicts[a].add(b)
        conflicts[b].add(a)
    }
    code.forEach((o, i) => {
        if (o.op !== Op.STORE_LOCAL) return
        // a copy does not keep two apart
        const copied = isCopy(code, i) ? code[i - 1].operand : -1
        for (const v of after[i]) if (v !== copied) add(o.operand, v)
    })
    // what is read before it is given a value is undefined then
    for (const v of before[0]) for (let other = 0; other < slots.length; other++) add(v, other)
    return conflicts
}

/** Whether a statement gives one variable the value of another one. @param i place of the operation that stores it */
function isCopy(code, i) {
    return i > 0 && code[i].op === Op.STORE_LOCAL && code[i - 1].op === Op.LOAD_LOCAL && beginsStatement(code, i - 1)
}

/** @returns for each variable the one whose place it takes, itself perhaps */
function share(code, slots, isOwn) {
    const conflicts = conflictsOf(code, slots)
    const places = slots.map((_, i) => i)
    const members = slots.map((_, i) => [i])
    const join = (a, b) => {
        const [kept, gone] = [Math.min(a, b), Math.max(a, b)]
        if (kept === gone || members[kept].some(x => members[gone].some(y => conflicts[x].has(y)))) return
        members[kept].push(...members[gone])
        for (const v of members[gone]) places[v] = kept
        members[gone] = []
    }
    // a copy that is none then
    code.forEach((o, i) => {
        if (isCopy(code, i) && isOwn(o.operand) && isOwn(code[i - 1].operand)) join(places[o.operand], places[code[i - 1].operand])
    })
    const used = new Set(code.filter(o => LOCAL.has(o.op)).map(o => o.operand))
    for (const b of used) for (const a of used) if (a < b && isOwn(a) && isOwn(b)) join(places[a], places[b])
    return places
}

/** No closure may know any of the variables. */
function packSlots({ description, debug, code }) {
    const isOwn = slot => slot >= description[Description.ARGUMENTS] && debug.slots[slot].type === "tmp"
    const shared = share(code, debug.slots, isOwn)
    for (const o of code) if (LOCAL.has(o.op)) o.operand = shared[o.operand]
    remove(code, new Set(code.flatMap((o, i) => (isCopy(code, i) && o.operand === code[i - 1].operand ? [code[i - 1], o] : []))))
    const used = new Set(code.filter(o => LOCAL.has(o.op)).map(o => o.operand))
    const kept = debug.slots.map((_, i) => i).filter(i => i < description[Description.ARGUMENTS] || used.has(i))
    const places = new Map(kept.map((old, i) => [old, i]))
    for (const o of code) if (LOCAL.has(o.op)) o.operand = places.get(o.operand)
    debug.slots = kept.map(i => debug.slots[i])
    description.writeUInt16LE(kept.length, Description.SLOTS)
}

module.exports = { packSlots }
