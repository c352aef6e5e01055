/**
 * Leases of the DHCP servers that are in use on LANs, from the first message to the release, four of them at once beside
 * the common one, each used by a call. The server's own file is the witness of what it has given.
 */
import assert from "node:assert/strict"
import { type TestContext, after, before, describe, test } from "node:test"
import type { Call } from "../support/rig.js"
import { plugIn } from "./host.js"
import { HOST, type Lan } from "./lan.js"
import { until } from "./process.js"
import { Dnsmasq } from "./servers/dnsmasq.js"
import { IscDhcpd } from "./servers/isc.js"
import { Kea } from "./servers/kea.js"
import { type DhcpServer, type Key, type Lease, type Times, now } from "./servers/server.js"
import { Udhcpd } from "./servers/udhcpd.js"
import { Site } from "./site.js"

const PORTS = [4000, 4002, 4004, 4006]
/** As short as leaves the servers time for a restart between T2 and the end. */
const TIMES: Times = { lease: 12, t1: 4, t2: 7 }
/** Milliseconds beyond the time at which something is due. */
const LATE = 3_000
/** Milliseconds that a renewal may take which is asked for: T1 alone would come later. */
const RENEWAL = 2_000
/** Milliseconds that a server may take to write its file: less than until a lease ends that is not released. */
const WRITTEN = 3_000
/** Milliseconds in which a client that has lost its lease asks again: the third time at the latest (RFC 2131, 4.1). */
const RECOVERY = 20_000
/** Milliseconds for any of these tests. */
const LIMIT = { timeout: 55_000 }

/** Message types (RFC 2132, 9.6). */
const DHCPREQUEST = "3"
const DHCPRELEASE = "7"
const LIMITED_BROADCAST = "255.255.255.255"

const addressOf = (call: Call) => call.local!.split(":")[0]!
const addressesOf = (leases: Lease[]) => leases.map(lease => lease.address).sort()

/** When each address expires. */
const expiriesOf = (leases: Lease[]) => new Map(leases.map(lease => [lease.address, lease.expires]))

/** Wait until the server has given more time for each of these addresses. @returns when they expire now */
async function prolonged(server: DhcpServer, before: Map<string, number>, patience: number): Promise<Map<string, number>> {
    return await until(
        `more time for ${[...before.keys()]}`,
        async () => {
            const after = expiriesOf(await server.leases())
            return [...before].every(([address, expires]) => after.get(address)! > expires) && after
        },
        patience
    )
}

/** Wait until each lease of the phone is in a state. */
async function allAre(site: Site, state: string, patience: number): Promise<void> {
    await until(`all leases ${state}`, async () => (await site.leases()).every(lease => lease.state === state), patience)
}

/** Wait until half a second more of each call was sent and heard, from the address that it had. */
async function goOn(site: Site, calls: Call[]): Promise<void> {
    const heard = new Map((await site.calls()).map(call => [call.id, call.rxFrames]))
    await until("more voice of each call", async () => {
        const present = await site.calls()
        return calls.every(({ id, local }) => {
            const call = present.find(c => c.id === id)!
            assert.deepEqual([call.state, call.local], ["up", local], call.error ?? "")
            return call.rxFrames >= heard.get(id)! + 25
        })
    })
}

/** Wait until the server has given these addresses and no other. @returns its leases */
async function given(server: DhcpServer, ...addresses: string[]): Promise<Lease[]> {
    const wanted = `${addresses.sort()}`
    let leases: Lease[] = []
    await until(
        `leases of ${wanted}`,
        async () => {
            leases = await server.leases()
            return `${addressesOf(leases)}` === wanted
        },
        WRITTEN
    ).catch(error => {
        throw new Error(`${error.message}, but of ${addressesOf(leases)}`)
    })
    return leases
}

/** Wait until the common lease alone is left at the server. */
async function released(site: Site): Promise<void> {
    await given(site.server, (await site.common())!)
}

/** By what a server tells leases apart, as its file has it. */
const keyOf = (lease: Lease, key: Key) => (key === "client identifier" ? lease.clientId : lease.mac)

type Serve = (lan: Lan) => DhcpServer

/** Tests of which each begins where the one before has ended: after one that fails, the others of its suite are left out. */
function steps(): (name: string, step: (t: TestContext) => Promise<void>) => void {
    let passed = true
    return (name, step) =>
        void test(name, LIMIT, async t => {
            if (!passed) return t.skip("one before it has failed")
            passed = false
            await step(t)
            passed = true
        })
}

/** The life of four leases at a server. */
function life(serve: Serve): void {
    const step = steps()
    let site: Site
    let calls: Call[]
    let common: string
    /** The addresses of the calls. */
    let own: string[]
    let expires: Map<string, number>

    before(async () => {
        site = await Site.start(serve, PORTS)
        common = (await site.common())!
    }, LIMIT)
    after(() => site?.stop(), LIMIT)

    step("each of four calls at once has a lease of its own", async t => {
        const placed = performance.now()
        calls = await site.call(...site.ends)
        t.diagnostic(`all are up after ${Math.round(performance.now() - placed)} ms`)
        own = calls.map(addressOf)
        await goOn(site, calls)
        assert.equal(new Set(own).size, PORTS.length)
        // The first message for a call was, to such a server, one of the client that has the common address: it notes that as
        // offered only, until it is renewed.
        if (site.server.key === "hardware address") await site.run("lease renew tp0")
        const leases = await given(site.server, common, ...own)
        const keys = leases.map(lease => keyOf(lease, site.server.key))
        assert.ok(new Set(keys).size === keys.length && !keys.includes(""), `${site.server.key}: ${keys}`)
        assert.deepEqual(
            site.ends.map(end => [...end.sources]),
            own.map(address => [address])
        )
        expires = expiriesOf(leases)
    })

    step("all are renewed at T1", async () => {
        expires = await prolonged(site.server, expires, TIMES.t1 * 1000 + LATE)
        await goOn(site, calls)
    })

    step("all are renewed when the console says so", async () => {
        // A server counts in seconds: two renewals within one end at the same time.
        const last = Math.max(...expires.values()) - site.server.leaseSeconds
        await until("the next second", () => now() > last)
        for (const { iface } of await site.leases()) await site.run(`lease renew ${iface}`)
        expires = await prolonged(site.server, expires, RENEWAL)
        await allAre(site, "bound", LATE)
    })

    step("all are rebound after T2 by a server that was away at T1", async () => {
        await site.server.stop()
        // Of a lease of minutes, a client that was not heard at T2 asks but once a minute (RFC 2131, 4.4.5): the server
        // must be back for the first time.
        await allAre(site, site.server.leaseSeconds > TIMES.lease ? "renewing" : "rebinding", TIMES.t2 * 1000 + LATE)
        await site.server.start()
        expires = await prolonged(site.server, expires, TIMES.lease * 1000)
        await allAre(site, "bound", LATE)
        await goOn(site, calls)
        assert.deepEqual([...expires.keys()].sort(), [common, ...own].sort())
    })

    step("those of the calls are released with them", async () => {
        await site.run("hangup all")
        await released(site)
        const ended = await site.calls()
        assert.deepEqual(
            ended.map(call => [call.state, call.lost, call.error]),
            own.map(() => ["ended", 0, null])
        )
        assert.deepEqual(
            (await site.interfaces()).map(({ address }) => address),
            [common]
        )
    })

    step("what was on the LAN is as RFC 2131, 4.4.5 wants it", async () => {
        await site.capture.stop()
        const messages = await site.capture.fields("udp.dstport == 67", "dhcp.option.dhcp", "ip.src", "ip.dst")
        const count = (...wanted: string[]) => messages.filter(message => `${message}` === `${wanted}`).length
        for (const address of [common, ...own]) {
            assert.ok(count(DHCPREQUEST, address, HOST) >= 2, `renewals of ${address}`)
            assert.ok(count(DHCPREQUEST, address, LIMITED_BROADCAST) >= 1, `rebinding of ${address}`)
            assert.equal(count(DHCPRELEASE, address, HOST), address === common ? 0 : 1, `releases of ${address}`)
        }
        assert.deepEqual(await site.capture.faults(), [])
    })
}

const servers: [name: string, serve: Serve][] = [
    ["dnsmasq", lan => new Dnsmasq(lan, TIMES)],
    ["Kea", lan => new Kea(lan, TIMES)],
    ["ISC dhcpd", lan => new IscDhcpd(lan, TIMES)],
    ["BusyBox udhcpd", lan => new Udhcpd(lan, TIMES)],
]
for (const [name, serve] of servers) describe(`the leases of ${name}`, () => life(serve))

describe("a server that is killed", () => {
    const step = steps()
    const ports = PORTS.slice(0, 2)
    let site: Site
    before(async () => {
        site = await Site.start(lan => new Kea(lan, TIMES), ports)
    }, LIMIT)
    after(() => site?.stop(), LIMIT)

    step("takes its leases with it, each when it expires, and their calls end with ENETDOWN", async () => {
        const [first, second] = site.ends
        // One whose command waits for its end, and one that is listed.
        const answer = site.answer(`call ${HOST}:${first!.port} --play speech --seconds 60`)
        answer.catch(() => {})
        await site.call(second!)
        const calls = await until("both calls", async () => {
            const up = (await site.calls()).filter(call => call.state === "up")
            return up.length === ports.length && up
        })
        await goOn(site, calls)
        await site.server.stop("SIGKILL")
        const expires = expiriesOf(await site.server.leases())

        await until(
            "the end of the calls",
            async () => (await site.calls()).every(call => call.state === "ended"),
            TIMES.lease * 1000 + LATE
        )
        for (const call of await site.calls()) {
            const end = site.ends.find(({ port }) => call.remote === `${HOST}:${port}`)!
            // The server's second has begun when the lease was asked for.
            const over = end.lastHeard / 1000 - expires.get(addressOf(call))!
            assert.ok(over > -1 && over < 2, `call ${call.id} was heard until ${over} s after its lease`)
            assert.match(call.error!, /lease/)
            assert.equal(call.lost, 0)
        }
        const { ok, text } = await answer
        assert.equal(ok, false)
        assert.match(text, /^error: ENETDOWN: [^\n]+$/m)
    })

    step("leaves the phone without its common address until it is back", async () => {
        await until("the end of the common lease", async () => (await site.common()) === undefined, TIMES.lease * 1000 + LATE)
        assert.equal((await site.interfaces()).length, 1)
        await site.server.start()
        await until("the common address", () => site.common(), RECOVERY)
        const calls = await site.call(...site.ends)
        await goOn(site, calls)
        await site.run("hangup all")
        await released(site)
    })
})

describe("an address that another host uses", () => {
    let site: Site
    before(async () => {
        site = await Site.start(lan => new Kea(lan, TIMES), [PORTS[0]!])
    }, LIMIT)
    after(() => site?.stop(), LIMIT)

    test("is declined when it is offered, and the call has another one", LIMIT, async () => {
        // This server gives its addresses one after the other.
        const taken = (await site.common())!.replace(/\d+$/, octet => `${Number(octet) + 1}`)
        await plugIn(site.lan, taken)
        const calls = await site.call(...site.ends)
        await goOn(site, calls)
        const kea = site.server as Kea
        assert.deepEqual(await kea.declined(), [taken])
        const own = addressOf(calls[0]!)
        assert.notEqual(own, taken)
        assert.ok(addressesOf(await kea.leases()).includes(own))
        assert.deepEqual([...site.ends[0]!.sources], [own])
        await site.run("hangup all")
        await released(site)
    })
})
