/**
 * What a VM and the model of its Ethernet controller say to each other over a byte stream, in place of SPI and two
 * lines. A message is two bytes of length, most significant first, and so many bytes, of which the first says what it is.
 */

/** From the VM. Only the second one is answered. */
export const WRITE = 0
export const EXCHANGE = 1
export const RESET = 2
/** From the model. */
export const ANSWER = 1
export const INTERRUPT = 3

const LENGTH_BYTES = 2

export function encodeMessage(operation: number, data: Uint8Array): Buffer {
    const bytes = Buffer.allocUnsafe(LENGTH_BYTES + 1 + data.length)
    bytes.writeUInt16BE(1 + data.length, 0)
    bytes[LENGTH_BYTES] = operation
    bytes.set(data, LENGTH_BYTES + 1)
    return bytes
}

/** Puts messages together again from chunks of any size. */
export class MessageDecoder {
    private rest: Buffer = Buffer.alloc(0)

    /**
     * Takes the next chunk and gives each message it completes to `deliver`, until that returns false.
     * @returns false then, and when a message has no operation: the stream must be ended
     */
    push(chunk: Buffer, deliver: (operation: number, data: Buffer) => boolean): boolean {
        const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk
        let at = 0
        while (bytes.length - at >= LENGTH_BYTES) {
            const length = bytes.readUInt16BE(at)
            const start = at + LENGTH_BYTES
            if (length === 0) return false
            if (bytes.length - start < length) break
            at = start + length
            if (!deliver(bytes[start], bytes.subarray(start + 1, at))) return false
        }
        this.rest = bytes.subarray(at)
        return true
    }
}
