import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Codec, MULAW_TO_ALAW, decodeAlaw, decodeMulaw, encode, encodeAlaw, encodeMulaw, silenceOf } from "../../../src/voice/g711"
import { breathe, run } from "../support/support"

// What ffmpeg 5.1 makes of the octets 0 to 255: 16-bit little-endian samples. They are the quantised values of
// ITU-T G.711, tables 1 and 2, times 4 (mu-law, 14 bits) and 8 (A-law, 13 bits).
const MULAW: Buffer = hex`
    84828486848a848e84928496849a849e84a284a684aa84ae84b284b684ba84be84c184c384c584c784c984cb84cd84cf84d1
    84d384d584d784d984db84dd84df04e104e204e304e404e504e604e704e804e904ea04eb04ec04ed04ee04ef04f0c4f044f1
    c4f144f2c4f244f3c4f344f4c4f444f5c4f544f6c4f644f7c4f744f8a4f8e4f824f964f9a4f9e4f924fa64faa4fae4fa24fb
    64fba4fbe4fb24fc64fc94fcb4fcd4fcf4fc14fd34fd54fd74fd94fdb4fdd4fdf4fd14fe34fe54fe74fe8cfe9cfeacfebcfe
    ccfedcfeecfefcfe0cff1cff2cff3cff4cff5cff6cff7cff88ff90ff98ffa0ffa8ffb0ffb8ffc0ffc8ffd0ffd8ffe0ffe8ff
    f0fff8ff00007c7d7c797c757c717c6d7c697c657c617c5d7c597c557c517c4d7c497c457c417c3e7c3c7c3a7c387c367c34
    7c327c307c2e7c2c7c2a7c287c267c247c227c20fc1efc1dfc1cfc1bfc1afc19fc18fc17fc16fc15fc14fc13fc12fc11fc10
    fc0f3c0fbc0e3c0ebc0d3c0dbc0c3c0cbc0b3c0bbc0a3c0abc093c09bc083c08bc075c071c07dc069c065c061c06dc059c05
    5c051c05dc049c045c041c04dc039c036c034c032c030c03ec02cc02ac028c026c024c022c020c02ec01cc01ac018c017401
    6401540144013401240114010401f400e400d400c400b400a400940084007800700068006000580050004800400038003000
    280020001800100008000000
`
const ALAW: Buffer = hex`
    80ea80eb80e880e980ee80ef80ec80ed80e280e380e080e180e680e780e480e540f5c0f540f4c0f440f7c0f740f6c0f640f1
    c0f140f0c0f040f3c0f340f2c0f200aa00ae00a200a600ba00be00b200b6008a008e00820086009a009e0092009600d500d7
    00d100d300dd00df00d900db00c500c700c100c300cd00cf00c900cba8feb8fe88fe98fee8fef8fec8fed8fe28fe38fe08fe
    18fe68fe78fe48fe58fea8ffb8ff88ff98ffe8fff8ffc8ffd8ff28ff38ff08ff18ff68ff78ff48ff58ffa0fae0fa20fa60fa
    a0fbe0fb20fb60fba0f8e0f820f860f8a0f9e0f920f960f950fd70fd10fd30fdd0fdf0fd90fdb0fd50fc70fc10fc30fcd0fc
    f0fc90fcb0fc80158014801780168011801080138012801d801c801f801e80198018801b801ac00a400ac00b400bc0084008
    c0094009c00e400ec00f400fc00c400cc00d400d00560052005e005a00460042004e004a00760072007e007a00660062006e
    006a002b0029002f002d0023002100270025003b0039003f003d003300310037003558014801780168011801080138012801
    d801c801f801e80198018801b801a80158004800780068001800080038002800d800c800f800e80098008800b800a8006005
    2005e005a00560042004e004a00460072007e007a00760062006e006a006b0029002f002d0023002100270025002b0039003
    f003d0033003100370035003
`

/**
 * Fail unless this encoder changes from one octet to the next at the decision values of G.711. Those follow from the
 * values: each is in the middle between the two decision values around it (tables 1 and 2, note on y).
 * @param values the 128 positive ones, rising
 * @param first the decision value between the first two
 * @returns the decision values
 */
async function decisions(table: Buffer, encoder: (sample: number) => number, values: number[], first: number): Promise<number[]> {
    const borders: number[] = []
    let x = first
    for (let n = 1; n < 128; n++) {
        borders.push(x)
        const value = (sample: number) => table.getAt(2 * encoder(sample), "i16")
        if (value(x - 1) !== values[n - 1] || value(x) !== values[n]) throw new Error(`border ${x}: ${value(x - 1)}, ${value(x)}`)
        // a tie may go either way below zero
        if (value(1 - x) !== -values[n - 1] || value(-1 - x) !== -values[n]) throw new Error(`border -${x}`)
        x = 2 * values[n] - x
        if ((n & 7) === 0) await breathe()
    }
    borders.push(x)
    return borders
}

/** The values of a table in rising order; each law's octets rise or fall within each half. */
function sorted(table: Buffer, codes: (i: number) => number): number[] {
    const values: number[] = []
    for (let i = 0; i < 128; i++) values.push(table.getAt(2 * codes(i), "i16"))
    for (let i = 1; i < 128; i++) if (values[i] <= values[i - 1]) throw new Error("the order of the octets is another")
    return values
}

describe("mu-law (ITU-T G.711, table 2)", () => {
    beforeEach(breathe)

    test("every octet decodes as ffmpeg decodes it", () => {
        for (let i = 0; i < 256; i++) if (decodeMulaw(i) !== MULAW.getAt(2 * i, "i16")) throw new Error(`${i}: ${decodeMulaw(i)}`)
    })

    test("every octet comes back, but the negative zero", async () => {
        for (let i = 0; i < 256; i++) {
            const back = encodeMulaw(decodeMulaw(i))
            if (back !== (i === 0x7f ? 0xff : i)) throw new Error(`${i} became ${back}`)
            if ((i & 63) === 0) await breathe()
        }
    })

    test("decision values", async () => {
        const x = await decisions(
            MULAW,
            encodeMulaw,
            sorted(MULAW, i => 255 - i),
            4
        )
        // 1, 31, 95, 223, 479, 991, 2015, 4063, 7903 and the limit 8159 of table 2, times 4
        const at = [0, 15, 31, 47, 63, 79, 95, 111, 126, 127]
        const known = [1, 31, 95, 223, 479, 991, 2015, 4063, 7903, 8159]
        for (let i = 0; i < at.length; i++) expect(x[at[i]]).toBe(4 * known[i])
    })

    test("the loudest samples are clipped", () => {
        expect(encodeMulaw(32767)).toBe(0x80)
        expect(encodeMulaw(32124)).toBe(0x80)
        expect(encodeMulaw(-32768)).toBe(0x00)
        expect(encodeMulaw(-32124)).toBe(0x00)
    })

    test("silence", () => {
        expect(silenceOf(Codec.PCMU)).toBe(0xff)
        expect(encode(Codec.PCMU, 0)).toBe(0xff)
    })
})

describe("A-law (ITU-T G.711, table 1)", () => {
    beforeEach(breathe)

    test("every octet decodes as ffmpeg decodes it", () => {
        for (let i = 0; i < 256; i++) if (decodeAlaw(i) !== ALAW.getAt(2 * i, "i16")) throw new Error(`${i}: ${decodeAlaw(i)}`)
    })

    test("every octet comes back", async () => {
        for (let i = 0; i < 256; i++) {
            if (encodeAlaw(decodeAlaw(i)) !== i) throw new Error(`${i} became ${encodeAlaw(decodeAlaw(i))}`)
            if ((i & 63) === 0) await breathe()
        }
    })

    test("decision values", async () => {
        const x = await decisions(
            ALAW,
            encodeAlaw,
            sorted(ALAW, i => (i | 0x80) ^ 0x55),
            16
        )
        // 2, 64, 128, 256, 512, 1024, 2048, 3968 and the limit 4096 of table 1, times 8
        const at = [0, 31, 47, 63, 79, 95, 111, 126, 127]
        const known = [2, 64, 128, 256, 512, 1024, 2048, 3968, 4096]
        for (let i = 0; i < at.length; i++) expect(x[at[i]]).toBe(8 * known[i])
    })

    test("the loudest samples are clipped", () => {
        expect(encodeAlaw(32767)).toBe(0xaa)
        expect(encodeAlaw(-32768)).toBe(0x2a)
    })

    test("silence", () => {
        expect(silenceOf(Codec.PCMA)).toBe(0xd5)
        expect(encode(Codec.PCMA, 0)).toBe(0xd5)
        expect(encode(Codec.PCMA, -1)).toBe(0x55)
    })
})

describe("mu-law to A-law", () => {
    test("is decoding and encoding", async () => {
        const table = MULAW_TO_ALAW
        expect(table.length).toBe(256)
        for (let i = 0; i < 256; i++) {
            // never further off than half a step of A-law's coarser neighbour
            const value = MULAW.getAt(2 * i, "i16")
            const step = Math.max(16, Math.abs(value) >> 4)
            if (Math.abs(ALAW.getAt(2 * table[i], "i16") - value) > step) throw new Error(`${i} became ${table[i]}`)
            if (table[i] !== encodeAlaw(decodeMulaw(i))) throw new Error(`${i} became ${table[i]}`)
            if ((i & 63) === 0) await breathe()
        }
    })
})

await run()
