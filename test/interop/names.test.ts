/** Names that dnsmasq knows, and datagrams that Linux sends in fragments, on a real Ethernet. */
import assert from "node:assert/strict"
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { after, before, describe, test } from "node:test"
import { firmware, lastJson } from "./firmware.js"
import { HOST, Lan } from "./lan.js"
import { Dnsmasq } from "./servers/dnsmasq.js"

/** Seconds: none is renewed in so short a time. */
const TIMES = { lease: 3600, t1: 1800, t2: 3150 }
/** Milliseconds for the firmware to boot, to do what it is told, and to stop. */
const PATIENCE = 60_000
const ZONE = [
    "--port=53",
    "--domain=example.com",
    "--local=/example.com/",
    `--host-record=host.example.com,${HOST}`,
    "--host-record=other.example.com,192.0.2.7",
    "--cname=voice.example.com,host.example.com",
    "--srv-host=_sip._udp.example.com,other.example.com,5062,20,5",
    "--srv-host=_sip._udp.example.com,host.example.com,5060,10,1",
]
const CLOSED_PORT = 9
/** Bytes of data in three fragments. */
const LONG = 4000

describe("on a LAN with dnsmasq", () => {
    let lan: Lan

    before(async () => {
        lan = await Lan.start()
        await new Dnsmasq(lan, TIMES, true, ZONE).start()
    })
    after(() => lan?.stop())

    test("names resolve: hosts, aliases, services, in the domain of the network, and ping takes them", async () => {
        const names = ["host.example.com", "voice.example.com", "VOICE", "_sip._udp.example.com"]
        const program = firmware(lan, ...names.map(name => `resolve ${name}`), "ping host 1")
        const { code } = await program.ended(PATIENCE)
        assert.equal(code, 0, program.output)
        for (const line of [
            `host.example.com: ${HOST}`,
            `voice.example.com: ${HOST}`,
            `VOICE: ${HOST}`,
            "_sip._udp.example.com: host.example.com:5060",
            "_sip._udp.example.com: other.example.com:5062",
            "1 sent, 1 answered",
        ])
            assert.ok(program.stdout.split("\n").includes(line), `${line} is not in\n${program.output}`)
    })

    test("a name that is none is said to be none", async () => {
        const program = firmware(lan, "resolve nobody.example.com")
        const { code } = await program.ended(PATIENCE)
        assert.equal(code, 1)
        assert.match(program.output, /error: EAI_NONAME: there is no nobody\.example\.com/)
    })

    test("a datagram of 4,000 bytes from Linux is put together: it hears that nobody has the port", async () => {
        const program = firmware(lan, "ifconfig -j", "sleep 4", "stats -j")
        const address = await program.ready("the address", () => /"address":"([\d.]+)"/.exec(program.stdout)?.[1], PATIENCE)
        const socket = createSocket("udp4")
        socket.connect(CLOSED_PORT, address)
        await once(socket, "connect")
        const refused = once(socket, "error")
        socket.send(Buffer.alloc(LONG, 0x55))
        const [error] = (await refused) as [NodeJS.ErrnoException]
        socket.close()
        assert.equal(error.code, "ECONNREFUSED")
        const { code } = await program.ended(PATIENCE)
        assert.equal(code, 0, program.output)
        const { ipReassembled, udpNoPort, ipFragment } = lastJson(program) as Record<string, number>
        assert.deepEqual([ipReassembled, udpNoPort, ipFragment], [1, 1, 0])
    })
})
