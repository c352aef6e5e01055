/** An address that another host on the LAN uses is declined, left out, defended once or given up. @see RFC 5227, RFC 2131 3.1 (5) */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { arpReply, arpRequest } from "../../sim/lan/arp.js"
import { DhcpType, addressOption, dhcpType, parseDhcp, DhcpOption, DHCP_SERVER_PORT } from "../../sim/lan/dhcp-message.js"
import { ANY_ADDRESS } from "../../sim/lan/ipv4.js"
import { EthernetClient, arpOf } from "../support/ethernet-client.js"
import { Rig, sleep, until, type Call } from "../support/rig.js"

const ECHO1 = "10.77.0.2:4000"
const OTHER_MAC = "02:00:5e:00:00:99"
/** RFC 5227, 1.1, in milliseconds. */
const ANNOUNCE_INTERVAL = 2000
/** A caller waits no longer, and then hears it. */
const ADDRESS_MS = 10_000 + 500
/** Milliseconds from a probe to its announcement at most: 25, and until the phone looks. */
const PROBE_MS = 50
const CALLS = 8

const addressOf = (call: Call) => call.local!.split(":")[0]

describe("an address that another host uses", () => {
    let rig: Rig
    let other: EthernetClient

    before(async () => {
        rig = await Rig.start()
        other = await EthernetClient.connect(rig.lan, OTHER_MAC)
    })
    after(async () => {
        await other?.close()
        await rig?.stop()
    })
    afterEach(async () => {
        other.addresses.clear()
        await rig.run("hangup all")
        await rig.idle()
    })

    /** The address that the server gives next: its addresses that were never used come first, in order. */
    function next(): string {
        const used = [...rig.lan.dhcp.leases().map(l => l.address), ...rig.lan.dhcp.declined()]
        return `10.77.0.${Math.max(...used.map(address => Number(address.split(".")[3]))) + 1}`
    }

    /** Waits until half a second more of a call was heard, of which nothing is lost, or not more than it may. */
    async function goesOn({ id }: Call, mayLose = 0): Promise<void> {
        const { rxFrames } = await rig.callOf(id)
        const call = await until("more voice", async () => {
            const now = await rig.callOf(id)
            assert.equal(now.state, "up", now.error ?? "")
            return now.rxFrames >= rxFrames + 25 ? now : undefined
        })
        assert.ok(call.lost <= mayLose, `${call.lost} frames are lost`)
    }

    /** The other host claims an address, as one that was given it by hand does. */
    const claim = (address: string) => other.send(arpRequest(OTHER_MAC, address, address))

    /** Times of the ARP requests from now on for which `sender` is the sender's address, by target. */
    function times(isSender: (sender: string, target: string) => boolean): { at: Map<string, number[]>; stop(): void } {
        const at = new Map<string, number[]>()
        const listener = (frame: Buffer) => {
            const arp = arpOf(frame)
            if (arp?.senderMac !== rig.mac || arp.operation !== 1 || !isSender(arp.senderAddress, arp.targetAddress)) return
            at.set(arp.targetAddress, [...(at.get(arp.targetAddress) ?? []), performance.now()])
        }
        rig.lan.on("frame", listener)
        return { at, stop: () => rig.lan.off("frame", listener) }
    }

    it("is declined when the server offers it (RFC 2131, 3.1 (5)), and the call has another one", async () => {
        const taken = next()
        other.addresses.add(taken)
        const messages = rig.watch(d => d.destinationPort === DHCP_SERVER_PORT)
        const stats = await rig.stats()
        const call = await rig.call(ECHO1, "--play speech")
        messages.stop()
        assert.notEqual(addressOf(call), taken)
        assert.ok(rig.lan.dhcp.declined().includes(taken))
        assert.ok(rig.leased().includes(addressOf(call)))
        const said = messages.seen.map(d => parseDhcp(d.payload)!)
        assert.deepEqual(said.map(dhcpType), [DhcpType.DISCOVER, DhcpType.DECLINE, DhcpType.DISCOVER])
        assert.equal(addressOption(said[1], DhcpOption.REQUESTED_ADDRESS), taken)
        assert.deepEqual(await rig.drops(stats), { arpConflict: 1, dhcpDeclined: 1 })
        await goesOn(call)
    })

    it("is left out of the pool of reserved ones", async () => {
        other.addresses.add("10.77.0.200")
        const call = await rig.call(ECHO1, "--play speech --tuple static")
        assert.equal(addressOf(call), "10.77.0.201")
        await goesOn(call)
    })

    it("is not there for a call if other hosts use all that the server gives, and it says so in time", async () => {
        for (let host = 50; host < 100; host++) if (`10.77.0.${host}` !== rig.address) other.addresses.add(`10.77.0.${host}`)
        const start = performance.now()
        const { ok, text } = await rig.exec(`call ${ECHO1}`)
        assert.ok(performance.now() - start < ADDRESS_MS)
        assert.equal(ok, false)
        assert.match(text, /^error: EADDRNOTAVAIL: other hosts use [^\n]*; see that [^\n]*\n$/)
        other.addresses.clear()
        await rig.works()
    })

    it("is defended once (RFC 5227, 2.4), and then given up: the call ends and says why", async () => {
        const answer = rig.exec(`call ${ECHO1} --play speech --seconds 60`)
        answer.catch(() => {})
        const call = await until("the call", async () => (await rig.calls()).find(c => c.state === "up"))
        const bystander = await rig.call(ECHO1, "--play speech")
        const address = addressOf(call)
        // its announcements are over
        await sleep(ANNOUNCE_INTERVAL + 500)
        const stats = await rig.stats()
        const announced = times((sender, target) => sender === address && target === address)
        claim(address)
        await until("a defence", () => announced.at.has(address))
        // a frame that came between claim and defence went to the other host
        await goesOn(call, 1)
        claim(address)
        const { ok, text } = await answer
        announced.stop()
        assert.equal(ok, false)
        assert.match(text, /^call \d+ is up: .*\nerror: ENETDOWN: another host uses [^\n]+\n$/)
        assert.equal((await rig.callOf(call.id)).error, "another host uses the socket's address")
        assert.equal(announced.at.get(address)!.length, 1)
        await until("DECLINE", () => rig.lan.dhcp.declined().includes(address))
        assert.deepEqual(await rig.drops(stats), { arpConflict: 2, arpDefended: 1, dhcpDeclined: 1 })
        await goesOn(bystander)
        await rig.run("hangup all")
        await rig.works()
    })

    it("is given up at once when its host answers the probe too late", async () => {
        const late = async (frame: Buffer) => {
            const arp = arpOf(frame)
            if (arp?.senderMac !== rig.mac || arp.senderAddress !== ANY_ADDRESS) return
            rig.lan.off("frame", late)
            await sleep(PROBE_MS * 3)
            other.send(arpReply(OTHER_MAC, arp))
        }
        rig.lan.on("frame", late)
        const { ok, text } = await rig.exec(`call ${ECHO1} --play speech --seconds 5`)
        assert.equal(ok, false)
        assert.match(text, /error: ENETDOWN: another host uses [^\n]+\n$/)
    })

    it("is looked for without delay, also for eight calls at once", async t => {
        const probes = times(sender => sender === ANY_ADDRESS)
        const announcements = times((sender, target) => sender === target)
        await Promise.all(Array.from({ length: CALLS }, () => rig.run(`call ${ECHO1}`)))
        probes.stop()
        announcements.stop()
        const took = [...probes.at].map(([address, [at]]) => announcements.at.get(address)![0] - at)
        t.diagnostic(`${took.map(ms => ms.toFixed(0))} ms`)
        assert.equal(took.length, CALLS)
        assert.ok(took.every(ms => ms >= 20 && ms < PROBE_MS))
    })

    it("has another one when it is the common address", async () => {
        const lost = rig.address
        claim(lost)
        claim(lost)
        await until("DECLINE", () => rig.lan.dhcp.declined().includes(lost))
        await rig.hasAddress()
        assert.notEqual(rig.address, lost)
        await rig.works()
    })
})
