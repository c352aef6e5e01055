/** G.711 (ITU-T G.711 (11/88), tables 1 and 2): 8-bit logarithmic samples. Linear samples are 16-bit signed. */

/** RTP payload types (RFC 3551, table 4). */
export enum Codec {
    PCMU = 0,
    PCMA = 8,
}

const BIAS = 0x84
const CLIP = 32635

/** The segment of a magnitude: the position of its highest one above `low`, 0 to 7. */
function segmentOf(magnitude: number, low: number): number {
    let segment = 0
    while (segment < 7 && magnitude >= low << (segment + 1)) segment++
    return segment
}

export function encodeMulaw(sample: number): number {
    const sign = sample < 0 ? 0x80 : 0
    const magnitude = Math.min(sample < 0 ? -sample : sample, CLIP) + BIAS
    const segment = segmentOf(magnitude, 0x80)
    return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 15)) & 255
}

export function decodeMulaw(code: number): number {
    const c = ~code & 255
    const magnitude = ((((c & 15) << 3) + BIAS) << ((c >> 4) & 7)) - BIAS
    return (c & 0x80) !== 0 ? -magnitude : magnitude
}

export function encodeAlaw(sample: number): number {
    // the sign bit is set for positive values, and every other bit is inverted on the line
    const sign = sample < 0 ? 0 : 0x80
    const magnitude = Math.min(sample < 0 ? -sample - 1 : sample, 32767) >> 3
    const segment = segmentOf(magnitude, 0x10)
    const mantissa = segment < 2 ? magnitude >> 1 : magnitude >> segment
    return (sign | (segment << 4) | (mantissa & 15)) ^ 0x55
}

export function decodeAlaw(code: number): number {
    const c = code ^ 0x55
    const segment = (c >> 4) & 7
    const step = ((c & 15) << 4) + 8
    const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1)
    return (c & 0x80) !== 0 ? magnitude : -magnitude
}

/** One octet of silence. */
export function silenceOf(codec: Codec): number {
    return codec === Codec.PCMU ? 0xff : 0xd5
}

export function encode(codec: Codec, sample: number): number {
    return codec === Codec.PCMU ? encodeMulaw(sample) : encodeAlaw(sample)
}

let toAlaw: Buffer

/** The A-law octet for each mu-law octet, made at its first use. */
export function mulawToAlaw(): Buffer {
    if (!toAlaw) {
        toAlaw = Buffer.alloc(256)
        for (let i = 0; i < 256; i++) toAlaw[i] = encodeAlaw(decodeMulaw(i))
    }
    return toAlaw
}
