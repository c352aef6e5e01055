import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Counter, countOf } from "../../../src/base/counters"
import { configured, sipServer } from "../../../src/dhcp/configuration"
import { startLease } from "../../../src/dhcp/client"
import { interfaces } from "../../../src/link/interface"
import { Lease, LeaseState } from "../../../src/dhcp/lease"
import { addressOf } from "../../../src/wire/address"
import { OPTION_BOOT_FILE, OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_TFTP_SERVER } from "../../../src/wire/dhcp"
import { BROADCAST_MAC, HOST, dhcp, station, udp } from "../support/lan"
import { SERVER, TIMES, offered, beginLease, startClient } from "../support/server"
import { breathe, copyOf, run } from "../support/support"

const phy = startClient()

const MASK: Buffer = hex`0104ffffff00`
const COMMIT: Buffer = hex`350105 5000`
/** What every message here says first. */
const BASIS = Buffer.concat(COMMIT, SERVER, hex`330400001c20`, MASK)

let lease: Lease
async function begin(): Promise<void> {
    lease = await beginLease(phy)
    phy.count()
}

/** The server commits an address with these options. @returns which counters that changes, but for the announcement */
function grant(options: Buffer): string {
    return outcome(dhcp(lease.xid, offered(60), Buffer.concat(BASIS, options)))
}

/** As `grant`, with options also in `file` and `sname`. */
function overloaded(options: Buffer, file: Buffer, sname: Buffer): string {
    const f = copyOf(dhcp(lease.xid, offered(60), Buffer.concat(BASIS, options)))
    f.blitAt(42 + 108, file, 0, file.length)
    f.blitAt(42 + 44, sname, 0, sname.length)
    // the datagram has no checksum, and the IPv4 header covers itself alone
    return outcome(f)
}

function outcome(f: Buffer): string {
    const c = phy.counting(f)
    phy.count()
    if (lease.state !== LeaseState.Bound) return c
    // a flawed option is counted beside
    return c === "arpTx+1 dhcpRx+1" || c === "arpTx+1 dhcpRx+1 dhcpBadOption+1" ? "bound" : c
}

const MALFORMED = "dhcpRx+1 dhcpBad+1"

/** A text option of `n` times the letter a. */
function text(code: number, n: number): Buffer {
    const o = Buffer.alloc(2 + n)
    o[0] = code
    o[1] = n
    o.fillAt(2, n, 0x61)
    return o
}

describe("what a server says of the network (RFC 2132)", () => {
    beforeEach(begin)

    test("is kept: DNS, domain, NTP, TFTP server and boot file", () => {
        expect(grant(hex`0608 0a4d00010a4d0002 0f03 6c616e 2a04 0a4d0003 4202 7473 4306 612e63666700`)).toBe("bound")
        expect(configured(OPTION_DNS)).toBe("10.77.0.1")
        expect(configured(OPTION_DOMAIN)).toBe("lan")
        expect(configured(OPTION_NTP)).toBe("10.77.0.3")
        expect(configured(OPTION_TFTP_SERVER)).toBe("ts")
        // RFC 2132, 2: NULs at the end are not part of it
        expect(configured(OPTION_BOOT_FILE)).toBe("a.cfg")
    })

    test("is kept: the first SIP server, an address or a name (RFC 3361, 3)", () => {
        const says = (option: Buffer) => {
            lease = startLease(station(0))
            phy.count()
            expect(grant(option)).toBe("bound")
            return sipServer()
        }
        expect(says(hex`7809 01 0a4d0002 0a4d0003`)).toBe("10.77.0.2")
        expect(says(hex`780e 00 03 736970 03 6c616e 00 01 61 00`)).toBe("sip.lan")
        // cut off, without a label, of an unknown encoding, and not there
        for (const option of [hex`7806 00 03 736970 03`, hex`7802 00 00`, hex`7803 01 0a4d`, hex`7805 02 0a4d0002`, hex`0c01 61`])
            expect(says(option)).toBe(null)
    })

    test("is forgotten when it is not said any more", () => {
        expect(grant(Buffer.alloc(0))).toBe("bound")
        for (const option of [OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_TFTP_SERVER, OPTION_BOOT_FILE])
            expect(configured(option)).toBe(null)
    })

    test("is not taken from other leases than the common one", () => {
        expect(grant(hex`0f03 6c616e`)).toBe("bound")
        lease = startLease(station(4))
        phy.count()
        expect(outcome(dhcp(lease.xid, offered(61), Buffer.concat(BASIS, hex`0f05 6f74686572`)))).toBe("bound")
        expect(configured(OPTION_DOMAIN)).toBe("lan")
    })

    test("nor from an offer, nor from an ACK that is not taken", () => {
        expect(grant(hex`0f03 6c616e`)).toBe("bound")
        lease = startLease(station(0))
        phy.count()
        const offer = Buffer.concat(hex`350102`, SERVER, TIMES, MASK, hex`0f05 6f74686572`)
        phy.arrive(dhcp(lease.xid, offered(60), offer))
        expect(lease.state).toBe(LeaseState.Requesting)
        phy.count()
        expect(outcome(dhcp(lease.xid + 1, offered(61), Buffer.concat(BASIS, hex`0f05 6f74686572`)))).toBe("dhcpRx+1 dhcpForeign+1")
        expect(configured(OPTION_DOMAIN)).toBe("lan")
    })

    test("cannot write to the terminal: what is no character is a question mark", () => {
        expect(grant(hex`0f08 61 1b 5b 32 4a 0a 7f e4`)).toBe("bound")
        expect(configured(OPTION_DOMAIN)).toBe("a?[2J???")
    })

    test("that is longer than there is room is not kept, and what is not longer is", () => {
        const long = (n: number) => overloaded(Buffer.concat(hex`340103 0f0163`, text(67, n)), text(67, 126), text(67, 62))
        expect(long(19)).toBe("bound")
        expect(configured(OPTION_BOOT_FILE).length).toBe(207)
        expect(configured(OPTION_DOMAIN)).toBe("c")
        lease = startLease(station(0))
        expect(long(20)).toBe("bound")
        expect(configured(OPTION_BOOT_FILE)).toBe(null)
        expect(configured(OPTION_DOMAIN)).toBe("c")
    })

    test("of the broadcast address is what the mask says anyway; only its length is looked at", () => {
        expect(grant(hex`1c04 0a4d00ff`)).toBe("bound")
    })
})

describe("overload (RFC 2132, 9.3; RFC 2131, 4.1)", () => {
    beforeEach(begin)
    const FILE: Buffer = hex`0f03 6c616e ff`
    const SNAME: Buffer = hex`2a04 0a4d0003 ff`

    test("options in file, in sname, in both", async () => {
        const found = async (which: Buffer) => {
            await begin()
            expect(overloaded(Buffer.concat(hex`3401`, which), FILE, SNAME)).toBe("bound")
            return `${configured(OPTION_DOMAIN)} ${configured(OPTION_NTP)}`
        }
        expect(await found(hex`01`)).toBe("lan null")
        expect(await found(hex`02`)).toBe("null 10.77.0.3")
        expect(await found(hex`03`)).toBe("lan 10.77.0.3")
    })

    test("without it file and sname hold no options, whatever lies there", () => {
        expect(overloaded(Buffer.alloc(0), hex`0f80`, SNAME)).toBe("bound")
        expect(configured(OPTION_DOMAIN)).toBe(null)
        expect(configured(OPTION_NTP)).toBe(null)
    })

    test("of fields that do not exist it is as if it were not there", async () => {
        for (const options of [hex`340100`, hex`340104`, hex`3401ff`, hex`34020101`, hex`3400`]) {
            await begin()
            expect(overloaded(options, FILE, SNAME)).toBe("bound")
            expect(configured(OPTION_DOMAIN)).toBe(null)
            expect(configured(OPTION_NTP)).toBe(null)
        }
    })

    test("twice, or in a field itself, the first counts", async () => {
        expect(overloaded(hex`340101 340102`, FILE, SNAME)).toBe("bound")
        expect(`${configured(OPTION_DOMAIN)} ${configured(OPTION_NTP)}`).toBe("lan null")
        await begin()
        expect(overloaded(hex`340101`, hex`340102 0f03 6c616e ff`, SNAME)).toBe("bound")
        expect(`${configured(OPTION_DOMAIN)} ${configured(OPTION_NTP)}`).toBe("lan null")
    })

    test("an option that runs past the end of its field, into the next one, is none", async () => {
        const file = Buffer.alloc(128)
        const past = async (which: Buffer, inFile: Buffer, inSname: Buffer, domain: string) => {
            await begin()
            const before = countOf(Counter.DhcpBadOption)
            expect(overloaded(which, inFile, inSname)).toBe("bound")
            expect(countOf(Counter.DhcpBadOption)).toBe(before + 1)
            expect(configured(OPTION_DOMAIN)).toBe(domain)
        }
        // its length lies in the cookie
        file[127] = 15
        await past(hex`340101`, file, SNAME, null)
        file[126] = 15
        file[127] = 1
        await past(hex`340101`, file, SNAME, null)
        const sname = Buffer.alloc(64)
        sname[62] = 15
        sname[63] = 1
        await past(hex`340103`, FILE, sname, "lan")
    })

    test("a text in parts, in all three fields (RFC 3396, 7)", () => {
        expect(overloaded(hex`340103 4302 6162 4301 63`, hex`4302 6465 ff`, hex`4301 66 ff`)).toBe("bound")
        expect(configured(OPTION_BOOT_FILE)).toBe("abcdef")
    })
})

describe("classless static routes (RFC 3442)", () => {
    beforeEach(begin)
    const gateway = () => interfaces[0].gateway
    const ROUTER: Buffer = hex`0304 0a4d0001`

    test("the default route overrules option 3, whichever comes first", async () => {
        expect(grant(Buffer.concat(ROUTER, hex`7905 00 0a4d0009`))).toBe("bound")
        expect(gateway()).toBe(addressOf(10, 77, 0, 9))
        await begin()
        expect(grant(Buffer.concat(hex`7905 00 0a4d0009`, ROUTER))).toBe("bound")
        expect(gateway()).toBe(addressOf(10, 77, 0, 9))
    })

    test("among other routes, which are not followed: on link, and of prefixes of all lengths", () => {
        expect(grant(hex`791d 18 0a4e00 00000000 00 0a4d0009 20 0a4f0001 0a4d0008 09 0a80 0a4d0007`)).toBe("bound")
        expect(gateway()).toBe(addressOf(10, 77, 0, 9))
    })

    test("without a default route there is no gateway: option 3 must be ignored", () => {
        expect(grant(Buffer.concat(ROUTER, hex`7908 18 0a4e00 0a4d0009`))).toBe("bound")
        expect(gateway()).toBe(0)
    })

    test("a default route on the link: no gateway; by a router outside of the subnet: that is on the link, too", async () => {
        expect(grant(Buffer.concat(ROUTER, hex`7905 00 00000000`))).toBe("bound")
        expect(gateway()).toBe(0)
        await begin()
        expect(grant(Buffer.concat(ROUTER, hex`7905 00 0a4e0009`))).toBe("bound")
        expect(gateway()).toBe(addressOf(10, 78, 0, 9))
        await begin()
        // as clouds say it: a route to the router, and the default route by it
        expect(grant(hex`790e 20 0a090001 00000000 00 0a090001`)).toBe("bound")
        expect(gateway()).toBe(addressOf(10, 9, 0, 1))
    })

    test("in parts, cut anywhere (RFC 3396)", async () => {
        const routes: Buffer = hex`18 0a4e00 0a4d0008 00 0a4d0009 20 0a4f0001 0a4d0007`
        for (let cut = 1; cut < routes.length; cut++) {
            await begin()
            const o = Buffer.alloc(routes.length + 4)
            o[0] = o[2 + cut] = 121
            o[1] = cut
            o.blitAt(2, routes, 0, cut)
            o[3 + cut] = routes.length - cut
            o.blitAt(4 + cut, routes, cut, routes.length - cut)
            expect(grant(o)).toBe("bound")
            expect(gateway()).toBe(addressOf(10, 77, 0, 9))
        }
    })

    test("a prefix of more than 32 bits, or a route that is cut off: as if none of them were there", async () => {
        for (const o of [
            hex`790a 21 0a4e000000 0a4d0009`,
            hex`7904 00 0a4d00`,
            hex`7901 00`,
            hex`7906 00 0a4d0009 18`,
            hex`7908 20 0a4e0001 0a4d00`,
        ]) {
            await begin()
            const before = countOf(Counter.DhcpBadOption)
            expect(grant(Buffer.concat(ROUTER, o))).toBe("bound")
            expect(gateway()).toBe(HOST)
            expect(countOf(Counter.DhcpBadOption)).toBe(before + 1)
        }
    })
})

describe("the client identifier that a server echoes (RFC 6842, 3)", () => {
    beforeEach(begin)

    test("ours is welcome", () => expect(grant(hex`3d0f ff00000000 00030001 025450000001`)).toBe("bound"))

    test("one that is not ours: the message is not for us", () => {
        const others = [
            hex`3d0f ff00000001 00030001 025450000001`,
            hex`3d0f ff01000000 00030001 025450000001`,
            hex`3d0f fe00000000 00030001 025450000001`,
            hex`3d0f ff00000000 00010001 025450000001`,
            hex`3d0f ff00000000 00030001 025450000002`,
            hex`3d0f ff00000000 00030001 035450000001`,
            hex`3d07 01 025450000001`,
            hex`3d10 ff00000000 00030001 025450000001 00`,
        ]
        for (const o of others) expect(grant(o)).toBe("dhcpRx+1 dhcpForeign+1")
    })
})

describe("an address that no host of its subnet has (RFC 1122, 3.2.1.3)", () => {
    beforeEach(begin)
    const given = (address: number, mask: Buffer) => outcome(dhcp(lease.xid, address, Buffer.concat(COMMIT, SERVER, TIMES, mask)))

    test("the network's own, and its broadcast address", () => {
        expect(given(offered(0), MASK)).toBe(MALFORMED)
        expect(given(offered(255), MASK)).toBe(MALFORMED)
        expect(given(offered(255), Buffer.alloc(0))).toBe(MALFORMED)
        expect(given(offered(63), hex`0104ffffffe0`)).toBe(MALFORMED)
        // in the middle of a larger subnet it is a host's
        expect(given(offered(255), hex`0104fffffe00`)).toBe("bound")
    })

    test("a subnet of two hosts has neither (RFC 3021), nor has one of a single host", async () => {
        expect(given(offered(61), hex`0104fffffffe`)).toBe("bound")
        await begin()
        expect(given(offered(255), hex`0104ffffffff`)).toBe("bound")
    })
})

describe("a message of another length than ours", () => {
    beforeEach(begin)

    test("is read as far as we ask for (RFC 2132, 9.10), and taken if it is longer", async () => {
        for (const length of [548, 549, 576, 590, 1472]) {
            await begin()
            const m = Buffer.alloc(length)
            m.blitAt(0, dhcp(lease.xid, offered(60), BASIS), 42, 240 + BASIS.length)
            m.blitAt(543, hex`0f03 6c616e`, 0, 5)
            const f = udp(HOST, 67, -1, 68, m, BROADCAST_MAC)
            await breathe()
            expect(outcome(f)).toBe("bound")
            expect(configured(OPTION_DOMAIN)).toBe("lan")
        }
    })
})

describe("more options than any server sends", () => {
    beforeEach(begin)

    test("64 are read, and what follows is not", async () => {
        for (const more of [58, 59]) {
            await begin()
            // five come first
            const o = Buffer.alloc(2 * more)
            for (let i = 0; i < o.length; i += 2) o[i] = 12
            const m = Buffer.alloc(548)
            m.blitAt(0, dhcp(lease.xid, offered(60), BASIS), 42, 240 + BASIS.length)
            m.blitAt(240 + BASIS.length, o, 0, o.length)
            m.blitAt(240 + BASIS.length + o.length, hex`0f03 6c616e`, 0, 5)
            expect(outcome(udp(HOST, 67, -1, 68, m, BROADCAST_MAC))).toBe("bound")
            expect(configured(OPTION_DOMAIN)).toBe(more === 58 ? "lan" : null)
        }
    })
})

await run()
