/** Calls that are signalled: what the phone says to a peer that does each thing as a test wants it. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { arpRequest } from "../../sim/lan/arp.js"
import { address, service } from "../../sim/lan/dns.js"
import { LAN } from "../../sim/lan/lan.js"
import { Rig, sleep, until } from "../support/rig.js"
import { RTP_PORT, SipMessage, SipPeer, newId, sdp } from "../support/sip-peer.js"

/** Milliseconds for what must not come. */
const QUIET = 700
/** Milliseconds until a server that does not answer is given up: 64 times T1. */
const SLOW = 40_000
/** Frames that may be lost when a call changes its address, with no lease ready. */
const FRAMES_LOST = 10
/** INVITEs in three seconds. */
const FLOOD = 3000
/** Calls that ring at the same time at least. */
const FEW = 3
/** Frames on their way, and of a call that talks. */
const FEW_FRAMES = 10
/** Of a host that has no address of its own. */
const OTHER_MAC = "02:00:5e:00:00:99"
const HELD = sdp().replace(/c=IN IP4 [\d.]+/, "c=IN IP4 0.0.0.0")

describe("a phone that signals", () => {
    let rig: Rig
    let peer: SipPeer

    before(async () => {
        rig = await Rig.start()
        peer = new SipPeer(rig)
    })
    after(async () => {
        peer?.stop()
        await rig?.stop()
    })
    afterEach(async () => {
        await rig.run("hangup all")
        await rig.idle()
    })

    /** What a call of the peer is answered with: `ring` waits for 180. */
    async function ring(o: Parameters<SipPeer["invite"]>[0] = {}): Promise<SipMessage> {
        peer.send(peer.invite(o))
        return await peer.response(180)
    }

    /** A call of the peer that is up. @returns the 200 */
    async function called(o: Parameters<SipPeer["invite"]>[0] = {}): Promise<SipMessage> {
        await ring(o)
        const answering = rig.run("answer")
        const ok = await peer.response(200)
        peer.send(peer.within("ACK", ok, ok.cseq))
        await answering
        return ok
    }

    /** A call to the peer that is up. */
    const calling = (answer?: string, headers?: string) => peer.called(answer, headers)

    async function stateOf(peerUri = peer.uri) {
        return (await rig.calls()).filter(c => c.state !== "ended" && c.peer === peerUri)
    }

    /** The next request of the phone within a dialog that it began, as one of ours to it. */
    function towards(invite: SipMessage, method: string, cseq: number, body = ""): string {
        return peer.invite({
            method,
            callId: invite.header("Call-ID"),
            tag: "peer",
            to: `;tag=${invite.tag("From")}`,
            cseq,
            body,
        })
    }

    it("rings, is answered, talks from an address of the call's own, and hears of the other side's end", async () => {
        const events: string[] = []
        rig.phone.on("event", (text: string) => events.push(text))
        const ok = await called()
        const [call] = await stateOf()
        assert.equal(call.direction, "in")
        const [address] = call.local!.split(":")
        assert.notEqual(address, rig.address)
        assert.match(ok.body, new RegExp(`c=IN IP4 ${address}\\r\\n`))
        await until("its voice", async () => (await rig.callOf(call.id)).txFrames > 5)
        peer.send(peer.within("BYE", ok, 2))
        const bye = await peer.response(200)
        assert.match(bye.header("CSeq"), /^2 BYE$/)
        await until("the end", async () => (await rig.callOf(call.id)).state === "ended")
        assert.equal((await rig.callOf(call.id)).reason, "the other side has hung up")
        assert.deepEqual(events, [`call ${call.id} from ${peer.uri} rings`, `call ${call.id} has ended: the other side has hung up`])
    })

    it("has one tag in all its answers to an INVITE, and echoes each Via, with received and rport where they are due", async () => {
        const callId = newId()
        const text = peer
            .invite({ callId })
            .replace(";branch=", ";rport;branch=")
            .replace("Max-Forwards", "Via: SIP/2.0/UDP far.example.com;branch=z9hG4bKfar\r\nMax-Forwards")
        peer.send(text)
        const trying = await peer.response(100)
        const ringing = await peer.response(180)
        await rig.run("hangup all").catch(() => {})
        const declined = await peer.response(603)
        peer.send(peer.within("ACK", declined, 1, "", "", /branch=z9hG4bK(\w+)/.exec(text)![1]))
        assert.equal(new Set([ringing.tag("To"), declined.tag("To"), trying.tag("To") ?? ringing.tag("To")]).size, 1)
        for (const m of [trying, ringing, declined]) {
            assert.equal(m.all("Via").length, 2)
            assert.match(m.header("Via"), /;rport=5060;.*received=10\.77\.0\.2|received=10\.77\.0\.2.*;rport=5060/)
            assert.equal(m.all("Via")[1], "SIP/2.0/UDP far.example.com;branch=z9hG4bKfar")
        }
    })

    it("answers an INVITE that comes again as before, and its 200 comes again until the ACK does", async () => {
        const callId = newId()
        const tag = newId()
        const branch = newId()
        const first = await ring({ callId, tag, branch })
        peer.send(peer.invite({ callId, tag, branch }))
        const again = await peer.response(180)
        assert.equal(again.tag("To"), first.tag("To"))
        // one that has come another way is another one (RFC 3261, 8.2.2.2)
        peer.send(peer.invite({ callId, tag, branch: newId() }))
        await peer.response(482)
        assert.equal((await stateOf()).length, 1)
        const answering = rig.run("answer")
        const ok = await peer.response(200)
        const second = await peer.response(200)
        assert.equal(second.text, ok.text)
        peer.send(peer.within("ACK", ok, 1))
        await answering
    })

    it("is cancelled: 200 for the CANCEL, 487 for the INVITE, until its ACK", async () => {
        const o = { callId: newId(), tag: newId(), branch: newId() }
        const ringing = await ring(o)
        peer.send(peer.invite({ ...o, method: "CANCEL", body: "" }))
        assert.match((await peer.response(200)).header("CSeq"), /CANCEL/)
        const terminated = await peer.response(487)
        assert.equal(terminated.tag("To"), ringing.tag("To"))
        await peer.response(487)
        peer.send(peer.within("ACK", terminated, 1, "", "", o.branch))
    })

    it("takes a CANCEL that crosses its 200 as one that comes too late", async () => {
        const o = { callId: newId(), tag: newId(), branch: newId() }
        await ring(o)
        const answering = rig.run("answer")
        const ok = await peer.response(200)
        peer.send(peer.invite({ ...o, method: "CANCEL", body: "" }))
        assert.match(
            (await peer.next("200 to CANCEL", m => m.status === 200 && /CANCEL/.test(m.header("CSeq")))).header("CSeq"),
            /^1 CANCEL$/
        )
        peer.send(peer.within("ACK", ok, 1))
        await answering
        assert.equal((await stateOf())[0].state, "up")
    })

    it("ends a call whose 200 crosses its CANCEL: with ACK and BYE", async () => {
        const calling = rig.exec(`call ${peer.uri}`)
        const invite = await peer.request("INVITE")
        peer.respond(invite, "180 Ringing")
        await until("it rings there", async () => (await stateOf()).length === 1)
        const hanging = rig.run("hangup all")
        const cancel = await peer.request("CANCEL")
        assert.equal(cancel.branch, invite.branch)
        assert.equal(cancel.cseq, invite.cseq)
        // the call was answered before that came
        peer.respond(invite, "200 OK", "peer", "", sdp())
        peer.respond(cancel, "200 OK")
        assert.equal((await peer.request("ACK")).tag("To"), "peer")
        const bye = await peer.request("BYE")
        assert.equal(bye.tag("To"), "peer")
        peer.respond(bye, "200 OK")
        await hanging
        assert.equal((await calling).ok, false)
        assert.equal((await stateOf()).length, 0)
    })

    it("calls, and says BYE with a Via of its own, to where the other side said that it is", async () => {
        const { invite, ack, done } = await calling(sdp("", undefined, "101 8 0"))
        assert.equal(ack.start, `ACK sip:peer@10.77.0.2:5060 SIP/2.0`)
        assert.notEqual(ack.branch, invite.branch)
        assert.match(await done, /^call \d+ is up: [\d.]+:5004 to sip:peer@10\.77\.0\.2, pcma, playing speech\n$/)
        const [call] = await stateOf()
        assert.equal(call.remote, `10.77.0.2:${RTP_PORT}`)
        const hanging = rig.run("hangup all")
        const bye = await peer.request("BYE")
        assert.match(bye.header("Via"), new RegExp(`^SIP/2\\.0/UDP ${rig.address}:5060;`))
        assert.equal(bye.all("Via").length, 1)
        assert.ok(bye.cseq > invite.cseq)
        peer.respond(bye, "200 OK")
        await hanging
    })

    it("acknowledges a 200 each time that it comes, and ends a call that another fork has answered too", async () => {
        const { invite, done } = await calling()
        await done
        peer.respond(invite, "200 OK", "peer", "", sdp())
        assert.equal((await peer.request("ACK")).tag("To"), "peer")
        peer.respond(invite, "200 OK", "fork", "", sdp())
        assert.equal((await peer.request("ACK")).tag("To"), "fork")
        const bye = await peer.request("BYE")
        assert.equal(bye.tag("To"), "fork")
        peer.respond(bye, "200 OK")
        assert.equal((await stateOf()).length, 1)
        peer.send(towards(invite, "BYE", 1))
        await peer.response(200)
    })

    it("sends requests through the routes that it was told, loose or strict, in the order of the side that it has", async () => {
        const routes = "Record-Route: <sip:10.77.0.2;lr;n=1>\nRecord-Route: <sip:10.77.0.3;lr;n=2>"
        const { ack, done, invite } = await calling(sdp(), routes.replace("10.77.0.3", "10.77.0.2"))
        await done
        assert.deepEqual(ack.all("Route"), ["<sip:10.77.0.2;lr;n=2>", "<sip:10.77.0.2;lr;n=1>"])
        assert.equal(ack.start, "ACK sip:peer@10.77.0.2:5060 SIP/2.0")
        peer.send(towards(invite, "BYE", 1))
        await peer.response(200)
        const strict = await calling(sdp(), "Record-Route: <sip:one@10.77.0.9;lr>\nRecord-Route: <sip:two@10.77.0.2>")
        await strict.done
        assert.equal(strict.ack.start, "ACK sip:two@10.77.0.2 SIP/2.0")
        assert.deepEqual(strict.ack.all("Route"), ["<sip:one@10.77.0.9;lr>", "<sip:peer@10.77.0.2:5060>"])
        peer.send(towards(strict.invite, "BYE", 1))
        await peer.response(200)
    })

    it("is put on hold by c=0.0.0.0 and by sendonly: it sends nothing, and goes on when it is resumed", async () => {
        const ok = await called()
        const [{ id }] = await stateOf()
        let cseq = 2
        for (const [body, direction] of [
            [HELD, "recvonly"],
            [sdp(), "sendrecv"],
            [sdp("a=sendonly"), "recvonly"],
            [sdp("a=inactive"), "inactive"],
            [sdp(), "sendrecv"],
        ]) {
            peer.send(peer.within("INVITE", ok, cseq, body))
            const answer = await peer.response(200)
            assert.match(answer.body, new RegExp(`a=${direction}\\r\\n`), body)
            peer.send(peer.within("ACK", answer, cseq++))
            const before = (await rig.callOf(id)).txFrames
            if (direction === "sendrecv") await until("voice", async () => (await rig.callOf(id)).txFrames > before + 5)
            else {
                await sleep(QUIET)
                assert.ok((await rig.callOf(id)).txFrames - before < 5, `${direction}: ${(await rig.callOf(id)).txFrames - before} frames`)
            }
        }
        peer.send(peer.within("BYE", ok, cseq))
        await peer.response(200)
    })

    it("holds and resumes, and tries again when both sides have offered at once (491)", async () => {
        const { invite, done } = await calling()
        await done
        const [{ id }] = await stateOf()
        const holding = rig.run(`hold ${id}`)
        const first = await peer.request("INVITE")
        assert.match(first.body, /a=sendonly/)
        // glare: ours meets theirs
        peer.send(towards(invite, "INVITE", 1, sdp()))
        await peer.response(491)
        peer.send(towards(invite, "ACK", 1))
        peer.respond(first, "491 Request Pending")
        const second = await peer.request("INVITE", 6000)
        assert.ok(second.cseq > first.cseq)
        peer.respond(second, "200 OK", "", "", sdp("a=recvonly"))
        await peer.request("ACK")
        await holding
        const resuming = rig.run(`resume ${id}`)
        const third = await peer.request("INVITE")
        assert.match(third.body, /a=sendrecv/)
        peer.respond(third, "200 OK", "", "", sdp())
        await peer.request("ACK")
        await resuming
        peer.send(towards(invite, "BYE", 2))
        await peer.response(200)
    })

    it("gives its own offer where the INVITE has none, and takes the answer from the ACK", async () => {
        await ring({ body: "" })
        const answering = rig.run("answer")
        const ok = await peer.response(200)
        assert.match(ok.body, /m=audio 5004 RTP\/AVP 0 8 101\r\n/)
        peer.send(peer.within("ACK", ok, 1, sdp("", undefined, "8")))
        assert.match(await answering, /pcma/)
        peer.send(peer.within("BYE", ok, 2))
        await peer.response(200)
    })

    it("refuses what it cannot do, each with its status, and never rings for it", async () => {
        const once = async (text: string) => {
            peer.send(text)
            return await peer.next("an answer", m => m.status > 100)
        }
        const ip6 = sdp().replaceAll("IN IP4 10.77.0.2", "IN IP6 ::1")
        for (const [what, text, status] of [
            ["IP6 for an IP4 phone", peer.invite({ body: ip6 }), 488],
            ["a codec that nobody has", peer.invite({ body: sdp("", undefined, "96") }), 488],
            ["a body that is no SDP", peer.invite({ type: "text/plain" }), 415],
            ["an extension", peer.invite({ headers: "Require: 100rel" }), 420],
            ["MESSAGE", peer.invite({ method: "MESSAGE", body: "hello", type: "text/plain" }), 405],
            ["REFER", peer.invite({ method: "REFER", body: "" }), 603],
            ["NOTIFY", peer.invite({ method: "NOTIFY", body: "" }), 481],
            ["SUBSCRIBE", peer.invite({ method: "SUBSCRIBE", body: "" }), 405],
            ["a method that nobody knows", peer.invite({ method: "DANCE", body: "" }), 501],
            ["BYE of no call", peer.invite({ method: "BYE", body: "", to: ";tag=none" }), 481],
            ["CANCEL of no call", peer.invite({ method: "CANCEL", body: "" }), 481],
            ["INVITE of no call", peer.invite({ to: ";tag=none" }), 481],
            ["another version", peer.invite().replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), 505],
            ["another scheme", peer.invite().replace("INVITE sip:", "INVITE nobody:"), 416],
        ] as const) {
            const answer = await once(text)
            assert.equal(answer.status, status, `${what}: ${answer.start}`)
            if (status === 420) assert.equal(answer.header("Unsupported"), "100rel")
            if (status === 488) peer.send(peer.within("ACK", answer, 1))
        }
        const options = await once(peer.invite({ method: "OPTIONS", body: "" }))
        assert.equal(options.status, 200)
        assert.match(options.header("Allow"), /INVITE.*BYE/)
        await until("the end of all calls", async () => (await stateOf()).length === 0)
    })

    it("refreshes the session in time if it is to, and ends one that the other side does not refresh", async () => {
        const { invite, done } = await calling(sdp(), "Session-Expires: 90;refresher=uac\nRequire: timer")
        await done
        assert.match(invite.header("Supported"), /timer/)
        const refresh = await peer.request("INVITE", 60_000)
        assert.match(refresh.header("Session-Expires"), /^90$/)
        peer.respond(refresh, "200 OK", "", "Session-Expires: 90;refresher=uas", sdp())
        await peer.request("ACK")
        // now it is the other side's turn
        const bye = await peer.request("BYE", 120_000)
        peer.respond(bye, "200 OK")
    })

    it("rings for as many calls as there is room for, and tells the next that it is busy, until one has gone", async () => {
        const ringing: SipMessage[] = []
        const next = async () => {
            peer.send(peer.invite())
            return await peer.next("180 or 486", m => m.status === 180 || m.status === 486)
        }
        for (let answer = await next(); answer.status === 180; answer = await next()) ringing.push(answer)
        assert.ok(ringing.length >= FEW && ringing.length <= 8, `${ringing.length} ring`)
        assert.equal((await stateOf()).length, ringing.length)
        const hanging = rig.run("hangup all")
        for (const m of ringing) {
            const declined = await peer.next("603", r => r.status === 603 && r.header("Call-ID") === m.header("Call-ID"))
            peer.send(peer.within("ACK", declined, 1))
        }
        await hanging
        await called()
        const hanging2 = rig.run("hangup all")
        peer.respond(await peer.request("BYE"), "200 OK")
        await hanging2
    })

    /** How a call's address is taken away. @param name of its interface */
    const ways: Record<string, (address: string, name: string) => Promise<void>> = {
        "the server renews it no more": async (address, name) => {
            assert.ok(rig.lan.dhcp.revoke(address))
            await rig.exec(`lease renew ${name}`)
        },
        "another host claims it, twice": async address => {
            for (let i = 0; i < 2; i++) {
                rig.lan.inject(arpRequest(OTHER_MAC, address, address))
                await sleep(QUIET)
            }
        },
    }
    for (const [way, take] of Object.entries(ways))
        it(`goes on from another address when ${way}: a re-INVITE tells where, and few frames are lost`, async t => {
            const { invite, done } = await calling()
            await done
            const [before] = await stateOf()
            await until("its voice", async () => (await rig.callOf(before.id)).txFrames > 20)
            const voice = rig.watch(d => d.ip.destination === peer.address && d.destinationPort === RTP_PORT)
            const [lost] = before.local!.split(":")
            const { name } = (await rig.interfaces()).find(i => i.address === lost)!
            await take(lost!, name)
            const again = await peer.request("INVITE", 20_000)
            const [, address] = /c=IN IP4 ([\d.]+)/.exec(again.body)!
            assert.notEqual(`${address}:5004`, before.local)
            peer.respond(again, "200 OK", "", "", sdp())
            await peer.request("ACK")
            const after = await rig.callOf(before.id)
            assert.deepEqual([after.state, after.local], ["up", `${address}:5004`])
            await until("its voice from there", () => voice.seen.filter(d => d.ip.source === address).length > 20)
            voice.stop()
            const gap = Math.max(...voice.seen.slice(1).map((d, i) => d.at - voice.seen[i]!.at))
            t.diagnostic(`${Math.round(gap / 20) - 1} frames lost`)
            assert.ok(gap < 20 * (FRAMES_LOST + 1), `${gap} ms without voice`)
            peer.send(towards(invite, "BYE", 1))
            await peer.response(200)
        })

    it("loses no frame of a call while a stranger sends 1,000 INVITEs a second, and takes calls as before when that is over", async () => {
        const { invite, done } = await calling()
        await done
        const [{ id }] = await stateOf()
        for (let i = 0; i < FLOOD; i++) {
            peer.send(peer.invite(), 5070)
            if (i % 10 === 9) await sleep(10)
        }
        await until("the call goes on", async () => (await rig.callOf(id)).txFrames > 50)
        const { state, skipped } = await rig.callOf(id)
        assert.deepEqual([state, skipped], ["up", 0])
        peer.send(towards(invite, "BYE", 1))
        await peer.next("200 to BYE", m => m.status === 200 && m.header("CSeq") === "1 BYE")
        // nobody acknowledges that these are refused
        const hanging = rig.run("hangup all")
        await hanging
    })

    it("loses no frame of two calls while a third is set up, in and out", async () => {
        await (await calling()).done
        await (await calling()).done
        const frames = async () => (await stateOf()).map(({ txFrames }) => txFrames)
        await until("both talk", async () => (await frames()).every(n => n > FEW_FRAMES))
        await called()
        await (await calling()).done
        const before = await frames()
        await until("all talk on", async () => (await frames()).every((n, i) => n > (before[i] ?? 0) + FEW_FRAMES))
        const [first, second] = await stateOf()
        for (const { lost, skipped, txFrames, rxFrames } of [first!, second!]) {
            assert.deepEqual([lost, skipped], [0, 0])
            assert.ok(txFrames - rxFrames <= FEW_FRAMES, `${txFrames} sent, ${rxFrames} came back`)
        }
    })

    it("answers each of eight messages that come at once", async () => {
        const ids = Array.from({ length: 8 }, () => newId())
        for (const callId of ids) peer.send(peer.invite({ callId, method: "OPTIONS", body: "" }))
        for (const callId of ids) assert.equal((await peer.next(callId, m => m.header("Call-ID") === callId)).status, 200)
    })

    it("says why a call does not come about", async () => {
        for (const [reason, expected] of [
            ["486 Busy Here", /error: ECONNREFUSED: 486 Busy Here/],
            ["603 De\x1b[31mcline", /error: ECONNREFUSED: 603 De\?\[31mcline/],
            ["401 Unauthorized", /error: ECONNREFUSED: 401 Unauthorized/],
        ] as const) {
            const failing = rig.fails(`call ${peer.uri}`, expected)
            const invite = await peer.request("INVITE")
            peer.respond(invite, reason)
            const ack = await peer.request("ACK")
            assert.equal(ack.branch, invite.branch)
            assert.equal(ack.tag("To"), "peer")
            await failing
        }
        const failing = rig.fails(`call ${peer.uri}`, /no voice that we know/)
        const invite = await peer.request("INVITE")
        peer.respond(invite, "200 OK", "peer", "", sdp("", undefined, "96"))
        await peer.request("ACK")
        peer.respond(await peer.request("BYE"), "200 OK")
        await failing
    })

    it("tries the next server of a domain when one does not answer or cannot serve (RFC 3263, 4.3), and says when none does", async () => {
        const zone = [...rig.lan.dns.zone]
        const second = new SipPeer(rig, LAN.echo2.address)
        const [nobody, busy] = ["10.77.0.9", peer.address]
        try {
            rig.lan.dns.zone.push(
                ...["nobody", "busy", "serves"].map((host, i) => service("_sip._udp.three.lan", `${host}.lan`, 5060, 10 + i)),
                address("nobody.lan", nobody),
                address("busy.lan", busy),
                address("serves.lan", second.address),
                ...[nobody, busy].map(host => address("two.lan", host))
            )
            const done = rig.run("call sip:bob@three.lan --play speech")
            const refused = await peer.request("INVITE", SLOW)
            peer.respond(refused, "503 Service Unavailable")
            await peer.request("ACK")
            const invite = await second.request("INVITE")
            assert.equal(invite.header("Call-ID"), refused.header("Call-ID"))
            assert.ok(invite.cseq > refused.cseq)
            assert.notEqual(invite.branch, refused.branch)
            second.respond(invite, "200 OK", "peer", "", sdp())
            await second.request("ACK")
            assert.match(await done, /is up/)
            const ending = rig.run("hangup all")
            second.respond(await second.request("BYE"), "200 OK")
            await ending

            // without such records, the addresses of a name are the servers; who says no is not gone
            const failing = rig.fails("call sip:bob@two.lan", /ECONNREFUSED: 486 Busy Here/)
            peer.respond(await peer.request("INVITE", SLOW), "486 Busy Here")
            await failing
            const last = rig.fails("call sip:bob@two.lan", /ECONNREFUSED: 503 Service/)
            peer.respond(await peer.request("INVITE", SLOW), "503 Service Unavailable")
            await last
        } finally {
            second.stop()
            rig.lan.dns.zone = zone
        }
    })
})
