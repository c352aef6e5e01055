/** A phone that restarts asks for its common address again, and takes another one if it must. @see RFC 2131 3.2, 4.3.2 INIT-REBOOT */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { DHCP_SERVER_PORT, DhcpOption, DhcpType, addressOption, dhcpType, parseDhcp, type DhcpMessage } from "../../sim/lan/dhcp-message.js"
import { LIMITED_BROADCAST } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { Rig, type Seen } from "../support/rig.js"

/** Two requests that are not answered, and a busy machine. */
const SILENCE_MS = 6000
/** Where a client identifier has the last octet of its IAID, the slot of the interface (RFC 4361, 6.1). */
const IAID = 4

describe("after a restart", () => {
    let rig: Rig

    before(async () => {
        rig = await Rig.start()
        // the phone looks every quarter of a second of its own clock whether there is something to remember
        await rig.run("sleep 1")
    })
    after(() => rig?.stop())

    /** Restarts the phone. @returns what it said to DHCP servers until it had an address, and remembered that */
    async function restarted(): Promise<{ message: DhcpMessage; seen: Seen }[]> {
        const watch = rig.watch(d => d.destinationPort === DHCP_SERVER_PORT)
        assert.equal(await rig.run("reboot"), "restarting\n")
        await rig.hasAddress()
        await rig.run("sleep 1")
        watch.stop()
        // those that it keeps ready are others
        await rig.run("lease ready 0")
        return watch.seen
            .map(seen => ({ message: parseDhcp(seen.payload)!, seen }))
            .filter(({ message }) => message.options.get(DhcpOption.CLIENT_ID)![IAID] === 0)
    }
    const types = (said: { message: DhcpMessage }[]) => said.map(({ message }) => dhcpType(message))

    it("the phone asks for the address that it had, and for no other", async () => {
        const { address } = rig
        const said = await restarted()
        assert.deepEqual(types(said), [DhcpType.REQUEST])
        const [{ message, seen }] = said
        assert.equal(addressOption(message, DhcpOption.REQUESTED_ADDRESS), address)
        assert.equal(message.ciaddr, "0.0.0.0")
        assert.ok(!message.options.has(DhcpOption.SERVER_ID))
        assert.equal(seen.ip.destination, LIMITED_BROADCAST)
        assert.equal(rig.address, address)
        await rig.works()
    })

    it("all who have asked for a restart at the same time are told when the phone is back", async () => {
        const answers = await Promise.all([rig.exec("reboot"), rig.exec("reboot")])
        assert.deepEqual(
            answers,
            answers.map(() => ({ ok: true, text: "restarting\n" }))
        )
        await rig.hasAddress()
        await rig.run("lease ready 0")
        await rig.works()
    })

    it("what the server says of the network is known again", async () => {
        const [common] = await rig.json<Record<string, unknown>[]>("lease -j")
        assert.deepEqual(
            [common.state, common.dns, common.domain, common.ntp, common.tftp, common.bootFile],
            ["bound", LAN.router.address, "lan", null, null, null]
        )
    })

    it("an address that the server has given to nobody, with this phone unknown to it: silence, and another one soon", async () => {
        assert.ok(rig.lan.dhcp.revoke(rig.address))
        const said = await restarted()
        assert.deepEqual(types(said).slice(0, 3), [DhcpType.REQUEST, DhcpType.REQUEST, DhcpType.DISCOVER])
        const waited = said[2].seen.at - said[0].seen.at
        assert.ok(waited > 2500 && waited < SILENCE_MS, `${waited} ms`)
        await rig.works()
    })

    it("a server that refuses: another address at once, which is the one that is remembered from then on", async () => {
        const before = rig.address
        let refused = false
        rig.lan.dhcp.tamper = (reply, request) => {
            const asked = parseDhcp(request)!
            if (refused || dhcpType(asked) !== DhcpType.REQUEST) return [reply]
            refused = true
            rig.lan.dhcp.revoke(before)
            const nak = Buffer.from(reply)
            // the type is the first option behind the cookie
            assert.equal(nak[240], DhcpOption.MESSAGE_TYPE)
            nak[242] = DhcpType.NAK
            nak.fill(0, 16, 20)
            return [nak]
        }
        const said = await restarted()
        delete rig.lan.dhcp.tamper
        assert.ok(refused)
        assert.deepEqual(types(said).slice(0, 2), [DhcpType.REQUEST, DhcpType.DISCOVER])
        assert.ok(said[1].seen.at - said[0].seen.at < 1000)
        assert.equal((await rig.stats()).dhcpNak, 1)
        await rig.works()
    })
})
