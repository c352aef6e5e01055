/** The server names several routers: a call goes through the next one when the first does not answer (RFC 1122, 3.3.1.4 to 3.3.1.6). */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { DhcpOption, buildDhcp, parseDhcp } from "../../sim/lan/dhcp-message.js"
import { addressToBytes } from "../../sim/lan/ipv4.js"
import { Peer } from "../support/peer.js"
import { Rig, until, type Call } from "../support/rig.js"

const ROUTERS = ["10.77.0.5", "10.77.0.6"] as const
const MACS = ["02:00:5e:00:00:05", "02:00:5e:00:00:06"] as const
/** Off the link. */
const TARGET = "192.0.2.9:4000"
/** Milliseconds for which a neighbour is trusted (RFC 1122, 2.3.2.1), and in which it is given up then. */
const GONE = 60_000 + 10_000
/** Milliseconds for a call whose way is known. */
const AT_ONCE = 500
const FRAMES_PER_SECOND = 50

describe("a call of a lease with two routers", () => {
    let rig: Rig
    let routers: Peer[]

    before(async () => {
        rig = await Rig.start()
        routers = ROUTERS.map((address, i) => new Peer(rig, address, MACS[i]))
        rig.lan.dhcp.tamper = reply => {
            const message = parseDhcp(reply)!
            const named = Buffer.concat(ROUTERS.map(addressToBytes))
            return [buildDhcp({ ...message, options: new Map(message.options).set(DhcpOption.ROUTER, named) })]
        }
    })
    after(() => rig?.stop())
    afterEach(async () => {
        await rig.run("hangup all")
        await rig.idle()
        for (const router of routers) {
            router.answersArp = true
            router.echoes = true
            router.heard.length = 0
        }
    })

    function die(router: Peer): void {
        router.answersArp = false
        router.echoes = false
    }

    async function goesOn({ id }: Call, patience?: number): Promise<void> {
        const { rxFrames } = await rig.callOf(id)
        await until(
            "more voice",
            async () => {
                const now = await rig.callOf(id)
                assert.equal(now.state, "up", now.error ?? "")
                return now.rxFrames >= rxFrames + FRAMES_PER_SECOND
            },
            patience
        )
    }

    it("goes through the second one when the first is not there, with the first attempt", async t => {
        die(routers[0]!)
        const since = performance.now()
        const call = await rig.call(TARGET, "--play speech")
        t.diagnostic(`it is up after ${(performance.now() - since).toFixed(0)} ms`)
        await goesOn(call)
        assert.equal((await rig.callOf(call.id)).lost, 0)
        assert.deepEqual(
            routers.map(router => router.heard.length > 0),
            [false, true]
        )
        const gatewayOf = async ({ local }: Call) => (await rig.interfaces()).find(i => i.address === local!.split(":")[0])!.gateway
        assert.equal(await gatewayOf(call), ROUTERS[1])

        // the next call, and a renewal, begin with the one that answers
        const again = performance.now()
        const next = await rig.call(TARGET, "--play speech")
        assert.ok(performance.now() - again < AT_ONCE, `${performance.now() - again} ms`)
        const [{ name }] = (await rig.interfaces()).filter(i => i.address === next.local!.split(":")[0])
        const { ack } = rig.lan.dhcp.counters
        await rig.run(`lease renew ${name}`)
        await until("the renewal", () => rig.lan.dhcp.counters.ack > ack)
        await goesOn(next)
        assert.equal((await rig.callOf(next.id)).lost, 0)
        assert.equal(await gatewayOf(next), ROUTERS[1])
    })

    it("turns to the other one when the one in use dies, and does not end", async t => {
        const call = await rig.call(TARGET, "--play speech")
        await goesOn(call)
        const [used, other] = routers[0]!.heard.length > 0 ? routers : routers.slice().reverse()
        assert.equal(other!.heard.length, 0)
        die(used!)
        const died = performance.now()
        const before = (await rig.callOf(call.id)).rxFrames
        await until("voice by the other one", async () => (await rig.callOf(call.id)).rxFrames > before + FRAMES_PER_SECOND, GONE)
        t.diagnostic(`${((other!.heard[0]!.at - died) / 1000).toFixed(1)} s of silence`)
        await goesOn(call)
    })

    it("ends when neither answers, and so does the next one, which says why", async () => {
        const call = await rig.call(TARGET, "--play speech")
        await goesOn(call)
        for (const router of routers) die(router)
        const ended = async () => (await rig.callOf(call.id)).state === "ended"
        // what the second one was trusted for may not be over yet
        await until("the end of the call", ended, 2 * GONE)
        assert.match((await rig.callOf(call.id)).error!, /does not answer/)
        await rig.fails(`call ${TARGET}`, /EHOSTUNREACH/)
    })
})
