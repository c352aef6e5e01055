/** Calls between the phone and Linphone: without a server, and through Kamailio. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { HOST } from "./lan.js"
import { DOMAIN, SIP_PORT, USERS } from "./phones/kamailio.js"
import { Linphone } from "./phones/linphone.js"
import { SipSite } from "./sip-site.js"
import { SAMPLE_RATE, likePieces, speech } from "../support/speech.js"
import { Telephone } from "./telephone.js"

/** Share of a call that must sound like what was said: Linphone leaves out a frame now and then to keep in time. */
const MOSTLY = 0.6
/** Milliseconds of a call. */
const TALK = 4000
/** Seconds that must have been heard of it. */
const HEARD = 3
/** Milliseconds for one test. */
const LIMIT = { timeout: 60_000 }

const forwards = await speech()
const backwards = forwards.slice().reverse()
const PROXY = `sip:${HOST}:${SIP_PORT}`
const USER_SETTINGS = { AUTOANSWER: "0", PLAY: "speech" }

/** That a sound is most of what it heard. */
async function heard(linphone: Linphone, said: Int16Array): Promise<void> {
    const sound = await linphone.heard()
    assert.ok(sound.length > HEARD * SAMPLE_RATE, `heard ${sound.length / SAMPLE_RATE} s`)
    const mostly = likePieces(sound, said)
    assert.ok(mostly > MOSTLY, `like ${mostly} of it`)
}

for (const [where, registered] of [
    ["without a server", false],
    ["through Kamailio", true],
] as const)
    describe(`with Linphone, ${where}`, () => {
        let site: SipSite
        let phone: Telephone
        let carol: Linphone
        let uri: string

        before(async () => {
            site = await SipSite.start()
            const kamailio = registered ? await site.kamailio() : undefined
            const account = { ACCOUNT: `sip:alice@${DOMAIN}`, PASSWORD: USERS.alice, REGISTRAR: PROXY, PROXY }
            phone = await Telephone.start(registered ? { ...account, ...USER_SETTINGS } : USER_SETTINGS)
            uri = registered ? account.ACCOUNT : phone.uri
            carol = await Linphone.start(site.lan, {
                port: 5090,
                user: "carol",
                says: backwards,
                registration: kamailio?.registration("carol"),
            })
            if (registered) await phone.run("register")
        })
        // a test that has failed leaves no call to the next
        afterEach(() => phone.run("hangup all"))
        after(async () => {
            await phone?.stop()
            await site?.stop()
        })

        test("Linphone calls, hears the speech from an address of the call's own, and hangs up", LIMIT, async () => {
            let id = 0
            const overheard = await site.overhear(phone, async () => {
                carol.record()
                carol.call(uri)
                await carol.waitFor(/Media streams established/)
                id = await phone.callThat("is up")
                await sleep(TALK)
                carol.hangup()
                await phone.event(new RegExp(`^call ${id} has ended: the other side has hung up`))
            })
            await carol.waitFor(/Call \d+ with .* ended/)
            await heard(carol, forwards)
            const { rxFrames, lost } = await phone.call(id)
            assert.ok(rxFrames > HEARD * 50 && lost === 0, `${rxFrames} frames, ${lost} lost`)
            await site.ownAddress(phone, overheard)
        })

        test("the phone calls, plays back what Linphone says, and hangs up", LIMIT, async () => {
            const overheard = await site.overhear(phone, async () => {
                carol.record()
                const up = phone.up(`call ${carol.uri} --play echo`)
                await carol.waitFor(/incoming call/)
                carol.accept()
                await carol.waitFor(/Media streams established/)
                const { id } = await up
                await sleep(TALK)
                await phone.run(`hangup ${id}`)
            })
            await carol.waitFor(/Call \d+ with .* ended/)
            await heard(carol, backwards)
            await site.ownAddress(phone, overheard)
        })

        test("either side holds and resumes", LIMIT, async () => {
            carol.call(uri)
            await carol.waitFor(/Media streams established/)
            const id = await phone.callThat("is up")
            carol.hold()
            await carol.waitFor(/Call \d+ with .* is now paused/)
            await phone.reaches(id, { state: "up", hold: "remote" })
            carol.resume()
            await carol.waitFor(/Media streams established/)
            await phone.reaches(id, { state: "up", hold: "none" })
            await phone.run(`hold ${id}`)
            await carol.waitFor(/has been paused by/)
            await phone.reaches(id, { state: "up", hold: "local" })
            await phone.run(`resume ${id}`)
            await carol.waitFor(/Media streams established/)
            await phone.reaches(id, { state: "up", hold: "none" })
            await phone.run(`hangup ${id}`)
            await carol.waitFor(/Call \d+ with .* ended/)
        })

        test("Linphone refuses, and the phone says how", LIMIT, async () => {
            const failed = phone.fails(`call ${carol.uri}`)
            await carol.waitFor(/incoming call/)
            carol.hangup()
            assert.match(await failed, /error: ECONNREFUSED: (4\d\d|603) /)
        })
    })
