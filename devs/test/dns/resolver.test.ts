import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { DNS_ALIASES, DNS_CACHE, DNS_TIMEOUT } from "../../../src/base/config"
import { Counter, countOf } from "../../../src/base/counters"
import { configure } from "../../../src/dhcp/configuration"
import { TYPE_A, TYPE_SRV } from "../../../src/dns/message"
import { resolve } from "../../../src/dns/resolver"
import { DhcpReply } from "../../../src/wire/dhcp"
import { addressOf, formatAddress } from "../../../src/wire/address"
import { ASKED, answerTo, labels, record, serviceData } from "../support/dns"
import { BOARD, HOST, dhcp, icmp, udp } from "../support/lan"
import { codeOf, copyOf, get16, run } from "../support/support"
import { openSockets, phy, seen, startWorld, tidy } from "../support/world"

const CNAME = 5
const SECOND = addressOf(10, 77, 0, 2)

/** Have DHCP say this of the network. */
function network(options: Buffer): void {
    const f = dhcp(1, BOARD, options)
    configure(new DhcpReply(f, 42, f.length - 42), false)
}
const ONE_SERVER: Buffer = hex`0604 0a4d0001`
const TWO_SERVERS: Buffer = hex`0608 0a4d0001 0a4d0002`

/** A query that a server has seen. */
interface Query {
    message: Buffer
    server: number
    port: number
    /** The packet in which it was. */
    frame: Buffer
}

/** The queries since the test has begun, oldest first, and what is made of the next ones; by default nothing. */
let queries: Query[] = []
let onQuery: (q: Query) => void

/** An answer arrives. */
function say(q: Query, message: Buffer, source?: number, port?: number): void {
    phy.arrive(udp(source === undefined ? q.server : source, port === undefined ? 53 : port, BOARD, q.port, message))
}

function address(q: Query, last: number, ttl = 300): Buffer {
    const ip = hex`0a4d0000`.slice(0)
    ip[3] = last
    return answerTo(q.message, 1, record(ASKED, TYPE_A, ttl, ip))
}

async function serve() {
    while (true) {
        await ds.sleep(1)
        while (seen.length > 0) {
            const f = seen.shift()
            if (get16(f, 36) !== 53) continue
            const q: Query = { message: copyOf(f, 42), server: f.getAt(30, "i32"), port: get16(f, 34), frame: f }
            queries.push(q)
            if (onQuery) onQuery(q)
        }
    }
}

await startWorld()
serve.start()

let names = 0
/** A name that nobody has asked for yet. */
function another(): string {
    names++
    return `n${names}.example`
}

/** What a name resolves to. */
async function addresses(name: string): Promise<string> {
    return (await resolve(name, TYPE_A)).map((a: number) => formatAddress(a)).join(" ")
}

async function failure(name: string): Promise<string> {
    try {
        return await addresses(name)
    } catch (e) {
        const error = e as any
        return `${error.code}: ${error.message}`
    }
}

async function begin(): Promise<void> {
    await tidy()
    queries = []
    onQuery = undefined
    network(ONE_SERVER)
}

describe("a name", () => {
    beforeEach(begin)

    test("is asked for at the server that DHCP names, and its address is the answer", async () => {
        onQuery = q => say(q, address(q, 9))
        expect(await addresses("Phone.Example")).toBe("10.77.0.9")
        expect(queries.length).toBe(1)
        const q = queries[0]
        expect(q.server).toBe(HOST)
        expect(copyOf(q.message, 2).toString("hex")).toBe("01000001000000000000" + "0570686f6e65076578616d706c65000001" + "0001")
        expect(openSockets()).toBe(0)
    })

    test("of a service is told with hosts and ports, in the order of use", async () => {
        onQuery = q =>
            say(
                q,
                answerTo(
                    q.message,
                    2,
                    Buffer.concat(
                        record(ASKED, TYPE_SRV, 60, serviceData(20, 0, 5061, labels("b.example"))),
                        record(ASKED, TYPE_SRV, 60, serviceData(10, 0, 5060, labels("a.example")))
                    )
                )
            )
        const services = await resolve("_sip._udp.example", TYPE_SRV)
        expect(services.map((s: any) => `${s.target}:${s.port}`).join(" ")).toBe("a.example:5060 b.example:5061")
    })

    test("without a dot is in the domain that DHCP names", async () => {
        network(hex`0604 0a4d0001 0f03 6c616e`)
        onQuery = q => say(q, address(q, 9))
        await addresses("solo")
        expect(copyOf(queries[0].message, 12, 10).toString("hex")).toBe(copyOf(labels("solo.lan"), 0, 10).toString("hex"))
        // a dot at the end says that the name is complete (RFC 1123, 6.1.4.3)
        await addresses("solo.")
        expect(copyOf(queries[1].message, 12, 6).toString("hex")).toBe(copyOf(labels("solo"), 0, 6).toString("hex"))
        network(ONE_SERVER)
        await addresses("alone")
        expect(copyOf(queries[2].message, 12, 7).toString("hex")).toBe(copyOf(labels("alone"), 0, 7).toString("hex"))
    })

    test("that is an alias is followed, by new questions if need be", async () => {
        const first = another()
        onQuery = q => {
            if (queries.length === 1) say(q, answerTo(q.message, 1, record(ASKED, CNAME, 60, labels("real.example"))))
            else say(q, address(q, 4))
        }
        expect(await addresses(first)).toBe("10.77.0.4")
        expect(copyOf(queries[1].message, 12, 14).toString("hex")).toBe(labels("real.example").toString("hex"))
        // both are known now
        expect(await addresses(first)).toBe("10.77.0.4")
        expect(queries.length).toBe(2)
    })

    test("that is an alias of an alias, and so on, has an end", async () => {
        onQuery = q => say(q, answerTo(q.message, 1, record(ASKED, CNAME, 60, labels(another()))))
        expect(await codeOf(async () => await addresses(another()))).toBe("EAI_NONAME")
        expect(queries.length).toBe(DNS_ALIASES)
    })

    test("that is none is asked for nowhere", async () => {
        for (const name of ["a..b", "a b.c", ".a", "a.."]) expect((await failure(name)).slice(0, 11)).toBe("EAI_NONAME:")
        expect(queries.length).toBe(0)
        expect(openSockets()).toBe(0)
    })
})

describe("whose answer is believed (RFC 5452)", () => {
    beforeEach(begin)

    test("of the server that was asked, from its port, to ours, with our identifier, to our question", async () => {
        const bad = countOf(Counter.DnsBad)
        const foreign = countOf(Counter.UdpForeignPeer)
        onQuery = q => {
            const forged = address(q, 66)
            say(q, forged, addressOf(10, 77, 0, 3))
            say(q, forged, q.server, 5353)
            const id = copyOf(forged)
            id[1] ^= 1
            say(q, id)
            const question = copyOf(forged)
            question[14] ^= 1
            say(q, question)
            say(q, address(q, 9))
        }
        expect(await addresses(another())).toBe("10.77.0.9")
        expect(countOf(Counter.DnsBad) - bad).toBe(2)
        expect(countOf(Counter.UdpForeignPeer) - foreign).toBe(2)
        // not to another port of ours
        const noPort = countOf(Counter.UdpNoPort)
        onQuery = q => {
            phy.arrive(udp(q.server, 53, BOARD, q.port ^ 1, address(q, 66)))
            say(q, address(q, 9))
        }
        expect(await addresses(another())).toBe("10.77.0.9")
        expect(countOf(Counter.UdpNoPort) - noPort).toBe(1)
    })

    test("identifiers and ports are random", async () => {
        onQuery = q => say(q, address(q, 9))
        let ids = ""
        let ports = ""
        let steps = 0
        for (let i = 0; i < 20; i++) {
            await addresses(another())
            const q = queries[i]
            const id = ` ${get16(q.message, 0)} `
            const port = ` ${q.port} `
            expect(q.port >= 49152).toBe(true)
            if (ids.includes(id)) steps++
            if (ports.includes(port)) steps++
            if (i > 0) if (q.port === queries[i - 1].port + 1) steps++
            ids += id
            ports += port
        }
        // by chance one may come twice
        expect(steps < 2).toBe(true)
    })

    test("malformed ones and floods are counted, and the right one is still heard", async () => {
        const bad = countOf(Counter.DnsBad)
        onQuery = q => {
            const self = hex`c000`.slice(0)
            self[1] = q.message.length
            const loop = answerTo(q.message, 1, record(self, TYPE_A, 60, hex`0a4d0009`))
            say(q, Buffer.alloc(0))
            say(q, copyOf(q.message, 0, 1))
            say(q, loop)
        }
        const wait = async () => {
            for (let i = 0; i < 5; i++) {
                await ds.sleep(50)
                const q = queries[0]
                const wrong = address(q, 66)
                wrong[0] ^= 0x55
                for (let n = 0; n < 4; n++) say(q, wrong)
            }
            await ds.sleep(50)
            say(queries[0], address(queries[0], 9))
        }
        wait.start()
        expect(await addresses(another())).toBe("10.77.0.9")
        expect(countOf(Counter.DnsBad) - bad).toBe(23)
    })
})

describe("servers", () => {
    beforeEach(begin)

    test("are asked in turn, twice as long the second time; then nobody answers", async () => {
        network(TWO_SERVERS)
        const began = ds.millis()
        expect(await failure(another())).toBe("EAI_AGAIN: no DNS server answers; see lease -j")
        const took = ds.millis() - began
        expect(queries.map(q => (q.server === HOST ? "1" : "2")).join("")).toBe("1212")
        expect(took >= 6 * DNS_TIMEOUT).toBe(true)
        expect(took < 6 * DNS_TIMEOUT + 200).toBe(true)
        expect(openSockets()).toBe(0)
    })

    test("the second one serves when the first is silent", async () => {
        network(TWO_SERVERS)
        onQuery = q => {
            if (q.server === SECOND) say(q, address(q, 9))
        }
        expect(await addresses(another())).toBe("10.77.0.9")
        expect(queries.length).toBe(2)
        // with another identifier
        expect(get16(queries[0].message, 0) !== get16(queries[1].message, 0)).toBe(true)
    })

    test("the second one serves at once when the first fails, or has nobody on its port", async () => {
        network(TWO_SERVERS)
        onQuery = q => {
            if (q.server === SECOND) say(q, address(q, 9))
            else if (queries.length === 1) say(q, answerTo(q.message, 0, Buffer.alloc(0), 2))
            else phy.arrive(icmp(HOST, BOARD, Buffer.concat(hex`0303 0000 00000000`, copyOf(q.frame, 14, 28))))
        }
        const began = ds.millis()
        for (let i = 0; i < 2; i++) {
            queries = queries.slice(0, i)
            expect(await addresses(another())).toBe("10.77.0.9")
        }
        expect(ds.millis() - began < 200).toBe(true)
    })

    test("that have no such name are believed; that cannot say it are not asked for ever", async () => {
        network(TWO_SERVERS)
        onQuery = q => say(q, answerTo(q.message, 0, Buffer.alloc(0), 3))
        const name = another()
        expect(await failure(name)).toBe(`EAI_NONAME: there is no ${name}, or it has no such records`)
        expect(queries.length).toBe(1)
        onQuery = q => say(q, answerTo(q.message, 0, Buffer.alloc(0), 0))
        expect(await codeOf(async () => await addresses(another()))).toBe("EAI_NONAME")
        expect(queries.length).toBe(2)
        onQuery = q => say(q, answerTo(q.message, 0, Buffer.alloc(0), 5))
        expect(await failure(another())).toBe("EAI_AGAIN: the DNS server cannot say it (code 5)")
        expect(queries.length).toBe(6)
    })

    test("of which DHCP names none", async () => {
        network(hex`0f03 6c616e`)
        expect(await failure(another())).toBe("EAI_AGAIN: the network names no DNS server; give an address")
    })

    test("that no host can be are left out", async () => {
        network(hex`060c ffffffff 00000000 0a4d0001`)
        onQuery = q => {
            if (q.server === HOST) say(q, address(q, 9))
        }
        expect(await addresses(another())).toBe("10.77.0.9")
    })

    test("several fibers ask at once, each with a port of its own", async () => {
        onQuery = q => say(q, address(q, q.message[14] & 15))
        let done = 0
        const ask = async (n: number) => {
            expect(await addresses(`a${n}.example`)).toBe(`10.77.0.${n}`)
            done++
        }
        for (let n = 1; n < 6; n++) ask.start(n)
        for (let i = 0; i < 100 && done < 5; i++) await ds.sleep(10)
        expect(done).toBe(5)
        expect(openSockets()).toBe(0)
    })
})

describe("the cache", () => {
    beforeEach(begin)

    test("answers as long as the TTL says, and not for other names or types", async () => {
        onQuery = q => say(q, address(q, 9, 10))
        const name = another()
        for (let i = 0; i < 3; i++) expect(await addresses(name)).toBe("10.77.0.9")
        expect(queries.length).toBe(1)
        expect(await addresses(name.toUpperCase())).toBe("10.77.0.9")
        expect(queries.length).toBe(1)
        await addresses(another())
        expect(queries.length).toBe(2)
        expect(await codeOf(async () => await resolve(name, TYPE_SRV))).toBe("EAI_NONAME")
        expect(queries.length).toBe(3)
        await ds.sleep(9000)
        await addresses(name)
        expect(queries.length).toBe(3)
        await ds.sleep(1500)
        onQuery = q => say(q, address(q, 10, 10))
        expect(await addresses(name)).toBe("10.77.0.10")
        expect(queries.length).toBe(4)
    })

    test("keeps nothing with a TTL of 0, or with its highest bit set, and no failure", async () => {
        const name = another()
        let ttl = 0
        onQuery = q => say(q, address(q, 9, ttl))
        for (const seconds of [0, -1, -300]) {
            ttl = seconds
            await addresses(name)
        }
        expect(queries.length).toBe(3)
        onQuery = q => say(q, answerTo(q.message, 0, Buffer.alloc(0), 3))
        for (let i = 0; i < 2; i++) await failure(name)
        expect(queries.length).toBe(5)
        onQuery = q => say(q, answerTo(q.message, 0, Buffer.alloc(0), 0))
        for (let i = 0; i < 2; i++) await failure(name)
        expect(queries.length).toBe(7)
    })

    test("has room for a few: the oldest go, the others stay whole", async () => {
        onQuery = q => say(q, address(q, q.message[14] & 15, 3000))
        // 12 + 12 + 4 + 16 bytes and 10 of its own
        const room = Math.floor(DNS_CACHE / 54)
        const list: string[] = []
        for (let i = 0; i < room + 3; i++) list.push(`k${i % 10}${(i / 10) | 0}.examples`.slice(0, 10))
        for (const name of list) await addresses(name)
        const asked = queries.length
        expect(asked).toBe(room + 3)
        for (let i = list.length - 1; i >= 3; i--) expect(await addresses(list[i])).toBe(`10.77.0.${i % 10}`)
        expect(queries.length).toBe(asked)
        for (let i = 0; i < 3; i++) await addresses(list[i])
        expect(queries.length).toBe(asked + 3)
    })

    test("leaves out what is larger than it", async () => {
        let records: Buffer = record(ASKED, TYPE_A, 300, hex`0a4d0009`)
        for (let i = 1; i < 30; i++) records = Buffer.concat(records, record(ASKED, TYPE_A, 300, hex`0a4d0009`))
        onQuery = q => say(q, answerTo(q.message, 30, records))
        const name = another()
        expect((await resolve(name, TYPE_A)).length).toBe(30)
        await resolve(name, TYPE_A)
        expect(queries.length).toBe(2)
    })
})

await run()
