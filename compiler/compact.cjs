/**
 * Makes an image smaller that DeviceScript's compiler has made: what it does stays the same. The runtime takes 65,535 bytes of
 * code, and the compiler writes each jump with three bytes of distance, numbers functions and names as it meets them, and
 * stores what it tests next.
 *
 * @see https://microsoft.github.io/devicescript/language/bytecode
 */
"use strict"

const { Op, decode, encode } = require("./code.cjs")
const { fileOf, mapOf, placesOf } = require("./debug.cjs")
const { numberGlobals, placeConstants } = require("./globals.cjs")
const { DESCRIPTION, Description, FIRST, Section, join, split } = require("./image.cjs")
const { inline } = require("./inline.cjs")
const { dropNames, dropTexts } = require("./names.cjs")
const { moveNumbers, orderFunctions, orderNames } = require("./numbers.cjs")
const { simplify } = require("./simplify.cjs")
const { packSlots } = require("./slots.cjs")

/** Where the firmware's sources lie, seen from anywhere. */
const FIRMWARE = /(^|\/)src\//

/**
 * @param {{ binary: Uint8Array, dbg: object }} compiled the image, and what a debugger knows of it
 * @param {string} properties of operations, as the compiler has them
 * @returns {{ binary: Uint8Array, dbg: object }} as it was with TUPLEPHONE_COMPACT=0, for who asks whether a fault is of this program
 */
function compact({ binary, dbg }, properties) {
    if (process.env.TUPLEPHONE_COMPACT === "0") return { binary, dbg }
    const image = split(binary)
    const table = image.sections[Section.Functions]
    const data = FIRST + table.length
    const map = placesOf(dbg)
    const pathOf = fileOf(dbg)
    let functions = dbg.functions.map((debug, i) => {
        const description = table.subarray(i * DESCRIPTION, (i + 1) * DESCRIPTION)
        const start = description.readUInt32LE(Description.START)
        const end = start + description.readUInt32LE(Description.LENGTH)
        const code = decode(image.sections[Section.FunctionData].subarray(start - data, end - data), properties)
        const places = map.filter(e => e.pc >= start && e.pc < end)
        // each operation has the last place before it
        let p = 0
        for (const o of code) {
            while (places[p + 1]?.pc <= start + o.from) p++
            o.place = places[p]
        }
        const isFirmware = FIRMWARE.test(pathOf(debug.location[0]))
        return { description, debug, code, isFirmware }
    })
    placeConstants(functions)
    inline(functions, f => {
        const isClosed = f.code.some(o => o.op === Op.MAKE_CLOSURE)
        const isArgument = slot => slot < f.description[Description.ARGUMENTS]
        simplify(f.code, slot => f.debug.slots[slot].type === "tmp", isArgument, isClosed)
        if (!isClosed) packSlots(f)
    })
    functions = orderFunctions(functions).filter(f => !f.isGone)
    numberGlobals(image, functions, dbg)
    dropNames(functions)
    orderNames(image, functions)
    dropTexts(image, functions)
    moveNumbers(image, functions)

    const bodies = functions.map(({ code }) => encode(code))
    let at = FIRST + DESCRIPTION * functions.length
    const entries = []
    functions.forEach(({ description, debug, code }, i) => {
        description.writeUInt32LE(at, Description.START)
        description.writeUInt32LE(bodies[i].length, Description.LENGTH)
        debug.startpc = at
        debug.size = bodies[i].length + DESCRIPTION
        let last
        for (const { op, place, to } of code) {
            if (op === 0 || !place || place === last) continue
            entries.push({ ...place, pc: at + to })
            last = place
        }
        at += bodies[i].length
    })
    image.sections[Section.Functions] = Buffer.concat(functions.map(f => f.description))
    image.sections[Section.FunctionData] = Buffer.concat(bodies)

    const bytes = join(image)
    dbg.functions = functions.map(f => f.debug)
    dbg.srcmap = mapOf(entries)
    dbg.sizes.floats = image.sections[Section.Floats].length
    dbg.sizes.align = bytes.length - FIRST - image.sections.reduce((sum, s) => sum + s.length, 0)
    dbg.binary.hex = bytes.toString("hex")
    return { binary: bytes, dbg }
}

module.exports = { compact }
