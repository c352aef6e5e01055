/**
 * Networks that are not a subnet with its router in it, and options that are flawed, as real servers send them: the phone has its
 * address each time, and a call through the router is heard. The server's own file says what was renewed and released; the capture,
 * what it has sent.
 *
 * What the servers refuse to send, so that other tests must (`test/e2e/bad-dhcp.test.ts`):
 * - dnsmasq takes addresses alone for the options 3, 6, 28 and 42, leaves 3, 6, 15 and 28 out instead of sending them empty, sends 58
 *   and 59 as it computes them, and crashes on 58 or 59 without a value.
 * - Kea takes no text that is empty and no list of addresses with an odd length, has 28, 58 and 59 in their own length alone, and sends
 *   the mask of the subnet, whatever is said of option 1.
 * - udhcpd sends any octets, but no option without any.
 * - None of them sends more than the client says it takes (option 57); dnsmasq then puts options into `sname` and `file`.
 */
import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import type { Call, Stats } from "../support/rig.js"
import { HOST, TAP, type Lan } from "./lan.js"
import { until } from "./process.js"
import { FAR_HOST, FAR_PORT, NOBODY, ROUTER, ROUTER_ELSEWHERE, plugInRouter } from "./router.js"
import { Dnsmasq } from "./servers/dnsmasq.js"
import { Kea } from "./servers/kea.js"
import { type DhcpServer, type Times, now } from "./servers/server.js"
import { Udhcpd } from "./servers/udhcpd.js"
import { Site } from "./site.js"

/** Seconds: none is renewed but when the console says so. */
const TIMES: Times = { lease: 3600, t1: 1800, t2: 3150 }
/** Milliseconds that a server may take to write its file, and for any of these tests. */
const WRITTEN = 5_000
const LIMIT = { timeout: 60_000 }
const FRAMES = 25
/** That options are in `sname` or `file`, too (RFC 2132, 9.3). */
const OVERLOAD = 52

interface Network {
    name: string
    serve(lan: Lan): DhcpServer
    prefix: number
    /** The router that must be used; `null` if there is none, and no call through it. */
    router: string | null
    /** Options that the server must have sent with these lengths in each answer: the proof that it has. */
    sent?: Record<number, number>
    /** An option that it must have sent in `sname` or `file`: Wireshark shows those last. */
    overloaded?: number
    /** How many of them are flawed, in each answer. */
    flaws?: number
    /** Text in what `lease -j` says of the network. */
    says?: string
}

const dnsmasq =
    (...options: string[]) =>
    (lan: Lan) =>
        new Dnsmasq(lan, TIMES, false, options)
const option = (value: string) => `--dhcp-option=${value}`
const force = (value: string) => `--dhcp-option-force=${value}`

type KeaOption = Record<string, string | number | boolean>
const POOL_28 = "10.88.0.50 - 10.88.0.60"
const kea =
    (...options: KeaOption[]) =>
    (lan: Lan) =>
        new Kea(lan, TIMES, {
            subnet4: [{ subnet: "10.88.0.0/24", interface: TAP, pools: [{ pool: POOL_28 }], "option-data": options }],
        })
const routers = (data: string) => ({ name: "routers", data })
/** Kea sends what is not asked for only if it is told. */
const octets = (code: number, data: string) => ({ code, "csv-format": false, data, "always-send": true })
const kea28 = (lan: Lan) =>
    new Kea(lan, TIMES, {
        subnet4: [{ subnet: "10.88.0.48/28", interface: TAP, pools: [{ pool: POOL_28 }], "option-data": [routers(ROUTER)] }],
    })
/** A subnet for each address. */
const kea32 = (lan: Lan) =>
    new Kea(lan, TIMES, {
        "shared-networks": [
            {
                name: "hosts",
                interface: TAP,
                "option-data": [routers(ROUTER)],
                subnet4: [50, 51, 52].map((host, i) => {
                    const address = `10.88.0.${host}`
                    return { id: i + 1, subnet: `${address}/32`, pools: [{ pool: `${address} - ${address}` }] }
                }),
            },
        ],
    })

/** RFC 3442: the router itself by the link, all else by the router. */
const ROUTES = `${ROUTER_ELSEWHERE}/32,0.0.0.0,0.0.0.0/0,${ROUTER_ELSEWHERE}`
const ROUTES_HEX = "200a09000100000000000a090001"
/** A route of which the last octet of the router is missing. */
const CUT_OFF = "18c000020a5800"
const CUT_OFF_COLONS = "18:c0:00:02:0a:58:00"
const LONG_NAME = "n".repeat(50)
const LONG_FILE = "f".repeat(100)

const networks: Network[] = [
    // the router is not in the subnet of the lease
    { name: "dnsmasq, /32 and its router", serve: dnsmasq(option("1,255.255.255.255"), option(`3,${ROUTER}`)), prefix: 32, router: ROUTER },
    { name: "dnsmasq, /32 without a router", serve: dnsmasq(option("1,255.255.255.255"), option("3")), prefix: 32, router: null },
    {
        name: "dnsmasq, /28 and a router beside it",
        // of the other addresses some are no host's with such a mask, and the phone takes none of these
        serve: lan => new Dnsmasq(lan, TIMES, false, [option("1,255.255.255.240"), option(`3,${ROUTER}`)], POOL_28.split(" - ")),
        prefix: 28,
        router: ROUTER,
    },
    {
        name: "dnsmasq, /32 and the router by its classless routes",
        serve: dnsmasq(option("1,255.255.255.255"), option(`3,${NOBODY}`), option(`121,${ROUTES}`)),
        prefix: 32,
        router: ROUTER_ELSEWHERE,
        sent: { 3: 4, 121: 14 },
    },
    {
        name: "dnsmasq, no mask and a router elsewhere",
        serve: dnsmasq(option("1"), option(`3,${ROUTER_ELSEWHERE}`)),
        prefix: 24,
        router: ROUTER_ELSEWHERE,
    },
    { name: "Kea, /32 and its router", serve: kea32, prefix: 32, router: ROUTER },
    { name: "Kea, /28 and a router beside it", serve: kea28, prefix: 28, router: ROUTER },
    {
        name: "Kea, the router by its classless routes",
        serve: kea(routers(NOBODY), octets(121, ROUTES_HEX)),
        prefix: 24,
        router: ROUTER_ELSEWHERE,
        sent: { 3: 4, 121: 14 },
    },
    // the first router is not there
    { name: "dnsmasq, two routers", serve: dnsmasq(option(`3,${NOBODY},${ROUTER}`)), prefix: 24, router: ROUTER, sent: { 3: 8 } },
    {
        name: "Kea, two routers, both outside of the subnet",
        serve: kea(routers(`${NOBODY},${ROUTER_ELSEWHERE}`)),
        prefix: 24,
        router: ROUTER_ELSEWHERE,
    },
    // flawed options
    {
        name: "dnsmasq, empty options",
        serve: dnsmasq(option(`3,${ROUTER}`), ...[42, 66, 67, 121].map(code => force(`${code}`))),
        prefix: 24,
        router: ROUTER,
        sent: { 42: 0, 66: 0, 67: 0, 121: 0 },
        flaws: 4,
    },
    {
        name: "dnsmasq, classless routes that are cut off",
        serve: dnsmasq(option(`3,${ROUTER}`), force(`121,${CUT_OFF_COLONS}`)),
        prefix: 24,
        router: ROUTER,
        sent: { 121: 7 },
        flaws: 1,
    },
    {
        // it leaves out the longest, and what then fits is in both: here the router, behind all others
        name: "dnsmasq, more than fits, so that options are in the fields of others",
        serve: dnsmasq(option(`3,${ROUTER}`), force(`224,${"x".repeat(220)}`), force(`66,${LONG_NAME}`), force(`67,${LONG_FILE}`)),
        prefix: 24,
        router: ROUTER,
        sent: { [OVERLOAD]: 1, 67: LONG_FILE.length + 1 },
        overloaded: 3,
        says: LONG_FILE,
    },
    {
        name: "Kea, empty options",
        serve: kea(routers(ROUTER), octets(6, ""), octets(42, ""), octets(121, "")),
        prefix: 24,
        router: ROUTER,
        sent: { 6: 0, 42: 0, 121: 0 },
        flaws: 3,
    },
    { name: "Kea, routers of length 0", serve: kea(octets(3, "")), prefix: 24, router: null, sent: { 3: 0 }, flaws: 1 },
    {
        name: "Kea, classless routes that are cut off",
        serve: kea(routers(ROUTER), octets(121, CUT_OFF)),
        prefix: 24,
        router: ROUTER,
        sent: { 121: 7 },
        flaws: 1,
    },
    {
        name: "udhcpd, options of lengths that they must not have",
        serve: lan =>
            new Udhcpd(lan, TIMES, [`router ${ROUTER}`, ...["0x06 0a5800010a58", "0x1c 0a5800", "0x2a 0a58000901", `0x79 ${CUT_OFF}`]]),
        prefix: 24,
        router: ROUTER,
        sent: { 6: 6, 28: 3, 42: 5, 121: 7 },
        flaws: 4,
    },
]

for (const network of networks) describe(`a phone on the network of ${network.name}`, () => life(network))

/** The life of a lease for a call on it. */
function life({ serve, prefix, router, sent = {}, overloaded, flaws = 0, says }: Network): void {
    let site: Site
    before(async () => {
        site = await Site.start(serve, [], plugInRouter)
    }, LIMIT)
    after(() => site?.stop(), LIMIT)

    test("has its address, calls through the router, renews, and gives the address back", LIMIT, async t => {
        const common = (await site.common())!
        const own = router === null ? await kept() : await called(t.diagnostic.bind(t))
        assert.notEqual(own, common)
        const interfaces = await site.interfaces()
        for (const address of [common, own]) {
            const { prefix: width, gateway } = interfaces.find(i => i.address === address)!
            assert.equal(width, prefix)
            if (address === own) assert.equal(gateway, router)
        }
        if (says !== undefined) assert.ok(JSON.stringify(await site.leases()).includes(says))

        await renewed(own)
        // such a server has noted the common lease as offered only: see leases.test.ts
        if (site.server.key === "hardware address") await site.run("lease renew tp0")
        await site.run(router === null ? "lease ready 0" : "hangup all")
        await given(common)
        for (const call of await site.calls()) assert.deepEqual([call.state, call.error], ["ended", null])
        await witnessed(own)
    })

    /** A lease without a call. */
    async function kept(): Promise<string> {
        await site.run("lease ready 1")
        return await until("a second address", async () => (await site.interfaces()).find(i => i.source === "dhcp")?.address ?? undefined)
    }

    /** A lease of a call to the world, that is heard. */
    async function called(say: (what: string) => void): Promise<string> {
        const placed = performance.now()
        await site.run(`call ${FAR_HOST}:${FAR_PORT} --play speech`)
        say(`the call is up after ${Math.round(performance.now() - placed)} ms`)
        const call = await until("voice from the world", async (): Promise<Call | false> => {
            const [now] = await site.calls()
            assert.equal(now!.state, "up", now!.error ?? "")
            return now!.rxFrames >= FRAMES && now!
        })
        assert.equal(call.lost, 0)
        return call.local!.split(":")[0]!
    }

    /** Waits until the server has given these addresses and no other. */
    async function given(...addresses: string[]): Promise<void> {
        const all = `${addresses.sort()}`
        await until(`leases of ${all}`, async () => `${(await site.server.leases()).map(lease => lease.address).sort()}` === all, WRITTEN)
    }

    /** Has a lease renewed; the server must give more time. */
    async function renewed(address: string): Promise<void> {
        const expires = async () => (await site.server.leases()).find(lease => lease.address === address)?.expires
        const before = await until("the lease in the server's file", expires, WRITTEN)
        // the server counts in seconds
        await until("the next second", () => now() > before - TIMES.lease)
        const iface = (await site.leases()).find(lease => lease.address === address)!.iface
        await site.run(`lease renew ${iface}`)
        await until("more time", async () => (await expires())! > before, WRITTEN)
    }

    /** Looks at what was on the LAN: what the server has sent, and that the phone spoke to it by unicast. */
    async function witnessed(own: string): Promise<void> {
        await site.capture.stop()
        const answers = await site.capture.fields("udp.srcport == 67", "dhcp.option.type", "dhcp.option.length")
        assert.ok(answers.length >= 5, `${answers.length} answers`)
        for (const [codes, lengths] of answers) {
            if (overloaded !== undefined) {
                const order = codes!.split(",").map(Number)
                assert.ok(order.indexOf(overloaded) > order.indexOf(OVERLOAD), `option ${overloaded} behind the others: ${codes}`)
            }
            for (const [code, length] of Object.entries(sent)) {
                const at = codes!.split(",").indexOf(code)
                assert.ok(at >= 0, `option ${code} was sent in each answer: ${codes}`)
                assert.equal(lengths!.split(",")[at], String(length), `length of option ${code}`)
            }
        }
        const said = await site.capture.fields(`udp.dstport == 67 && ip.src == ${own}`, "dhcp.option.dhcp", "ip.dst")
        const [REQUEST, RELEASE] = ["3", "7"]
        for (const type of [REQUEST, RELEASE])
            assert.ok(
                said.some(([t, to]) => t === type && to === HOST),
                `${type} from ${own}: ${said}`
            )
        const { dhcpBadOption, dhcpBad }: Stats = await site.stats()
        assert.deepEqual([dhcpBadOption, dhcpBad], [flaws * answers.length, 0])
    }
}
