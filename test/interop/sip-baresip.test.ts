/** Calls between the phone and baresip: without a server, and through Kamailio. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { HOST } from "./lan.js"
import { Baresip } from "./phones/baresip.js"
import { DOMAIN, SIP_PORT, USERS, type Kamailio } from "./phones/kamailio.js"
import { until } from "./process.js"
import { SipSite } from "./sip-site.js"
import { SAMPLE_RATE, likePieces, likeness, speech } from "../support/speech.js"
import { Telephone } from "./telephone.js"

/** How much a call must sound like what was said. */
const ALIKE = 0.99
/** Share of a call that must, if it was interrupted. */
const MOSTLY = 0.6
/** Milliseconds of a call. */
const TALK = 4000
/** Seconds that must have been heard of it. */
const HEARD = 3
/** Frames that must have come in that time: 50 in a second. */
const FRAMES = HEARD * 50
/** Milliseconds in which frames would come if they were sent. */
const SILENCE = 1000

/** Calls of which each way of setting them up is measured. */
const SET_UPS = 3
/** An account that no other text is. */
const SECRET = "wonderland"

const PORT = 5070
const forwards = await speech()
const backwards = forwards.slice().reverse()

/** That the last thing which it heard is a sound, undisturbed. */
async function heard(phone: Baresip, said: Int16Array): Promise<void> {
    const sound = (await phone.heard()).at(-1)!
    const seconds = sound.length / SAMPLE_RATE
    assert.ok(seconds > HEARD, `heard ${seconds} s`)
    const alike = likeness(sound, said)
    assert.ok(alike > ALIKE, `likeness ${alike} in ${seconds} s`)
}

/** That the phone heard all that was said in a call. */
async function received(phone: Telephone, id: number): Promise<void> {
    const { state, rxFrames, lost, error } = await phone.call(id)
    assert.ok(rxFrames > FRAMES, `${rxFrames} frames`)
    assert.deepEqual([state, lost, error], ["ended", 0, null])
}

/** That no frame comes to the phone, or leaves it. */
async function silent(phone: Telephone, id: number, counter: "rxFrames" | "txFrames"): Promise<void> {
    // what was on its way when the other side heard of it
    await sleep(100)
    const before = await phone.call(id)
    await sleep(SILENCE)
    assert.equal((await phone.call(id))[counter], before[counter], counter)
}

/** That frames go both ways. */
async function flows(phone: Telephone, id: number): Promise<void> {
    const before = await phone.call(id)
    await until("voice both ways", async () => {
        const call = await phone.call(id)
        return call.rxFrames > before.rxFrames + 25 && call.txFrames > before.txFrames + 25
    })
}

/** The phone calls somebody, and loses the address of the call, which goes on from another one. @returns its number */
async function moved(phone: Telephone, uri: string): Promise<number> {
    const { id, local } = await phone.up(`call ${uri} --play speech`)
    await sleep(TALK)
    // the server would give the same address again
    await phone.run("lease ready 1")
    await sleep(TALK)
    await phone.loseAddress(local)
    await sleep(TALK)
    const call = await phone.call(id)
    assert.equal(call.state, "up")
    assert.notEqual(call.local, local)
    assert.ok(call.lost < 10, `${call.lost} frames lost`)
    assert.ok(call.rxFrames > FRAMES, `${call.rxFrames} frames`)
    return id
}

/** Milliseconds for one test, most of which is talk. */
const LIMIT = { timeout: 60_000 }

describe("a phone that answers by itself, without a server", () => {
    let site: SipSite
    let phone: Telephone
    let baresip: Baresip

    before(async () => {
        site = await SipSite.start()
        phone = await Telephone.start({ AUTOANSWER: "0", PLAY: "speech" })
        baresip = await Baresip.start(site.lan, { port: PORT, says: backwards })
    })
    // a test that has failed leaves no call to the next
    afterEach(() => phone.run("hangup all"))
    after(async () => {
        await phone?.stop()
        await site?.stop()
    })

    test("baresip calls, hears the speech from an address of the call's own, and hangs up", LIMIT, async () => {
        let id = 0
        const overheard = await site.overhear(phone, async () => {
            id = await phone.calledBy(baresip)
            assert.equal((await phone.call(id)).direction, "in")
            assert.equal((await phone.call(id)).peer, baresip.uri)
            await sleep(TALK)
            await baresip.hangup()
            await phone.event(new RegExp(`^call ${id} has ended: the other side has hung up`))
        })
        await heard(baresip, forwards)
        await received(phone, id)
        await site.ownAddress(phone, overheard)
    })

    test("the phone hangs up, and baresip hears of it", LIMIT, async () => {
        const id = await phone.calledBy(baresip)
        await sleep(TALK)
        await phone.run(`hangup ${id}`)
        await baresip.waitFor("CALL_CLOSED")
        await heard(baresip, forwards)
        await received(phone, id)
    })

    test("baresip holds, the phone says nothing until it resumes", LIMIT, async () => {
        const overheard = await site.overhear(phone, async () => {
            const id = await phone.calledBy(baresip)
            await flows(phone, id)
            await baresip.hold()
            await phone.reaches(id, { state: "up", hold: "remote" })
            await silent(phone, id, "txFrames")
            await baresip.resume()
            await phone.reaches(id, { state: "up", hold: "none" })
            await flows(phone, id)
            await sleep(TALK)
            await baresip.hangup()
            await phone.callThat("has ended")
        })
        const [offer, held, resumed] = overheard.directions
        assert.deepEqual([offer, held === "recvonly" || held === "inactive", resumed], ["sendrecv", true, "sendrecv"])
        const mostly = likePieces((await baresip.heard()).at(-1)!, forwards)
        assert.ok(mostly > MOSTLY, `like ${mostly} of it`)
        await site.ownAddress(phone, overheard)
    })

    test("the phone holds, baresip says nothing until it resumes", LIMIT, async () => {
        const overheard = await site.overhear(phone, async () => {
            const id = await phone.calledBy(baresip)
            await flows(phone, id)
            await phone.run(`hold ${id}`)
            await phone.reaches(id, { state: "up", hold: "local" })
            await silent(phone, id, "rxFrames")
            await phone.run(`resume ${id}`)
            await phone.reaches(id, { state: "up", hold: "none" })
            await flows(phone, id)
            await phone.run(`hangup ${id}`)
            await baresip.waitFor("CALL_CLOSED")
        })
        const [answer, held, resumed] = overheard.directions
        assert.deepEqual([answer, held === "sendonly" || held === "inactive", resumed], ["sendrecv", true, "sendrecv"])
        await site.ownAddress(phone, overheard)
    })

    test("both hold, and the call goes on when both have resumed", LIMIT, async () => {
        const id = await phone.calledBy(baresip)
        await baresip.hold()
        await phone.reaches(id, { hold: "remote" })
        await phone.run(`hold ${id}`)
        await phone.reaches(id, { hold: "both" })
        await baresip.resume()
        await phone.reaches(id, { hold: "local" })
        await phone.run(`resume ${id}`)
        await phone.reaches(id, { hold: "none" })
        await flows(phone, id)
        await baresip.hangup()
        await phone.callThat("has ended")
    })

    test("two calls at once have two addresses", LIMIT, async () => {
        const other = await Baresip.start(site.lan, { port: PORT + 10, says: backwards, user: "other" })
        const overheard = await site.overhear(phone, async () => {
            await phone.calledBy(baresip)
            await other.call(phone.uri)
            await other.waitFor("CALL_ESTABLISHED")
            await phone.callThat("is up")
            await sleep(TALK)
            await phone.run("hangup all")
            for (const peer of [baresip, other]) await peer.waitFor("CALL_CLOSED")
        })
        for (const peer of [baresip, other]) await heard(peer, forwards)
        assert.equal(overheard.told.length, 2)
        const addresses = new Set(overheard.told.map(place => place.split(":")[0]))
        assert.equal(addresses.size, 2, `SDP told ${overheard.told}`)
        assert.ok(!addresses.has(phone.address))
        await other.stop()
    })
})

describe("a phone whose calls are under no name", () => {
    let site: SipSite
    let phone: Telephone
    let baresip: Baresip

    before(async () => {
        site = await SipSite.start()
        // no registrar is there, and none is needed for a call
        phone = await Telephone.start({ SIPADDR: "call", ACCOUNT: `sip:${SECRET}@example.com`, REGISTRAR: "sip:192.0.2.1" })
        baresip = await Baresip.start(site.lan, { port: PORT, says: backwards })
    })
    after(async () => {
        await phone?.stop()
        await site?.stop()
    })

    test("no packet of a call that it places bears its account or its common address", LIMIT, async () => {
        const shown = await site.shows(phone, [phone.address, SECRET, "example.com"], phone.address, async () => {
            const calling = phone.up(`call ${baresip.uri} --play speech`)
            const { peeruri } = await baresip.waitFor("CALL_INCOMING")
            assert.match(peeruri!, /anonymous/)
            await baresip.accept()
            const { id } = await calling
            await sleep(TALK)
            await baresip.hold()
            await phone.reaches(id, { state: "up", hold: "remote" })
            await baresip.resume()
            await phone.reaches(id, { state: "up", hold: "none" })
            await phone.run(`hangup ${id}`)
            await baresip.waitFor("CALL_CLOSED")
        })
        assert.deepEqual(shown, [])
    })
})

describe("a phone whose user answers, without a server", () => {
    let site: SipSite
    let phone: Telephone
    let baresip: Baresip

    before(async () => {
        site = await SipSite.start()
        phone = await Telephone.start()
        baresip = await Baresip.start(site.lan, { port: PORT, says: backwards })
    })
    // a test that has failed leaves no call to the next
    afterEach(() => phone.run("hangup all"))
    after(async () => {
        await phone?.stop()
        await site?.stop()
    })

    /** baresip calls the phone. @returns the number of the call, which rings */
    async function rung(): Promise<number> {
        await baresip.call(phone.uri)
        await baresip.waitFor("CALL_RINGING")
        return await phone.callThat("rings")
    }

    test("it rings as baresip does: what that takes, with and without a lease that is ready", LIMIT, async t => {
        const times = async (conversation: () => Promise<unknown>) => {
            const found = await site.setUpTimes(async () => {
                for (let i = 0; i < SET_UPS; i++) await conversation()
            })
            assert.equal(found.length, SET_UPS)
            return found.map(({ milliseconds }) => milliseconds.toFixed(1)).join(", ")
        }
        const toPhone = async () => {
            const id = await rung()
            await phone.run(`hangup ${id}`)
            await baresip.waitFor("CALL_CLOSED")
        }
        const toBaresip = async () => {
            const calling = phone.run(`call ${baresip.uri}`).catch(() => {})
            await baresip.waitFor("CALL_INCOMING")
            await phone.run("hangup all")
            await baresip.waitFor("CALL_CLOSED")
            await calling
        }
        const cold = await times(toPhone)
        await phone.run("lease ready 2")
        await until("two leases beside the common one", async () => (await site.server.leases()).length >= 3)
        const warm = await times(toPhone)
        await phone.run("lease ready 0")
        t.diagnostic(`milliseconds from INVITE to 180: without a lease ${cold}, with one ${warm}, baresip ${await times(toBaresip)}`)
    })

    test("it rings until it is answered; what it plays back is what baresip says", LIMIT, async () => {
        let id = 0
        const overheard = await site.overhear(phone, async () => {
            id = await rung()
            assert.equal((await phone.call(id)).state, "ringing")
            const { local } = await phone.up("answer --play echo")
            await baresip.waitFor("CALL_ESTABLISHED")
            assert.equal((await phone.call(id)).local, local)
            await sleep(TALK)
            await baresip.hangup()
            await phone.callThat("has ended")
        })
        await heard(baresip, backwards)
        await received(phone, id)
        await site.ownAddress(phone, overheard)
    })

    test("it is refused: baresip hears 603", LIMIT, async () => {
        const id = await rung()
        await phone.run(`hangup ${id}`)
        const { param } = await baresip.waitFor("CALL_CLOSED")
        assert.match(param!, /603/)
        await phone.reaches(id, { state: "ended" })
    })

    test("baresip gives up: it rings no more", LIMIT, async () => {
        const id = await rung()
        await baresip.hangup()
        assert.equal(await phone.callThat("has ended"), id)
        await phone.reaches(id, { state: "ended" })
    })

    test("the phone calls: baresip rings, answers, and hears the speech", LIMIT, async () => {
        let id = 0
        const overheard = await site.overhear(phone, async () => {
            const up = phone.up(`call ${baresip.uri} --play speech`)
            const { peeruri } = await baresip.waitFor("CALL_INCOMING")
            assert.match(peeruri!, new RegExp(`@${phone.address}`))
            await baresip.accept()
            await baresip.waitFor("CALL_ESTABLISHED")
            id = (await up).id
            assert.deepEqual([(await phone.call(id)).direction, (await phone.call(id)).peer], ["out", baresip.uri])
            await sleep(TALK)
            await phone.run(`hangup ${id}`)
            await baresip.waitFor("CALL_CLOSED")
        })
        await heard(baresip, forwards)
        await received(phone, id)
        await site.ownAddress(phone, overheard)
    })

    test("the phone calls for some seconds, in A-law", LIMIT, async () => {
        const text = phone.run(`call ${baresip.uri} --codec pcma --play speech --seconds ${TALK / 1000}`)
        await baresip.waitFor("CALL_INCOMING")
        await baresip.accept()
        await baresip.waitFor("CALL_ESTABLISHED")
        await baresip.waitFor("CALL_CLOSED")
        assert.match(await text, /^call \d+ has ended: \d+ frames sent, \d+ received, 0 lost/m)
        await heard(baresip, forwards)
        assert.match(baresip.program.output, /Set audio decoder: PCMA/)
    })

    test("baresip, which the phone has called, hangs up", LIMIT, async () => {
        const up = phone.up(`call ${baresip.uri}`)
        await baresip.waitFor("CALL_INCOMING")
        await baresip.accept()
        await baresip.waitFor("CALL_ESTABLISHED")
        const { id } = await up
        await flows(phone, id)
        await baresip.hangup()
        await phone.event(new RegExp(`^call ${id} has ended: the other side has hung up`))
    })

    test("the phone gives up before baresip answers", LIMIT, async () => {
        const failed = phone.fails(`call ${baresip.uri}`)
        await baresip.waitFor("CALL_INCOMING")
        const { id } = (await phone.calls()).find(({ state }) => state === "calling" || state === "ringing")!
        await phone.run(`hangup ${id}`)
        await baresip.waitFor("CALL_CLOSED")
        await failed
        await phone.reaches(id, { state: "ended" })
    })

    test("baresip refuses, and the phone says how", LIMIT, async () => {
        const failed = phone.fails(`call ${baresip.uri}`)
        await baresip.waitFor("CALL_INCOMING")
        await baresip.hangup()
        assert.match(await failed, /error: ECONNREFUSED: 4\d\d |error: EREFUSED: 603 /)
    })

    test("a codec that the other side does not have gives way to one that it has", LIMIT, async () => {
        const picky = await Baresip.start(site.lan, { port: PORT + 10, says: backwards, user: "picky", codecs: ["pcma"], answers: true })
        const { id } = await phone.up(`call ${picky.uri} --codec pcmu --play speech`)
        assert.equal((await phone.call(id)).codec, "pcma")
        await sleep(TALK)
        await phone.run(`hangup ${id}`)
        await picky.waitFor("CALL_CLOSED")
        await heard(picky, forwards)
        await picky.stop()
    })

    test("a call whose address is taken away goes on from another one: fewer than 10 frames are lost", LIMIT, async () => {
        const other = await Baresip.start(site.lan, { port: PORT + 30, says: backwards, user: "mover", answers: true })
        const id = await moved(phone, other.uri)
        await phone.run("lease ready 0")
        await phone.run(`hangup ${id}`)
        await other.waitFor("CALL_CLOSED")
        await other.stop()
    })

    test("the phone sends baresip on to somebody else, and leaves the call", LIMIT, async () => {
        const other = await Baresip.start(site.lan, { port: PORT + 20, says: forwards, user: "other", answers: true })
        const up = phone.up(`call ${baresip.uri}`)
        await baresip.waitFor("CALL_INCOMING")
        await baresip.accept()
        const { id } = await up
        await phone.run(`transfer ${id} ${other.uri}`)
        await other.waitFor("CALL_ESTABLISHED")
        await phone.reaches(id, { state: "ended", error: null })
        await sleep(TALK)
        await other.hangup()
        await heard(other, backwards)
        await other.stop()
    })

    test("nothing is left: no call, no lease but the common one, no internal error", LIMIT, async () => {
        assert.deepEqual(
            (await phone.calls()).filter(({ state }) => state !== "ended"),
            []
        )
        await until("leases are given back", async () => (await site.server.leases()).length === 1)
        assert.equal((await phone.stats()).internalErrors, 0)
    })
})

describe("a phone that is registered at Kamailio", () => {
    let site: SipSite
    let kamailio: Kamailio
    let phone: Telephone
    let bob: Baresip

    const ACCOUNT = `sip:alice@${DOMAIN}`
    const account = { ACCOUNT, PASSWORD: USERS.alice, REGISTRAR: `sip:${HOST}:${SIP_PORT}`, PROXY: `sip:${HOST}:${SIP_PORT}` }

    before(async () => {
        site = await SipSite.start()
        kamailio = await site.kamailio()
        phone = await Telephone.start({ ...account, AUTOANSWER: "0", PLAY: "speech" })
        bob = await Baresip.start(site.lan, { port: PORT, user: "bob", says: backwards, registration: kamailio.registration("bob") })
    })
    // a test that has failed leaves no call to the next
    afterEach(() => phone.run("hangup all"))
    after(async () => {
        await phone?.stop()
        await site?.stop()
    })

    test("it registers by itself, at its common address, and again when it is told", LIMIT, async () => {
        await until("registration", () => kamailio.log.find(line => line.startsWith("registered sip:alice@")))
        assert.match(await phone.run("register"), /registered for \d+ s/)
        assert.ok(kamailio.log.some(line => line.startsWith(`registered ${ACCOUNT} at `) && line.includes(`@${phone.address}`)))
        assert.deepEqual(kamailio.refusals, [])
    })

    test("bob calls alice, hears the speech, and hangs up", LIMIT, async () => {
        let id = 0
        const overheard = await site.overhear(phone, async () => {
            await bob.call(ACCOUNT)
            await bob.waitFor("CALL_ESTABLISHED")
            id = await phone.callThat("is up")
            assert.equal((await phone.call(id)).peer, bob.uri)
            await sleep(TALK)
            await bob.hangup()
            await phone.callThat("has ended")
        })
        await heard(bob, forwards)
        await received(phone, id)
        await site.ownAddress(phone, overheard)
    })

    test("alice calls bob with a password, plays back what he says, and hangs up", LIMIT, async () => {
        let id = 0
        const overheard = await site.overhear(phone, async () => {
            const up = phone.up(`call ${bob.uri} --play echo`)
            const { peeruri } = await bob.waitFor("CALL_INCOMING")
            assert.equal(peeruri, ACCOUNT)
            await bob.accept()
            await bob.waitFor("CALL_ESTABLISHED")
            id = (await up).id
            await sleep(TALK)
            await phone.run(`hangup ${id}`)
            await bob.waitFor("CALL_CLOSED")
        })
        await heard(bob, backwards)
        await received(phone, id)
        await site.ownAddress(phone, overheard)
        assert.deepEqual(kamailio.refusals, [])
    })

    test("either side holds and resumes through the proxy", LIMIT, async () => {
        await bob.call(ACCOUNT)
        await bob.waitFor("CALL_ESTABLISHED")
        const id = await phone.callThat("is up")
        await bob.hold()
        await phone.reaches(id, { hold: "remote" })
        await bob.resume()
        await phone.reaches(id, { hold: "none" })
        await phone.run(`hold ${id}`)
        await phone.reaches(id, { hold: "local" })
        await silent(phone, id, "rxFrames")
        await phone.run(`resume ${id}`)
        await flows(phone, id)
        await bob.hangup()
        await phone.callThat("has ended")
    })

    test("a call through the proxy whose address is taken away goes on from another one", LIMIT, async () => {
        const done = moved(phone, bob.uri)
        await bob.waitFor("CALL_INCOMING")
        await bob.accept()
        const id = await done
        await phone.run("lease ready 0")
        await phone.run(`hangup ${id}`)
        await bob.waitFor("CALL_CLOSED")
    })

    test("whom nobody knows is not found", LIMIT, async () => {
        assert.match(await phone.fails(`call sip:nobody@${DOMAIN}`), /error: ECONNREFUSED: 404 Not Found/)
    })

    test("a phone with a wrong password registers not, and says why", LIMIT, async () => {
        const dave = await Telephone.start({ ...account, ACCOUNT: `sip:dave@${DOMAIN}`, PASSWORD: "wrong" })
        try {
            assert.match(await dave.fails("register"), /error: .*40[13]/)
            assert.ok(kamailio.refusals.some(line => /REGISTER of dave: pv_auth_check -2/.test(line)))
        } finally {
            await dave.stop()
        }
    })

    test("a phone finds its registrar by the domain of its account", LIMIT, async () => {
        const carol = await Telephone.start({ ACCOUNT: `sip:carol@${DOMAIN}`, PASSWORD: USERS.carol })
        try {
            assert.match(await carol.run("register"), /registered for \d+ s/)
        } finally {
            await carol.stop()
        }
    })
})

describe("a registrar whose challenges are old and short", () => {
    test("the phone registers without qop, and with a nonce that goes stale between its requests", LIMIT, async () => {
        const site = await SipSite.start()
        let phone: Telephone | undefined
        try {
            const kamailio = await site.kamailio({ qop: false, nonceSeconds: 1 })
            phone = await Telephone.start({ ACCOUNT: `sip:alice@${DOMAIN}`, PASSWORD: USERS.alice })
            for (let i = 0; i < 2; i++) {
                assert.match(await phone.run("register"), /registered for/)
                await sleep(2000)
            }
            assert.ok(kamailio.log.filter(line => line.startsWith("registered sip:alice@")).length >= 2, kamailio.log.join("\n"))
        } finally {
            await phone?.stop()
            await site.stop()
        }
    })
})
