/** A lease is renewed without its call noticing; one that is refused or runs out ends the call, which says why. @see RFC 2131 4.4.5 */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { DHCP_SERVER_PORT, DhcpType, dhcpType, parseDhcp } from "../../sim/lan/dhcp-message.js"
import type { LeaseEvent } from "../../sim/lan/dhcp.js"
import { LIMITED_BROADCAST } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { Rig, until, type Call } from "../support/rig.js"

const ECHO1 = "10.77.0.2:4000"
const LEASE_SECONDS = 6
/** What a busy machine may add to a time, in seconds. */
const TOLERANCE = 1.5
/** The first retransmission comes after at most 5 s, the second at most 9 s later (RFC 2131 4.1). */
const RECOVERY_MS = 20_000

describe("leases of a few seconds", () => {
    let rig: Rig
    const events: { event: LeaseEvent; address: string; at: number }[] = []

    before(async () => {
        rig = await Rig.start({ leaseSeconds: LEASE_SECONDS })
        rig.lan.dhcp.on("lease", (event, { address }) => events.push({ event, address, at: performance.now() }))
    })
    after(() => rig?.stop())

    const addressOf = (call: Call) => call.local!.split(":")[0]
    const count = (event: LeaseEvent, address: string) => events.filter(e => e.event === event && e.address === address).length

    /** Waits until a call has ended by itself. @returns why, as `calls` says */
    async function endOf(call: Call): Promise<string> {
        const ended = await until(
            `the end of call ${call.id}`,
            async () => {
                const now = await rig.callOf(call.id)
                return now.state === "ended" ? now : undefined
            },
            (LEASE_SECONDS + 2) * 1000
        )
        return ended.error ?? ""
    }

    it("are renewed at T1, and the call does not notice", async t => {
        const requests = rig.watch(d => d.destinationPort === DHCP_SERVER_PORT)
        const call = await rig.call(ECHO1, "--play speech")
        const address = addressOf(call)
        await until("two renewals", () => count("renewed", address) >= 2, (LEASE_SECONDS + 2) * 1000)
        requests.stop()
        const renewals = events.filter(e => e.event === "renewed" && e.address === address)
        const granted = events.find(e => e.address === address)!
        const first = (renewals[0].at - granted.at) / 1000
        const second = (renewals[1].at - renewals[0].at) / 1000
        t.diagnostic(`renewed after ${first.toFixed(2)} s and ${second.toFixed(2)} s of ${LEASE_SECONDS} s`)
        for (const after of [first, second]) assert.ok(Math.abs(after - LEASE_SECONDS / 2) < TOLERANCE, `renewed after ${after} s`)
        // RFC 2131, 4.4.5: by unicast to the server, from the address itself
        const own = requests.seen.filter(d => d.ip.source === address)
        assert.equal(own.length, 2)
        for (const d of own) {
            const message = parseDhcp(d.payload)!
            assert.deepEqual(
                [dhcpType(message), d.ip.destination, message.ciaddr, message.flags],
                [DhcpType.REQUEST, LAN.router.address, address, 0]
            )
        }
        const { state, lost } = await rig.callOf(call.id)
        assert.deepEqual([state, lost], ["up", 0])
        assert.ok(count("renewed", rig.address) >= 1, "the common address is renewed too")
        await rig.run("hangup all")
        await rig.idle()
    })

    it("are renewed at T2 by broadcast, when the server did not hear before", async () => {
        const call = await rig.call(ECHO1, "--play speech")
        const address = addressOf(call)
        const watch = rig.watch(d => d.destinationPort === DHCP_SERVER_PORT && d.ip.source === address)
        // only this lease is kept waiting: the common one, at a moment of its own life, must not run out meanwhile
        rig.lan.dhcp.tamper = reply =>
            parseDhcp(reply)!.yiaddr !== address || watch.seen.at(-1)?.ip.destination === LIMITED_BROADCAST ? [reply] : []
        await until("a broadcast request", () => watch.seen.some(d => d.ip.destination === LIMITED_BROADCAST), LEASE_SECONDS * 1000)
        delete rig.lan.dhcp.tamper
        const renewed = await until("more time", async () =>
            (await rig.interfaces()).find(i => i.address === address && i.expiresIn! > LEASE_SECONDS / 2)
        )
        watch.stop()
        assert.ok(renewed.expiresIn! <= LEASE_SECONDS)
        const { state, lost } = await rig.callOf(call.id)
        assert.deepEqual([state, lost], ["up", 0])
        await rig.run("hangup all")
        await rig.idle()
    })

    it("that are refused at their renewal end the call", async () => {
        const call = await rig.call(ECHO1)
        assert.ok(rig.lan.dhcp.revoke(addressOf(call)))
        assert.match(await endOf(call), /lease/)
        await rig.idle()
        assert.equal((await rig.stats()).dhcpNak, 1)
        await rig.works()
    })

    it("can be renewed and given back from the console", async () => {
        const call = await rig.call(ECHO1)
        const renewed = count("renewed", addressOf(call))
        const [{ name }] = (await rig.interfaces()).filter(i => i.address === addressOf(call))
        await rig.run(`lease renew ${name}`)
        await until("a renewal", () => count("renewed", addressOf(call)) > renewed, (LEASE_SECONDS / 2) * 1000 - 500)
        await rig.run(`lease release ${name}`)
        assert.match(await endOf(call), /lease/)
        assert.equal(count("released", addressOf(call)) >= 1, true)
        await rig.idle()
    })

    it("that run out because the server is dead end the call with ENETDOWN; the common address comes back with the server", async () => {
        let answer = ""
        const ended = rig.exec(`call ${ECHO1} --play speech --seconds 60`).then(({ ok, text }) => {
            assert.equal(ok, false)
            answer = text
        })
        ended.catch(() => {})
        const call = await until("the call", async () => (await rig.calls()).find(c => c.state === "up"))
        rig.lan.dhcp.enabled = false
        assert.match(await endOf(call), /lease/)
        await ended
        assert.match(answer, /^call \d+ is up: .*\nerror: ENETDOWN: [^\n]+\n$/)
        const { rxFrames, lost, seconds } = await rig.callOf(call.id)
        assert.ok(rxFrames > 25 && lost === 0, `${rxFrames} received, ${lost} lost`)
        assert.ok(seconds < LEASE_SECONDS + TOLERANCE, `${seconds} s after the lease was given`)

        await until("the common address is gone too", async () => (await rig.interfaces())[0].address === null, (LEASE_SECONDS + 2) * 1000)
        assert.deepEqual(
            (await rig.interfaces()).map(i => i.name),
            ["tp0"]
        )
        assert.ok((await rig.stats()).dhcpExpired >= 2)
        await rig.fails("ping 10.77.0.2", /no address|no DHCP server/)
        rig.lan.dhcp.enabled = true
        await rig.hasAddress(RECOVERY_MS)
        await rig.works()
    })
})
