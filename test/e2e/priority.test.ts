/**
 * On a LAN whose switch marks frames with a priority (IEEE 802.1Q: a tag of the VLAN 0) a phone works as on any other; what is of
 * another VLAN is not for it.
 */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { ARP_REPLY, arpRequest } from "../../sim/lan/arp.js"
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT } from "../../sim/lan/dhcp-message.js"
import { BROADCAST_MAC, parseEthernet } from "../../sim/lan/ethernet.js"
import { LIMITED_BROADCAST } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { arpOf } from "../support/ethernet-client.js"
import { Peer, tagged } from "../support/peer.js"
import { Rig, until } from "../support/rig.js"

const PEER = "10.77.0.5"
const ETHERTYPE_VLAN = 0x8100
/** Tags of VLAN 0 (IEEE 802.1Q, 9.6): the least priority, the highest, and one whose frame may be dropped first. */
const PRIORITIES = { "0": 0x0000, "7": 0xe000, "5, drop eligible": 0xb000 }
/** Tags of which the VLAN's number differs from 0 in one bit: the first, and the last of the four that share an octet with the priority. */
const VLANS = [0x0001, 0x0100, 0x0800, 0xe001]

describe("a phone whose LAN marks every frame with", () => {
    let rig: Rig
    let peer: Peer
    let tagsSent = 0

    before(async () => {
        rig = await Rig.start({ withoutServer: true })
        peer = new Peer(rig, PEER)
        rig.lan.on("frame", (frame, port) => {
            if (port !== "inject" && parseEthernet(frame)?.etherType === ETHERTYPE_VLAN) tagsSent++
        })
    })
    after(() => rig?.stop())
    afterEach(() => {
        delete rig.lan.dhcp.tamper
        rig.lan.dhcp.enabled = false
    })

    /** From now on the DHCP server's answers are tagged, and so is all that the peer says. @returns how many answers there were */
    function mark(tci: number): () => number {
        let answers = 0
        const { address: source } = LAN.router
        rig.lan.dhcp.tamper = reply => {
            answers++
            const answer = rig.datagram(LIMITED_BROADCAST, DHCP_CLIENT_PORT, reply, {
                source,
                sourcePort: DHCP_SERVER_PORT,
                mac: BROADCAST_MAC,
            })
            rig.lan.inject(tagged(answer, tci))
            return []
        }
        rig.lan.dhcp.enabled = true
        peer.tci = tci
        return () => answers
    }

    // first, since the phone must not know anybody yet
    for (const tci of VLANS)
        it(`the VLAN of the tag ${tci.toString(16).padStart(4, "0")} hears nothing of it`, async () => {
            const answers = mark(tci)
            const before = await rig.stats()
            await until("an answer to a DISCOVER", () => answers() > 0, 70_000)
            // it has left the LAN, and may be on its way through the PHY
            await until("a drop", async () => (await rig.drops(before)).ethUnknown)
            const { ethUnknown: _, ...others } = await rig.drops(before)
            assert.deepEqual(others, {})
            assert.equal((await rig.interfaces())[0]!.address, null)
        })

    for (const [name, tci] of Object.entries(PRIORITIES))
        it(`the priority ${name} has its address from there, answers ARP, finds its peer and hears it`, async () => {
            const answers = mark(tci)
            const before = await rig.stats()
            if (rig.address === "") await rig.hasAddress(70_000)
            const call = await rig.call(`${PEER}:4000`, "--play speech")
            assert.ok(answers() >= 1)
            assert.ok(rig.leased().includes(call.local!.split(":")[0]!))
            await until("half a second of voice", async () => (await rig.callOf(call.id)).rxFrames >= 25)

            let answered = 0
            const listener = (frame: Buffer) => {
                const arp = arpOf(frame)
                if (arp?.operation === ARP_REPLY && arp.senderAddress === rig.address && arp.targetMac === peer.mac) answered++
            }
            rig.lan.on("frame", listener)
            rig.lan.inject(tagged(arpRequest(peer.mac, PEER, rig.address), tci))
            await until("an answer to ARP", () => answered > 0)
            rig.lan.off("frame", listener)

            assert.equal((await rig.callOf(call.id)).lost, 0)
            assert.deepEqual(await rig.drops(before), {})
            await rig.run(`hangup ${call.id}`)
            await until("the call's lease is back", () => rig.leased().length === 1)
        })

    it("a priority sends none itself", () => assert.equal(tagsSent, 0))
})
