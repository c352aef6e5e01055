/**
 * Ethernet frames over a byte stream, as the plugs of Virtual Distributed Ethernet carry them: each frame is preceded
 * by its length in two bytes, most significant first.
 * @see vde_plug(1)
 */
import { ETHERNET_HEADER_BYTES, ETHERNET_MAX_BYTES } from "./ethernet.js"

const LENGTH_BYTES = 2

/** The bytes that carry one frame. */
export function encodeVde(frame: Buffer): Buffer {
    const bytes = Buffer.allocUnsafe(LENGTH_BYTES + frame.length)
    bytes.writeUInt16BE(frame.length, 0)
    frame.copy(bytes, LENGTH_BYTES)
    return bytes
}

/** Puts frames together again from chunks of any size. */
export class VdeDecoder {
    private rest: Buffer = Buffer.alloc(0)

    /**
     * Takes the next chunk and gives each frame it completes to `deliver`. False when a length cannot be one of an
     * Ethernet frame: the stream has lost its step and cannot find it again, so it must be ended.
     */
    push(chunk: Buffer, deliver: (frame: Buffer) => void): boolean {
        const data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk
        let offset = 0
        while (data.length - offset >= LENGTH_BYTES) {
            const length = data.readUInt16BE(offset)
            if (length < ETHERNET_HEADER_BYTES || length > ETHERNET_MAX_BYTES) return false
            const start = offset + LENGTH_BYTES
            if (data.length - start < length) break
            offset = start + length
            deliver(data.subarray(start, offset))
        }
        this.rest = data.subarray(offset)
        return true
    }
}
