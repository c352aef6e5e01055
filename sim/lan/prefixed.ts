/** Records over a byte stream: each is preceded by its length in two bytes, most significant first. */

const LENGTH_BYTES = 2

/** The bytes that carry one record, given in parts. */
export function encodePrefixed(...parts: Uint8Array[]): Buffer {
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt16BE(parts.reduce((sum, part) => sum + part.length, 0))
    return Buffer.concat([length, ...parts])
}

/** Puts records together again from chunks of any size. */
export class PrefixedDecoder {
    private rest: Buffer = Buffer.alloc(0)

    /** @param possible whether a record can have this length */
    constructor(private readonly possible: (length: number) => boolean) {}

    /**
     * Takes the next chunk and gives each record it completes to `deliver`, until that returns false.
     * @returns false then, and when a length is not possible: the stream has lost its step and must be ended
     */
    push(chunk: Buffer, deliver: (record: Buffer) => boolean): boolean {
        const data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk
        let offset = 0
        while (data.length - offset >= LENGTH_BYTES) {
            const length = data.readUInt16BE(offset)
            if (!this.possible(length)) return false
            const start = offset + LENGTH_BYTES
            if (data.length - start < length) break
            offset = start + length
            if (!deliver(data.subarray(start, offset))) return false
        }
        this.rest = data.subarray(offset)
        return true
    }
}
