import { addEverywhere } from "../../../src/link/interface"
import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { startLease } from "../../../src/dhcp/client"
import { dhcpEndpoint } from "../../../src/dhcp/input"
import { setPhy } from "../../../src/link/ethernet"
import { receive } from "../../../src/ip/input"
import { streamPhy } from "../../../src/phy/stream"
import { Counter, countOf } from "../../../src/base/counters"
import { DHCP_MAX } from "../../../src/wire/dhcp"
import { BOARD, BOARD_MAC, BROADCAST_MAC, HOST, HOST_MAC, arp, dhcp, give, icmp, station, udp } from "../support/lan"
import { SERVER, TIMES } from "../support/server"
import { breathe, put16, run } from "../support/support"

/**
 * The VM ends a program that makes 131,072 steps without a pause, and nothing can catch that: whatever the link brings
 * at once must be spread over many turns. Here it brings a backlog of the frames that cost most.
 */
const stream = ds as any
stream._socketOpen = () => 0
stream._socketClose = () => 0
stream._socketWrite = () => 0

const phy = streamPhy("tcp://10.0.0.1:4789", BOARD_MAC.getAt(0, "i32"), BOARD_MAC.getAt(4, "u16"))
setPhy(phy)
addEverywhere(dhcpEndpoint)
give(station(0), BOARD, 24, HOST)
phy.start(receive, () => {})
stream._socketOnEvent.start("open")
await ds.sleep(2)

/** Bytes of a backlog. */
const BACKLOG = 12000

/** As many copies of a frame as make a backlog, in one chunk; then wait until they are taken. */
async function flood(f: Buffer): Promise<void> {
    const n = Math.floor(BACKLOG / (2 + f.length))
    const b = Buffer.alloc(n * (2 + f.length))
    for (let i = 0; i < n; i++) {
        put16(b, i * (2 + f.length), f.length)
        b.blitAt(i * (2 + f.length) + 2, f, 0, f.length)
    }
    const before = countOf(Counter.PhyRx)
    await breathe()
    stream._socketOnEvent.start("data", b)
    for (let i = 0; i < 200 && countOf(Counter.PhyRx) < before + n; i++) await ds.sleep(5)
    expect(countOf(Counter.PhyRx)).toBe(before + n)
}

describe("a backlog", () => {
    beforeEach(breathe)

    test("of long DHCP messages full of padding", async () => {
        const m = Buffer.alloc(1450)
        m.blitAt(0, dhcp(1, BOARD, Buffer.alloc(0)), 42, 240)
        await flood(udp(HOST, 67, -1, 68, m, BROADCAST_MAC))
    })

    test("of the longest DHCP messages that are read, full of options", async () => {
        // the shortest ones, of each kind: without a meaning, or with one
        for (const option of [hex`0c00`, hex`fe00`, hex`2b0161`, hex`430161`, hex`3d0261`, hex`790101`]) {
            const m = Buffer.alloc(DHCP_MAX)
            m.blitAt(0, dhcp(1, BOARD, Buffer.alloc(0)), 42, 240)
            for (let at = 240; at + option.length <= m.length; at += option.length) m.blitAt(at, option, 0, option.length)
            await flood(udp(HOST, 67, -1, 68, m, BROADCAST_MAC))
        }
        // and routes, none of them a default one
        const m = Buffer.alloc(DHCP_MAX)
        m.blitAt(0, dhcp(1, BOARD, Buffer.alloc(0)), 42, 240)
        m.fillAt(240, m.length - 240, 1)
        m.blitAt(240, hex`79ff`, 0, 2)
        await flood(udp(HOST, 67, -1, 68, m, BROADCAST_MAC))
    })

    test("of short ones", async () => {
        const m = Buffer.alloc(244)
        m.blitAt(0, dhcp(1, BOARD, Buffer.alloc(0)), 42, 240)
        await flood(udp(HOST, 67, -1, 68, m, BROADCAST_MAC))
    })

    test("of offers with a netmask that is none", async () => {
        const lease = startLease(station(1))
        await flood(dhcp(lease.xid, BOARD + (1 << 24), Buffer.concat(hex`350102`, SERVER, TIMES, hex`0104ff00ff00`)))
    })

    test("of long echo requests", async () => {
        receive(arp(1, HOST_MAC, HOST, BOARD, BROADCAST_MAC), 0, 42)
        const m = Buffer.alloc(1480)
        m[0] = 8
        await flood(icmp(HOST, BOARD, m))
    })

    test("of ARP requests", async () => await flood(arp(1, HOST_MAC, HOST, BOARD, BROADCAST_MAC)))
})

await run()
