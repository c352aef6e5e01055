/** The DHCP server of the embedded LAN, each section of RFC 2131 that it follows beside its test. */
import assert from "node:assert/strict"
import { once } from "node:events"
import { afterEach, describe, it } from "node:test"
import { DhcpOption, DhcpType, addressOption, numberOption } from "../../sim/lan/dhcp-message.js"
import { BROADCAST_MAC } from "../../sim/lan/ethernet.js"
import { EmbeddedLan, LAN, type LanOptions } from "../../sim/lan/lan.js"
import { TestDhcpClient, dhcpOf, type DhcpReply } from "../support/dhcp-client.js"
import { EthernetClient } from "../support/ethernet-client.js"

const MAC = "02:00:5e:00:00:0a"
const SERVER = LAN.router.address
const TO_SERVER = { mac: LAN.router.mac, address: SERVER }

describe("DHCP server", () => {
    let lan: EmbeddedLan
    let station: EthernetClient

    async function start(options?: LanOptions): Promise<void> {
        lan = await EmbeddedLan.start(options)
        station = await EthernetClient.connect(lan, MAC)
    }
    const client = (iaid: number) => TestDhcpClient.withIaid(station, iaid)
    /** DISCOVER with rapid commit; the station then answers ARP for what it got. */
    async function lease(iaid: number): Promise<string> {
        const { yiaddr } = await client(iaid).exchange(DhcpType.DISCOVER, { rapidCommit: true })
        station.addresses.add(yiaddr)
        return yiaddr
    }
    function assertAck(reply: DhcpReply, address: string): void {
        assert.deepEqual([reply.type, reply.yiaddr], [DhcpType.ACK, address])
    }
    afterEach(async () => {
        await station.close()
        await lan.stop()
    })

    describe("allocation", () => {
        it("offers, then acknowledges, with all parameters", async () => {
            await start({ leaseSeconds: 1000 })
            const offer = await client(1).exchange(DhcpType.DISCOVER)
            assert.equal(offer.type, DhcpType.OFFER)
            assert.equal(lan.dhcp.leases()[0].state, "offered")
            const ack = await client(1).exchange(DhcpType.REQUEST, { requested: offer.yiaddr, server: SERVER })
            assertAck(ack, "10.77.0.50")
            const address = (code: number) => addressOption(ack, code)
            assert.equal(address(DhcpOption.SUBNET_MASK), "255.255.255.0")
            for (const code of [DhcpOption.ROUTER, DhcpOption.DNS_SERVER, DhcpOption.SERVER_ID]) assert.equal(address(code), SERVER)
            assert.equal(ack.options.get(DhcpOption.DOMAIN_NAME)?.toString(), "lan")
            const times = [DhcpOption.LEASE_TIME, DhcpOption.RENEWAL_TIME, DhcpOption.REBINDING_TIME]
            assert.deepEqual(
                times.map(code => numberOption(ack, code)),
                [1000, 500, 875]
            )
            const [held] = lan.dhcp.leases()
            assert.deepEqual([held.address, held.mac, held.state], [ack.yiaddr, MAC, "bound"])
            assert.equal(held.clientId, ack.options.get(DhcpOption.CLIENT_ID)?.toString("hex"), "RFC 6842: the identifier comes back")
            assert.ok(Math.abs(held.expiresAt - Date.now() - 1_000_000) < 5000)
        })

        it("gives one MAC four leases for four client identifiers (RFC 4361)", async () => {
            await start()
            const acks = await Promise.all([1, 2, 3, 4].map(lease))
            assert.equal(new Set(acks).size, 4)
            assert.deepEqual(
                lan.dhcp.leases().map(({ mac }) => mac),
                [MAC, MAC, MAC, MAC]
            )
            assert.equal(await lease(3), acks[2], "the same identifier gets the same address")
        })

        it("tells clients without identifier by their MAC", async () => {
            await start()
            const first = await new TestDhcpClient(station).acquire()
            assert.equal((await new TestDhcpClient(station).acquire()).yiaddr, first.yiaddr)
            assert.equal(lan.dhcp.leases()[0].clientId, "")
            assert.ok(!first.options.has(DhcpOption.CLIENT_ID))
        })

        it("commits at once if asked to and allowed (RFC 4039)", async () => {
            await start()
            const ack = await client(1).exchange(DhcpType.DISCOVER, { rapidCommit: true })
            assertAck(ack, "10.77.0.50")
            assert.ok(ack.options.has(DhcpOption.RAPID_COMMIT))
            lan.dhcp.rapidCommit = false
            assert.equal((await client(2).exchange(DhcpType.DISCOVER, { rapidCommit: true })).type, DhcpType.OFFER)
        })

        it("gives the requested address if it is free, and the shorter lease that was asked for", async () => {
            await start()
            const offer = await client(1).exchange(DhcpType.DISCOVER, { requested: "10.77.0.77", leaseSeconds: 60 })
            assert.equal(offer.yiaddr, "10.77.0.77")
            assert.equal(numberOption(offer, DhcpOption.LEASE_TIME), 60)
            assert.equal((await client(2).exchange(DhcpType.DISCOVER, { requested: "10.77.0.77" })).yiaddr, "10.77.0.50")
        })

        it("stays silent when no address is left", async () => {
            await start({ poolStart: 50, poolEnd: 51 })
            await lease(1)
            await lease(2)
            assert.ok(await client(3).isUnanswered(DhcpType.DISCOVER))
            assert.equal(lan.dhcp.counters.poolEmpty, 1)
        })

        it("reserves what it offers for a short time only", async () => {
            await start({ poolStart: 50, poolEnd: 50 })
            lan.dhcp.offerSeconds = 0.05
            await client(1).exchange(DhcpType.DISCOVER)
            assert.ok(await client(2).isUnanswered(DhcpType.DISCOVER))
            while (lan.dhcp.leases().length > 0) await new Promise(resolve => setTimeout(resolve, 5))
            await lease(2)
            const late = await client(1).exchange(DhcpType.REQUEST, { requested: "10.77.0.50", server: SERVER })
            assert.equal(late.type, DhcpType.NAK)
        })

        it("takes back its offer when the client chose another server", async () => {
            await start()
            const { yiaddr } = await client(1).exchange(DhcpType.DISCOVER)
            assert.ok(await client(1).isUnanswered(DhcpType.REQUEST, { requested: yiaddr, server: "10.77.0.9" }))
            assert.deepEqual(lan.dhcp.leases(), [])
        })
    })

    describe("INIT-REBOOT (RFC 2131 4.3.2)", () => {
        it("acknowledges a remembered address", async () => {
            await start()
            const address = await lease(1)
            assertAck(await client(1).exchange(DhcpType.REQUEST, { requested: address }), address)
        })

        it("refuses an address of another network, of another client, or other than the client's own", async () => {
            await start()
            const other = await lease(1)
            const refused = [await client(2).exchange(DhcpType.REQUEST, { requested: "192.168.1.5" })]
            refused.push(await client(2).exchange(DhcpType.REQUEST, { requested: other }))
            await lease(2)
            refused.push(await client(2).exchange(DhcpType.REQUEST, { requested: "10.77.0.80" }))
            for (const nak of refused) {
                assert.deepEqual([nak.type, nak.yiaddr, addressOption(nak, DhcpOption.SERVER_ID)], [DhcpType.NAK, "0.0.0.0", SERVER])
                assert.deepEqual([nak.udp.ethernet.destination, nak.udp.ip.destination], [BROADCAST_MAC, "255.255.255.255"])
                assert.ok(!nak.options.has(DhcpOption.LEASE_TIME))
            }
        })

        it("acknowledges an address that was given back, unless somebody else has taken it since", async () => {
            await start({ poolStart: 50, poolEnd: 50 })
            const address = await lease(1)
            await client(1).release(address, SERVER)
            assertAck(await client(1).exchange(DhcpType.REQUEST, { requested: address }), address)
            await client(1).release(address, SERVER)
            assert.equal(await lease(2), address)
            const { type } = await client(1).exchange(DhcpType.REQUEST, { requested: address })
            assert.equal(type, DhcpType.NAK)
            assertAck(await client(2).exchange(DhcpType.REQUEST, { requested: address }), address)
        })

        it("is silent about a client it does not know, whether it could give the address or not", async () => {
            await start()
            for (const requested of ["10.77.0.60", "10.77.0.20"]) assert.ok(await client(1).isUnanswered(DhcpType.REQUEST, { requested }))
            assert.deepEqual([lan.dhcp.counters.ignored, lan.dhcp.leases()], [2, []])
        })
    })

    describe("renewal", () => {
        it("extends the lease, RENEWING by unicast and REBINDING by broadcast", async () => {
            await start()
            const ciaddr = await lease(1)
            const [{ expiresAt }] = lan.dhcp.leases()
            while (Date.now() <= expiresAt - 3_600_000 + 2) await new Promise(resolve => setTimeout(resolve, 1))
            for (const to of [TO_SERVER, undefined]) {
                const ack = await client(1).exchange(DhcpType.REQUEST, { ciaddr, flags: 0, to })
                assertAck(ack, ciaddr)
                assert.deepEqual([ack.udp.ethernet.destination, ack.udp.ip.destination], [MAC, ciaddr], "RFC 2131 4.1: to ciaddr")
            }
            assert.ok(lan.dhcp.leases()[0].expiresAt > expiresAt)
        })

        it("is refused once the lease was revoked, and when it is another client's", async () => {
            await start()
            const ciaddr = await lease(1)
            assert.equal((await client(2).exchange(DhcpType.REQUEST, { ciaddr, to: TO_SERVER })).type, DhcpType.NAK)
            assert.ok(lan.dhcp.revoke(ciaddr))
            assert.equal((await client(1).exchange(DhcpType.REQUEST, { ciaddr, to: TO_SERVER })).type, DhcpType.NAK)
        })

        it("by broadcast of an unknown client is left to another server", async () => {
            await start()
            station.addresses.add("10.77.0.60")
            assert.ok(await client(1).isUnanswered(DhcpType.REQUEST, { ciaddr: "10.77.0.60" }))
            assert.equal(lan.dhcp.counters.ignored, 1)
        })
    })

    describe("end of a lease", () => {
        it("by RELEASE frees the address, for its last client first", async () => {
            await start({ poolStart: 50, poolEnd: 51 })
            const [first, second] = [await lease(1), await lease(2)]
            await client(1).release(first, SERVER)
            assert.deepEqual(
                lan.dhcp.leases().map(({ address }) => address),
                [second]
            )
            assert.equal(await lease(1), first)
            await client(1).release(first, SERVER)
            assert.equal(await lease(3), first)
        })

        it("is not brought about by another client's RELEASE", async () => {
            await start()
            const address = await lease(1)
            await client(2).release(address, SERVER)
            assert.equal(lan.dhcp.leases().length, 1)
        })

        it("by DECLINE sets the address aside for a while", async () => {
            await start({ poolStart: 50, poolEnd: 51 })
            lan.dhcp.declineSeconds = 0.2
            const address = await lease(1)
            assert.ok(await client(1).isUnanswered(DhcpType.DECLINE, { requested: address, server: SERVER }))
            assert.deepEqual([lan.dhcp.declined(), lan.dhcp.leases()], [[address], []])
            assert.notEqual(await lease(1), address)
            while (lan.dhcp.declined().length > 0) await new Promise(resolve => setTimeout(resolve, 5))
            assert.equal(await lease(2), address)
        })

        it("by expiry is told, and frees the address", async () => {
            await start({ leaseSeconds: 1, poolStart: 50, poolEnd: 50 })
            const expired = once(lan.dhcp, "lease")
            const again = expired.then(() => once(lan.dhcp, "lease"))
            const address = await lease(1)
            assert.equal((await expired)[0], "bound")
            const [event, { address: ended }] = await again
            assert.deepEqual([event, ended, lan.dhcp.leases()], ["expired", address, []])
            assert.equal(await lease(2), address)
        })
    })

    it("answers INFORM with parameters but no lease (RFC 2131 4.3.5)", async () => {
        await start()
        station.addresses.add("10.77.0.20")
        const ack = await client(1).exchange(DhcpType.INFORM, { ciaddr: "10.77.0.20" })
        assertAck(ack, "0.0.0.0")
        assert.equal(ack.udp.ip.destination, "10.77.0.20")
        assert.ok(ack.options.has(DhcpOption.ROUTER) && !ack.options.has(DhcpOption.LEASE_TIME))
    })

    it("broadcasts to clients that ask for it, else sends to the new address and the client's MAC (RFC 2131 4.1)", async () => {
        await start()
        const broadcast = await client(1).exchange(DhcpType.DISCOVER)
        assert.deepEqual([broadcast.udp.ethernet.destination, broadcast.udp.ip.destination], [BROADCAST_MAC, "255.255.255.255"])
        const unicast = await client(1).exchange(DhcpType.DISCOVER, { flags: 0 })
        assert.deepEqual([unicast.udp.ethernet.destination, unicast.udp.ip.destination], [MAC, unicast.yiaddr])
    })

    it("is deaf while it is not enabled", async () => {
        await start()
        lan.dhcp.enabled = false
        assert.ok(await client(1).isUnanswered(DhcpType.DISCOVER))
        lan.dhcp.enabled = true
        await lease(1)
    })

    it("loses packets in both directions, the share that it is told", async () => {
        await start()
        let dice = [0.2]
        lan.dhcp.random = () => dice.shift() ?? 0.3
        lan.dhcp.loss = 0.3
        const { counters } = lan.dhcp
        // the first is lost on its way to the server, the second is heard but its answer lost, the third is answered
        assert.ok(await client(1).isUnanswered(DhcpType.DISCOVER))
        assert.deepEqual([counters.discover, counters.lost], [0, 1])
        dice = [0.3, 0.2]
        assert.ok(await client(1).isUnanswered(DhcpType.DISCOVER))
        assert.deepEqual([counters.discover, counters.offer, counters.lost], [1, 1, 2])
        assert.equal((await client(1).exchange(DhcpType.DISCOVER)).type, DhcpType.OFFER)
        assert.deepEqual([counters.discover, counters.lost], [2, 2])
    })

    it("sends what its test hook makes of a reply", async () => {
        await start()
        const asked: number[] = []
        lan.dhcp.tamper = (reply, request) => {
            asked.push(request.readUInt32BE(4))
            const forged = Buffer.from(reply)
            forged.writeUInt32BE(0xffffffff, 4)
            return [forged, reply.subarray(0, 239)]
        }
        assert.ok(await client(1).isUnanswered(DhcpType.DISCOVER))
        assert.equal(asked.length, 1)
        assert.equal(station.frames.map(dhcpOf).find(reply => reply?.xid === 0xffffffff)?.type, DhcpType.OFFER)
    })

    it("survives messages that are cut off anywhere", async () => {
        await start()
        let whole = Buffer.alloc(0)
        lan.dhcp.tamper = (reply, request) => {
            whole = Buffer.from(request)
            return [reply]
        }
        await client(1).exchange(DhcpType.DISCOVER)
        for (let length = 0; length < 290; length++)
            station.send(station.udp(BROADCAST_MAC, "0.0.0.0", 68, "255.255.255.255", 67, whole.subarray(0, length)))
        await station.settle()
        assert.ok(lan.dhcp.counters.malformed >= 240)
        await lease(2)
    })

    it("refuses an impossible pool", async () => {
        await start()
        for (const [poolStart, poolEnd] of [
            [3, 9],
            [60, 50],
            [250, 255],
            [1.5, 20],
        ])
            await assert.rejects(EmbeddedLan.start({ poolStart, poolEnd }), /DHCP pool .* is not possible/)
    })
})
