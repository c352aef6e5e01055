/** The parts of a `.devs` image, and putting them together again. @see DeviceScript's bytecode specification */
"use strict"

/** Sections by their place in the header, behind `FIX_HEADER` bytes; each has an offset and a length of 32 bits. */
const Section = {
    Functions: 0,
    FunctionData: 1,
    Floats: 2,
    AsciiStrings: 4,
    Utf8Strings: 5,
    Buffers: 6,
    StringData: 7,
    ServiceSpecs: 8,
}
const SECTIONS = 10
const FIX_HEADER = 32
const SECTION_HEADER = 8
const NUM_GLOBALS = 12
const NUM_SERVICE_SPECS = 14
/** Bytes of a function's description, and what it says where: its code's place and length, numbers of variables and of arguments, flags, its name, and how many `try` are in one another. */
const DESCRIPTION = 16
const Description = {
    START: 0,
    LENGTH: 4,
    SLOTS: 8,
    ARGUMENTS: 10,
    FLAGS: 11,
    NAME: 12,
    TRIES: 14,
}
const IMAGE_ALIGNMENT = 32

/** @returns {{ head: Buffer, sections: Buffer[] }} copies */
function split(image) {
    const bytes = Buffer.from(image)
    const sections = []
    for (let i = 0; i < SECTIONS; i++) {
        const start = bytes.readUInt32LE(FIX_HEADER + SECTION_HEADER * i)
        sections.push(Buffer.from(bytes.subarray(start, start + bytes.readUInt32LE(FIX_HEADER + SECTION_HEADER * i + 4))))
    }
    return { head: Buffer.from(bytes.subarray(0, FIX_HEADER)), sections }
}

/** Where the first section begins. */
const FIRST = FIX_HEADER + SECTION_HEADER * SECTIONS

/** @returns {Buffer} the image */
function join({ head, sections }) {
    const table = Buffer.alloc(SECTION_HEADER * SECTIONS)
    let at = FIRST
    sections.forEach((section, i) => {
        table.writeUInt32LE(at, SECTION_HEADER * i)
        table.writeUInt32LE(section.length, SECTION_HEADER * i + 4)
        at += section.length
    })
    const fill = Buffer.alloc((IMAGE_ALIGNMENT - (at % IMAGE_ALIGNMENT)) % IMAGE_ALIGNMENT)
    return Buffer.concat([head, table, ...sections, fill])
}

module.exports = { DESCRIPTION, Description, FIRST, NUM_GLOBALS, NUM_SERVICE_SPECS, Section, join, split }
