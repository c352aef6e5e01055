/**
 * Two thousand lives of sockets with every kind of address, from eight fibers at once in random order, while the DHCP
 * server loses a tenth of the packets: nothing may be left of any of them. The program is devs/lives.
 */
import assert from "node:assert/strict"
import { after, before, describe, it, type TestContext } from "node:test"
import { fileURLToPath } from "node:url"
import { LAN } from "../../sim/lan/lan.js"
import { Rig, seededRandom, until } from "../support/rig.js"

/** Milliseconds, lest what hangs does so for ever. */
const LIMIT = { timeout: 600_000 }
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const LOSS = 0.1
/** Lives by the way in which the server gives addresses: with rapid commit, and in four messages, which needs longer. */
const RAPID = 1400
const FOUR_MESSAGES = 600
/** To have made, before the heap is measured, all that lasts. */
const FIRST = 100
/** A lease whose release is lost ends by itself. */
const LEASE_SECONDS = 20
/** Share of the lives that must be whole: of a leased one, about one in thirty has each of its retransmissions lost. */
const WHOLE = 0.9
/** What may end a life: no answer in time, a renewal that failed, a datagram sent back that a busy machine delays. */
const DOCUMENTED = ["EADDRNOTAVAIL", "ENETDOWN", "EAGAIN"]
/**
 * What the heap may seem to have grown, in bytes: what the console and the housekeeping hold for a moment is in its
 * figures. Half a byte for each life.
 */
const HEAP_TOLERANCE = 1024
const COLLECTIONS = 4
const PROBE = fileURLToPath(new URL("../../bench/vm/heap-probe.cjs", import.meta.url))

/** What `lives` tells: see `devs/lives/lives.ts`. */
interface Lives {
    ended: number
    whole: number
    echoes: number
    common: number
    static: number
    leased: number
    shared: number
    deferred: number
    inherited: number
    failed: Record<string, number>
    seconds: number
    left: Record<string, number>
}

/** Tables that are as empty as they can be: the common interface has its lease and its address. */
const NOTHING = { sockets: 0, datagrams: 0, interfaces: 1, leases: 1, endpoints: 0, addresses: 1 }

describe(`lives of sockets (SEED=${SEED})`, () => {
    let rig: Rig
    let collections = 0
    let live = 0
    let atFirst = 0

    before(async () => {
        rig = await Rig.start({ program: "lives", phy: "stream", leaseSeconds: LEASE_SECONDS, preload: [PROBE] })
        rig.phone.on("log", line => {
            if (line.startsWith("heap: ")) ({ collections, live } = JSON.parse(line.slice("heap: ".length)))
        })
        rig.lan.dhcp.random = seededRandom(SEED)
    })
    after(() => rig?.stop())

    async function lead(count: number, seed: number, t: TestContext): Promise<Lives> {
        const text = await rig.run(`lives ${count} ${seed}`)
        t.diagnostic(`SEED=${SEED}: ${text.trim().split("\n").at(-1)}`)
        const lives: Lives = JSON.parse(text.trim().split("\n").at(-1)!)
        assert.equal(lives.ended, count)
        assert.deepEqual(lives.left, NOTHING)
        return lives
    }

    /** Waits until all is at rest, and the server has back what was never released to it. */
    async function atRest(): Promise<void> {
        await until("the end of leases of which nobody knows", () => rig.leased().length === 1, (LEASE_SECONDS + 2) * 1000)
        await until("who does not answer is forgotten", async () => (await rig.json<{ mac: string | null }[]>("arp -j")).every(n => n.mac))
        await rig.idle()
        assert.deepEqual(
            (await rig.json<{ iface: string; state: string }[]>("lease -j")).map(l => l.iface),
            ["tp0"]
        )
        for (const n of await rig.json<{ address: string; iface: string }[]>("arp -j")) {
            assert.match(n.address, /^10\.77\.0\.[123]$/)
            assert.equal(n.iface, "tp0")
        }
    }

    /** What collections leave of the heap, at least. The console's device alone makes one necessary every few seconds. */
    async function heap(): Promise<number> {
        let least = Infinity
        // the first may have begun before all was at rest
        for (let i = 0; i <= COLLECTIONS; i++) {
            const before = collections
            await until("a collection", () => collections > before, 20_000)
            if (i > 0) least = Math.min(least, live)
        }
        return least
    }

    it("are whole while nothing is lost, and each lease is released", LIMIT, async t => {
        let ends = 0
        rig.lan.dhcp.on("lease", event => {
            if (event === "expired") ends++
        })
        // of several datagrams that wait for one neighbour all but the latest are lost (RFC 1122, 2.3.2.2)
        for (const { address } of [LAN.echo1, LAN.echo2]) await rig.run(`ping ${address} 1`)
        const { failed, whole } = await lead(FIRST, SEED, t)
        assert.deepEqual([whole, failed], [FIRST, {}])
        await until("the last release", () => rig.leased().length === 1)
        assert.equal(ends, 0)
        await atRest()
        atFirst = await heap()
    })

    for (const [count, rapid] of [
        [RAPID, true],
        [FOUR_MESSAGES, false],
    ] as const)
        it(`${count} with a server that loses a tenth, ${rapid ? "with" : "without"} rapid commit`, LIMIT, async t => {
            const { counters } = rig.lan.dhcp
            const before = { ...counters }
            rig.lan.dhcp.rapidCommit = rapid
            rig.lan.dhcp.loss = LOSS
            const { whole, echoes, failed, ...kinds } = await lead(count, SEED + (rapid ? 1 : 2), t)
            rig.lan.dhcp.loss = 0
            assert.ok(whole >= count * WHOLE, `${whole} of ${count} are whole`)
            for (const code of Object.keys(failed)) assert.ok(DOCUMENTED.includes(code), code)
            assert.equal(whole + Object.values(failed).reduce((a, b) => a + b, 0), count)
            // of each kind there were some
            for (const kind of ["common", "static", "leased", "shared", "deferred", "inherited"] as const)
                assert.ok(kinds[kind] >= count / 50, `${kinds[kind]} ${kind} ones`)
            assert.ok(kinds.leased >= count / 6 && echoes >= count / 6, `${kinds.leased} leased, ${echoes} sent back`)
            const lost = counters.lost - before.lost
            t.diagnostic(`${lost} packets were lost`)
            assert.ok(lost >= kinds.leased / 10, `${lost} packets were lost`)
            assert.equal(counters.offer > before.offer, !rapid)
        })

    it("leave nothing behind", LIMIT, async t => {
        await atRest()
        const now = await heap()
        t.diagnostic(`heap after ${FIRST} lives: ${atFirst} bytes; after ${RAPID + FOUR_MESSAGES} more: ${now}`)
        assert.ok(now <= atFirst + HEAP_TOLERANCE, `the heap has grown from ${atFirst} to ${now} bytes`)
        const { dhcpBad, phyTxFull, arpConflict } = await rig.stats()
        assert.deepEqual({ dhcpBad, phyTxFull, arpConflict }, { dhcpBad: 0, phyTxFull: 0, arpConflict: 0 })
    })
})
