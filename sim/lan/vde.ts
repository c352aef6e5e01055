/**
 * Ethernet frames over a byte stream, as the plugs of Virtual Distributed Ethernet carry them: each frame is preceded
 * by its length in two bytes, most significant first.
 * @see vde_plug(1)
 */
import { ETHERNET_HEADER_BYTES, ETHERNET_MAX_BYTES } from "./ethernet.js"
import { PrefixedDecoder, encodePrefixed } from "./prefixed.js"

/** The bytes that carry one frame. */
export function encodeVde(frame: Buffer): Buffer {
    return encodePrefixed(frame)
}

/** Puts frames together again from chunks of any size. */
export class VdeDecoder {
    private readonly records = new PrefixedDecoder(length => length >= ETHERNET_HEADER_BYTES && length <= ETHERNET_MAX_BYTES)

    /**
     * Takes the next chunk and gives each frame it completes to `deliver`. False when a length cannot be one of an
     * Ethernet frame: the stream has lost its step and cannot find it again, so it must be ended.
     */
    push(chunk: Buffer, deliver: (frame: Buffer) => void): boolean {
        return this.records.push(chunk, frame => {
            deliver(frame)
            return true
        })
    }
}
