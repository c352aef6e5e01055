/** The phones and the proxy that the phone is tried with work with each other, without it. */
import assert from "node:assert/strict"
import { setTimeout as sleep } from "node:timers/promises"
import { after, before, describe, test } from "node:test"
import { HOST, Lan } from "./lan.js"
import { Baresip } from "./phones/baresip.js"
import { Kamailio } from "./phones/kamailio.js"
import { Linphone } from "./phones/linphone.js"
import { Sipp } from "./phones/sipp.js"
import { SAMPLE_RATE, likePieces, likeness, speech } from "../support/speech.js"

/** How much a call must sound like what was said. */
const ALIKE = 0.99
/** Share of a call that must, of what Linphone kept: it leaves out a frame now and then. */
const MOSTLY = 0.6
/** Milliseconds of a call. */
const TALK = 3000
/** Seconds that must have been heard of it. */
const HEARD = 2.5

const forwards = await speech()
const backwards = forwards.slice().reverse()

describe("on a LAN with Kamailio", () => {
    let lan: Lan
    let kamailio: Kamailio
    let alice: Baresip

    before(async () => {
        lan = await Lan.start()
        kamailio = await Kamailio.start(lan)
        alice = await Baresip.start(lan, { port: 5070, user: "alice", says: forwards, registration: kamailio.registration("alice") })
    })
    after(() => lan?.stop())

    test("baresip calls baresip, and each hears what the other says", async () => {
        const bob = await Baresip.start(lan, { port: 5080, user: "bob", says: backwards, registration: kamailio.registration("bob") })
        await alice.call(bob.uri)
        await bob.waitFor("CALL_INCOMING")
        await bob.accept()
        await alice.waitFor("CALL_ESTABLISHED")
        await sleep(TALK)
        await alice.hangup()
        await bob.waitFor("CALL_CLOSED")
        for (const [phone, said] of [
            [alice, backwards],
            [bob, forwards],
        ] as const) {
            const heard = (await phone.heard()).at(-1)!
            assert.ok(heard.length > HEARD * SAMPLE_RATE, `${phone.uri} heard ${heard.length / SAMPLE_RATE} s`)
            assert.ok(likeness(heard, said) > ALIKE, `likeness ${likeness(heard, said)}`)
        }
        await bob.stop()
    })

    test("Linphone calls baresip, which puts it on hold and hangs up", async t => {
        const carol = await Linphone.start(lan, {
            port: 5090,
            user: "carol",
            says: backwards,
            registration: kamailio.registration("carol"),
        })
        carol.call(alice.uri)
        await alice.waitFor("CALL_INCOMING")
        await alice.accept()
        await carol.waitFor(/Media streams established/)
        await sleep(TALK)
        await alice.hold()
        await carol.waitFor(/paused by/i)
        await alice.resume()
        await carol.waitFor(/streams established|resumed/i)
        await alice.hangup()
        await carol.waitFor(/Call 1 .* ended/)
        const alike = likeness((await alice.heard()).at(-1)!, backwards)
        assert.ok(alike > ALIKE, `likeness ${alike}`)
        const mostly = likePieces(await carol.heard(), forwards)
        t.diagnostic(`Linphone: like ${mostly.toFixed(2)} of it`)
        assert.ok(mostly > MOSTLY, `like ${mostly} of it`)
        await carol.stop()
    })

    test("a wrong password is refused, and Kamailio says so", async () => {
        const registration = { ...kamailio.registration("dave"), password: "wrong" }
        await assert.rejects(Baresip.start(lan, { port: 5100, user: "dave", says: forwards, registration }), /401 Unauthorized/)
        assert.match(kamailio.refusals.join("\n"), /refused REGISTER of dave/)
    })

    test("SIPp calls SIPp 20 times, 4 at a time", async () => {
        await Sipp.start(lan, { scenario: "uas", port: 5110, calls: 20 })
        const caller = await Sipp.run(lan, { scenario: "uac", port: 5120, target: `${HOST}:5110`, calls: 20, limit: 4, duration: 200 })
        assert.deepEqual([caller.code, caller.successful, caller.failed, caller.errors], [0, 20, 0, ""])
    })
})
