/**
 * A DHCP server that knows its clients by their hardware address alone, as BusyBox udhcpd does: to it, all leases of one
 * MAC address are one lease. @see RFC 2131 4.2
 */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { DHCP_SERVER_PORT, DhcpOption, DhcpType, dhcpType, parseDhcp } from "../../sim/lan/dhcp-message.js"
import { LAN } from "../../sim/lan/lan.js"
import { udpOf } from "../support/ethernet-client.js"
import { Rig, until, type Call } from "../support/rig.js"

const TARGETS = ["10.77.0.2:4000", "10.77.0.3:4000"]
/** Half a second of voice. */
const FRAMES = 25

const addressOf = (call: Call) => call.local!.split(":")[0]!

for (const rapidCommit of [true, false])
    describe(`a server that ignores client identifiers, ${rapidCommit ? "with" : "without"} rapid commit`, () => {
        let rig: Rig
        let calls: Call[]
        /** MAC address of each interface that has an address, by the address. */
        let macs: Map<string, string>
        /** `chaddr` of each DISCOVER, in order. */
        const discovers: string[] = []
        /** The octets behind the IAID of each client identifier: the DUID. */
        const duids = new Set<string>()
        /** "address MAC" of each datagram from and to the calls. */
        const sources = new Set<string>()
        const destinations = new Set<string>()

        before(async () => {
            rig = await Rig.start({ ignoreClientIdentifier: true, rapidCommit })
            rig.lan.on("frame", frame => {
                const udp = udpOf(frame)
                if (!udp) return
                const { source, destination } = udp.ethernet
                const message = udp.destinationPort === DHCP_SERVER_PORT ? parseDhcp(udp.payload) : undefined
                if (message) {
                    duids.add(message.options.get(DhcpOption.CLIENT_ID)!.toString("hex", 5))
                    if (dhcpType(message) === DhcpType.DISCOVER) discovers.push(message.chaddr)
                } else if (udp.destinationPort === 4000) sources.add(`${udp.ip.source} ${source}`)
                else if (udp.sourcePort === 4000) destinations.add(`${udp.ip.destination} ${destination}`)
            })
        })
        after(() => rig?.stop())

        /** Places these calls at once, and waits until voice has come back. */
        async function place(targets: string[]): Promise<Call[]> {
            const placed = await Promise.all(targets.map(target => rig.call(target, "--play speech")))
            macs = new Map((await rig.interfaces()).map(({ address, mac }) => [address!, mac]))
            await until("voice", async () =>
                (await Promise.all(placed.map(({ id }) => rig.callOf(id)))).every(call => call.rxFrames >= FRAMES)
            )
            return placed
        }

        async function hangUp(): Promise<void> {
            await rig.run("hangup all")
            await rig.idle()
            for (const { id } of calls) {
                const { lost, error } = await rig.callOf(id)
                assert.deepEqual([lost, error], [0, null])
            }
        }

        it("gives two calls at once an address each, since each has a MAC address of its own", async () => {
            const { dhcpSameClient, dhcpBad } = await rig.stats()
            const asked = performance.now()
            calls = await place(TARGETS)
            // a message that is sent again is so 3 s later at the earliest
            assert.ok(performance.now() - asked < 3000, "the second attempt waited")
            const own = calls.map(addressOf)
            assert.equal(new Set([rig.address, ...own]).size, 3)
            assert.equal(new Set(macs.values()).size, 3)
            assert.equal(macs.get(rig.address), rig.mac)
            // locally administered and unicast, and like the board's but for the first octet
            for (const address of own) assert.match(macs.get(address)!, new RegExp(`^[1-9]2${rig.mac.slice(2)}$`))
            assert.deepEqual(rig.leased().sort(), [rig.address, ...own].sort())
            // first as the one client that the phone is, then each as one of its own
            assert.deepEqual([...discovers].sort(), [rig.mac, rig.mac, ...own.map(address => macs.get(address)!)].sort())
            const after = await rig.stats()
            assert.deepEqual([after.dhcpSameClient - dhcpSameClient!, after.dhcpBad - dhcpBad!], [2, 0])
        })

        it("their voice goes from and to these addresses, and none is lost", async () => {
            const wanted = calls
                .map(addressOf)
                .map(address => `${address} ${macs.get(address)}`)
                .sort()
            assert.deepEqual([...sources].sort(), wanted)
            assert.deepEqual([...destinations].sort(), wanted)
            // ping, from and to the MAC address that all had before
            await rig.run(`ping ${LAN.router.address} 1`)
        })

        it("gets the addresses back", hangUp)

        it("is remembered: the next calls ask with MAC addresses of their own at once", async () => {
            discovers.length = 0
            calls = await place(TARGETS)
            assert.deepEqual([...discovers].sort(), calls.map(call => macs.get(addressOf(call))!).sort())
            await hangUp()
        })

        it("is told the same device by all of them (RFC 4361, 6.1)", () => {
            assert.deepEqual([...duids], [`00030001${rig.mac.replaceAll(":", "")}`])
        })

        it("leaves the reserved addresses with the MAC address of the PHY", async () => {
            calls = [await rig.call(TARGETS[0]!, "--tuple static")]
            const { mac } = (await rig.interfaces()).find(({ address }) => address === addressOf(calls[0]!))!
            assert.equal(mac, rig.mac)
            await hangUp()
        })
    })
