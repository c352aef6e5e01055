/** Eight calls at once, the full house: with part of the heap held back for half a minute, and all placed in one moment. */
import assert from "node:assert/strict"
import { after, afterEach, before, beforeEach, describe, it } from "node:test"
import { BALLAST, Rig, sleep, until, type Seen, type Stats } from "../support/rig.js"

const CALLS = 8
const SECONDS = 30
const PTIME = 20
const FRAMES = (SECONDS * 1000) / PTIME
/** Frames that may be on their way while the phone is asked for its figures. */
const IN_FLIGHT = 10
const TARGETS = ["10.77.0.2:4000", "10.77.0.3:4000"]

function byAddress(datagrams: Seen[], key: (d: Seen) => string): Map<string, Seen[]> {
    const map = new Map<string, Seen[]>()
    for (const d of datagrams) {
        const list = map.get(key(d))
        if (list) list.push(d)
        else map.set(key(d), [d])
    }
    return map
}

/** How late each frame left, in milliseconds: the frame that was earliest tells when the clock would have it leave. */
function lateness(sent: Seen[]): number[] {
    const offsets = sent.map((d, i) => d.at - PTIME * i)
    const ideal = Math.min(...offsets)
    return offsets.map(offset => offset - ideal)
}

describe("eight calls at once", () => {
    let rig: Rig
    let before_: Stats

    before(async () => {
        rig = await Rig.start()
    })
    after(() => rig?.stop())
    beforeEach(async () => {
        before_ = await rig.stats()
    })
    afterEach(async () => {
        await rig.run("hangup all")
    })

    it(`lose no frame in ${SECONDS} seconds, with ${BALLAST} KB of the heap held back`, async t => {
        assert.equal(await rig.run(`ballast ${BALLAST} --whole`), `${BALLAST} KB held back\n`)
        const watch = rig.watch(d => d.sourcePort === 4000 || d.destinationPort === 4000)
        const reports = rig.watch(d => d.destinationPort === 4001)
        const addresses: string[] = []
        for (let i = 0; i < CALLS; i++) {
            const text = await rig.run(`call ${TARGETS[i % 2]} --play ${i % 4 < 2 ? "speech" : "tone"}`)
            addresses.push(/: ([\d.]+):5004 to /.exec(text)![1])
        }
        assert.deepEqual(new Set(rig.leased()), new Set([rig.address, ...addresses]))
        assert.equal(rig.leased().length, CALLS + 1)
        assert.deepEqual(new Set(rig.lan.dhcp.leases().map(l => l.mac)), new Set([rig.mac]))

        const sentBy = (address: string) => watch.seen.filter(d => d.ip.source === address).length
        await until(
            "all frames",
            async () => {
                await sleep(500)
                // rejects if the phone has stopped
                await rig.exec("")
                return addresses.every(a => sentBy(a) >= FRAMES)
            },
            (SECONDS + 15) * 1000
        )
        const up = await rig.calls()
        assert.equal(up.length, CALLS)
        for (const { id, state, txFrames, rxFrames, lost, skipped } of up) {
            assert.deepEqual([state, lost, skipped], ["up", 0, 0], `call ${id}`)
            assert.ok(txFrames >= FRAMES && txFrames - rxFrames <= IN_FLIGHT, `call ${id}: ${txFrames} sent, ${rxFrames} received`)
        }
        assert.equal(await rig.run("hangup all"), `${CALLS} calls have ended\n`)
        watch.stop()
        reports.stop()
        for (const { txFrames, rxFrames, lost } of await rig.calls()) assert.deepEqual([rxFrames, lost], [txFrames, 0])

        const sent = byAddress(watch.seen, d => d.ip.source)
        const returned = byAddress(watch.seen, d => d.ip.destination)
        for (const address of addresses) {
            const payloads = sent.get(address)!.map(d => d.payload)
            assert.deepEqual(
                returned.get(address)!.map(d => d.payload),
                payloads
            )
            const time = (payloads.at(-1)!.readUInt32BE(4) - payloads[0].readUInt32BE(4)) >>> 0
            assert.equal(time, 160 * (payloads.length - 1), "no time was left out")
        }
        const late = addresses.flatMap(a => lateness(sent.get(a)!)).sort((a, b) => a - b)
        const tooLate = late.filter(ms => ms > PTIME).length
        const at = (share: number) => late[Math.floor(share * (late.length - 1))].toFixed(1)
        t.diagnostic(
            `${late.length} frames, late by: median ${at(0.5)} ms, 99 % below ${at(0.99)} ms, worst ${at(1)} ms, ${tooLate} by more than ${PTIME} ms`
        )
        assert.equal(tooLate, 0)
        t.diagnostic(`jitter ${up.map(c => c.jitterMs).join(", ")} ms`)
        await rig.idle()
        const { udpTx, udpRx } = await rig.grown(before_)
        // reports, and each call's BYE, are not sent back
        assert.ok(reports.seen.length >= 4 * CALLS, `${reports.seen.length} reports`)
        assert.equal(udpTx, udpRx + reports.seen.length)
        assert.equal(udpRx, late.length)
        assert.deepEqual(await rig.drops(before_), {})
    })

    it("refuse a ninth, and go on", async () => {
        for (let i = 0; i < CALLS; i++) await rig.call(TARGETS[i % 2], "--play speech")
        const discovers = rig.lan.dhcp.counters.discover
        await rig.fails(`call ${TARGETS[0]}`, /8 calls are up/)
        assert.equal(rig.lan.dhcp.counters.discover, discovers, "an address was asked for in vain")
        assert.equal(rig.leased().length, CALLS + 1)
        const before = await rig.calls()
        await until("all eight go on", async () => {
            const now = await rig.calls()
            return before.filter(c => c.state === "up").every(b => now.find(c => c.id === b.id)!.rxFrames >= b.rxFrames + 10)
        })
        assert.equal(await rig.run("hangup all"), `${CALLS} calls have ended\n`)
        for (const { lost, error } of await rig.calls()) assert.deepEqual([lost, error], [0, null])
        await rig.idle()
    })

    it("can be placed in one moment, by eight commands that wait for their ends", async () => {
        await rig.run("ballast 0")
        const texts = await Promise.all(
            Array.from({ length: CALLS }, (_, i) => rig.run(`call ${TARGETS[i % 2]} --play speech --seconds 3`))
        )
        for (const text of texts) assert.match(text, /has ended: 150 frames sent, 150 received, 0 lost, /)
        assert.equal(new Set(texts.map(text => /is up: ([\d.]+):/.exec(text)![1])).size, CALLS)
        await rig.idle()
        assert.deepEqual(await rig.drops(before_), {})
    })

    it("leave a phone that works", () => rig.works())
})
