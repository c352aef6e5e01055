/**
 * The meter: how many WebAssembly instructions the simulator's VM has executed. The count is the same on every machine, busy
 * or not, which no time is. Loaded into the process of the simulator VM before anything else (`node --require`), it adds a
 * counter to each basic block of the VM's module when that is instantiated; `instructions()` tells the count so far.
 *
 * With the counters the VM is slower, so what is metered is not timed, and what is timed is not metered.
 */
"use strict"
const { Opcode, eachBlock } = require("./wasm-code.cjs")
const {
    Kind,
    Reader,
    Section,
    entriesOf,
    exportedNames,
    importedGlobals,
    moduleOf,
    numberOf,
    sectionsOf,
    withEntry,
    withLength,
} = require("./wasm-sections.cjs")

/** Node.js and others have modules too; this one is the VM. */
const EXPORTED_BY_VM = "jd_em_process"
const COUNTER = "tuplephone_instructions"
/** A double holds whole numbers up to 2^53, and JavaScript reads it as it is. */
const F64 = 0x7c
const MUTABLE = 1

function doubleOf(value) {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    return bytes
}

/** The instructions that add to the counter. */
function addition(counter, instructions) {
    return Buffer.concat([
        Buffer.from([Opcode.globalGet]),
        counter,
        Buffer.from([Opcode.f64Const]),
        doubleOf(instructions),
        Buffer.from([Opcode.f64Add, Opcode.globalSet]),
        counter,
    ])
}

/** A function whose basic blocks begin with an addition. @param counter its number, in LEB128 */
function meteredFunction(body, counter) {
    const reader = new Reader(body)
    for (let groups = reader.number(); groups > 0; groups--) {
        // so many locals, of this type
        reader.skipNumber()
        reader.byte()
    }
    const parts = [body.subarray(0, reader.at)]
    eachBlock(reader, (block, instructions) => {
        if (instructions > 0) parts.push(addition(counter, instructions))
        parts.push(block)
    })
    return Buffer.concat(parts)
}

function meteredCode(body, counter) {
    const reader = new Reader(body)
    const functions = reader.number()
    const parts = [numberOf(functions)]
    for (let i = 0; i < functions; i++) parts.push(withLength(meteredFunction(reader.take(reader.number()), counter)))
    return Buffer.concat(parts)
}

/** The module with a counter that it exports as `COUNTER`. It must have globals and exports of its own. */
function metered(module) {
    const sections = sectionsOf(module)
    const bodyOf = id => sections.find(section => section.id === id)?.body
    const imports = bodyOf(Section.import)
    const counter = numberOf((imports ? importedGlobals(imports) : 0) + entriesOf(bodyOf(Section.global)))
    const name = withLength(Buffer.from(COUNTER))
    const changes = {
        [Section.global]: body =>
            withEntry(body, Buffer.concat([Buffer.from([F64, MUTABLE, Opcode.f64Const]), doubleOf(0), Buffer.from([Opcode.end])])),
        [Section.export]: body => withEntry(body, Buffer.concat([name, Buffer.from([Kind.global]), counter])),
        [Section.code]: body => meteredCode(body, counter),
    }
    return moduleOf(
        module,
        sections.map(({ id, body }) => ({ id, body: changes[id]?.(body) ?? body }))
    )
}

function isVm(module) {
    const exports = sectionsOf(module).find(({ id }) => id === Section.export)
    return exports !== undefined && exportedNames(exports.body).includes(EXPORTED_BY_VM)
}

let counter

/** Meters the VM of this process, which must not be there yet. */
function install() {
    const { instantiate } = WebAssembly
    WebAssembly.instantiate = async function (source, ...imports) {
        const isBytes = source instanceof ArrayBuffer || ArrayBuffer.isView(source)
        const bytes = isBytes && Buffer.from(source.buffer ?? source, source.byteOffset, source.byteLength)
        if (!bytes || !isVm(bytes)) return instantiate.call(this, source, ...imports)
        const result = await instantiate.call(this, metered(bytes), ...imports)
        counter = result.instance.exports[COUNTER]
        return result
    }
}

/** Executed so far; 0 if the VM of this process has no meter. */
function instructions() {
    return counter?.value ?? 0
}

module.exports = { COUNTER, install, instructions, metered }
