/**
 * The outer shape of a WebAssembly module: numbers, sections and their entries. Read first: `meter.cjs`, which needs it.
 * @see WebAssembly Core Specification, 5.2 (values), 5.5 (modules)
 */
"use strict"

/** Magic and version, before the first section. */
const PREAMBLE = 8

/** Sections by their number, as far as the meter reads them (5.5.2). */
const Section = { import: 2, global: 6, export: 7, code: 10 }
/** What is imported or exported (5.5.5, 5.5.10). */
const Kind = { function: 0, table: 1, memory: 2, global: 3 }
/** Limits of a table or a memory: whether there is a greatest size (5.3.8). */
const HAS_MAXIMUM = 1

/** Reads one value after the other. */
class Reader {
    /** @param {Uint8Array} bytes */
    constructor(bytes) {
        this.bytes = bytes
        this.at = 0
    }

    get ended() {
        return this.at >= this.bytes.length
    }

    byte() {
        if (this.ended) throw new Error("this WebAssembly module is cut short")
        return this.bytes[this.at++]
    }

    /** An unsigned number of up to 32 bits in LEB128 (5.2.2). */
    number() {
        let value = 0
        for (let shift = 0; ; shift += 7) {
            const byte = this.byte()
            value += (byte & 0x7f) * 2 ** shift
            if (byte < 0x80) return value
        }
    }

    /** Any number in LEB128, whatever its value. */
    skipNumber() {
        while (this.byte() >= 0x80) {}
    }

    skip(length) {
        this.at += length
    }

    take(length) {
        this.at += length
        return this.bytes.subarray(this.at - length, this.at)
    }

    rest() {
        return this.take(this.bytes.length - this.at)
    }

    name() {
        return Buffer.from(this.take(this.number())).toString()
    }

    skipLimits() {
        const flags = this.byte()
        this.skipNumber()
        if (flags & HAS_MAXIMUM) this.skipNumber()
    }
}

/** An unsigned number in LEB128. */
function numberOf(value) {
    const bytes = []
    for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80)
    return Buffer.from([...bytes, value])
}

/** A text, a section or a function behind its length. */
function withLength(bytes) {
    return Buffer.concat([numberOf(bytes.length), bytes])
}

/** @returns {{ id: number, body: Uint8Array }[]} the module's sections, in their order */
function sectionsOf(module) {
    const reader = new Reader(module)
    reader.skip(PREAMBLE)
    const sections = []
    while (!reader.ended) sections.push({ id: reader.byte(), body: reader.take(reader.number()) })
    return sections
}

/** The module with other sections. */
function moduleOf(module, sections) {
    const parts = sections.map(({ id, body }) => Buffer.concat([Buffer.from([id]), withLength(body)]))
    return Buffer.concat([module.subarray(0, PREAMBLE), ...parts])
}

/** How many globals a module imports: those of its own are counted on from there. */
function importedGlobals(body) {
    const reader = new Reader(body)
    let globals = 0
    for (let left = reader.number(); left > 0; left--) {
        reader.name()
        reader.name()
        const kind = reader.byte()
        if (kind === Kind.function) reader.skipNumber()
        else if (kind === Kind.memory) reader.skipLimits()
        else if (kind === Kind.table) {
            reader.byte()
            reader.skipLimits()
        } else {
            // type and mutability
            reader.skip(2)
            globals++
        }
    }
    return globals
}

function exportedNames(body) {
    const reader = new Reader(body)
    const names = []
    for (let left = reader.number(); left > 0; left--) {
        names.push(reader.name())
        reader.byte()
        reader.skipNumber()
    }
    return names
}

/** How many entries a section has: its first number. */
function entriesOf(body) {
    return new Reader(body).number()
}

/** A section with one entry more at its end. */
function withEntry(body, entry) {
    const reader = new Reader(body)
    const entries = reader.number()
    return Buffer.concat([numberOf(entries + 1), reader.rest(), entry])
}

module.exports = { Kind, Reader, Section, entriesOf, exportedNames, importedGlobals, moduleOf, numberOf, sectionsOf, withEntry, withLength }
