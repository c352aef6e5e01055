/**
 * SIP messages and session descriptions that are nearly right, in the VM: `devs/fuzz/sip.ts` reads and answers each. A program that throws, loops
 * or has lost all of its memory has ended, and the test with it. Always the same ones: what it finds must not depend on the day.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Random } from "../../fuzz/random.js"
import { Vm } from "../../bench/vm/vm.js"
import { mutated } from "../support/sip-mutations.js"

/** `MESSAGES=N` reads so many. */
const MESSAGES = Number(process.env.MESSAGES ?? 4_000)
const SEED = 1
/** Messages that are handed over at once, each in a turn of its own. */
const BATCH = 500
const TIMEOUT = 600_000

const SDP = [
    "v=0\r\no=- 1 1 IN IP4 10.77.0.2\r\ns=-\r\nc=IN IP4 10.77.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n",
    "v=0\r\nm=video 9 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8 13\r\nc=IN IP4 0.0.0.0\r\na=rtcp:4005\r\na=sendonly\r\n",
]
const HEADERS = [
    "Via: SIP/2.0/UDP 10.77.0.9:5060;branch=z9hG4bK1;rport",
    "v:SIP/2.0/TCP p1.example.com;branch=z9hG4bK2;received=10.0.0.1, SIP / 2.0 / UDP h",
    'From: "A. \\"B\\"" <sip:alice@example.com>;tag=1',
    "t: <sip:bob@example.com>",
    "Call-ID: 987asjd97y7atg@x",
    'Contact: "Joe, Jim" <sip:joe@10.77.0.9:5061;transport=udp>;expires=60,\r\n <sip:jim@[::1]>',
    "Route: <sip:10.77.0.1;lr>, <sip:p2.example.com;lr>",
    "Max-Forwards: 70",
    "Content-Type: application/sdp",
    'WWW-Authenticate: Digest realm="x", nonce="y", qop="auth,auth-int", algorithm=MD5',
]
function soundMessage(random: Random): Buffer {
    const isRequest = random.chance(0.7)
    const method = random.one(["INVITE", "BYE", "REGISTER", "OPTIONS"])
    const body = random.chance(0.7) ? random.one(SDP) : ""
    const headers = [...HEADERS, `CSeq: ${random.below(99999)} ${method}`]
    if (random.chance(0.7)) headers.push(`Content-Length: ${body.length}`)
    const line = isRequest ? `${method} sip:bob@10.77.0.50;x=y SIP/2.0` : `SIP/2.0 ${random.one([100, 180, 200, 401, 603])} Reason`
    return Buffer.from(`${line}\r\n${headers.join("\r\n")}\r\n\r\n${body}`, "latin1")
}

describe(`SIP messages that are nearly right (seed ${SEED})`, () => {
    it(`${MESSAGES} of them are read and answered, and none stops the program`, { timeout: TIMEOUT }, async t => {
        const random = new Random(SEED)
        const vm = Vm.start("fuzz/sip.ts")
        let batch: Buffer[] = []
        try {
            await vm.said()
            for (let i = 0; i < MESSAGES; i += BATCH) {
                batch = Array.from({ length: BATCH }, () => mutated(random, soundMessage(random)))
                await vm.arrive([...batch.map(m => [m]), [Buffer.from([0])]])
                const { what } = await vm.said()
                if (i + BATCH < MESSAGES) continue
                t.diagnostic(JSON.stringify(what))
                assert.equal(what.dropped + what.sound + what.refused, MESSAGES)
                // or the run shows nothing of it
                for (const name of ["dropped", "sound", "refused", "answered", "described"])
                    assert.ok(what[name] > MESSAGES / 1000, `${name}: ${what[name]}`)
            }
        } catch (error) {
            // one of these
            t.diagnostic(batch.map(m => JSON.stringify(m.toString("latin1"))).join("\n"))
            throw error
        } finally {
            await vm.stop()
        }
    })
})
