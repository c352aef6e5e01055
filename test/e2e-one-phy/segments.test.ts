/** Segments that are nearly right, and more of them than anybody sends, to a phone with servers: nothing is taken that must not be. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { Random } from "../../fuzz/random.js"
import { ETHERTYPE_IPV4, buildEthernet } from "../../sim/lan/ethernet.js"
import { PROTOCOL_TCP, buildIpv4, transportChecksum } from "../../sim/lan/ipv4.js"
import { ACK, FIN, PSH, RST, SYN, buildTcp, type ReceivedTcp, type TcpSegment } from "../../sim/lan/tcp.js"
import { Rig, until } from "../support/rig.js"
import { TcpPeer } from "../support/tcp-peer.js"

/** Many of them: `SEGMENTS=100000 npm test -- e2e-one-phy/segments`. */
const SEGMENTS = Number(process.env.SEGMENTS ?? 4000)
const SEED = Number(process.env.SEED ?? 1)
/** So many arrive at once: less than the phone lets wait. */
const AT_ONCE = 8
/** After so many it is seen whether the connection is as it was. */
const LOOK = 200
const ECHO = 7
const WINDOW = 1072
const LISTENERS = 3
/** A connection that a stranger has begun is forgotten after 15 s. */
const FORGOTTEN_MS = 16_000
const FLOOD_SECONDS = 3
const FLOOD_RATE = 1000
const FLOOD_TICK_MS = 4
const VOICE_PORT = 4000
const PTIME = 20
const PEER = "10.77.0.10"
const PEER_MAC = "02:00:5e:00:00:0a"

/** What `servers` tells. */
interface Servers {
    accepted: number
    ended: number
    error: string
    sockets: number
    connections: number
}

type Stats = Record<string, number>

describe(`segments to a phone with servers (SEED=${SEED})`, () => {
    const random = new Random(SEED)
    let rig: Rig
    let peer: TcpPeer

    before(async () => {
        rig = await Rig.start({ program: "stream-servers" })
        peer = new TcpPeer(rig.lan.switch, rig.address, ECHO)
    })
    after(async () => {
        await rig?.stop()
    })

    const say = (fields: Partial<TcpSegment>, damage = false) => void peer.send(fields, { mac: rig.mac, damage })
    const servers = async () => JSON.parse(await rig.run("servers")) as Servers

    /** The next segments with data. */
    async function hears(bytes: number): Promise<Buffer> {
        let data: Buffer = Buffer.alloc(0)
        await until(`${bytes} octets`, () => {
            const next = peer.take().filter((s: ReceivedTcp) => s.payload.length > 0)
            data = Buffer.concat([data, peer.hear(next)])
            return data.length >= bytes
        })
        return data
    }

    async function open(): Promise<void> {
        let answer: ReceivedTcp | undefined
        say({ flags: SYN, acknowledgment: 0 })
        await until("the connection", () => (answer = peer.take()[0]) !== undefined)
        assert.equal(answer!.flags, SYN | ACK)
        peer.sequence = (peer.sequence + 1) >>> 0
        peer.expected = (answer!.sequence + 1) >>> 0
        say({})
    }

    /** What is sent comes back: the connection is as it was. */
    async function echoes(): Promise<void> {
        await sleep(PTIME)
        peer.take()
        const payload = Buffer.from(Array.from({ length: 1 + random.below(100) }, () => random.below(256)))
        say({ payload, flags: ACK | PSH })
        peer.sequence = (peer.sequence + payload.length) >>> 0
        assert.deepEqual(await hears(payload.length), payload)
        say({})
    }

    /** The peer has said all, then the phone. */
    async function ends(): Promise<void> {
        peer.take()
        say({ flags: FIN | ACK })
        await until("the phone's FIN", () => peer.take().some(({ flags }) => flags & FIN))
        say({ sequence: (peer.sequence + 1) >>> 0, acknowledgment: (peer.expected + 1) >>> 0 })
        await until("no connection", async () => (await servers()).connections === LISTENERS)
    }

    /** A segment whose octets were changed afterwards, with a checksum that is right for them. */
    function sendRaw(change: (segment: Buffer) => Buffer): void {
        const { sequence, expected: acknowledgment, window, sourcePort, destinationPort } = peer
        const data = Buffer.from("never taken")
        const segment = change(
            buildTcp(PEER, rig.address, { sourcePort, destinationPort, sequence, acknowledgment, window, flags: ACK, payload: data })
        )
        if (segment.length >= 18) {
            segment.writeUInt16BE(0, 16)
            segment.writeUInt16BE(transportChecksum(PEER, rig.address, PROTOCOL_TCP, segment), 16)
        }
        const packet = buildIpv4({ source: PEER, destination: rig.address, protocol: PROTOCOL_TCP, payload: segment })
        rig.lan.switch.receive(
            buildEthernet({ destination: rig.mac, source: PEER_MAC, etherType: ETHERTYPE_IPV4, payload: packet }),
            peer.plug
        )
    }

    const anyFlags = () => random.below(64)
    const payload = () => Buffer.alloc(random.below(40), 0x2a)
    const after31 = (from: number, least: number) => (from + least + random.below(0x7fff0000 - least)) >>> 0

    /** Each kind sends one segment that must change nothing. @returns the counter of it, if there is one */
    const kinds: (() => string | undefined)[] = [
        () => {
            say({ payload: Buffer.from("damaged"), flags: anyFlags() }, true)
            return "tcpBadChecksum"
        },
        () => {
            sendRaw(s => {
                s[12] = (random.below(2) === 0 ? random.below(5) : 8 + random.below(8)) << 4
                return s
            })
            return "tcpBad"
        },
        () => {
            sendRaw(s => s.subarray(0, random.below(20)))
            return "tcpBad"
        },
        () => {
            sendRaw(s => {
                s.writeUInt16BE(0, 0)
                return s
            })
            return "tcpBad"
        },
        // beyond the window, and before it; whatever it says
        () => void say({ sequence: after31(peer.sequence, 2 * WINDOW), flags: anyFlags(), payload: payload() }),
        () => void say({ sequence: (peer.sequence - 100 - random.below(0x7ffe0000)) >>> 0, flags: anyFlags(), payload: payload() }),
        // within it, but not the next one
        () => void say({ sequence: (peer.sequence + 1 + random.below(WINDOW - 1)) >>> 0, flags: RST | (anyFlags() & ~SYN) }),
        () => void say({ sequence: (peer.sequence + random.below(WINDOW)) >>> 0, flags: SYN | (anyFlags() & ~RST), payload: payload() }),
        () => void say({ flags: anyFlags() & ~(RST | SYN | ACK), payload: payload() }),
        // of what was never sent, and of what is long forgotten
        () => void say({ acknowledgment: after31(peer.expected, 1), flags: ACK | (anyFlags() & ~(RST | SYN)), payload: payload() }),
        () =>
            void say({
                acknowledgment: (peer.expected - 0x10000 - random.below(0x7ffe0000)) >>> 0,
                flags: ACK | (anyFlags() & ~(RST | SYN)),
                payload: payload(),
            }),
        // of somebody else
        () =>
            void say({
                sourcePort: 1 + random.below(40000),
                destinationPort: random.below(65536),
                flags: anyFlags() & ~SYN,
                payload: payload(),
            }),
    ]

    it(`${SEGMENTS} of them change nothing, and leave nothing`, async () => {
        await open()
        await echoes()
        const earlier = await rig.json<Stats>("stats -j")
        const expected: Stats = { tcpBad: 0, tcpBadChecksum: 0 }
        for (let sent = 0; sent < SEGMENTS; sent++) {
            const counter = random.one(kinds)()
            if (counter) expected[counter]!++
            if (sent % AT_ONCE === AT_ONCE - 1) await sleep(1)
            if (sent % LOOK === LOOK - 1) await echoes()
        }
        await echoes()
        const later = await rig.json<Stats>("stats -j")
        for (const [name, n] of Object.entries(expected)) assert.equal(later[name]! - earlier[name]!, n, name)
        const { connections, sockets, accepted, ended, error } = await servers()
        assert.deepEqual([connections, sockets, accepted - ended, error], [LISTENERS + 1, LISTENERS + 1, 1, ""])
        assert.equal(later.internalErrors, 0)
        await ends()
    })

    it(`a flood of ${FLOOD_RATE} SYNs a second takes no frame of a call, and nothing of an open stream`, async t => {
        peer.sourcePort++
        await open()
        await echoes()
        const watch = rig.watch(d => d.destinationPort === VOICE_PORT)
        const call = await rig.call(`10.77.0.2:${VOICE_PORT}`, "--play speech")
        await until("the call is heard", async () => (await rig.callOf(call.id)).rxFrames >= 10)
        const { tcpNoRoom } = await rig.json<Stats>("stats -j")
        const [port, heard] = [peer.sourcePort, peer.onOther]
        peer.onOther = () => {}
        const began = performance.now()
        const seconds = () => (performance.now() - began) / 1000
        for (let sent = 0; sent < FLOOD_SECONDS * FLOOD_RATE; ) {
            for (; sent < seconds() * FLOOD_RATE; sent++) {
                say({ sourcePort: 1 + random.below(40000), sequence: random.below(0x7fffffff), flags: SYN, acknowledgment: 0 })
                if (sent % FLOOD_RATE === 0) await echoes()
            }
            await sleep(FLOOD_TICK_MS)
        }
        t.diagnostic(`${FLOOD_SECONDS * FLOOD_RATE} SYNs in ${seconds().toFixed(1)} s`)
        assert.equal(peer.sourcePort, port)
        await echoes()
        await rig.run("hangup all")
        watch.stop()
        const { lost, skipped, error, txFrames } = await rig.callOf(call.id)
        assert.deepEqual([lost, skipped, error], [0, 0, null])
        const gaps = watch.seen.slice(1).map((d, i) => Math.abs(d.at - watch.seen[i]!.at - PTIME))
        t.diagnostic(`${txFrames} frames sent, worst distance off by ${Math.max(...gaps).toFixed(1)} ms`)
        assert.ok(Math.max(...gaps) < PTIME, "a frame is so late that the next one catches up with it")
        assert.ok((await rig.json<Stats>("stats -j")).tcpNoRoom! > tcpNoRoom!, "SYNs for which there is no room")
        await echoes()
        await sleep(FORGOTTEN_MS)
        await echoes()
        await ends()
        peer.onOther = heard
    })
})
