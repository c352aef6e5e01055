/**
 * SIP messages that are nearly right, to a phone that is in a call: requests and responses in and out of its dialogs, from a host that
 * sends as many as the phone reads. Whatever becomes of it, the phone goes on, and in the end nothing is left of it.
 */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { Random } from "../../fuzz/random.js"
import { Rig, sleep, until } from "../support/rig.js"
import { mutated } from "../support/sip-mutations.js"
import { SIP_PORT, SipMessage, SipPeer, newId, sdp } from "../support/sip-peer.js"

/** `MESSAGES=N` sends so many. */
const MESSAGES = Number(process.env.MESSAGES ?? 3_000)
const SEED = 2
/** After so many there is a sound call again. */
const ROUND = 100
/** Milliseconds, in which the phone reads one of them. */
const PACE = 10
/** Octets that one datagram on the LAN takes. */
const MOST = 1400
const METHODS = ["INVITE", "INVITE", "INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "OPTIONS", "NOTIFY", "REFER", "MESSAGE"]
const REASONS = [
    "100 Trying",
    "180 Ringing",
    "200 OK",
    "401 Unauthorized",
    "407 Proxy Authentication Required",
    "487 Request Terminated",
    "603 Decline",
]
const HEADERS = [
    "",
    "Session-Expires: 90;refresher=uas",
    "Record-Route: <sip:10.77.0.2;lr>",
    'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"',
    "Require: 100rel",
    "Content-Length: 99999",
]
const BODIES = ["", sdp(), sdp("a=sendonly"), sdp("a=inactive"), "SIP/2.0 200 OK\r\n"]

describe(`a phone that hears SIP messages that are nearly right (seed ${SEED})`, () => {
    let rig: Rig
    let peer: SipPeer

    before(async () => {
        rig = await Rig.start({ settings: { AUTOANSWER: "0" } })
        peer = new SipPeer(rig)
    })
    after(async () => {
        peer?.stop()
        await rig?.stop()
    })

    it(`goes on after ${MESSAGES} of them, and nothing is left of any`, async t => {
        const random = new Random(SEED)
        let calls = 0
        for (let sent = 0; sent < MESSAGES; sent++) {
            if (sent % ROUND === 0) {
                // what nobody has acknowledged, or said goodbye to, holds a line for half a minute
                if (!(await call())) {
                    await rig.run("hangup all")
                    assert.ok(await call(), "no line is free")
                }
                calls++
            }
            const last = peer.last(8)
            const bytes = mutated(random, Buffer.from(message(random, last.length > 0 ? random.one(last) : undefined), "latin1"))
            peer.send(bytes.subarray(0, MOST).toString("latin1"), random.chance(0.9) ? SIP_PORT : 5070)
            await sleep(PACE)
        }
        const stats = await rig.stats()
        const answers = new Map<string, number>()
        for (const { start } of peer.all) answers.set(start.slice(0, 11), (answers.get(start.slice(0, 11)) ?? 0) + 1)
        t.diagnostic(`${calls} calls, bad ${stats.sipBad}, ${[...answers].map(([what, n]) => `${what}: ${n}`).join(", ")}`)
        assert.equal(stats.internalErrors, 0)
        // or the run shows nothing of it
        assert.ok(stats.sipBad > MESSAGES / 100)
        for (const status of [200, 400, 481, 488, 491]) assert.ok(answers.has(`SIP/2.0 ${status}`), `${status}`)
        await rig.run("hangup all")
        await rig.idle()
        assert.ok(await call(), "it takes no call any more")
        await rig.run("hangup all")
        await rig.works()
    })

    /** A call as it should be. @returns whether it is up */
    async function call(): Promise<boolean> {
        const callId = newId()
        peer.send(peer.invite({ callId }))
        const answer = await peer.next("an answer", m => m.status >= 200 && m.header("Call-ID") === callId)
        peer.send(peer.within("ACK", answer, 1))
        if (answer.status !== 200) return false
        await until("up", async () => (await rig.calls()).some(c => c.state === "up"))
        return true
    }

    function message(random: Random, m: SipMessage | undefined): string {
        const method = random.one(METHODS)
        const headers = random.one(HEADERS)
        const body = random.one(BODIES)
        if (!m || random.chance(0.3)) return peer.invite({ method, headers, body })
        if (m.status === 0) {
            if (random.chance(0.6)) return peer.answerTo(m, random.one(REASONS), "peer", headers, body)
            return peer.invite({
                method,
                headers,
                body,
                callId: m.header("Call-ID"),
                tag: "peer",
                to: `;tag=${m.tag("From")}`,
                cseq: random.below(50),
            })
        }
        return peer.within(method, m, m.cseq + random.below(3), body, headers)
    }
})
