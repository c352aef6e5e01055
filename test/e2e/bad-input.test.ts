/** What no LAN should do to a phone. It must neither stop nor leak, and each drop must show in the counter of its reason. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { ARP_REPLY, ARP_REQUEST, arpRequest, buildArp } from "../../sim/lan/arp.js"
import { BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../../sim/lan/ethernet.js"
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpOption, DhcpType, buildDhcp, numberValue } from "../../sim/lan/dhcp-message.js"
import { CODE_PORT_UNREACHABLE, ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST, ICMP_UNREACHABLE, buildIcmp } from "../../sim/lan/icmp.js"
import { internetChecksum } from "../../sim/lan/checksum.js"
import { PROTOCOL_ICMP, PROTOCOL_UDP, addressToBytes, buildIpv4 } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { buildUdp } from "../../sim/lan/udp.js"
import { icmpOf } from "../support/ethernet-client.js"
import { PHY, Rig, seededRandom, sleep, until, type Call, type Stats } from "../support/rig.js"

const RTP_PORT = 5004
const NOBODY = "10.77.0.240"
const FOREIGN_MAC = "02:00:5e:00:00:99"
const IP = 14
const UDP = IP + 20
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** A copy of a frame with some bytes set, and the checksum of its IPv4 header made right again. */
function patched(frame: Buffer, bytes: Record<number, number>): Buffer {
    const copy = Buffer.from(frame)
    for (const [offset, value] of Object.entries(bytes)) copy[Number(offset)] = value
    const header = copy.subarray(IP, Math.min(IP + Math.max((copy[IP] & 15) * 4, 20), copy.length))
    header.writeUInt16BE(0, 10)
    header.writeUInt16BE(internetChecksum(header), 10)
    return copy
}

/** Over an Ethernet controller the frames come from a wire. */
const ON_WIRE = PHY === "w5500"
const SHORTEST = ON_WIRE ? 14 : 0

/** Frames that are more than the phone's stream takes at once: see `sim/board.cjs`. */
const FLOOD = 200

/** The frame in all lengths up to `last`, cut off at its end. */
function cut(frame: Buffer, last: number): Buffer[] {
    return Array.from({ length: last + 1 - SHORTEST }, (_, n) => frame.subarray(0, SHORTEST + n))
}

describe("bad input", () => {
    let rig: Rig
    /** A sound datagram to the common address, on a port that nobody has. */
    let datagram: Buffer

    before(async () => {
        rig = await Rig.start()
        datagram = rig.datagram(rig.address, 9, Buffer.alloc(60, 0x55))
    })
    after(() => rig?.stop())

    /** Tests of one layer, and after them a call: the phone must be as good as before. */
    function group(name: string, options: { skip?: string | false }, body: () => void): void {
        describe(name, options, () => {
            body()
            after(() => rig.works())
        })
    }

    /** Sends frames to the phone, waits until it has dealt with them, and compares the counters of drops. */
    async function drops(what: Stats, ...frames: Buffer[]): Promise<void> {
        const before = await rig.stats()
        for (const frame of frames) rig.lan.inject(frame)
        await rig.settle()
        assert.deepEqual(await rig.drops(before), what)
    }

    /** An RTP datagram to a call, as from its peer. */
    function toCall(call: Call, payload: Buffer, from = {}): Buffer {
        return rig.datagram(call.local!.split(":")[0], RTP_PORT, payload, from)
    }

    group("frames", {}, () => {
        // a wire carries no frame below 60 bytes: what the switch lets through is padded there, and says 0 where it was cut
        it(`of every length from ${SHORTEST} to 60 bytes, cut off from a datagram, are dropped, each by its counter`, () =>
            drops(
                ON_WIRE ? { ipBadHeader: 1, ipBadChecksum: 19, ipBadLength: 27 } : { ethShort: 34, ipBadLength: 27 },
                ...cut(datagram, 60)
            ))

        // one of those that are padded has a sender whose MAC address is 0
        it(`of every length from ${SHORTEST} to 41 bytes, cut off from an ARP request, are dropped, each by its counter`, () =>
            drops(ON_WIRE ? { arpBad: 9 } : { ethShort: 34, arpBad: 8 }, ...cut(arpRequest(FOREIGN_MAC, NOBODY, rig.address), 41)))

        it("for another MAC address, of an unknown type, with a VLAN tag are dropped, each by its counter", () =>
            drops(
                // the controller filters by MAC address, and IPv6
                ON_WIRE ? { ethUnknown: 1 } : { ethForeign: 1, ethUnknown: 2 },
                rig.datagram(rig.address, 9, Buffer.alloc(60), { mac: FOREIGN_MAC }),
                rig.frame(0x86dd, Buffer.alloc(60)),
                Buffer.concat([datagram.subarray(0, 12), Buffer.from("81000001", "hex"), datagram.subarray(12)])
            ))
    })

    group("ARP", {}, () => {
        const arp = (operation: number, senderMac: string, senderAddress: string) =>
            buildArp({ operation, senderMac, senderAddress, targetMac: "00:00:00:00:00:00", targetAddress: rig.address })

        it("with wrong operations, hardware, protocol and lengths are dropped, each by its counter", () => {
            const good = arp(ARP_REQUEST, FOREIGN_MAC, NOBODY)
            const bad = [
                [0, 1],
                [1, 6],
                [2, 0x86],
                [4, 8],
                [5, 16],
                [7, 0],
                [7, 3],
                [7, 255],
                [8, 0xff],
            ]
            return drops(
                { arpBad: bad.length },
                ...bad.map(([offset, value]) => {
                    const copy = Buffer.from(good)
                    copy[offset] = value
                    return rig.frame(ETHERTYPE_ARP, copy, { destination: BROADCAST_MAC })
                })
            )
        })

        it("that claims the phone's own address", () =>
            drops({ arpConflict: 1, arpDefended: 1 }, rig.frame(ETHERTYPE_ARP, arp(ARP_REPLY, FOREIGN_MAC, rig.address))))

        it("that claims the phone's own address during a call from it", () =>
            rig.duringCall(async call => {
                const address = call.local!.split(":")[0]
                await drops({ arpConflict: 1, arpDefended: 1 }, arpRequest(FOREIGN_MAC, address, address))
            }))

        it("in a flood from 300 neighbours, during a call", () =>
            rig.duringCall(async () => {
                const host = (n: number) => `10.77.0.${4 + (n % 40)}`
                for (let n = 0; n < 300; n++) {
                    rig.lan.inject(arpRequest(FOREIGN_MAC, host(n), rig.address))
                    if (n % 20 === 19) await rig.settle()
                }
                const neighbours = await rig.json<unknown[]>("arp -j")
                assert.ok(neighbours.length <= 16, `${neighbours.length} neighbours`)
            }))
    })

    group("IPv4", {}, () => {
        it("with wrong header and total lengths and another version are dropped, each by its counter", () =>
            drops(
                { ipBadHeader: 3, ipBadLength: 3 },
                patched(datagram, { [IP]: 0x44 }),
                patched(datagram, { [IP]: 0x65 }),
                patched(datagram.subarray(0, 60), { [IP]: 0x4f }),
                patched(datagram, { [IP + 2]: 0, [IP + 3]: 19 }),
                patched(datagram, { [IP + 2]: 0, [IP + 3]: 200 }),
                patched(datagram, { [IP + 2]: 0xff, [IP + 3]: 0xff })
            ))

        it("with a wrong checksum are dropped, each by its counter", () => {
            const bad = Buffer.from(datagram)
            bad[IP + 8]--
            return drops({ ipBadChecksum: 1 }, bad)
        })

        it("in fragments that cannot be part of a datagram that is taken are dropped, each by its counter", () =>
            drops(
                { ipFragment: 3 },
                // not the last one, and no whole blocks of 8 bytes
                patched(datagram, { [IP + 6]: 0x20 }),
                // behind the longest datagram that is taken, and behind the longest that there can be
                patched(datagram, { [IP + 6]: 2, [IP + 7]: 0 }),
                patched(datagram, { [IP + 6]: 0x1f, [IP + 7]: 255 })
            ))

        it("from addresses that no host has are dropped, each by its counter", () => {
            const sources = ["224.0.0.1", "255.255.255.255", "127.0.0.1", "0.0.0.0", "0.1.2.3"]
            return drops(
                { ipBadSource: sources.length },
                ...sources.map(source => rig.datagram(rig.address, 9, Buffer.alloc(20), { source }))
            )
        })

        it("to addresses that the phone does not have are dropped, each by its counter", () => {
            const foreign = [NOBODY, "10.77.0.255", "255.255.255.255", "192.0.2.1", "224.0.0.1", "0.0.0.0", "127.0.0.1"]
            return drops({ ipForeign: foreign.length }, ...foreign.map(to => rig.datagram(to, 9, Buffer.alloc(20))))
        })

        it("of unknown protocols are dropped, each by its counter", () => {
            const ip = (protocol: number) =>
                rig.frame(
                    ETHERTYPE_IPV4,
                    buildIpv4({ source: LAN.echo1.address, destination: rig.address, protocol, payload: Buffer.alloc(40) })
                )
            return drops({ ipUnknownProtocol: 3 }, ip(0), ip(6), ip(255))
        })
    })

    group("ICMP", {}, () => {
        const icmp = (payload: Buffer) =>
            rig.frame(ETHERTYPE_IPV4, buildIpv4({ source: LAN.echo1.address, destination: rig.address, protocol: PROTOCOL_ICMP, payload }))
        const quoting = (quoted: Buffer) =>
            icmp(buildIcmp({ type: ICMP_UNREACHABLE, code: CODE_PORT_UNREACHABLE, rest: 0, payload: quoted }))

        it("cut off, and with a wrong checksum, are dropped, each by its counter", () => {
            const echo = buildIcmp({ type: ICMP_ECHO_REQUEST, code: 0, rest: 1, payload: Buffer.alloc(8) })
            const bad = Buffer.from(echo)
            bad[5] ^= 1
            return drops({ icmpBad: 9 }, ...Array.from({ length: 8 }, (_, n) => icmp(echo.subarray(0, n))), icmp(bad))
        })

        it("errors which quote nothing, too little, or what the phone did not send are dropped, each by its counter", () => {
            const udp = buildUdp(rig.address, 9, LAN.echo1.address, 4000, Buffer.alloc(8))
            const own = buildIpv4({ source: rig.address, destination: LAN.echo1.address, protocol: PROTOCOL_UDP, payload: udp })
            const other = buildIpv4({ source: NOBODY, destination: LAN.echo1.address, protocol: PROTOCOL_UDP, payload: udp })
            const longHeader = Buffer.from(own)
            longHeader[0] = 0x4f
            return drops(
                { icmpBad: 5 },
                quoting(Buffer.alloc(0)),
                quoting(own.subarray(0, 20)),
                quoting(own.subarray(0, 27)),
                quoting(other),
                quoting(longHeader)
            )
        })

        it("errors about a call that concern another port or another peer, during a call", () =>
            rig.duringCall(async call => {
                const address = call.local!.split(":")[0]
                const about = (port: number, to: string, toPort: number) => {
                    const udp = buildUdp(address, port, to, toPort, Buffer.alloc(8))
                    const quoted = buildIpv4({ source: address, destination: to, protocol: PROTOCOL_UDP, payload: udp })
                    const payload = buildIcmp({ type: ICMP_UNREACHABLE, code: CODE_PORT_UNREACHABLE, rest: 0, payload: quoted })
                    return rig.frame(ETHERTYPE_IPV4, buildIpv4({ source: to, destination: address, protocol: PROTOCOL_ICMP, payload }))
                }
                await drops(
                    {},
                    about(9, LAN.echo1.address, 4000),
                    about(RTP_PORT, LAN.echo2.address, 4000),
                    about(RTP_PORT, LAN.echo1.address, 4001)
                )
            }))

        it("pings in a flood, answered or dropped, during a call", () =>
            rig.duringCall(async () => {
                let replies = 0
                const listener = (frame: Buffer, port: string) => {
                    if (port !== "inject" && icmpOf(frame)?.type === ICMP_ECHO_REPLY) replies++
                }
                rig.lan.on("frame", listener)
                for (let n = 0; n < 300; n++) {
                    rig.lan.inject(icmp(buildIcmp({ type: ICMP_ECHO_REQUEST, code: 0, rest: n, payload: Buffer.alloc(n % 1000) })))
                    if (n % 10 === 9) await rig.settle()
                }
                rig.lan.off("frame", listener)
                assert.equal(replies, 300)
            }))
    })

    group("UDP", {}, () => {
        it("with wrong lengths are dropped, each by its counter", () =>
            drops(
                { udpBadLength: 4 },
                patched(datagram, { [UDP + 4]: 0, [UDP + 5]: 0 }),
                patched(datagram, { [UDP + 4]: 0, [UDP + 5]: 7 }),
                patched(datagram, { [UDP + 4]: 0, [UDP + 5]: 69 }),
                patched(datagram, { [IP + 2]: 0, [IP + 3]: 27 })
            ))

        it("to a port that nobody has is answered, but not without a limit", async () => {
            let errors = 0
            const listener = (frame: Buffer) => {
                const icmp = icmpOf(frame)
                if (icmp?.type === ICMP_UNREACHABLE && icmp.ip.source === rig.address) {
                    assert.equal(icmp.code, CODE_PORT_UNREACHABLE)
                    assert.ok(icmp.checksumOk)
                    assert.deepEqual(icmp.payload, datagram.subarray(IP, UDP + 8))
                    errors++
                }
            }
            rig.lan.on("frame", listener)
            const before = await rig.stats()
            for (let n = 0; n < 40; n++) rig.lan.inject(datagram)
            await rig.settle()
            rig.lan.off("frame", listener)
            const { udpNoPort, icmpErrorsLimited } = await rig.drops(before)
            assert.equal(udpNoPort, 40)
            assert.equal(errors + icmpErrorsLimited, 40)
            assert.ok(errors >= 1 && errors <= 20, `${errors} errors sent`)
        })

        it("to a call with a wrong checksum, or from somebody else, during a call", () =>
            rig.duringCall(async call => {
                const bad = toCall(call, Buffer.alloc(172, 0x80))
                bad[UDP + 6] ^= 1
                await drops(
                    { udpBadChecksum: 1, udpForeignPeer: 2 },
                    bad,
                    toCall(call, Buffer.alloc(172, 0x80), { source: LAN.echo2.address }),
                    toCall(call, Buffer.alloc(172, 0x80), { sourcePort: 4001 })
                )
            }))
    })

    group("DHCP", {}, () => {
        // on the simulated SPI bus, where each read is a round trip of milliseconds, no such flood gets through
        const RATE = ON_WIRE ? 100 : 1000
        const SECONDS = 3
        const TICK = 20

        /** An offer of a server that nobody asked, with an identifier of its choice. */
        const forged = (xid: number) =>
            rig.datagram(
                "255.255.255.255",
                DHCP_CLIENT_PORT,
                buildDhcp({
                    isReply: true,
                    xid,
                    chaddr: rig.mac,
                    yiaddr: NOBODY,
                    options: new Map([
                        [DhcpOption.MESSAGE_TYPE, Buffer.from([DhcpType.OFFER])],
                        [DhcpOption.SERVER_ID, Buffer.from(addressToBytes(LAN.echo2.address))],
                        [DhcpOption.LEASE_TIME, numberValue(3600)],
                        [DhcpOption.SUBNET_MASK, Buffer.from([255, 255, 255, 0])],
                    ]),
                }),
                { source: LAN.echo2.address, sourcePort: DHCP_SERVER_PORT, mac: BROADCAST_MAC }
            )

        it(`${RATE} forged OFFERs in each of ${SECONDS} seconds cost a call no frame`, () =>
            rig.duringCall(async () => {
                const random = seededRandom(seed)
                const before = await rig.stats()
                const total = RATE * SECONDS
                const began = performance.now()
                for (let sent = 0; sent < total; await sleep(TICK)) {
                    const due = Math.min(total, Math.ceil(((performance.now() - began + TICK) / 1000) * RATE))
                    for (; sent < due; sent++) rig.lan.inject(forged(Math.floor(random() * 0x100000000)))
                }
                await rig.settle()
                assert.deepEqual(await rig.drops(before), { dhcpForeign: total })
                assert.ok(!(await rig.interfaces()).some(i => i.address === NOBODY))
            }))
    })

    group("RTP", {}, () => {
        it("cut off, of another version, with lengths that run over, during a call", () =>
            rig.duringCall(async call => {
                const good = Buffer.alloc(172)
                good[0] = 0x80
                const edited = (...bytes: [number, number][]) => {
                    const copy = Buffer.from(good)
                    for (const [offset, value] of bytes) copy[offset] = value
                    return toCall(call, copy)
                }
                await drops(
                    { rtpBad: 12 + 7 },
                    ...Array.from({ length: 12 }, (_, n) => toCall(call, good.subarray(0, n))),
                    edited([0, 0x00]),
                    edited([0, 0xc0]),
                    toCall(call, Buffer.concat([Buffer.from([0x8f]), good.subarray(1, 71)])),
                    edited([0, 0x90], [14, 0xff], [15, 0xff]),
                    toCall(call, Buffer.concat([Buffer.from([0x90]), good.subarray(1, 14)])),
                    edited([0, 0xa0], [171, 0]),
                    edited([0, 0xa0], [171, 161])
                )
            }, true))

        it("of another payload type, during a call", () =>
            rig.duringCall(async call => {
                // 13 is comfort noise, which may come; 72 is RTCP, and none of it
                const types = [3, 8, 13, 72, 100, 127]
                await drops(
                    { rtpForeign: 4, rtpBad: 1 },
                    ...types.map(type => toCall(call, Buffer.concat([Buffer.from([0x80, type]), Buffer.alloc(170)])))
                )
            }))
    })

    group("stream", { skip: ON_WIRE && "frames come from a wire" }, () => {
        it("with a length that no frame can have is opened again, and the call goes on", () =>
            rig.duringCall(async () => {
                const before = await rig.stats()
                const { accepted } = rig.lan.clients
                rig.lan.injectRaw(Buffer.from("ffff", "hex"))
                await until("the phone comes back", () => rig.lan.clients.accepted! > accepted! && rig.lan.clients.connected === 1)
                const { phyBadLength, phyReconnects } = await rig.drops(before)
                assert.equal(phyBadLength, 1)
                assert.equal(phyReconnects, 1)
            }, true))

        it("cut off in the middle of a frame, and opened again: the call and its lease survive", () =>
            rig.duringCall(async call => {
                const before = await rig.stats()
                const { accepted } = rig.lan.clients
                rig.lan.injectRaw(Buffer.concat([Buffer.from([0, 100]), datagram.subarray(0, 50)]))
                rig.lan.disconnectClients()
                await until("the phone comes back", () => rig.lan.clients.accepted! > accepted! && rig.lan.clients.connected === 1)
                await rig.settle()
                const { phyReconnects, phyBadLength } = await rig.drops(before)
                assert.deepEqual([phyReconnects, phyBadLength], [1, undefined])
                assert.deepEqual(new Set(rig.leased()), new Set([rig.address, call.local!.split(":")[0]]))
            }, true))

        it("cut off while more waits than the phone takes at once, and opened again: the call and its lease survive", () =>
            rig.duringCall(async call => {
                const before = await rig.stats()
                const { accepted } = rig.lan.clients
                for (let n = 0; n < FLOOD; n++) rig.lan.inject(datagram)
                rig.lan.disconnectClients()
                await until("the phone comes back", () => rig.lan.clients.accepted! > accepted! && rig.lan.clients.connected === 1)
                await rig.settle()
                const { phyReconnects, phyBadLength, udpNoPort } = await rig.drops(before)
                assert.deepEqual([phyReconnects, phyBadLength], [1, undefined])
                // else all was read before the cut
                assert.ok(udpNoPort! > 0 && udpNoPort! < FLOOD, `${udpNoPort} of ${FLOOD} frames taken`)
                assert.deepEqual(new Set(rig.leased()), new Set([rig.address, call.local!.split(":")[0]]))
            }, true))

        it("in pieces of one byte", async () => {
            const before = await rig.stats()
            const bytes = Buffer.concat([Buffer.from([0, datagram.length]), datagram])
            for (const byte of bytes) {
                rig.lan.injectRaw(Buffer.from([byte]))
                await sleep(1)
            }
            await rig.settle()
            assert.deepEqual(await rig.drops(before), { udpNoPort: 1 })
        })

        it("flooded with 20,000 tiny frames: what it cannot take is counted, and it comes back", async t => {
            const before = await rig.stats()
            for (let n = 0; n < 20_000; n++) {
                rig.lan.injectRaw(Buffer.concat([Buffer.from([0, n % 20]), Buffer.alloc(n % 20)]))
                if (n % 500 === 499) await sleep(10)
            }
            await rig.settle()
            const { ethShort, phyOverrun = 0, phyReconnects = 0, phyTxDown: _, ...others } = await rig.drops(before)
            t.diagnostic(`${ethShort} of 20,000 frames taken, stream reopened ${phyReconnects} times`)
            assert.equal(phyReconnects, phyOverrun)
            assert.ok(phyOverrun > 0 || ethShort === 20_000, `${ethShort} frames taken, the stream was never reopened`)
            assert.deepEqual(others, {})
        })
    })

    it(`2,000 frames of random bytes (SEED=${seed})`, async t => {
        t.diagnostic(`SEED=${seed}`)
        const random = seededRandom(seed)
        const bytes = (n: number) => Buffer.from(Array.from({ length: n }, () => Math.floor(random() * 256)))
        const upTo = (n: number) => Math.floor(random() * (n + 1))
        const ip = (protocol: number, payload: Buffer) =>
            buildIpv4({ source: LAN.echo1.address, destination: rig.address, protocol, payload })
        // each kind is sound up to one layer and random above
        const kinds = [
            () => bytes(SHORTEST + upTo(300)),
            () => rig.frame(upTo(0xffff), bytes(upTo(300))),
            () => rig.frame(ETHERTYPE_ARP, bytes(upTo(60))),
            () => rig.frame(ETHERTYPE_IPV4, bytes(upTo(300))),
            () => patched(rig.frame(ETHERTYPE_IPV4, Buffer.concat([Buffer.from([0x45]), bytes(40 + upTo(300))])), {}),
            () => rig.frame(ETHERTYPE_IPV4, ip(upTo(255), bytes(upTo(300)))),
            () => rig.frame(ETHERTYPE_IPV4, ip(PROTOCOL_ICMP, bytes(upTo(300)))),
            () =>
                rig.frame(
                    ETHERTYPE_IPV4,
                    ip(PROTOCOL_ICMP, buildIcmp({ type: upTo(20), code: upTo(20), rest: 0, payload: bytes(upTo(300)) }))
                ),
            () => rig.frame(ETHERTYPE_IPV4, ip(PROTOCOL_UDP, bytes(upTo(300)))),
            () => rig.datagram(rig.address, upTo(65535), bytes(upTo(300)), { sourcePort: upTo(65535) }),
            () => rig.datagram("255.255.255.255", 68, bytes(upTo(576)), { source: LAN.router.address, sourcePort: 67 }),
        ]
        await rig.duringCall(async () => {
            const before = await rig.stats()
            for (let n = 0; n < 2000; n++) {
                rig.lan.inject(kinds[n % kinds.length]())
                if (n % 20 === 19) await rig.settle()
            }
            const grown = await rig.grown(before)
            assert.ok(grown.phyRx >= 2000, `${grown.phyRx} frames taken`)
            assert.equal(grown.phyReconnects, undefined)
            t.diagnostic(JSON.stringify(await rig.drops(before)))
        })
        await rig.works()
    })
})
