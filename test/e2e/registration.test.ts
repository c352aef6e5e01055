/** The phone at a registrar that does each thing as a test wants it: what some real ones do, and what none should. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { Rig, sleep, until } from "../support/rig.js"
import { SipMessage, SipPeer, digestResponse, sdp } from "../support/sip-peer.js"

const USER = "alice"
const PASSWORD = "wonderland"
const REALM = "realm.example.com"
/** Milliseconds for what must not come. */
const QUIET = 2500

interface Row {
    uri: string
    registrar: string
    state: string
    expiresIn: number | null
}

/** The parameters of a line of credentials. */
function credentials(line: string): Record<string, string> {
    return Object.fromEntries([...line.matchAll(/(\w+)="?([^",]*)"?/g)].map(([, name, value]) => [name!, value!]))
}

describe("a phone with an account", () => {
    let rig: Rig
    let registrar: SipPeer

    before(async () => {
        rig = await Rig.start({
            settings: { ACCOUNT: `sip:${USER}@example.com`, REGISTRAR: "sip:10.77.0.2", AUTHUSER: "alice-9", PASSWORD, EXPIRES: "3600" },
        })
        registrar = new SipPeer(rig)
    })
    after(async () => {
        registrar?.stop()
        await rig?.stop()
    })
    afterEach(async () => {
        await rig.run("hangup all")
    })

    const row = async () => (await rig.json<Row[]>("sip -j"))[0]

    /** Has the phone register, and gives its first request. */
    async function registering(command = "register"): Promise<{ first: SipMessage; done: Promise<{ ok: boolean; text: string }> }> {
        const done = rig.exec(command)
        return { first: await registrar.request("REGISTER"), done }
    }

    async function accepted(command = "register", headers = "Expires: 3600"): Promise<SipMessage> {
        const { first, done } = await registering(command)
        registrar.respond(first, "200 OK", "r", headers)
        const { ok, text } = await done
        assert.ok(ok, text)
        return first
    }

    it("registers by itself, with no user in the Request-URI, and a Contact on the common address", async () => {
        const first = await registrar.request("REGISTER")
        assert.equal(first.start, "REGISTER sip:10.77.0.2 SIP/2.0")
        assert.equal(first.header("To"), "<sip:alice@example.com>")
        assert.equal(first.header("Contact"), `<sip:alice@${rig.address}:5060>`)
        registrar.respond(first, "200 OK", "r", "Expires: 3600")
        await until("registered", async () => (await row()).state === "registered")
    })

    it("keeps Call-ID and tag, and counts CSeq up, in each registration", async () => {
        const one = await accepted()
        const two = await accepted()
        assert.equal(two.header("Call-ID"), one.header("Call-ID"))
        assert.equal(two.tag("From"), one.tag("From"))
        assert.equal(two.cseq, one.cseq + 1)
    })

    for (const [name, challenge, algorithm, rest] of [
        ["MD5 with qop", 'qop="auth", algorithm=MD5', "md5", true],
        ["SHA-256 with qop", 'qop="auth,auth-int", algorithm=SHA-256, opaque="o p"', "sha256", true],
        ["no qop and no algorithm", "", "md5", false],
    ] as const)
        it(`answers a challenge with ${name}, and asks nothing more if that is not enough`, async () => {
            const { first, done } = await registering()
            registrar.respond(
                first,
                "401 Unauthorized",
                "r",
                `WWW-Authenticate: Digest realm="${REALM}", nonce="n1"${challenge && ", "}${challenge}`
            )
            const second = await registrar.request("REGISTER")
            assert.equal(second.cseq, first.cseq + 1)
            const c = credentials(second.header("Authorization"))
            const counted = rest ? `n1:${c.nc}:${c.cnonce}:auth` : "n1"
            assert.equal(c.response, digestResponse(algorithm, "alice-9", REALM, PASSWORD, "REGISTER", "sip:10.77.0.2", counted))
            assert.equal(c.username, "alice-9")
            if (rest) assert.match(c.nc!, /^0000000\d$/)
            // the same nonce once more: the password is wrong
            registrar.respond(
                second,
                "401 Unauthorized",
                "r",
                `WWW-Authenticate: Digest realm="${REALM}", nonce="n1"${challenge && ", "}${challenge}`
            )
            const { ok, text } = await done
            assert.equal(ok, false)
            assert.match(text, /^error: ECONNREFUSED: 401 Unauthorized\n$/)
            assert.match((await row()).state, /401/)
            await accepted()
        })

    it("takes a new nonce without stale=true, counts the uses of one, and gives up when there is always another one", async () => {
        const { first, done } = await registering()
        const challenge = (nonce: string) => `WWW-Authenticate: Digest realm="${REALM}", nonce="${nonce}", qop="auth"`
        registrar.respond(first, "401 Unauthorized", "r", challenge("a"))
        const second = await registrar.request("REGISTER")
        registrar.respond(second, "401 Unauthorized", "r", challenge("b"))
        const third = await registrar.request("REGISTER")
        assert.equal(credentials(third.header("Authorization")).nonce, "b")
        assert.equal(third.all("Authorization").length, 1)
        registrar.respond(third, "200 OK", "r", "Expires: 3600")
        assert.ok((await done).ok)
        const again = await registering()
        registrar.respond(again.first, "401 Unauthorized", "r", challenge("b"))
        const counted = await registrar.request("REGISTER")
        assert.equal(credentials(counted.header("Authorization")).nc, "00000002")
        let isDone = false
        const ended = again.done.then(({ ok }) => {
            isDone = true
            assert.equal(ok, false)
        })
        let last = counted
        for (let i = 0; !isDone; i++) {
            assert.ok(i < 10, "it never gives up")
            registrar.respond(last, "401 Unauthorized", "r", challenge(`c${i}`))
            const { cseq } = last
            last = (await registrar.next("another one, or the end", m => m.cseq > cseq, 300).catch(() => undefined)) ?? last
        }
        await ended
        await accepted()
    })

    it("asks for more time if the registrar finds it too brief (423), and renews before the end that it grants", async () => {
        const { first, done } = await registering()
        registrar.respond(first, "423 Interval Too Brief", "r", "Min-Expires: 7200")
        const second = await registrar.request("REGISTER")
        assert.equal(second.header("Expires"), "7200")
        registrar.respond(second, "200 OK", "r", `Contact: <sip:other@10.77.0.9>;expires=9999, <sip:alice@${rig.address}:5060>;expires=100`)
        const { text } = await done
        assert.match(text, /registered for (99|100) s/)
        const renewal = await registrar.request("REGISTER", 90_000)
        registrar.respond(renewal, "200 OK", "r", "Expires: 3600")
        // a command that comes before that has the phone ask again at once
        await until("renewed", async () => (await row()).expiresIn! > 3000)
    })

    it("sends a call of a name at the registrar's domain there, answers the challenge of its INVITE, and calls no REGISTER loop when nobody is there", async () => {
        await accepted()
        const calling = rig.exec("call sip:nobody@10.77.0.2")
        const invite = await registrar.request("INVITE")
        assert.match(invite.header("From"), /^<sip:alice@example\.com>;tag=/)
        registrar.respond(
            invite,
            "407 Proxy Authentication Required",
            "r",
            `Proxy-Authenticate: Digest realm="${REALM}", nonce="p", qop="auth"`
        )
        const second = await registrar.next("INVITE with credentials", m => m.method === "INVITE" && m.cseq > invite.cseq)
        const c = credentials(second.header("Proxy-Authorization"))
        const uri = "sip:nobody@10.77.0.2"
        assert.equal(c.response, digestResponse("md5", "alice-9", REALM, PASSWORD, "INVITE", uri, `p:${c.nc}:${c.cnonce}:auth`))
        registrar.respond(second, "404 Not Found")
        assert.match((await calling).text, /error: ECONNREFUSED: 404 Not Found/)
        const before = registrar.all.filter(m => m.method === "REGISTER").length
        await sleep(QUIET)
        assert.equal(registrar.all.filter(m => m.method === "REGISTER").length, before)
    })

    it("registers anew during a call, and the call does not notice", async () => {
        const up = rig.exec("call sip:bob@10.77.0.2")
        const invite = await registrar.request("INVITE")
        registrar.respond(invite, "200 OK", "bob", "", sdp())
        await registrar.request("ACK")
        const [, id] = /^call (\d+) is up/.exec((await up).text)!
        await accepted()
        assert.equal((await rig.callOf(Number(id))).state, "up")
        const hanging = rig.run(`hangup ${id}`)
        const bye = await registrar.request("BYE")
        assert.equal(bye.header("Call-ID"), invite.header("Call-ID"))
        registrar.respond(bye, "200 OK")
        await hanging
    })

    it("ends its registration when it is told to", async () => {
        const last = await accepted("register off", "")
        assert.equal(last.header("Expires"), "0")
        assert.equal((await row()).expiresIn, null)
        await accepted()
    })
})

describe("a phone whose calls are under no name", () => {
    let rig: Rig
    let peer: SipPeer

    before(async () => {
        rig = await Rig.start({
            settings: { ACCOUNT: `sip:${USER}@example.com`, REGISTRAR: "sip:10.77.0.3", SIPADDR: "call" },
        })
        peer = new SipPeer(rig)
    })
    after(async () => {
        peer?.stop()
        await rig?.stop()
    })

    afterEach(async () => {
        await rig.run("hangup all")
        await rig.idle()
        peer.to = ""
    })

    const contactOf = (m: SipMessage) => /^<sip:anonymous@([\d.]+):5060>$/.exec(m.header("Contact"))![1]!

    it("shows neither its account nor its common address in any packet of a call that it places", async () => {
        const all = rig.watch(() => true)
        const before = peer.all.length
        const calling = rig.exec("call sip:bob@10.77.0.2 --play speech")
        const invite = await peer.request("INVITE")
        assert.match(invite.header("From"), /^<sip:anonymous@anonymous\.invalid>;tag=/)
        assert.equal(invite.header("Privacy"), "id")
        peer.to = contactOf(invite)
        assert.notEqual(peer.to, rig.address)
        assert.ok(invite.header("Via").startsWith(`SIP/2.0/UDP ${peer.to}:5060;`))
        peer.respond(invite, "200 OK", "bob", "", sdp())
        await peer.request("ACK")
        const [, id] = /^call (\d+) is up/.exec((await calling).text)!
        assert.equal((await rig.callOf(Number(id))).local, `${peer.to}:5004`)
        // what is asked of it there is answered from there, also by nobody of the call
        peer.send(peer.invite({ method: "OPTIONS", body: "" }))
        await peer.response(200)
        const hanging = rig.run(`hangup ${id}`)
        peer.respond(await peer.request("BYE"), "200 OK")
        await hanging
        all.stop()
        assert.deepEqual([...new Set(peer.sources.slice(before))], [peer.to])
        for (const { text } of peer.all.slice(before)) {
            assert.doesNotMatch(text, /alice|example\.com/)
            assert.ok(!text.includes(rig.address), text)
        }
        const to = all.seen.filter(d => d.ip.destination === peer.address)
        assert.ok(to.length > 10)
        assert.deepEqual([...new Set(to.map(d => d.ip.source))], [peer.to])
    })

    it("answers a call where it came in, and goes on from the call's own address", async () => {
        peer.send(peer.invite())
        const ringing = await peer.response(180)
        const own = contactOf(ringing)
        assert.notEqual(own, rig.address)
        const answering = rig.run("answer")
        const ok = await peer.response(200)
        assert.equal(contactOf(ok), own)
        assert.ok(ok.body.includes(`c=IN IP4 ${own}\r\n`))
        assert.deepEqual([...new Set(peer.sources.slice(-2))], [rig.address])
        peer.to = own
        peer.send(peer.within("ACK", ok, 1))
        await answering
        peer.send(peer.within("INVITE", ok, 2, sdp("a=sendonly")))
        const again = await peer.next("200 to the second INVITE", m => m.status === 200 && m.cseq === 2)
        assert.equal(peer.sources.at(-1), own)
        peer.send(peer.within("ACK", again, 2))
        peer.send(peer.within("BYE", ok, 3))
        await peer.next("200 to BYE", m => m.status === 200 && m.cseq === 3)
        assert.equal(peer.sources.at(-1), own)
    })
})
