import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Lease, LeaseState, leaseOf } from "../../../src/dhcp/lease"
import { send, setHostName } from "../../../src/dhcp/output"
import { setPhy } from "../../../src/link/ethernet"
import {
    DHCPDECLINE,
    DHCPDISCOVER,
    DHCPRELEASE,
    DHCPREQUEST,
    DHCP_CLIENT_PORT,
    DHCP_LENGTH,
    DHCP_SERVER_PORT,
} from "../../../src/wire/dhcp"
import { ADDRESS_BROADCAST } from "../../../src/wire/address"
import { BOARD, BOARD_MAC, FakePhy, HOST, give, station } from "../support/lan"
import { breathe, copyOf, expectBytes, run } from "../support/support"

// What a lease says in each state (RFC 2131, table 5), to the octet. The bytes were written by another program, and dnsmasq answered them.

const phy = new FakePhy()
setPhy(phy)
setHostName("tuplephone-0001")
const ifc = station(3)
const lease = leaseOf(ifc)

/** Where a frame has the datagram and the message in it. */
const UDP = 34
const DHCP = UDP + 8

/** What every message of this lease names itself by, and what it wishes. */
const IDENTITY = "3d0fff0000000300030001025450000001"
const WISHES = "39020240370e790103060f1c2a33363a3b4243780c117475706c6570686f6e652d303030312d33ff"

/** @param xid in the order of the wire */
function inState(state: LeaseState, xid: Buffer): Lease {
    lease.state = state
    lease.xid = xid.getAt(0, "i32")
    return lease
}

/** Send a message. @param head the first 16 octets @param options what follows the cookie, as hex; zeros to the end */
function expectMessage(type: number, head: Buffer, options: string): void {
    send(lease, type, ADDRESS_BROADCAST)
    const f = phy.one()
    expect((f[UDP] << 8) | f[UDP + 1]).toBe(DHCP_CLIENT_PORT)
    expect((f[UDP + 2] << 8) | f[UDP + 3]).toBe(DHCP_SERVER_PORT)
    const e = Buffer.alloc(DHCP_LENGTH)
    e.blitAt(0, head, 0, 16)
    e.blitAt(28, BOARD_MAC, 0, 6)
    const tail = Buffer.from(`63825363${options}`, "hex")
    e.blitAt(236, tail, 0, tail.length)
    expectBytes(copyOf(f, DHCP), e)
}

describe("what a lease sends (RFC 2131, table 5)", () => {
    beforeEach(async () => {
        await breathe()
        phy.sent = []
        give(ifc, 0, 0, 0)
        lease.server = 0
        lease.address = 0
        lease.secs = 0
    })

    test("DISCOVER, with rapid commit (RFC 4039)", () => {
        inState(LeaseState.Selecting, hex`99887766`)
        lease.secs = 0x1234
        expectMessage(DHCPDISCOVER, hex`01010600 99887766 1234 8000 00000000`, `350101${IDENTITY}5000${WISHES}`)
    })

    test("REQUEST for an offer", () => {
        inState(LeaseState.Requesting, hex`11223344`)
        lease.address = BOARD
        lease.server = HOST
        expectMessage(DHCPREQUEST, hex`01010600 11223344 0000 8000 00000000`, `350103${IDENTITY}32040a4d003936040a4d0001${WISHES}`)
    })

    test("REQUEST for an address that is remembered names no server (4.3.2, INIT-REBOOT)", () => {
        inState(LeaseState.Rebooting, hex`11223344`)
        lease.address = BOARD
        expectMessage(DHCPREQUEST, hex`01010600 11223344 0000 8000 00000000`, `350103${IDENTITY}32040a4d0039${WISHES}`)
    })

    test("REQUEST to renew: the address is in ciaddr, and nothing else names it (4.3.2)", () => {
        inState(LeaseState.Renewing, hex`55667788`)
        give(ifc, BOARD, 24, HOST)
        lease.address = BOARD
        lease.server = HOST
        expectMessage(DHCPREQUEST, hex`01010600 55667788 0000 0000 0a4d0039`, `350103${IDENTITY}${WISHES}`)
    })

    test("RELEASE asks for nothing", () => {
        inState(LeaseState.Bound, hex`0badcafe`)
        give(ifc, BOARD, 24, HOST)
        lease.address = BOARD
        lease.server = HOST
        lease.secs = 7
        expectMessage(DHCPRELEASE, hex`01010600 0badcafe 0000 0000 0a4d0039`, `350107${IDENTITY}36040a4d0001ff`)
    })

    test("DECLINE names the address as one that it has not, also if it was in use", () => {
        for (const state of [LeaseState.Probing, LeaseState.Bound]) {
            inState(state, hex`0badcafe`)
            lease.address = BOARD
            lease.server = HOST
            expectMessage(DHCPDECLINE, hex`01010600 0badcafe 0000 0000 00000000`, `350104${IDENTITY}32040a4d003936040a4d0001ff`)
        }
    })
})

await run()
