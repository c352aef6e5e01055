/** Many calls with SIPp, by its own scenarios. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, test } from "node:test"
import { HOST } from "./lan.js"
import { Sipp } from "./phones/sipp.js"
import { until } from "./process.js"
import { SipSite } from "./sip-site.js"
import { Telephone } from "./telephone.js"

const SIP_PORT = 5060
/** How often SIPp calls: `CALLS=N` for more. */
const CALLS = Number(process.env.CALLS ?? 100)
/** Seconds for that, four calls being at the same time. */
const PATIENCE = Math.ceil(0.9 * CALLS)
const LIMIT = { timeout: 1000 * PATIENCE + 20_000 }

describe("a phone that answers by itself", () => {
    let site: SipSite
    let phone: Telephone

    before(async () => {
        site = await SipSite.start()
        phone = await Telephone.start({ AUTOANSWER: "0" })
    })
    // a test that has failed leaves no call to the next
    afterEach(() => phone.run("hangup all"))
    after(async () => {
        await phone?.stop()
        await site?.stop()
    })

    test(`SIPp calls it ${CALLS} times, 4 at a time, and each call goes as it should`, LIMIT, async t => {
        const target = `${phone.address}:${SIP_PORT}`
        const caller = { scenario: "uac", port: 5120, target, calls: CALLS, limit: 4, duration: 500, patience: PATIENCE }
        const began = performance.now()
        const { code, successful, failed, errors } = await Sipp.run(site.lan, caller)
        t.diagnostic(`${successful} calls in ${((performance.now() - began) / 1000).toFixed(1)} s`)
        assert.deepEqual([code, successful, failed, errors], [0, CALLS, 0, ""])
    })

    test("it calls SIPp 10 times, one after the other", LIMIT, async () => {
        const callee = await Sipp.start(site.lan, { scenario: "uas", port: 5110, calls: 10 })
        for (let i = 0; i < 10; i++)
            assert.match(await phone.run(`call sip:service@${HOST}:5110 --seconds 1`), /^call \d+ has ended: [45]\d frames sent/m)
        const { code, successful, failed, errors } = await callee.ended()
        assert.deepEqual([code, successful, failed, errors], [0, 10, 0, ""])
    })

    test("it calls SIPp 4 times at once, and hangs all up", LIMIT, async () => {
        const callee = await Sipp.start(site.lan, { scenario: "uas", port: 5110, calls: 4, limit: 4 })
        const calls = await Promise.all([1, 2, 3, 4].map(n => phone.up(`call sip:service${n}@${HOST}:5110`)))
        const addresses = calls.map(({ local }) => local.split(":")[0]!)
        assert.equal(new Set([phone.address, ...addresses]).size, 5, `${addresses}`)
        await phone.run("hangup all")
        const { code, successful, failed, errors } = await callee.ended()
        assert.deepEqual([code, successful, failed, errors], [0, 4, 0, ""])
    })

    test("nothing is left: no call, no lease but the common one, no internal error", async () => {
        assert.deepEqual(
            (await phone.calls()).filter(({ state }) => state !== "ended"),
            []
        )
        await until("leases are given back", async () => (await site.server.leases()).length === 1)
        assert.equal((await phone.stats()).internalErrors, 0)
    })
})
