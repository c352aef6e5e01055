/** Names where an address may stand: `resolve`, `ping`, `call`; and what bad DNS servers and strangers do to a phone. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import dnsPacket, { type Answer } from "dns-packet"
import { DNS_PORT, address, alias, service } from "../../sim/lan/dns.js"
import { type UdpDatagram } from "../../sim/lan/host.js"
import { LAN } from "../../sim/lan/lan.js"
import { PHY, Rig, sleep, type Seen } from "../support/rig.js"

/** The clock of simulated time counts whole milliseconds. */
const NO_ANSWER_SECONDS = 5.99
/** On the simulated SPI bus, where each read is a round trip of milliseconds, no such flood gets through. */
const FORGED = PHY === "w5500" ? 40 : 400

describe("names", () => {
    let rig: Rig
    let zone: Answer[]

    before(async () => {
        rig = await Rig.start()
        zone = [...rig.lan.dns.zone]
    })
    after(() => rig?.stop())
    afterEach(() => {
        rig.lan.dns.enabled = true
        rig.lan.dns.zone = [...zone]
    })

    it("resolve to the addresses that the DNS server of the LAN knows, also in its domain", async () => {
        assert.equal(await rig.run("resolve echo1.lan"), "echo1.lan: 10.77.0.2\n")
        assert.equal(await rig.run("resolve ECHO2"), "ECHO2: 10.77.0.3\n")
        rig.lan.dns.zone.push(...["10.77.0.9", "10.77.0.8"].map(data => address("two.lan", data)))
        assert.equal(await rig.run("resolve two.lan"), "two.lan: 10.77.0.9\ntwo.lan: 10.77.0.8\n")
    })

    it("resolve through aliases, and those of a service to hosts and ports in their order", async () => {
        assert.equal(await rig.run("resolve echo.lan"), "echo.lan: 10.77.0.2\n")
        assert.equal(await rig.run("resolve _echo._udp.lan"), "_echo._udp.lan: echo1.lan:4000\n_echo._udp.lan: echo2.lan:4000\n")
        rig.lan.dns.zone.push(service("_sip._udp.lan", "b.lan", 5062, 20), service("_sip._udp.lan", "a.lan", 5060, 10, 1))
        assert.equal(await rig.run("resolve _sip._udp.lan"), "_sip._udp.lan: a.lan:5060\n_sip._udp.lan: b.lan:5062\n")
    })

    it("are remembered, those that are none are not", async () => {
        rig.lan.dns.zone.push(address("fresh.lan", "10.77.0.2"))
        const before = rig.lan.dns.answered
        for (let i = 0; i < 3; i++) await rig.run("resolve fresh.lan")
        assert.equal(rig.lan.dns.answered, before + 1)
        for (let i = 0; i < 2; i++)
            await rig.fails("resolve nobody.lan", /^error: EAI_NONAME: there is no nobody\.lan, or it has no such records$/m)
        assert.equal(rig.lan.dns.answered, before + 3)
    })

    it("may stand in ping", async () => {
        const text = await rig.run("ping echo1 2")
        assert.match(text, /^echo1: seq=1 time=\d+ ms\necho1: seq=2 time=\d+ ms\n2 sent, 2 answered\n$/)
        rig.lan.dns.zone.push(address("myself.lan", rig.address), address("all.lan", "10.77.0.255"))
        await rig.fails("ping myself.lan", /myself\.lan is this phone itself; name another; usage: ping /)
        await rig.fails("ping all.lan", /all\.lan is no single host; name another; usage: ping /)
    })

    it("may stand in call", async () => {
        assert.match(
            await rig.run("call echo2.lan:4000 --seconds 1"),
            /^call \d+ is up: [\d.]+:5004 to echo2\.lan:4000, pcmu, playing tone\ncall \d+ has ended: 50 frames sent, /
        )
        const [call] = (await rig.calls()).slice(-1)
        assert.deepEqual([call!.remote, call!.lost], ["10.77.0.3:4000", 0])
        rig.lan.dns.zone.push(alias("voice.lan", "echo1.lan"))
        await rig.works("voice.lan:4000")
    })

    it("say that no server answers, after each was asked twice", async () => {
        rig.lan.dns.enabled = false
        const watch = rig.watch(d => d.destinationPort === DNS_PORT)
        const began = performance.now()
        await rig.fails("resolve silent.lan", /^error: EAI_AGAIN: no DNS server answers; see lease -j$/m)
        const seconds = (performance.now() - began) / 1000
        watch.stop()
        assert.ok(seconds >= NO_ANSWER_SECONDS && seconds < NO_ANSWER_SECONDS + 1, `${seconds} s`)
        assert.equal(watch.seen.length, 2)
        await rig.fails("call silent.lan:4000", /^error: EAI_AGAIN: /)
        assert.deepEqual((await rig.sockets()).open, [])
    })

    /** The DNS server's answers in the hands of a test. */
    async function withServer(
        answer: (query: UdpDatagram, answers: (payload: Buffer, from?: Partial<Seen>) => void) => void,
        during: () => Promise<void>
    ) {
        const { udp } = rig.lan.router
        const usual = udp.get(DNS_PORT)!
        udp.set(DNS_PORT, query =>
            answer(query, (payload, { ip, sourcePort = DNS_PORT, destinationPort = query.sourcePort } = {}) =>
                rig.lan.inject(
                    rig.datagram(rig.address, destinationPort, payload, { source: ip?.source ?? LAN.router.address, sourcePort })
                )
            )
        )
        try {
            await during()
        } finally {
            udp.set(DNS_PORT, usual)
        }
    }

    const sound = (query: Buffer, data: string): Buffer => {
        const { id, questions = [] } = dnsPacket.decode(query)
        const { name } = questions[0]!
        return dnsPacket.encode({ type: "response", id, questions, answers: [{ type: "A", name, ttl: 0, data }] })
    }

    it("are not believed of strangers, wrong identifiers and other questions, during a call", () =>
        rig.duringCall(async () => {
            const before = await rig.stats()
            await withServer(
                ({ payload }, answers) => {
                    const forged = sound(payload, "10.77.0.66")
                    const otherId = Buffer.from(forged)
                    otherId[0] ^= 0x80
                    const otherQuestion = sound(
                        Buffer.concat([payload.subarray(0, 13), Buffer.from("x"), payload.subarray(14)]),
                        "10.77.0.66"
                    )
                    answers(forged, { ip: { source: LAN.echo2.address } as Seen["ip"] })
                    answers(forged, { sourcePort: 5353 })
                    answers(otherId)
                    answers(otherQuestion)
                    answers(sound(payload, "10.77.0.9"))
                },
                async () => assert.equal(await rig.run("resolve believed.lan"), "believed.lan: 10.77.0.9\n")
            )
            assert.deepEqual(await rig.drops(before), { udpForeignPeer: 2, dnsBad: 2 })
        }))

    it("cost a call no frame while a stranger guesses ports and identifiers", () =>
        rig.duringCall(async () => {
            rig.lan.dns.enabled = false
            const resolving = rig.exec("resolve guessed.lan")
            for (let i = 0; i < FORGED; i++) {
                const payload = dnsPacket.encode({
                    type: "response",
                    id: i,
                    questions: [{ type: "A", name: "guessed.lan" }],
                    answers: [{ type: "A", name: "guessed.lan", ttl: 9, data: "10.77.0.66" }],
                })
                rig.lan.inject(rig.datagram(rig.address, 49152 + i * 37, payload, { source: LAN.router.address, sourcePort: DNS_PORT }))
                if (i % 10 === 9) await sleep(10)
            }
            assert.match((await resolving).text, /EAI_AGAIN/)
        }))

    it("that are malformed in any way are counted, and then nobody has answered", async () => {
        const header = (payload: Buffer, answers: number, flags = 0x8180) => {
            const b = Buffer.from(payload)
            b.writeUInt16BE(flags, 2)
            b.writeUInt16BE(answers, 6)
            return b
        }
        const record = Buffer.from("c00c00010001000000090004" + "0a4d0042", "hex")
        const pointer = (to: number) => Buffer.from([0xc0 | (to >> 8), to & 255])
        const bad: ((query: Buffer) => Buffer)[] = [
            () => Buffer.alloc(0),
            query => query.subarray(0, 11),
            query => query,
            query => header(query, 1),
            query => Buffer.concat([header(query, 2), record]),
            query => Buffer.concat([header(query, 65535), record]),
            query => Buffer.concat([header(query, 1), record.subarray(0, 15)]),
            // a name that leads to itself, forward, and in a circle
            query => Buffer.concat([header(query, 1), pointer(query.length), record.subarray(2)]),
            query => Buffer.concat([header(query, 1), pointer(query.length + 2), record.subarray(2)]),
            query => Buffer.concat([header(query, 1), Buffer.from("0161", "hex"), pointer(query.length), record.subarray(2)]),
            // a name of more than 255 octets, and a label of more than 63
            query =>
                Buffer.concat([
                    header(query, 1),
                    ...Array(5).fill(Buffer.from([63, ...Array(63).fill(97)])),
                    Buffer.alloc(1),
                    record.subarray(2),
                ]),
            query => Buffer.concat([header(query, 1), Buffer.from([64, ...Array(64).fill(97), 0]), record.subarray(2)]),
            query => Buffer.concat([header(query, 1), record, Buffer.alloc(600)]),
        ]
        for (const make of bad) {
            const before = await rig.stats()
            await withServer(
                ({ payload }, answers) => answers(make(payload)),
                async () => void (await rig.fails("resolve broken.lan", /EAI_AGAIN: no DNS server answers/))
            )
            assert.deepEqual(await rig.drops(before), { dnsBad: 2 }, make.toString())
        }
        await rig.works()
    })
})
