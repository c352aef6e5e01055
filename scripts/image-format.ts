/** What a `.devs` image looks like, as far as its size is concerned. @see DeviceScript's bytecode specification */

import { FIRST, Section, split } from "../compiler/image.cjs"

/**
 * Bytes that header, table of functions and bytecode may have together: the runtime's verifier refuses more (1051), since its
 * program counter has 16 bits. What lies behind them is limited by the simulator's flash alone.
 */
export const CODE_MOST = 65_535

const MAGIC = Buffer.from("446576530a6e29f1", "hex")

export interface Image {
    bytes: Buffer
    sections: Buffer[]
    /** Where the code ends: header, table of functions and bytecode are before it. */
    codeEnd: number
}

/** @throws if it is no image */
export function readImage(bytes: Buffer): Image {
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error("this is no DeviceScript image; build it again")
    const { sections } = split(bytes)
    return { bytes, sections, codeEnd: FIRST + sections[Section.Functions].length + sections[Section.FunctionData].length }
}

export interface Strings {
    /** Names of functions, properties, fields and the like; each with its end. */
    identifiers: Buffer[]
    /** What is there to be read by people. A text of one word looks like a name, and is counted as one. */
    texts: Buffer[]
    /** Literals of bytes. */
    buffers: Buffer[]
    /** Bytes of the tables that lead to them. */
    index: number
}

export function stringsOf({ sections }: Image): Strings {
    const data = sections[Section.StringData]
    const { [Section.AsciiStrings]: ascii, [Section.Utf8Strings]: utf8, [Section.Buffers]: pairs } = sections
    const strings: Buffer[] = []
    // a string ends with a zero; a long one, or one beyond ASCII, begins with its length
    for (let at = 0; at < ascii.length; at += 2) strings.push(terminated(data, ascii.readUInt16LE(at), 0))
    for (let at = 0; at < utf8.length; at += 4) {
        const start = utf8.readUInt32LE(at)
        const jumps = data.readUInt16LE(start + 2) >> 4
        strings.push(terminated(data, start, 4 + 2 * jumps))
    }
    const buffers: Buffer[] = []
    for (let at = 0; at < pairs.length; at += 8) {
        const start = pairs.readUInt32LE(at)
        buffers.push(data.subarray(start, start + pairs.readUInt32LE(at + 4)))
    }
    const isName = (b: Buffer) => /^[A-Za-z_$][\w$]*\0$/.test(b.toString("latin1"))
    return {
        identifiers: strings.filter(isName),
        texts: strings.filter(b => !isName(b)),
        buffers,
        index: ascii.length + utf8.length + pairs.length,
    }
}

function terminated(data: Buffer, start: number, header: number): Buffer {
    return data.subarray(start, data.indexOf(0, start + header) + 1)
}
