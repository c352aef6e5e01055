/** Two of our phones call each other by SIP: through Kamailio, and in one program without a server. */
import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { lastJson } from "./firmware.js"
import { DOMAIN, USERS } from "./phones/kamailio.js"
import { SipSite } from "./sip-site.js"
import { Telephone, type SipCall } from "./telephone.js"

const PROJECT = fileURLToPath(new URL("../..", import.meta.url))
/** Milliseconds for one test. */
const LIMIT = { timeout: 90_000 }

let site: SipSite
before(async () => {
    site = await SipSite.start()
    await site.kamailio()
})
after(() => site?.stop())

describe("two phones that are registered at Kamailio", () => {
    let alice: Telephone
    let bob: Telephone

    before(async () => {
        alice = await Telephone.start({ ACCOUNT: `sip:alice@${DOMAIN}`, PASSWORD: USERS.alice })
        bob = await Telephone.start({ ACCOUNT: `sip:bob@${DOMAIN}`, PASSWORD: USERS.bob })
        for (const phone of [alice, bob]) await phone.run("register")
    })
    after(async () => {
        await alice?.stop()
        await bob?.stop()
    })

    test("one rings when the other calls; each loses no frame of the other; either holds", LIMIT, async () => {
        const placed = alice.up(`call sip:bob@${DOMAIN} --play speech`)
        const incoming = await bob.callThat("rings")
        assert.equal((await bob.call(incoming)).peer, `sip:alice@${DOMAIN}`)
        const answered = await bob.up(`answer ${incoming} --play speech`)
        const { id, local } = await placed
        // each side has an address of its own for this call
        assert.equal(new Set([alice.address, bob.address, ...[local, answered.local].map(place => place.split(":")[0])]).size, 4)
        assert.equal((await alice.call(id)).remote, answered.local)
        assert.equal((await bob.call(incoming)).remote, local)

        await alice.run(`hold ${id}`)
        await bob.reaches(incoming, { hold: "remote" })
        await alice.run(`resume ${id}`)
        await bob.reaches(incoming, { hold: "none" })
        const { rxFrames } = await bob.call(incoming)
        await bob.reaches(incoming, { state: "up" })
        await alice.run("sleep 2")
        assert.ok((await bob.call(incoming)).rxFrames > rxFrames + 75)

        await bob.run(`hangup ${incoming}`)
        assert.equal(await alice.callThat("has ended"), id)
        for (const [phone, number] of [
            [alice, id],
            [bob, incoming],
        ] as const)
            assert.deepEqual([(await phone.call(number)).lost, (await phone.call(number)).error], [0, null])
    })
})

test("two phones of one program: the first calls the second for 3 s", LIMIT, async () => {
    const options = ["--lan", site.lan.url, "--phones", "2", "--setting", "AUTOANSWER=0", "--setting", "PLAY=speech"]
    const commands = "call sip:@2 --play speech --seconds 3; calls -j"
    const program = site.lan.spawn("two phones", "npm", ["start", "--silent", "--", ...options, "--exec", commands], { cwd: PROJECT })
    const { code } = await program.ended(LIMIT.timeout)
    assert.equal(code, 0, program.output)
    assert.match(program.stdout, /^call 1 is up: [\d.]+:\d+ to sip:/m)
    const [call] = lastJson(program) as SipCall[]
    assert.deepEqual([call!.state, call!.direction, call!.lost, call!.error], ["ended", "out", 0, null])
    assert.ok(call!.rxFrames > 125, `${call!.rxFrames} frames`)
})
