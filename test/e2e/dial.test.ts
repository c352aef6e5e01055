/** What a user dials, where it goes, and what is remembered of it: DIALPLAN, the SIP server that DHCP names, `answer --wait`, `log`. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { LAN } from "../../sim/lan/lan.js"
import { addressToBytes } from "../../sim/lan/ipv4.js"
import { Rig, sleep, until } from "../support/rig.js"
import { type SipMessage, SipPeer, newId } from "../support/sip-peer.js"

/** Calls that the log holds. */
const LOGGED = 20
const OPTION_END = 255
/** Milliseconds for what must not come. */
const QUIET = 1000

interface Logged {
    ago: number
    direction: "in" | "out"
    peer: string
    seconds: number
    outcome: string
}

/** An ACK or offer with option 120 as its last: one address (RFC 3361, 3.2). */
function withSipServer(reply: Buffer, address: string): Buffer {
    const options = reply.subarray(0, reply.lastIndexOf(OPTION_END))
    return Buffer.concat([options, Buffer.from([120, 5, 1]), addressToBytes(address), Buffer.from([OPTION_END])])
}

describe("a phone that dials", () => {
    let rig: Rig
    let proxy: SipPeer

    before(async () => {
        rig = await Rig.start({
            withoutServer: true,
            settings: {
                ACCOUNT: "sip:alice@example.com",
                PROXY: "dhcp",
                DIALPLAN: "7=sip:bob@example.net,00*=+,0*=+49,short=sip:long@example.org",
            },
        })
        rig.lan.dhcp.tamper = reply => [withSipServer(reply, LAN.echo1.address)]
        rig.lan.dhcp.enabled = true
        await rig.hasAddress()
        proxy = new SipPeer(rig)
    })
    after(async () => {
        proxy?.stop()
        await rig?.stop()
    })
    afterEach(async () => {
        await rig.run("hangup all")
    })

    const last = async () => (await rig.calls()).at(-1)!
    const log = () => rig.json<Logged[]>("log -j")

    /** Dials, has the proxy refuse it, and gives its INVITE. */
    async function refused(text: string, reason = "486 Busy Here"): Promise<SipMessage> {
        const done = rig.exec(`call ${text}`)
        const invite = await proxy.request("INVITE")
        proxy.respond(invite, reason)
        const { ok } = await done
        assert.equal(ok, false)
        return invite
    }

    it("has what it sends go to the SIP server that DHCP names", async () => {
        const [common] = await rig.json<{ sip: string | null }[]>("lease -j")
        assert.equal(common?.sip, LAN.echo1.address)
        const register = await proxy.request("REGISTER")
        assert.match(register.text, /^REGISTER sip:example.com SIP/)
        assert.equal(register.header("Route"), `<sip:${LAN.echo1.address};lr>`)
        proxy.respond(register, "200 OK", "r", "Expires: 3600")
    })

    for (const [text, uri] of [
        ["7", "sip:bob@example.net"],
        ["short", "sip:long@example.org"],
        ["030123", "sip:+4930123@example.com"],
        ["0043123", "sip:+43123@example.com"],
        ["carol", "sip:carol@example.com"],
        ["77", "sip:77@example.com"],
        ["sip:dave@example.net", "sip:dave@example.net"],
    ])
        it(`calls ${uri} for ${text}`, async () => {
            const invite = await refused(text!)
            assert.ok(invite.text.startsWith(`INVITE ${uri} SIP/2.0\r\n`), invite.text)
            const { peer, error } = await last()
            assert.deepEqual([peer, error], [uri, "486 Busy Here"])
            const [{ ago: _, ...logged }] = (await log()) as [Logged]
            assert.deepEqual(logged, { direction: "out", peer: uri, seconds: 0, outcome: "486 Busy Here" })
        })

    it("takes an address and port for what it is, and a port that is none for a mistake", async () => {
        await rig.run(`call ${LAN.echo1.address}:4000 --seconds 1`)
        const { peer, remote, txFrames } = await last()
        assert.deepEqual([peer, remote, txFrames], [null, `${LAN.echo1.address}:4000`, 50])
        const [logged] = await log()
        assert.deepEqual([logged!.peer, logged!.outcome], [remote, "ended"])
        assert.ok(logged!.seconds >= 1, `${logged!.seconds} s`)
        const { ok, text } = await rig.exec("call 10.77.0.2:none")
        assert.equal(ok, false)
        assert.match(text, /10.77.0.2:none is not ADDR:PORT/)
    })

    it("answers the next call that rings, if it is told to wait for it, and knows who that was", async () => {
        const done = rig.exec("answer --wait")
        const callId = newId()
        await until("nothing rings yet", async () => (await rig.calls()).every(c => c.state === "ended"))
        proxy.send(proxy.invite({ callId }))
        const answer = await proxy.response(200)
        proxy.send(proxy.within("ACK", answer, 1))
        const { ok, text } = await done
        assert.ok(ok, text)
        proxy.send(proxy.within("BYE", answer, 2))
        await until("the call ends", async () => (await rig.calls()).every(c => c.state === "ended"))
        const { direction, peer, reason } = await last()
        assert.deepEqual([direction, peer, reason], ["in", proxy.uri, "the other side has hung up"])
        const [logged] = await log()
        assert.deepEqual([logged!.direction, logged!.peer, logged!.outcome], [direction, peer, reason])
    })

    it("does not answer what rings after it has been told not to wait any more", async () => {
        const cancel = new AbortController()
        const done = rig.phone.execute("answer --wait", () => {}, cancel.signal)
        cancel.abort()
        await done
        const callId = newId()
        const [branch, tag] = [newId(), newId()]
        proxy.send(proxy.invite({ callId, branch, tag }))
        await proxy.response(180)
        await sleep(QUIET)
        assert.ok((await rig.calls()).some(c => c.state === "ringing"))
        proxy.send(proxy.invite({ method: "CANCEL", callId, branch, tag, body: "" }))
        const end = await proxy.response(487)
        proxy.send(proxy.invite({ method: "ACK", callId, branch, tag, to: `;tag=${end.tag("To")}`, body: "" }))
        await until("the call ends", async () => (await last()).reason === "the other side has given up")
        assert.equal((await log())[0]!.outcome, "the other side has given up")
    })

    it("knows the last 20 calls", async () => {
        const names = Array.from({ length: LOGGED + 1 }, (_, i) => `n${i}`)
        for (const name of names) await refused(name)
        assert.deepEqual(
            (await log()).map(({ peer }) => peer),
            names
                .slice(1)
                .reverse()
                .map(name => `sip:${name}@example.com`)
        )
        const { internalErrors } = await rig.stats()
        assert.equal(internalErrors, 0)
    })
})
