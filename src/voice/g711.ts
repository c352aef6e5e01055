/**
 * The codec G.711: 8-bit logarithmic samples, mu-law (PCMU) and A-law (PCMA). Linear samples are 16-bit signed.
 * The sources of voice need nothing but tables of it; what encodes and decodes is not in the image.
 * Read first: ITU-T G.711 (11/88), tables 1 and 2.
 */

/** RTP payload types (RFC 3551, table 4). */
export enum Codec {
    PCMU = 0,
    PCMA = 8,
}

const BIAS = 0x84
const CLIP = 32635

/** The segment of a magnitude, 0 to 7: how far its highest bit is above `low`. */
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
    if (codec === Codec.PCMU) return 0xff
    return 0xd5
}

export function encode(codec: Codec, sample: number): number {
    return codec === Codec.PCMU ? encodeMulaw(sample) : encodeAlaw(sample)
}

/** The A-law octet for each mu-law octet: `encodeAlaw(decodeMulaw(i))`. In flash, where a table takes neither code nor heap. */
export const MULAW_TO_ALAW: Buffer = hex`
    2a2b28292e2f2c2d22232021262724253a3b38393e3f3c3d32333031363734350b08090e0f0c0d02030001060704051a
    1b18191e1f1c1d12131011161714156b68696e6f6c6d62636061666764657b797e7f7c7d72737071767774754b494f4d
    42434041464744455a5b58595e5f5c5d525353505051515656575754545555d5aaaba8a9aeafacada2a3a0a1a6a7a4a5
    babbb8b9bebfbcbdb2b3b0b1b6b7b4b58b88898e8f8c8d82838081868784859a9b98999e9f9c9d9293909196979495eb
    e8e9eeefecede2e3e0e1e6e7e4e5fbf9fefffcfdf2f3f0f1f6f7f4f5cbc9cfcdc2c3c0c1c6c7c4c5dadbd8d9dedfdcdd
    d2d2d3d3d0d0d1d1d6d6d7d7d4d4d5d5
`
