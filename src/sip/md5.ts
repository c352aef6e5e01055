/**
 * MD5, which the runtime does not have, for the digest of those who know no other (RFC 8760, 2.3).
 * Read first: RFC 1321, 3.
 */

/** The sines of 1 to 64 as integers (RFC 1321, 3.4); where in a block the word of each step is, and how far the step turns. */
const SINES: Buffer = hex`
    78a46ad7 56b7c7e8 db702024 eecebdc1 af0f7cf5 2ac68747 134630a8 019546fd
    d8988069 aff7448b b15bffff bed75c89 2211906b 937198fd 8e4379a6 2108b449
    62251ef6 40b340c0 515a5e26 aac7b6e9 5d102fd6 53144402 81e6a1d8 c8fbd3e7
    e6cde121 d60737c3 870dd5f4 ed145a45 05e9e3a9 f8a3effc d9026f67 8a4c2a8d
    4239faff 81f67187 22619d6d 0c38e5fd 44eabea4 a9cfde4b 604bbbf6 70bcbfbe
    c67e9b28 fa27a1ea 8530efd4 051d8804 39d0d4d9 e599dbe6 f87ca21f 6556acc4
    442229f4 97ff2a43 a72394ab 39a093fc c3595b65 92cc0c8f 7df4efff d15d8485
    4f7ea86f e0e62cfe 144301a3 a111084e 827e53f7 35f23abd bbd2d72a 91d386eb`
const WORDS: Buffer = hex`
    00 04 08 0c 10 14 18 1c 20 24 28 2c 30 34 38 3c
    04 18 2c 00 14 28 3c 10 24 38 0c 20 34 08 1c 30
    14 20 2c 38 04 10 1c 28 34 00 0c 18 24 30 3c 08
    00 1c 38 14 30 0c 28 04 20 3c 18 34 10 2c 08 24`
const TURNS: Buffer = hex`
    07 0c 11 16 07 0c 11 16 07 0c 11 16 07 0c 11 16
    05 09 0e 14 05 09 0e 14 05 09 0e 14 05 09 0e 14
    04 0b 10 17 04 0b 10 17 04 0b 10 17 04 0b 10 17
    06 0a 0f 15 06 0a 0f 15 06 0a 0f 15 06 0a 0f 15`

/** The registers at the beginning (3.3). */
const START: Buffer = hex`01234567 89abcdef fedcba98 76543210`

const BLOCK = 64

/** The digest of a text, 16 octets. A block of 64 octets takes some 7,000 steps of the VM, which has 131,072 between two waits. */
export function md5(text: string): Buffer {
    const n = text.byteLength
    const m = Buffer.alloc((n + 8 + BLOCK) & -BLOCK)
    m.blitAt(0, text, 0, n)
    m[n] = 0x80
    m.setAt(m.length - 8, "i32", n * 8)
    const state: Buffer = Buffer.from(START)
    for (let at = 0; at < m.length; at += BLOCK) {
        let a = state.getAt(0, "i32")
        let b = state.getAt(4, "i32")
        let c = state.getAt(8, "i32")
        let d = state.getAt(12, "i32")
        for (let i = 0; i < BLOCK; i++) {
            let f = c ^ (b | ~d)
            if (i < 16) f = d ^ (b & (c ^ d))
            else if (i < 32) f = c ^ (d & (b ^ c))
            else if (i < 48) f = b ^ c ^ d
            f += a + SINES.getAt(4 * i, "i32") + m.getAt(at + WORDS[i], "i32")
            const turn = TURNS[i]
            a = d
            d = c
            c = b
            b = (b + ((f << turn) | (f >>> (32 - turn)))) | 0
        }
        state.setAt(0, "i32", (a + state.getAt(0, "i32")) | 0)
        state.setAt(4, "i32", (b + state.getAt(4, "i32")) | 0)
        state.setAt(8, "i32", (c + state.getAt(8, "i32")) | 0)
        state.setAt(12, "i32", (d + state.getAt(12, "i32")) | 0)
    }
    return state
}
