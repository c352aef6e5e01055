/**
 * A call that is heard goes on, whatever others say of its other side: that is a hint and no proof (RFC 1122, 3.2.2.1 and 3.3.1.4).
 * One that hears nothing ends, and says why.
 */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { DhcpOption, buildDhcp, parseDhcp } from "../../sim/lan/dhcp-message.js"
import { CODE_PORT_UNREACHABLE, CODE_PROTOCOL_UNREACHABLE } from "../../sim/lan/icmp.js"
import { addressToBytes } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { Peer } from "../support/peer.js"
import { Rig, sleep, until, type Call } from "../support/rig.js"

const ON_LINK = "10.77.0.5"
/** Off the link. */
const AFAR = "192.0.2.9"
const PORT = 4000
/** Milliseconds for which a neighbour is trusted (RFC 1122, 2.3.2.1), with something for the look after it. */
const REACHABLE = 65_000
const ARP_INTERVAL = 1000
/** ARP requests without an answer for which a neighbour that is not heard is gone. */
const ARP_ATTEMPTS = 3
/** Milliseconds for which a peer that was heard is there. */
const HEARD = 3000
/** ARP requests without an answer, a second each, that a call must outlive here. */
const UNANSWERED = 15
/** A frame that is just being sent may hold up the next. */
const PTIME = 20
/** What a look at the phone may add to a time, in milliseconds. */
const LATE = 500

describe("a call whose other side", () => {
    let rig: Rig
    let peer: Peer

    before(async () => {
        rig = await Rig.start()
        peer = new Peer(rig, ON_LINK)
        // it is the router of all leases but the common one
        rig.lan.dhcp.tamper = reply => {
            const message = parseDhcp(reply)!
            return [buildDhcp({ ...message, options: new Map(message.options).set(DhcpOption.ROUTER, addressToBytes(ON_LINK)) })]
        }
    })
    after(() => rig?.stop())
    afterEach(async () => {
        await rig.run("hangup all")
        await rig.idle()
        peer.answersArp = true
        peer.echoes = true
    })

    /** Places a call to the peer, or to a host behind it; with `silence` to one that says nothing. */
    async function callTo(address: string, { silence = false } = {}): Promise<Call> {
        peer.echoes = !silence
        const call = await rig.call(`${address}:${PORT}`, "--play speech")
        if (!silence) await goesOn(call)
        return call
    }

    /** Waits until half a second more of a call was heard: it is up, and nothing is lost. */
    async function goesOn({ id }: Call): Promise<void> {
        const { rxFrames } = await rig.callOf(id)
        const call = await until("more voice", async () => {
            const now = await rig.callOf(id)
            assert.equal(now.state, "up", now.error ?? "")
            return now.rxFrames >= rxFrames + 25 ? now : undefined
        })
        assert.equal(call.lost, 0)
    }

    /** Waits for the end of a call. @returns why, and how many milliseconds it took */
    async function endOf({ id }: Call, patience: number): Promise<{ error: string; took: number }> {
        const since = performance.now()
        const { error } = await until(
            `the end of call ${id}`,
            async () => {
                const now = await rig.callOf(id)
                return now.state === "ended" ? now : undefined
            },
            patience
        )
        return { error: error ?? "", took: performance.now() - since }
    }

    for (const [who, address] of [
        ["peer", ON_LINK],
        ["router", AFAR],
    ] as const) {
        it(`is heard goes on although its ${who} answers no ARP for ${UNANSWERED} seconds, and is asked for by broadcast too`, async t => {
            const call = await callTo(address)
            peer.answersArp = false
            peer.asked.length = 0
            const patience = REACHABLE + (UNANSWERED + 1) * ARP_INTERVAL
            await until("the questions", () => peer.asked.length >= UNANSWERED, patience)
            const gaps = peer.asked.slice(1).map(({ at }, i) => at - peer.asked[i]!.at)
            t.diagnostic(`${peer.asked.length} requests, ${Math.min(...gaps).toFixed(0)} to ${Math.max(...gaps).toFixed(0)} ms apart`)
            assert.ok(Math.min(...gaps) >= ARP_INTERVAL - PTIME, "RFC 1122, 2.3.2.1: at most one a second")
            // the MAC address that was known is asked first; by then it may be another one's
            assert.deepEqual(
                peer.asked.slice(0, ARP_ATTEMPTS).map(({ broadcast }) => broadcast),
                [false, false, true]
            )
            assert.ok(peer.asked.slice(ARP_ATTEMPTS).every(({ broadcast }) => broadcast))
            await goesOn(call)

            // an answer ends the questions
            peer.answersArp = true
            const asked = peer.asked.length
            await until("one more question", () => peer.asked.length > asked)
            await sleep(UNANSWERED * ARP_INTERVAL)
            assert.equal(peer.asked.length, asked + 1)
            await goesOn(call)
        })

        it(`is not heard any more, and whose ${who} answers no ARP, ends: the other side does not answer`, async t => {
            const call = await callTo(address)
            peer.answersArp = false
            peer.asked.length = 0
            await until("the questions", () => peer.asked.length > ARP_ATTEMPTS, REACHABLE + UNANSWERED * ARP_INTERVAL)
            await goesOn(call)
            peer.echoes = false
            const { error, took } = await endOf(call, HEARD + (ARP_ATTEMPTS + 1) * ARP_INTERVAL + LATE)
            t.diagnostic(`it ended ${took.toFixed(0)} ms after the last voice`)
            assert.match(error, /does not answer/)
            assert.ok(took > HEARD - ARP_INTERVAL)
        })
    }

    it(`is silent, but answers ARP, does not end`, async () => {
        const call = await callTo(ON_LINK, { silence: true })
        peer.asked.length = 0
        await until("a question", () => peer.asked.length > 0, REACHABLE)
        await sleep(2 * ARP_ATTEMPTS * ARP_INTERVAL)
        assert.equal(peer.asked.length, 1)
        assert.equal((await rig.callOf(call.id)).state, "up")
    })

    for (const [name, code] of [
        ["port", CODE_PORT_UNREACHABLE],
        ["protocol", CODE_PROTOCOL_UNREACHABLE],
    ] as const) {
        for (const [who, address] of [
            ["the peer", ON_LINK],
            ["a peer behind the router", AFAR],
            ["the router", AFAR],
        ] as const) {
            const source = who === "the router" ? ON_LINK : address
            it(`is heard goes on although ${who} says once that the ${name} is unreachable`, async () => {
                const call = await callTo(address)
                const before = await rig.stats()
                peer.refuse(peer.heard.at(-1)!, code, source)
                await goesOn(call)
                assert.deepEqual(await rig.drops(before), { icmpUnbelieved: 1 })
            })

            it(`has said nothing ends at once when ${who} says that the ${name} is unreachable`, async () => {
                const call = await callTo(address, { silence: true })
                await until("voice", () => peer.heard.length > 0)
                const before = await rig.stats()
                peer.refuse(peer.heard.at(-1)!, code, source)
                const { error } = await endOf(call, LATE)
                assert.equal(error, "nobody listens on that port")
                assert.equal((await rig.drops(before)).icmpUnbelieved, undefined)
            })
        }

        it(`has said nothing goes on although a third host says that the ${name} is unreachable`, async () => {
            const call = await callTo(ON_LINK, { silence: true })
            await until("voice", () => peer.heard.length > 0)
            const before = await rig.stats()
            for (const forger of [LAN.echo1.address, LAN.router.address, AFAR]) peer.refuse(peer.heard.at(-1)!, code, forger)
            await rig.settle()
            assert.deepEqual(await rig.drops(before), { icmpUnbelieved: 3 })
            const heard = peer.heard.length
            await until("more voice to it", () => peer.heard.length >= heard + 25)
            assert.equal((await rig.callOf(call.id)).state, "up")
        })
    }

    it("has gone, and has its host refuse what still comes, ends when it was not heard for a moment", async t => {
        const call = await callTo(ON_LINK)
        peer.echoes = false
        let refused = peer.heard.length
        const timer = setInterval(() => {
            for (const datagram of peer.heard.slice(refused)) peer.refuse(datagram, CODE_PORT_UNREACHABLE)
            refused = peer.heard.length
        }, 20)
        try {
            const { error, took } = await endOf(call, HEARD + 2 * LATE)
            t.diagnostic(`it ended ${took.toFixed(0)} ms after the last voice`)
            assert.equal(error, "nobody listens on that port")
            assert.ok(took >= HEARD - LATE, `after ${took} ms`)
        } finally {
            clearInterval(timer)
        }
    })
})
