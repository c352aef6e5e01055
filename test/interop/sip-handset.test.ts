/** Calls between the phone's handset and real telephones: what one says the other hears, by content, and the keys. */
import assert from "node:assert/strict"
import { after, afterEach, before, beforeEach, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import type { Handset } from "../../sim/handset.js"
import { Baresip } from "./phones/baresip.js"
import { Linphone } from "./phones/linphone.js"
import { until } from "./process.js"
import { SipSite } from "./sip-site.js"
import { SAMPLE_RATE, likePieces, speech, speechOctets } from "../support/speech.js"
import { Telephone } from "./telephone.js"

const LIMIT = { timeout: 60_000 }
/** Milliseconds of a call, and seconds that must have been heard of it. */
const TALK = 10_000
const HEARD = 6
/** Seconds in which the jitter buffer settles. */
const SETTLED = 4
/** How much what comes from the jitter buffer must be like what was said, and in which share of its pieces: it keeps in time by a sample now and then. */
const ALIKE = 0.95
const MOSTLY = 0.75
/** Share of a call that must be whole where the other side leaves out a frame now and then to keep in time. */
const LINPHONE = 0.4
const DIGITS = "159#"

const forwards = await speech()
const backwards = forwards.slice().reverse()

describe("the handset", () => {
    let site: SipSite
    let phone: Telephone
    let handset: Handset
    let heard: Int16Array[] = []

    before(async () => {
        site = await SipSite.start()
        phone = await Telephone.start({ AUTOANSWER: "0", PLAY: "handset" })
    })
    beforeEach(async () => {
        heard = []
        handset = phone.connectHandset(await speechOctets())
        handset.on("voice", samples => heard.push(samples))
    })
    // a test that has failed leaves no call to the next
    afterEach(async () => {
        await phone.run("hangup all")
        handset.stop()
    })
    after(async () => {
        await phone?.stop()
        await site?.stop()
    })

    /** That the loudspeaker has said what the other side said. */
    function saysWell(said: Int16Array, share: number): void {
        const all = Int16Array.from(heard.flatMap(piece => [...piece]))
        // without its beginning, in which the jitter buffer finds how long it has to wait, and what was still on its way
        const sound = all.subarray(SETTLED * SAMPLE_RATE, -SAMPLE_RATE / 2)
        assert.ok(all.length > HEARD * SAMPLE_RATE, `heard ${all.length / SAMPLE_RATE} s`)
        const mostly = likePieces(sound, said, ALIKE)
        assert.ok(mostly >= share, `like ${mostly} of it`)
        assert.equal(handset.lost, 0)
    }

    test("baresip and the handset hear one another", LIMIT, async t => {
        const baresip = await Baresip.start(site.lan, { port: 5120, says: backwards })
        const id = await phone.calledBy(baresip)
        await sleep(TALK)
        const { mos } = (await phone.call(id)) as unknown as { mos: number }
        t.diagnostic(`MOS ${mos}`)
        assert.ok(mos > 4.3)
        await baresip.hangup()
        await phone.callThat("has ended")
        saysWell(backwards, MOSTLY)
        const sound = (await baresip.heard()).at(-1)!
        assert.ok(sound.length > HEARD * SAMPLE_RATE)
        const mostly = likePieces(sound, forwards, ALIKE)
        assert.ok(mostly > MOSTLY, `baresip heard ${mostly} of it`)
        await baresip.stop()
    })

    test("its keys are digits to baresip", LIMIT, async () => {
        const baresip = await Baresip.start(site.lan, { port: 5130, says: backwards })
        await phone.calledBy(baresip)
        const begun = () => baresip.events.filter(({ type }) => type === "CALL_DTMF_START").map(({ param }) => param)
        for (const [i, digit] of [...DIGITS].entries()) {
            handset.key(digit)
            await until(`digit ${digit}`, async () => begun().length > i)
        }
        assert.deepEqual(begun(), [...DIGITS])
        await baresip.hangup()
        await phone.callThat("has ended")
        await baresip.stop()
    })

    test("Linphone and the handset hear one another", LIMIT, async () => {
        const carol = await Linphone.start(site.lan, { port: 5140, user: "carol", says: backwards })
        carol.record()
        carol.call(phone.uri)
        await carol.waitFor(/Media streams established/)
        await phone.callThat("is up")
        await sleep(TALK)
        carol.hangup()
        await phone.callThat("has ended")
        await carol.waitFor(/Call \d+ with .* ended/)
        saysWell(backwards, LINPHONE)
        const mostly = likePieces(await carol.heard(), forwards, ALIKE)
        assert.ok(mostly > LINPHONE, `Linphone heard ${mostly} of it`)
        await carol.stop()
    })
})
