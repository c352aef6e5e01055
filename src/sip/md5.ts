/**
 * MD5, which the runtime does not have, for the digest of those who know no other (RFC 8760, 2.3).
 * Read first: RFC 1321, 3.
 */

/** The sines of 1 to 64 as integers (RFC 1321, 3.4), and how far each of the four rounds turns in its four steps. */
const SINES: Buffer = hex`
    78a46ad7 56b7c7e8 db702024 eecebdc1 af0f7cf5 2ac68747 134630a8 019546fd
    d8988069 aff7448b b15bffff bed75c89 2211906b 937198fd 8e4379a6 2108b449
    62251ef6 40b340c0 515a5e26 aac7b6e9 5d102fd6 53144402 81e6a1d8 c8fbd3e7
    e6cde121 d60737c3 870dd5f4 ed145a45 05e9e3a9 f8a3effc d9026f67 8a4c2a8d
    4239faff 81f67187 22619d6d 0c38e5fd 44eabea4 a9cfde4b 604bbbf6 70bcbfbe
    c67e9b28 fa27a1ea 8530efd4 051d8804 39d0d4d9 e599dbe6 f87ca21f 6556acc4
    442229f4 97ff2a43 a72394ab 39a093fc c3595b65 92cc0c8f 7df4efff d15d8485
    4f7ea86f e0e62cfe 144301a3 a111084e 827e53f7 35f23abd bbd2d72a 91d386eb`
const TURNS: Buffer = hex`07 0c 11 16 05 09 0e 14 04 0b 10 17 06 0a 0f 15`
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
    const state = Buffer.alloc(16)
    state.blitAt(0, START, 0, 16)
    for (let at = 0; at < m.length; at += BLOCK) addBlock(state, m, at)
    return state
}

function addBlock(state: Buffer, m: Buffer, at: number): void {
    let a = state.getAt(0, "i32")
    let b = state.getAt(4, "i32")
    let c = state.getAt(8, "i32")
    let d = state.getAt(12, "i32")
    for (let i = 0; i < BLOCK; i++) {
        const round = i >> 4
        let f = d ^ (b & (c ^ d))
        let word = i
        if (round === 1) {
            f = c ^ (d & (b ^ c))
            word = 5 * i + 1
        } else if (round === 2) {
            f = b ^ c ^ d
            word = 3 * i + 5
        } else if (round === 3) {
            f = c ^ (b | ~d)
            word = 7 * i
        }
        f = (f + a + SINES.getAt(4 * i, "i32") + m.getAt(at + 4 * (word & 15), "i32")) | 0
        const turn = TURNS[(round << 2) | (i & 3)]
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
