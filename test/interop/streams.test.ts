/**
 * Streams between the phone and the Linux kernel, in both directions, over a wire that loses, delays, doubles and overtakes. What
 * comes back is compared octet for octet; Wireshark judges the rest. What takes its time (the end of a connection, a peer that does
 * not read) is begun by one test and looked at by a later one: the order of the tests matters.
 */
import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { after, afterEach, before, describe, test, type TestContext } from "node:test"
import { fileURLToPath } from "node:url"
import { listenAt, Peer } from "./peer.js"
import { HOST, type Lan, listening } from "./lan.js"
import { run, until } from "./process.js"
import { Dnsmasq } from "./servers/dnsmasq.js"
import { Site, type SiteOptions } from "./site.js"
import { type Weather, Wire, WIRE_PORT } from "./wire.js"

/** Seconds: none is renewed in this time. */
const TIMES = { lease: 3600, t1: 1800, t2: 3150 }
/** Milliseconds for any of these tests. */
const LIMIT = { timeout: 300_000 }

const ECHO_PORT = 7
const DISCARD_PORT = 9
const CHARGEN_PORT = 19
/** A port of the host at which the test itself listens. */
const TEST_PORT = 9007
/** Milliseconds for which the phone waits out the end of a connection that it has closed first. */
const TIME_WAIT = 10_000
/** Milliseconds of a wire on which two FINs cross. */
const CROSSING = 100
const ONE_WAY = 300_000
const VISITS = 500
/** Milliseconds for which a peer does not read. */
const PAUSE = 20_000
/** Bytes by which the heap may seem to have grown: the console and the housekeeping hold some for a moment. */
const HEAP_TOLERANCE = 1024
const COLLECTIONS = 4
const PROBE = fileURLToPath(new URL("../../bench/vm/heap-probe.cjs", import.meta.url))
/** The first of the ports from which socat connects, one for each run. */
const SOCAT_PORT = 30_000

/** A way in which the wire treats what is sent, and how much is sent then. */
interface Trial {
    what: string
    weather: Weather
    bytes: number
}
/** `BYTES` sends as much in each run. */
const bytes = (usual: number) => Number(process.env.BYTES ?? usual)
const LOSSES: Trial[] = [
    { what: "a wire that does no harm", weather: {}, bytes: bytes(1_000_000) },
    { what: "a wire that loses 2 %", weather: { loss: 2 }, bytes: bytes(300_000) },
    { what: "a wire that loses 10 %", weather: { loss: 10 }, bytes: bytes(50_000) },
]
/** No frame is lost: what is said only once, such as a DHCPRELEASE, may be said meanwhile. */
const DELAYS: Trial[] = [
    { what: "a wire of 40 ms", weather: { delay: 40 }, bytes: bytes(100_000) },
    { what: "a wire on which frames overtake others", weather: { delay: 5, jitter: 10 }, bytes: bytes(300_000) },
    { what: "a wire that doubles a fifth of the frames", weather: { dup: 20 }, bytes: bytes(300_000) },
]

/** A phone on the far end of a wire. */
class Bed {
    private constructor(
        readonly site: Site,
        readonly wire: Wire,
        /** The phone's common address. */
        readonly address: string
    ) {}

    static async start(options: SiteOptions): Promise<Bed> {
        let wire: Wire
        const lay = async (lan: Lan) => (wire = await Wire.lay(lan))
        const site = await Site.start(lan => new Dnsmasq(lan, TIMES, true), [], lay, { ...options, port: WIRE_PORT })
        return new Bed(site, wire!, (await site.common())!)
    }

    /** The wire does no harm to the next test; a phone that has stopped says why. */
    async afterEach(): Promise<void> {
        await this.wire.set({})
        if (this.site.phone.failure) throw this.site.phone.failure
    }

    /** How many segments were sent again, as Wireshark sees it: by the port of who has connected. */
    async retransmitted(): Promise<Map<number, { phone: number; host: number }>> {
        const filter = ["retransmission", "fast_retransmission", "spurious_retransmission"].map(kind => `tcp.analysis.${kind}`)
        const counts = new Map<number, { phone: number; host: number }>()
        for (const [source, from, to] of await this.site.capture.fields(filter.join(" || "), "ip.src", "tcp.srcport", "tcp.dstport")) {
            const port = Math.max(Number(from), Number(to))
            const count = counts.get(port) ?? { phone: 0, host: 0 }
            count[source === HOST ? "host" : "phone"]++
            counts.set(port, count)
        }
        return counts
    }
}

/** What the phone sends by order: see devs/streams. */
const pattern = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i % 251))

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1)

/** Tell how fast it was. */
function tell(t: TestContext, octets: number, began: number, more = ""): void {
    const took = performance.now() - began
    t.diagnostic(`${octets} bytes each way in ${seconds(took)} s, ${Math.round(octets / took)} KB/s${more}`)
}

describe("a phone that connects to the Linux kernel", () => {
    let bed: Bed
    before(async () => {
        bed = await Bed.start({ program: "streams" })
        // pieces that a pipe takes whole when it takes anything (pipe(7)): with larger ones socat waits for itself once the way back is slower
        const pieces = ["-b", "4096"]
        const echo = bed.site.lan.spawn("echo", "socat", [
            "-t",
            "60",
            ...pieces,
            `TCP-LISTEN:${ECHO_PORT},bind=${HOST},fork,reuseaddr`,
            "PIPE",
        ])
        await echo.ready("port", () => listening("tcp", ECHO_PORT))
    }, LIMIT)
    after(() => bed?.site.stop(), LIMIT)
    afterEach(() => bed.afterEach())

    /** The phone's port, and how many of its segments it sent again. */
    async function stream(octets: number, tuple: string): Promise<{ port: number; again: number }> {
        const { ok, text } = await bed.site.answer(`stream ${HOST}:${ECHO_PORT} --tuple ${tuple} --bytes ${octets}`)
        assert.ok(ok, text)
        const [, port] = /^connected: [0-9.]+:(\d+) to /m.exec(text)!
        const [, all, again] = /^(\d+) bytes sent and heard back in .* s, (\d+) segments retransmitted$/m.exec(text)!
        assert.equal(Number(all), octets)
        return { port: Number(port), again: Number(again) }
    }

    const clean: number[] = []
    const tryOver = ({ what, weather, bytes }: Trial) =>
        test(`hears back each of ${bytes} octets over ${what}`, LIMIT, async t => {
            await bed.wire.set(weather)
            const began = performance.now()
            const { port, again } = await stream(bytes, "common")
            tell(t, bytes, began, `, ${again} segments sent again`)
            if (Object.keys(weather).length === 0) clean.push(port)
        })
    LOSSES.forEach(tryOver)

    let released: Promise<unknown> | undefined
    test("has an address of its own for a stream", LIMIT, async t => {
        const began = performance.now()
        clean.push((await stream(100_000, "dhcp")).port)
        tell(t, 100_000, began)
        assert.equal((await bed.site.server.leases()).length, 2)
        // its end has to be waited out (RFC 9293, 3.6.1), beside the next tests
        released = until("the release", async () => (await bed.site.server.leases()).length === 1, 2 * TIME_WAIT)
        released.catch(() => {})
    })

    DELAYS.forEach(tryOver)

    test("learns that nobody listens at a port", LIMIT, async () => {
        const { ok, text } = await bed.site.answer(`stream ${HOST}:${TEST_PORT}`)
        assert.ok(!ok)
        assert.match(text, /ECONNREFUSED/)
    })

    test("learns that the other side has reset the connection", LIMIT, async () => {
        const server = await listenAt(HOST, TEST_PORT, ({ socket }) =>
            socket.on("data", chunk => {
                socket.write(chunk)
                if (socket.bytesRead > 20_000) socket.resetAndDestroy()
            })
        )
        const { ok, text } = await bed.site.answer(`stream ${HOST}:${TEST_PORT} --tuple common --bytes 100000`)
        server.close()
        assert.ok(!ok)
        assert.match(text, /ECONNRESET/)
    })

    test("learns that the other side says no more than half of it", LIMIT, async () => {
        const server = await listenAt(HOST, TEST_PORT, ({ socket }) =>
            socket.on("data", chunk => {
                if (socket.writableEnded) return
                socket.write(chunk)
                if (socket.bytesRead > 20_000) socket.end()
            })
        )
        const { ok, text } = await bed.site.answer(`stream ${HOST}:${TEST_PORT} --tuple common --bytes 40000`)
        server.close()
        assert.ok(!ok)
        assert.match(text, /the other side has ended the stream/)
    })

    test("connects 50 times in a row, and nothing is left", LIMIT, async t => {
        const began = performance.now()
        for (let i = 0; i < 50; i++) await stream(100, "common")
        t.diagnostic(`${Math.round((performance.now() - began) / 50)} ms for each`)
        assert.deepEqual(await bed.site.phone.query("netstat -j"), [])
    })

    test("has given the address of that stream back", LIMIT, async () => {
        assert.ok(released)
        await released
    })

    test("has sent nothing that Wireshark finds fault with", LIMIT, async t => {
        await bed.site.capture.stop()
        assert.deepEqual(await bed.site.capture.faults(), [])
        const counts = await bed.retransmitted()
        t.diagnostic(`sent again, by the phone's port and Wireshark: ${JSON.stringify([...counts])}`)
        for (const port of clean) assert.deepEqual(counts.get(port), undefined, `port ${port}`)
    })
})

/** What `servers` tells: see devs/streams. */
interface Servers {
    accepted: number
    ended: number
    discarded: number
    error: string
    sockets: number
    endpoints: number
    connections: number
}
/** Of `sockets`, `endpoints` and `connections`, with nothing but those that listen. */
const LISTENERS = 3
/** Of `connections`, at most. */
const TABLE = 8

/** Sockets that are made meanwhile have so much room for what is not read (tcp(7)). */
async function withRoom<T>(octets: number, work: () => Promise<T>): Promise<T> {
    const path = "/proc/sys/net/ipv4/tcp_rmem"
    const before = await readFile(path, "utf8")
    await writeFile(path, `4096 ${octets} ${octets}`)
    try {
        return await work()
    } finally {
        await writeFile(path, before)
    }
}

describe("a phone to which the Linux kernel connects", () => {
    let bed: Bed
    let collections = 0
    let live = 0
    before(async () => {
        bed = await Bed.start({ program: "stream-servers", preload: [PROBE] })
        bed.site.phone.on("log", line => {
            if (line.startsWith("heap: ")) ({ collections, live } = JSON.parse(line.slice("heap: ".length)))
        })
        await until("the servers", async () => (await servers()).connections === LISTENERS)
    }, LIMIT)
    after(() => bed?.site.stop(), LIMIT)
    afterEach(() => bed.afterEach())

    const servers = () => bed.site.phone.query<Servers>("servers")
    /** Wait until the phone has nothing but the sockets that listen. */
    const atRest = () =>
        until(
            "the end of the last connection",
            async () => {
                const { sockets, endpoints, connections } = await servers()
                return [sockets, endpoints, connections].every(n => n === LISTENERS)
            },
            TIME_WAIT + 10_000
        )

    /** What collections leave of the heap, at least, with nothing but the sockets that listen. Each answer of the console brings the next one nearer. */
    async function heap(): Promise<number> {
        await atRest()
        let least = Infinity
        // the first may have begun before
        for (let i = 0; i <= COLLECTIONS; i++) {
            const before = collections
            await until("a collection", async () => (await servers()) && collections > before)
            if (i > 0) least = Math.min(least, live)
        }
        return least
    }

    /** The whole life of a connection to a port. @returns what was heard */
    async function visit(port: number, say: string | Buffer): Promise<Buffer> {
        const peer = await Peer.connect(bed.address, port)
        if (port === CHARGEN_PORT) peer.socket.write(say)
        else peer.socket.end(say)
        const heard = await peer.end()
        peer.socket.end()
        await peer.over()
        return heard
    }

    /** Ports of connections of which something is expected in the capture. */
    const clean: number[] = []
    let stopped = 0
    let crossing = 0

    test("learns that the other side has reset the connection", LIMIT, async () => {
        const peer = await Peer.connect(bed.address, ECHO_PORT)
        peer.socket.write(randomBytes(100_000))
        await until("the first octets", () => peer.length > 10_000)
        peer.socket.resetAndDestroy()
        await until("the error", async () => (await servers()).error === "ECONNRESET")
        await atRest()
    })

    test("takes and gives 300000 octets one way alone", LIMIT, async t => {
        const { discarded } = await servers()
        let began = performance.now()
        await visit(DISCARD_PORT, randomBytes(ONE_WAY))
        t.diagnostic(`to the phone: ${Math.round(ONE_WAY / (performance.now() - began))} KB/s`)
        await until("all octets", async () => (await servers()).discarded === discarded + ONE_WAY)
        began = performance.now()
        const heard = await visit(CHARGEN_PORT, `${ONE_WAY}`)
        t.diagnostic(`from the phone: ${Math.round(ONE_WAY / (performance.now() - began))} KB/s`)
        assert.ok(heard.equals(pattern(ONE_WAY)))
    })

    test("has a full table after 20 connections beside another one, of those that wait out their end", LIMIT, async () => {
        const other = await Peer.connect(bed.address, ECHO_PORT)
        for (let i = 0; i < 20; i++) await visit(i % 2 === 0 ? ECHO_PORT : CHARGEN_PORT, "10")
        await until("a full table", async () => (await servers()).connections === TABLE)
        other.socket.end()
        await other.over()
    })

    test("closes a connection when both sides close it at once", LIMIT, async () => {
        // the two FINs cross on a long wire
        await bed.wire.set({ delay: CROSSING })
        const peer = await Peer.connect(bed.address, CHARGEN_PORT)
        peer.socket.write("100")
        setTimeout(() => peer.socket.end(), 1.5 * CROSSING)
        assert.ok((await peer.end()).equals(pattern(100)))
        await peer.over()
        crossing = peer.port
    })

    let socatPort = SOCAT_PORT
    const tryOver = ({ what, weather, bytes }: Trial) => {
        const port = socatPort++
        test(`sends back each of ${bytes} octets over ${what}`, LIMIT, async t => {
            const file = bed.site.lan.file("octets")
            await writeFile(file, randomBytes(bytes))
            await bed.wire.set(weather)
            const began = performance.now()
            const command = `socat -t 60 - TCP:${bed.address}:${ECHO_PORT},sourceport=${port},reuseaddr <"$0" | cmp - "$0"`
            await run("bash", ["-o", "pipefail", "-c", command, file], LIMIT.timeout)
            tell(t, bytes, began)
            if (Object.keys(weather).length === 0) clean.push(port)
        })
    }
    // socat closes these first, and nothing of them is waited out: those before are gone meanwhile
    LOSSES.forEach(tryOver)

    /** Bytes, before the connections that shall leave nothing: a full table and two sockets at once have made all that lasts. */
    let heapBefore = 0
    /** A peer that does not read, what it has sent, and since when. */
    let slow: Peer
    const sent = randomBytes(300_000)
    let silent = 0
    test("has had 500 connections in a row, half of them closed by itself first, beside a peer that does not read", LIMIT, async t => {
        heapBefore = await heap()
        slow = await withRoom(8192, () => Peer.connect(bed.address, ECHO_PORT))
        stopped = slow.port
        slow.socket.pause()
        silent = performance.now()
        slow.socket.end(sent)
        await until("its connection", async () => (await servers()).sockets === LISTENERS + 1)

        const { accepted } = await servers()
        const began = performance.now()
        for (let i = 0; i < VISITS / 2; i++) {
            const data = randomBytes(1 + (i % 100))
            assert.ok((await visit(ECHO_PORT, data)).equals(data), `visit ${i}`)
            assert.ok((await visit(CHARGEN_PORT, `${i}`)).equals(pattern(i)), `order ${i}`)
        }
        t.diagnostic(`${Math.round((performance.now() - began) / VISITS)} ms for each`)
        assert.equal((await servers()).accepted, accepted + VISITS)
    })

    DELAYS.forEach(tryOver)

    test("loses nothing of a peer that does not read for 20 s", LIMIT, async t => {
        await until("20 s", () => performance.now() - silent > PAUSE, PAUSE + 1000)
        assert.ok(slow.length < sent.length / 2, `${slow.length} octets were heard`)
        const began = performance.now()
        slow.socket.resume()
        assert.ok((await slow.end(30_000)).equals(sent))
        t.diagnostic(`silent for ${seconds(began - silent)} s; the rest came in ${seconds(performance.now() - began)} s`)
        await slow.over()
    })

    test("has nothing left of all these connections", LIMIT, async t => {
        const now = await heap()
        t.diagnostic(`heap before: ${heapBefore} bytes; after: ${now}`)
        assert.ok(now <= heapBefore + HEAP_TOLERANCE, `the heap has grown from ${heapBefore} to ${now} bytes`)
    })

    test("has sent nothing that Wireshark finds fault with", LIMIT, async t => {
        const { capture } = bed.site
        await capture.stop()
        assert.deepEqual(await capture.faults(), [])
        const counts = await bed.retransmitted()
        t.diagnostic(`sent again, by port: ${JSON.stringify([...counts])}`)
        for (const port of clean) assert.deepEqual(counts.get(port), undefined, `port ${port}`)

        // both windows were closed
        const closed = await capture.fields(`tcp.port == ${stopped} && tcp.window_size_value == 0 && tcp.flags.reset == 0`, "ip.src")
        assert.deepEqual([...new Set(closed.flat())].sort(), [HOST, bed.address].sort())
        // both FINs went before the other's came
        const fins = await capture.fields(`tcp.port == ${crossing} && tcp.flags.fin == 1`, "ip.src", "tcp.seq", "tcp.ack")
        assert.ok(fins.length >= 2, `${fins}`)
        const [one, other] = [fins.find(([from]) => from === HOST)!, fins.find(([from]) => from !== HOST)!]
        assert.ok(Number(one[2]) <= Number(other[1]) && Number(other[2]) <= Number(one[1]), `${fins}`)
    })
})
