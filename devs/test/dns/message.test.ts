import { beforeEach, describe, expect, test } from "@devicescript/test"
import { answerCode, answerLength, answerTtl, readAnswer, Service, TYPE_A, TYPE_SRV, writeQuery } from "../../../src/dns/message"
import { addressOf } from "../../../src/wire/address"
import { ASKED, answerTo, labels, record, serviceData } from "../support/dns"
import { breathe, copyOf, expectBytes, put16, run } from "../support/support"

const NAME = "phone.example.com"
const CNAME = 5
const ONE: Buffer = hex`0a4d0002`

/** 253 characters: 255 octets. */
let longest = ""
for (let i = 0; i < 3; i++) longest += "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk."
longest += "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"

function query(type = TYPE_A): Buffer {
    return writeQuery(NAME, type)
}

/** What the records say of `NAME`: its addresses, its services, or another name; `none`, or `bad`. */
function read(count: number, records: Buffer, type = TYPE_A): string {
    const asked = query(type)
    return say(readAnswer(answerTo(asked, count, records), asked), type)
}

function say(a: any, type: number): string {
    if (!a) return "bad"
    if (answerCode !== 0) return `code ${answerCode}`
    if (a.records.length === 0) return a.alias || "none"
    return a.records.map((r: any) => (type === TYPE_A ? `${(r >> 24) & 255}` : `${r.target}:${r.port}`)).join(" ")
}

describe("queries (RFC 1035, 4.1)", () => {
    test("are written as the RFC has them", () => {
        expectBytes(
            writeQuery("phone.example.com", TYPE_A),
            hex`0000 0100 0001 0000 0000 0000 0570686f6e65 076578616d706c65 03636f6d 00 0001 0001`
        )
        expectBytes(writeQuery("a", TYPE_SRV), hex`0000 0100 0001 0000 0000 0000 0161 00 0021 0001`)
    })

    test("of the longest name, and of labels of 63; and of none that is longer", async () => {
        expect(longest.length).toBe(253)
        expect(writeQuery(longest, TYPE_A).length).toBe(12 + 255 + 4)
        await breathe()
        expect(writeQuery(`a${longest}`, TYPE_A)).toBe(undefined)
        const label = longest.slice(0, 63)
        expect(writeQuery(label, TYPE_A).length).toBe(12 + 65 + 4)
        expect(writeQuery(`${label}x`, TYPE_A)).toBe(undefined)
    })

    test("of no name that is none", () => {
        for (const name of [".", "a..b", ".a", "a.", "a b", "a\tb", "bücher.example", "日本", "a\x7f"])
            expect(writeQuery(name, TYPE_A)).toBe(undefined)
        // a label as long as a pointer's octet, and far longer than a message
        let long = ""
        for (let i = 0; i < 40; i++) long += "0123456789"
        expect(writeQuery(long.slice(0, 192), TYPE_A)).toBe(undefined)
        expect(writeQuery(long, TYPE_A)).toBe(undefined)
    })
})

describe("answers", () => {
    beforeEach(breathe)

    test("an address", () => {
        const asked = query()
        const a = readAnswer(answerTo(asked, 1, record(ASKED, TYPE_A, 300, ONE)), asked)
        expect(a.records[0]).toBe(addressOf(10, 77, 0, 2))
        expect(a.alias).toBe(undefined)
        expect(answerTtl).toBe(300)
        expect(answerLength).toBe(asked.length + 16)
    })

    test("several addresses stay in the server's order, and hold as long as the shortest", () => {
        const three = Buffer.concat(
            record(ASKED, TYPE_A, 300, hex`0a4d0009`),
            record(ASKED, TYPE_A, 20, hex`0a4d0003`),
            record(ASKED, TYPE_A, 70, hex`0a4d0005`)
        )
        expect(read(3, three)).toBe("9 3 5")
        expect(answerTtl).toBe(20)
    })

    test("records of other names, types and sections are none of ours", () => {
        expect(read(1, record(labels("other.example.com"), TYPE_A, 9, ONE))).toBe("none")
        expect(read(1, record(ASKED, 28, 9, Buffer.alloc(16)))).toBe("none")
        // in the authority section, which the count does not count
        expect(read(0, record(ASKED, TYPE_A, 9, ONE))).toBe("none")
        expect(read(2, Buffer.concat(record(ASKED, 28, 9, Buffer.alloc(16)), record(ASKED, TYPE_A, 9, ONE)))).toBe("2")
    })

    test("an alias is followed to what it leads to (RFC 1034, 3.6.2)", () => {
        const chain = Buffer.concat(
            record(ASKED, CNAME, 50, labels("a.example.net")),
            record(labels("A.EXAMPLE.net"), CNAME, 40, labels("b.example.net")),
            record(labels("b.example.net"), TYPE_A, 60, ONE)
        )
        expect(read(3, chain)).toBe("2")
        expect(answerTtl).toBe(40)
        // an address of the alias itself is none
        expect(read(2, Buffer.concat(record(ASKED, CNAME, 50, labels("a.example.net")), record(ASKED, TYPE_A, 9, ONE)))).toBe(
            "a.example.net"
        )
    })

    test("an alias whose end is not there, or comes before it, is to be asked for", () => {
        expect(read(1, record(ASKED, CNAME, 50, labels("A.Example.net")))).toBe("a.example.net")
        const turned = Buffer.concat(record(labels("b.example.net"), TYPE_A, 60, ONE), record(ASKED, CNAME, 50, labels("b.example.net")))
        expect(read(2, turned)).toBe("b.example.net")
    })

    test("a circle of aliases ends", () => {
        const circle = Buffer.concat(record(ASKED, CNAME, 50, labels("a.example.net")), record(labels("a.example.net"), CNAME, 50, ASKED))
        expect(read(2, circle)).toBe("none")
        expect(read(1, record(ASKED, CNAME, 50, ASKED))).toBe("none")
    })

    test("services in the order of their priorities (RFC 2782)", () => {
        const services = Buffer.concat(
            record(ASKED, TYPE_SRV, 60, serviceData(20, 0, 5061, labels("c.example.com"))),
            record(ASKED, TYPE_SRV, 60, serviceData(65535, 0, 5062, labels("d.example.com"))),
            record(ASKED, TYPE_SRV, 60, serviceData(0, 65535, 5060, labels("A.example.com"))),
            record(ASKED, TYPE_SRV, 60, serviceData(10, 0, 5060, hex`0162 c012`))
        )
        expect(read(4, services, TYPE_SRV)).toBe("a.example.com:5060 b.example.com:5060 c.example.com:5061 d.example.com:5062")
    })

    test("services of one priority each come first as often as their weights have it", async () => {
        const asked = query(TYPE_SRV)
        const m = answerTo(
            asked,
            3,
            Buffer.concat(
                record(ASKED, TYPE_SRV, 60, serviceData(1, 30, 1, labels("a"))),
                record(ASKED, TYPE_SRV, 60, serviceData(1, 0, 2, labels("b"))),
                record(ASKED, TYPE_SRV, 60, serviceData(1, 10, 3, labels("c")))
            )
        )
        let a = 0
        let b = 0
        for (let i = 0; i < 400; i++) {
            const first: Service = readAnswer(m, asked).records[0]
            if (first.target === "a") a++
            if (first.target === "b") b++
            if ((i & 7) === 0) await breathe()
        }
        // 300 in the mean, with a deviation of 9
        expect(a > 255).toBe(true)
        expect(a < 345).toBe(true)
        expect(b < 10).toBe(true)
    })

    test("a service of which there is none says the root (RFC 2782)", () => {
        expect(read(1, record(ASKED, TYPE_SRV, 60, serviceData(0, 0, 0, hex`00`)), TYPE_SRV)).toBe("none")
    })

    test("codes, and a message that did not fit and says nothing", () => {
        const asked = query()
        for (const code of [1, 2, 3, 5, 15])
            expect(say(readAnswer(answerTo(asked, 0, Buffer.alloc(0), code), asked), TYPE_A)).toBe(`code ${code}`)
        const m = answerTo(asked, 0, Buffer.alloc(0))
        m[2] |= 2
        expect(say(readAnswer(m, asked), TYPE_A)).toBe("code 2")
        // what is there of one that did not fit is taken
        const some = answerTo(asked, 1, record(ASKED, TYPE_A, 60, ONE))
        some[2] |= 2
        expect(say(readAnswer(some, asked), TYPE_A)).toBe("2")
        // and is not kept
        expect(answerTtl).toBe(0)
    })

    test("a TTL with its highest bit is none (RFC 2181, 8)", () => {
        expect(read(1, record(ASKED, TYPE_A, -1, ONE))).toBe("2")
        expect(answerTtl <= 0).toBe(true)
    })
})

describe("what dnsmasq 2.90 says", () => {
    beforeEach(breathe)

    test("of an alias, of a service with its hosts' addresses beside, and of what there is not", async () => {
        const VOICE: Buffer = hex`0000 8580 0001 0002 0000 0000 05766f696365 076578616d706c65 03636f6d 00 0001 0001
            c00c 0005 0001 00000000 0012 0473697031 076578616d706c65 03636f6d 00 c02f 0001 0001 00000000 0004 c0000201`
        const asked = writeQuery("voice.example.com", TYPE_A)
        expect(readAnswer(VOICE, asked).records[0]).toBe(addressOf(192, 0, 2, 1))
        await breathe()
        const SIP: Buffer = hex`0000 8580 0001 0002 0000 0002 045f736970 045f756470 076578616d706c65 03636f6d 00 0021 0001
            c00c 0021 0001 00000000 0018 000a 0001 13c4 0473697031 076578616d706c65 03636f6d 00
            c00c 0021 0001 00000000 0018 0014 0005 13c6 0473697032 076578616d706c65 03636f6d 00
            c05d 0001 0001 00000000 0004 c0000202 c039 0001 0001 00000000 0004 c0000201`
        expect(say(readAnswer(SIP, writeQuery("_sip._udp.example.com", TYPE_SRV)), TYPE_SRV)).toBe(
            "sip1.example.com:5060 sip2.example.com:5062"
        )
        const NOBODY: Buffer = hex`0000 8183 0001 0000 0000 0000 066e6f626f6479 076578616d706c65 03636f6d 00 0001 0001`
        expect(say(readAnswer(NOBODY, writeQuery("nobody.example.com", TYPE_A)), TYPE_A)).toBe("code 3")
        const NOTHING: Buffer = hex`0000 8180 0001 0000 0000 0000 0473697031 076578616d706c65 03636f6d 00 0021 0001`
        expect(say(readAnswer(NOTHING, writeQuery("sip1.example.com", TYPE_SRV)), TYPE_SRV)).toBe("none")
    })
})

describe("what is no answer", () => {
    beforeEach(breathe)

    test("to another question: name, type, class, or cut off in it (RFC 5452, 9.1)", () => {
        const asked = query()
        const m = answerTo(asked, 1, record(ASKED, TYPE_A, 300, ONE))
        for (let i = 12; i < asked.length; i++) {
            m[i] ^= 1
            expect(say(readAnswer(m, asked), TYPE_A)).toBe("bad")
            m[i] ^= 1
        }
        for (let n = 0; n < asked.length; n++) expect(say(readAnswer(copyOf(m, 0, n), asked), TYPE_A)).toBe("bad")
        expect(say(readAnswer(m, asked), TYPE_A)).toBe("2")
    })

    test("a query, or another operation", () => {
        const asked = query()
        const m = answerTo(asked, 1, record(ASKED, TYPE_A, 300, ONE))
        for (const flags of [0x01, 0x89, 0xa1, 0xf9]) {
            m[2] = flags
            expect(say(readAnswer(m, asked), TYPE_A)).toBe("bad")
        }
    })

    test("cut off anywhere, or with more records than are there", async () => {
        const asked = query(TYPE_SRV)
        const m = answerTo(
            asked,
            2,
            Buffer.concat(
                record(ASKED, CNAME, 50, labels("a.example.net")),
                record(labels("a.example.net"), TYPE_SRV, 60, serviceData(0, 0, 5060, labels("b.example.net")))
            )
        )
        for (let n = asked.length; n < m.length; n++) {
            expect(say(readAnswer(copyOf(m, 0, n), asked), TYPE_SRV)).toBe("bad")
            await breathe()
        }
        for (const count of [3, 4, 255, 256, 65535]) {
            put16(m, 6, count)
            expect(say(readAnswer(m, asked), TYPE_SRV)).toBe("bad")
            await breathe()
        }
        put16(m, 6, 2)
        expect(say(readAnswer(m, asked), TYPE_SRV)).toBe("b.example.net:5060")
    })

    test("with data of another length than its type has", () => {
        for (const n of [0, 3, 5, 16]) expect(read(1, record(ASKED, TYPE_A, 60, Buffer.alloc(n)))).toBe("bad")
        for (const n of [0, 5, 6]) expect(read(1, record(ASKED, TYPE_SRV, 60, Buffer.alloc(n)), TYPE_SRV)).toBe("bad")
        expect(read(1, record(ASKED, TYPE_SRV, 60, Buffer.concat(serviceData(0, 0, 1, labels("a")), hex`00`)), TYPE_SRV)).toBe("bad")
        expect(read(1, record(ASKED, CNAME, 60, Buffer.alloc(0)))).toBe("bad")
        expect(read(1, record(ASKED, CNAME, 60, hex`0161 00 00`))).toBe("bad")
    })

    test("with a pointer to itself, forward, in a circle, or out of the message (RFC 1035, 4.1.4)", () => {
        // the first record is at offset 35
        const bad = [hex`c023`, hex`c024`, hex`c025`, hex`ffff`, hex`c1ff`, hex`0161 c023`, hex`0161 c025`]
        for (const owner of bad) expect(read(1, record(owner, TYPE_A, 60, ONE))).toBe("bad")
        // two that lead to one another, in the data of a record
        expect(read(1, record(ASKED, CNAME, 60, hex`c031 c02f`))).toBe("bad")
        // a pointer whose second octet is missing
        const asked = query()
        expect(say(readAnswer(Buffer.concat(answerTo(asked, 1, Buffer.alloc(0)), hex`c0`), asked), TYPE_A)).toBe("bad")
    })

    test("with labels that are none", () => {
        for (const owner of [hex`40`, hex`80`, hex`bf`, hex`7f`]) expect(read(1, record(owner, TYPE_A, 60, ONE))).toBe("bad")
        // characters that would go to a terminal
        for (const c of [0x00, 0x1b, 0x20, 0x7f, 0x80, 0xff]) {
            const target = labels("a.example.com")
            target[1] = c
            expect(read(1, record(ASKED, CNAME, 60, target))).toBe("bad")
        }
    })

    test("with a name of more than 255 octets", async () => {
        expect(read(1, record(ASKED, CNAME, 60, labels(longest)))).toBe(longest)
        await breathe()
        expect(read(1, record(ASKED, CNAME, 60, labels(`a${longest}`)))).toBe("bad")
        // by a pointer: 19 octets are there
        await breathe()
        expect(
            read(
                1,
                record(ASKED, CNAME, 60, Buffer.concat(copyOf(labels(longest), 0, 192), hex`3f`, copyOf(labels(longest), 1, 63), ASKED))
            )
        ).toBe("bad")
    })

    test("longer than UDP carries it (RFC 1035, 4.2.1)", () => {
        const asked = query()
        const m = answerTo(asked, 1, record(ASKED, TYPE_A, 300, ONE))
        expect(say(readAnswer(Buffer.concat(m, Buffer.alloc(512 - m.length)), asked), TYPE_A)).toBe("2")
        expect(say(readAnswer(Buffer.concat(m, Buffer.alloc(513 - m.length)), asked), TYPE_A)).toBe("bad")
    })

    test("that takes longest to read ends in one turn of the VM", async () => {
        const name = longest
        const asked = writeQuery(name, TYPE_A)
        // as many records as fit, each of the name that has most to read, and not quite it
        let records: Buffer = Buffer.concat(record(ASKED, 28, 60, Buffer.alloc(0)))
        let count = 1
        while (asked.length + records.length + 12 <= 512) {
            records = Buffer.concat(records, record(ASKED, 28, 60, Buffer.alloc(0)))
            count++
        }
        const m = answerTo(asked, count, records)
        await breathe()
        readAnswer(m, asked)
        await breathe()
        // pointers to pointers, each with a label
        const short = query()
        const chain = Buffer.alloc(512 - short.length)
        for (let i = 0; i + 4 <= chain.length; i += 4) {
            chain.blitAt(i, hex`0161`, 0, 2)
            put16(chain, i + 2, 0xc000 | (i === 0 ? 12 : short.length + i - 4))
        }
        const asked2 = answerTo(short, 60000, chain)
        await breathe()
        expect(say(readAnswer(asked2, short), TYPE_A)).toBe("bad")
    })

    test("at random: an answer, or none", async () => {
        const asked = query(TYPE_SRV)
        const sound = answerTo(
            asked,
            3,
            Buffer.concat(
                record(ASKED, CNAME, 50, labels("a.example.net")),
                record(labels("a.example.net"), TYPE_SRV, 60, serviceData(0, 0, 5060, hex`0162 c012`)),
                record(labels("a.example.net"), TYPE_SRV, 60, serviceData(0, 0, 5060, hex`0163 c012`))
            )
        )
        let seed = 4711
        const random = (below: number) => {
            seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
            return (seed >> 8) % below
        }
        let read = 0
        for (let round = 0; round < 3000; round++) {
            const m = copyOf(sound, 0, random(4) === 0 ? random(sound.length) : sound.length)
            for (let n = random(4); n >= 0; n--) {
                const at = random(8) === 0 ? random(12) : asked.length + random(m.length - asked.length > 0 ? m.length - asked.length : 1)
                if (at < m.length) m[at] = random(3) === 0 ? 0xc0 | random(4) : random(256)
            }
            if (readAnswer(m, asked)) read++
            if ((round & 3) === 0) await breathe()
        }
        expect(read > 100).toBe(true)
        expect(read < 2900).toBe(true)
    })
})

await run()
