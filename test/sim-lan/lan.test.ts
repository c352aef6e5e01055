/** The embedded LAN through real TCP clients: framing, switching, ARP, ICMP, UDP echo, DNS, capture. */
import assert from "node:assert/strict"
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer, connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, afterEach, beforeEach, describe, it } from "node:test"
import dnsPacket, { type RecordType } from "dns-packet"
import { arpRequest } from "../../sim/lan/arp.js"
import { BROADCAST_MAC, buildEthernet, parseEthernet } from "../../sim/lan/ethernet.js"
import { CODE_NET_UNREACHABLE, CODE_PORT_UNREACHABLE, ICMP_UNREACHABLE } from "../../sim/lan/icmp.js"
import { PROTOCOL_UDP, buildIpv4, type Ipv4Packet } from "../../sim/lan/ipv4.js"
import { EmbeddedLan, LAN } from "../../sim/lan/lan.js"
import { EthernetSwitch } from "../../sim/lan/switch.js"
import { buildUdp } from "../../sim/lan/udp.js"
import { VdeDecoder, encodeVde } from "../../sim/lan/vde.js"
import { TestDhcpClient } from "../support/dhcp-client.js"
import { EthernetClient, icmpOf, udpOf } from "../support/ethernet-client.js"

const MAC_A = "02:00:5e:00:00:0a"
const MAC_B = "02:00:5e:00:00:0b"
const MAC_C = "02:00:5e:00:00:0c"
const ADDRESS_A = "10.77.0.10"
const OTHER_NETWORK = "192.0.2.1"

/** A frame that nobody but the tests understands (EtherType for experiments, IEEE 802). */
function testFrame(destination: string, source: string, text: string): Buffer {
    return buildEthernet({ destination, source, etherType: 0x88b5, payload: Buffer.from(text) })
}

function seen(client: EthernetClient, frame: Buffer): boolean {
    return client.frames.some(received => received.equals(frame))
}

/** Resolves when the condition holds; rejects after 3 s. */
async function until(what: string, condition: () => boolean): Promise<void> {
    for (const end = Date.now() + 3000; !condition(); await new Promise(resolve => setTimeout(resolve, 2)))
        assert.ok(Date.now() < end, `timed out: ${what}`)
}

describe("embedded LAN", () => {
    let lan: EmbeddedLan
    let a: EthernetClient

    beforeEach(async () => {
        lan = await EmbeddedLan.start()
        a = await EthernetClient.connect(lan, MAC_A)
        a.addresses.add(ADDRESS_A)
    })
    afterEach(async () => {
        await a.close()
        await lan.stop()
    })

    describe("devices", () => {
        for (const { address, mac } of [LAN.router, LAN.echo1, LAN.echo2])
            it(`${address} answers ARP and ping`, async () => {
                assert.equal((await a.resolve(address, ADDRESS_A)).senderMac, mac)
                const reply = await a.ping(ADDRESS_A, address, Buffer.from("odd"))
                assert.equal(reply.payload.toString(), "odd")
                assert.ok(reply.checksumOk && reply.ip.headerChecksumOk)
            })

        it("answers an address probe although it has no sender address (RFC 5227 2.1.1)", async () => {
            const reply = await a.resolve(LAN.router.address)
            assert.equal(reply.targetAddress, "0.0.0.0")
            assert.equal(reply.targetMac, MAC_A)
        })

        for (const { address, mac } of [LAN.echo1, LAN.echo2])
            it(`${address} sends datagrams back`, async () => {
                const payload = Buffer.from("80000001000000a0deadbeef55", "hex")
                const echo = await a.exchange(a.udp(mac, ADDRESS_A, 49152, address, 4000, payload), "echo", udpOf)
                assert.deepEqual(echo.payload, payload)
                assert.deepEqual(
                    [echo.ip.source, echo.sourcePort, echo.ip.destination, echo.destinationPort],
                    [address, 4000, ADDRESS_A, 49152]
                )
                assert.ok(echo.checksum !== 0 && echo.checksumOk && echo.ip.headerChecksumOk)
            })

        it("takes datagrams without checksum and drops those with a wrong one (RFC 1122 4.1.3.4)", async () => {
            const fields = { source: ADDRESS_A, destination: LAN.echo1.address, protocol: PROTOCOL_UDP }
            const datagram = buildUdp(fields.source, 5000, fields.destination, 4000, Buffer.from("voice"))
            datagram.writeUInt16BE(datagram.readUInt16BE(6) ^ 1, 6)
            a.send(a.ipv4(LAN.echo1.mac, buildIpv4({ ...fields, payload: datagram })))
            await a.settle()
            assert.equal(lan.echoes[0].counters.badChecksum, 1)
            datagram.writeUInt16BE(0, 6)
            const echo = await a.exchange(a.ipv4(LAN.echo1.mac, buildIpv4({ ...fields, payload: datagram })), "echo", udpOf)
            assert.equal(echo.payload.toString(), "voice")
        })

        it("does not let the echo devices talk to each other for ever", async () => {
            const frame = a.udp(LAN.echo1.mac, LAN.echo2.address, 4000, LAN.echo1.address, 4000, Buffer.from("loop"))
            a.send(frame)
            await a.settle()
            const { frames } = lan.switch.counters
            await a.settle()
            assert.equal(lan.switch.counters.frames, frames + 2)
        })

        const quoted = (packet: Ipv4Packet) => Buffer.concat([packet.header, packet.payload.subarray(0, 8)])

        it("reports a closed port, quoting header and eight bytes (RFC 792)", async () => {
            const frame = a.udp(LAN.echo1.mac, ADDRESS_A, 5000, LAN.echo1.address, 4001, Buffer.from("anyone?"))
            const error = await a.exchange(frame, "port unreachable", icmpOf)
            assert.deepEqual([error.type, error.code, error.ip.source], [ICMP_UNREACHABLE, CODE_PORT_UNREACHABLE, LAN.echo1.address])
            assert.deepEqual(error.payload, quoted(udpOf(frame)!.ip))
            assert.ok(error.checksumOk)
        })

        it("reports no closed port for a broadcast (RFC 1122 3.2.2)", async () => {
            for (const address of ["10.77.0.255", "255.255.255.255"])
                a.send(a.udp(BROADCAST_MAC, ADDRESS_A, 5000, address, 4001, Buffer.from("all?")))
            await a.settle()
            assert.ok(!a.frames.some(icmpOf))
        })

        it("reports other networks as unreachable", async () => {
            const frame = a.udp(LAN.router.mac, ADDRESS_A, 5000, OTHER_NETWORK, 5060, Buffer.from("OPTIONS"))
            const error = await a.exchange(frame, "net unreachable", icmpOf)
            assert.deepEqual([error.type, error.code, error.ip.source], [ICMP_UNREACHABLE, CODE_NET_UNREACHABLE, LAN.router.address])
            assert.deepEqual(error.payload, quoted(udpOf(frame)!.ip))
        })
    })

    describe("DNS", () => {
        async function query(name: string, type: RecordType = "A") {
            const payload = dnsPacket.encode({ type: "query", id: 77, flags: dnsPacket.RECURSION_DESIRED, questions: [{ name, type }] })
            const frame = a.udp(LAN.router.mac, ADDRESS_A, 5353, LAN.router.address, 53, payload)
            const answer = dnsPacket.decode((await a.exchange(frame, "DNS answer", udpOf)).payload) as dnsPacket.DecodedPacket & {
                rcode: string
            }
            assert.equal(answer.id, 77)
            return { rcode: answer.rcode, data: answer.answers?.map(record => "data" in record && record.data) }
        }

        it("knows the devices by name, in any case", async () => {
            assert.deepEqual(await query("router.lan"), { rcode: "NOERROR", data: [LAN.router.address] })
            assert.deepEqual(await query("ECHO1.lan"), { rcode: "NOERROR", data: [LAN.echo1.address] })
            assert.deepEqual(await query("echo2.lan"), { rcode: "NOERROR", data: [LAN.echo2.address] })
        })
        it("follows an alias, and knows where a service is", async () => {
            assert.deepEqual(await query("Echo.lan"), { rcode: "NOERROR", data: ["echo1.lan", LAN.echo1.address] })
            assert.deepEqual(await query("echo.lan", "CNAME"), { rcode: "NOERROR", data: ["echo1.lan"] })
            const at = (target: string, priority: number) => ({ target, port: 4000, priority, weight: 0 })
            assert.deepEqual(await query("_echo._udp.lan", "SRV"), { rcode: "NOERROR", data: [at("echo1.lan", 0), at("echo2.lan", 1)] })
        })
        it("says NXDOMAIN for other names, and nothing of a known name's other records", async () => {
            assert.deepEqual(await query("echo3.lan"), { rcode: "NXDOMAIN", data: [] })
            assert.deepEqual(await query("echo1.lan", "AAAA"), { rcode: "NOERROR", data: [] })
        })
        it("says FORMERR for a question that is cut off", async () => {
            const payload = Buffer.from("00070100000100000000000009ff", "hex")
            const answer = await a.exchange(a.udp(LAN.router.mac, ADDRESS_A, 5353, LAN.router.address, 53, payload), "DNS answer", udpOf)
            assert.deepEqual([answer.payload.readUInt16BE(0), answer.payload[3] & 15], [7, 1])
        })
    })

    describe("switch", () => {
        let b: EthernetClient
        let c: EthernetClient
        beforeEach(async () => {
            b = await EthernetClient.connect(lan, MAC_B)
            c = await EthernetClient.connect(lan, MAC_C)
        })
        afterEach(() => Promise.all([b.close(), c.close()]))

        it("floods broadcasts and unknown addresses, never back", async () => {
            for (const destination of [BROADCAST_MAC, "01:00:5e:00:00:fb", "02:00:5e:00:00:99"]) {
                const frame = testFrame(destination, MAC_A, destination)
                a.send(frame)
                await until("flooded", () => seen(b, frame) && seen(c, frame))
                await a.settle()
                assert.ok(!seen(a, frame))
            }
        })

        it("sends to a learned address only there", async () => {
            const frame = testFrame(MAC_B, MAC_A, "for B")
            a.send(frame)
            await until("B has it", () => seen(b, frame))
            await c.settle()
            assert.ok(!seen(c, frame))
        })

        it("learns many addresses on one port, and keeps frames between them inside", async () => {
            a.send(testFrame(BROADCAST_MAC, MAC_A.replace("0a", "1a"), "second MAC"))
            const inside = testFrame(MAC_A.replace("0a", "1a"), MAC_A, "inside")
            a.send(inside)
            await a.settle()
            await b.settle()
            assert.equal(lan.switch.counters.filtered, 1)
            assert.ok(!seen(b, inside) && !seen(a, inside))
        })

        it("forgets the addresses of a port that is unplugged", async () => {
            await b.close()
            await until("unplugged", () => lan.clients.connected === 2)
            const frame = testFrame(MAC_B, MAC_A, "where is B?")
            a.send(frame)
            await until("flooded", () => seen(c, frame))
        })

        it("injects frames without learning from them", async () => {
            const frame = testFrame(BROADCAST_MAC, LAN.router.mac, "forged")
            lan.inject(frame)
            await until("all have it", () => [a, b, c].every(client => seen(client, frame)))
            await a.settle()
        })
    })

    describe("TCP ports", () => {
        it("put frames together from single bytes, and take many at once", async () => {
            const frame = arpRequest(MAC_A, ADDRESS_A, LAN.echo1.address)
            for (const byte of encodeVde(frame)) a.sendRaw(Buffer.from([byte]))
            a.sendRaw(Buffer.concat([encodeVde(frame), encodeVde(frame)]))
            await until("three replies", () => a.frames.filter(reply => parseEthernet(reply)?.source === LAN.echo1.mac).length === 3)
        })

        for (const length of [0, 13, 1519, 65535])
            it(`end the stream at an impossible length of ${length}`, async () => {
                a.sendRaw(Buffer.from([length >> 8, length & 255]))
                await a.closed
                await until("counted", () => lan.clients.badLength === 1 && lan.clients.connected === 0)
                const again = await EthernetClient.connect(lan, MAC_A)
                await again.close()
            })

        it("take frames of 14 and of 1518 bytes", async () => {
            const b = await EthernetClient.connect(lan, MAC_B)
            for (const text of ["", "x".repeat(1504)]) {
                const frame = testFrame(MAC_B, MAC_A, text)
                a.send(frame)
                await until("B has it", () => seen(b, frame))
            }
            await b.close()
        })

        it("break the stream when told to", async () => {
            lan.injectRaw(Buffer.from([0, 3]))
            await a.closed
        })

        it("end every connection when told to, and take new ones", async () => {
            lan.disconnectClients()
            await a.closed
            const again = await EthernetClient.connect(lan, MAC_A)
            await again.close()
        })

        it("drop frames for a client that does not read, instead of hoarding them", async () => {
            const slow = connect(lan.port, lan.host)
            await until("connected", () => lan.clients.connected === 2)
            slow.pause()
            const frame = testFrame(BROADCAST_MAC, MAC_A, "x".repeat(1490))
            for (let sent = 0; lan.clients.dropped === 0 && sent < 50_000; sent += 100) {
                for (let i = 0; i < 100; i++) a.send(frame)
                await a.settle()
            }
            assert.ok(lan.clients.dropped! > 0)
            slow.destroy()
        })
    })
})

describe("stop", () => {
    it("frees the port at once, with clients connected and leases running", async () => {
        const first = await EmbeddedLan.start()
        const station = await EthernetClient.connect(first, MAC_A)
        await TestDhcpClient.withIaid(station, 1).acquire()
        await first.stop()
        await station.closed
        const second = await EmbeddedLan.start({ port: first.port })
        assert.equal(second.port, first.port)
        await assert.rejects(EmbeddedLan.start({ port: first.port }), /^Error: port \d+ is in use: /)
        await second.stop()
        await second.stop()
    })
})

describe("VDE framing", () => {
    it("gives the same frames however the stream is cut", () => {
        const frames = [14, 60, 300, 1518].map(length => Buffer.alloc(length, length))
        const stream = Buffer.concat(frames.map(encodeVde))
        for (let size = 1; size <= stream.length; size += 7) {
            const decoder = new VdeDecoder()
            const received: Buffer[] = []
            for (let i = 0; i < stream.length; i += size)
                assert.ok(decoder.push(stream.subarray(i, i + size), frame => received.push(frame)))
            assert.deepEqual(received, frames)
        }
    })
})

describe("address table", () => {
    it("ages (IEEE 802.1D 7.9.2)", async () => {
        const received: string[] = []
        const table = new EthernetSwitch({ ageingMs: 5 })
        const [one, two] = ["one", "two", "three"].map(name => table.plug(name, () => received.push(name)))
        table.receive(testFrame(MAC_A, MAC_B, ""), two)
        table.receive(testFrame(MAC_B, MAC_A, ""), one)
        assert.deepEqual(received.splice(0), ["one", "three", "two"])
        await new Promise(resolve => setTimeout(resolve, 20))
        table.receive(testFrame(MAC_B, MAC_A, ""), one)
        assert.deepEqual(received, ["two", "three"])
    })
})

describe("capture", () => {
    const folder = mkdtempSync(join(tmpdir(), "lan-"))
    after(() => rmSync(folder, { recursive: true }))

    it("holds each frame once, and Wireshark finds no fault in them", async test => {
        const file = join(folder, "lan.pcap")
        const lan = await EmbeddedLan.start({ pcap: file })
        const frames: Buffer[] = []
        lan.on("frame", frame => frames.push(frame))
        const startedAt = Date.now()
        const station = await EthernetClient.connect(lan, MAC_A)
        const { yiaddr } = await TestDhcpClient.withIaid(station, 1).acquire()
        await station.ping(yiaddr, LAN.echo1.address, Buffer.from("ping"))
        await station.exchange(station.udp(LAN.echo1.mac, yiaddr, 5004, LAN.echo1.address, 4000, Buffer.from("echo")), "echo", udpOf)
        await station.exchange(station.udp(LAN.echo1.mac, yiaddr, 5004, LAN.echo1.address, 9, Buffer.from("odd")), "error", icmpOf)
        const query = dnsPacket.encode({ type: "query", questions: [{ name: "echo1.lan", type: "A" }] })
        await station.exchange(station.udp(LAN.router.mac, yiaddr, 5353, LAN.router.address, 53, query), "answer", udpOf)

        // read before the end: a killed program leaves a whole file as well
        const capture = readFileSync(file)
        let offset = 24
        for (const frame of frames) {
            const at = capture.readUInt32LE(offset) * 1000 + capture.readUInt32LE(offset + 4) / 1000
            assert.ok(at >= startedAt - 50 && at <= Date.now() + 50)
            assert.equal(capture.readUInt32LE(offset + 8), frame.length)
            assert.deepEqual(capture.subarray(offset + 16, offset + 16 + frame.length), frame)
            offset += 16 + frame.length
        }
        assert.equal(offset, capture.length)
        await station.close()
        await lan.stop()

        if (spawnSync("tshark", ["--version"]).error) return test.diagnostic("tshark is not installed: its check is left out")
        const checks = ["ip.check_checksum", "udp.check_checksum"].flatMap(name => ["-o", `${name}:TRUE`])
        const text = execFileSync("tshark", ["-r", file, "-V", ...checks], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
        assert.match(text, /Dynamic Host Configuration Protocol \(ACK\)/)
        assert.match(text, /Checksum Status: Good/)
        assert.doesNotMatch(text, /malformed|bad checksum|Checksum Status: Bad|incorrect, should be/i)
    })

    it("in a folder that is not there is one clear error", async () => {
        await assert.rejects(EmbeddedLan.start({ pcap: join(folder, "none", "x.pcap") }), /cannot write the capture file/)
    })
})

describe("program", () => {
    const program = ["--import", "tsx", "sim/lan/main.ts"]

    it("says where it listens and ends cleanly at Ctrl-C", async () => {
        const child = spawn(process.execPath, [...program, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] })
        let output = ""
        child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
        const ended = once(child, "exit")
        while (!/tcp:\/\/127\.0\.0\.1:\d+/.test(output)) await once(child.stdout, "data")
        const port = Number(/:(\d+) /.exec(output)![1])
        const station = await EthernetClient.connect({ host: "127.0.0.1", port }, MAC_A)
        const { yiaddr } = await TestDhcpClient.withIaid(station, 1).acquire()
        while (!output.includes(`${yiaddr} bound`)) await once(child.stdout, "data")
        child.kill("SIGINT")
        assert.deepEqual(await ended, [0, null])
        await station.close()
    })

    it("says in one line that its port is in use", async () => {
        const holder = createServer().listen(0, "127.0.0.1")
        await once(holder, "listening")
        const { port } = holder.address() as { port: number }
        const { status, stderr } = spawnSync(process.execPath, [...program, "--port", String(port)], { encoding: "utf8" })
        holder.close()
        assert.equal(status, 1)
        assert.match(stderr, new RegExp(`^error: port ${port} is in use: .*\n$`))
    })
})
