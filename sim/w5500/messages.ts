/**
 * What a VM and the model of its Ethernet controller say to each other over a byte stream, in place of SPI and two
 * lines. A message is two bytes of length, most significant first, and so many bytes, of which the first says what it is.
 */
import { PrefixedDecoder, encodePrefixed } from "../lan/prefixed.js"

/** From the VM. Only the second one is answered. */
export const WRITE = 0
export const EXCHANGE = 1
export const RESET = 2
/** From the model. */
export const ANSWER = 1
export const INTERRUPT = 3

export function encodeMessage(operation: number, data: Uint8Array): Buffer {
    return encodePrefixed(Uint8Array.of(operation), data)
}

/** Puts messages together again from chunks of any size. */
export class MessageDecoder {
    private readonly records = new PrefixedDecoder(length => length > 0)

    /**
     * Takes the next chunk and gives each message it completes to `deliver`, until that returns false.
     * @returns false then, and when a message has no operation: the stream must be ended
     */
    push(chunk: Buffer, deliver: (operation: number, data: Buffer) => boolean): boolean {
        return this.records.push(chunk, record => deliver(record[0]!, record.subarray(1)))
    }
}
