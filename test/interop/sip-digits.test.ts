/** Digits between the phone and baresip, which is the witness of each: it tells when one begins and ends, and sends them itself. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { Baresip } from "./phones/baresip.js"
import { until } from "./process.js"
import { SipSite } from "./sip-site.js"
import { speech } from "../support/speech.js"
import { Telephone } from "./telephone.js"

const PORT = 5080
const LIMIT = { timeout: 60_000 }
const DIGITS = "0123456789*#"
/** Milliseconds between two that baresip sends. */
const PRESSED = 300

describe("a phone that answers by itself, and baresip", () => {
    let site: SipSite
    let phone: Telephone
    let baresip: Baresip

    before(async () => {
        site = await SipSite.start()
        phone = await Telephone.start({ AUTOANSWER: "0", PLAY: "speech" })
        baresip = await Baresip.start(site.lan, { port: PORT, says: await speech() })
    })
    // a test that has failed leaves no call to the next
    afterEach(() => phone.run("hangup all"))
    after(async () => {
        await phone?.stop()
        await site?.stop()
    })

    test("baresip hears each digit begin and end once, in order", LIMIT, async () => {
        const id = await phone.calledBy(baresip)
        assert.equal(await phone.run(`dtmf ${id} ${DIGITS}`), `sent: ${DIGITS}\n`)
        const heard = () => baresip.events.filter(({ type }) => type.startsWith("CALL_DTMF_"))
        await until("all digits", async () => heard().length >= 2 * DIGITS.length)
        assert.deepEqual(
            heard()
                .filter(({ type }) => type === "CALL_DTMF_START")
                .map(({ param }) => param),
            [...DIGITS]
        )
        assert.equal(heard().length, 2 * DIGITS.length)
        await baresip.hangup()
        assert.equal((await phone.call(id)).lost, 0)
    })

    test("each that baresip sends is told at the prompt, once", LIMIT, async () => {
        const id = await phone.calledBy(baresip)
        for (const digit of DIGITS) {
            await baresip.command("sndcode", digit)
            await phone.event(new RegExp(`^call ${id} sends ${digit.replace("*", "\\*")}$`))
            await sleep(PRESSED)
        }
        await baresip.hangup()
        const end = await phone.event(/^call .*/)
        assert.match(end[0], /has ended/, "one was told twice")
        const { rtpForeign, rtpBad } = await phone.stats()
        assert.deepEqual([rtpForeign, rtpBad], [0, 0])
    })
})
