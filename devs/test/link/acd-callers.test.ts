import { runTimers } from "../../../src/base/timers"
import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Acd, setAcd } from "../../../src/link/acd"
import { keepReady } from "../../../src/address/ready"
import { FREE, Interface, interfaces } from "../../../src/link/interface"
import { TUPLE_DHCP, TUPLE_STATIC } from "../../../src/socket/tuple"
import { bind, close, getsockname, recv } from "../../../src/socket/api"
import { claims, now, reset, skip, start } from "../support/conflicts"
import { offered } from "../support/server"
import { millis, run, until } from "../support/support"
import { host, nameOf, openSockets, own, phy } from "../support/world"

await start()

/** With which code and text a call fails; "" if it does not. */
async function toldOf(f: () => Promise<any>): Promise<string> {
    try {
        await f()
    } catch (e) {
        return `${(e as any).code} ${(e as Error).message}`
    }
    return ""
}

/** Sockets on a LAN with a host that answers, and another that has some addresses, by their last octets. */
async function crowded(): Promise<void> {
    setAcd(Acd.Quick)
    await reset()
    // nothing that was in conflict before is avoided any more
    skip(600001)
    runTimers(ds.millis())
    host.used = ""
    host.declined = ""
}

describe("who asks for an address", () => {
    beforeEach(async () => await crowded())

    test("by DHCP has another one after a conflict, and does not notice", async () => {
        host.used = ` ${host.next()} `
        const taken = host.next()
        const start = millis()
        const sd = await own(TUPLE_DHCP)
        expect(getsockname(sd).address).toBe(offered(taken + 1))
        expect(millis() - start < 500).toBe(true)
        expect(host.declined).toBe(`${taken} `)
        await close(sd)
    })

    test("by DHCP is told after the fourth conflict, and nothing stays behind", async () => {
        host.used = "all"
        const message = await toldOf(async () => await own(TUPLE_DHCP))
        expect(message.startsWith("EADDRNOTAVAIL other hosts use the addresses that the DHCP server gives;")).toBe(true)
        expect(host.declined.split(" ").length).toBe(5)
        expect(openSockets()).toBe(0)
        expect(interfaces.filter(i => i.process !== FREE).length).toBe(1)
    })

    test("at the same time as seven others has one of its own, probed once", async () => {
        host.probed = ""
        let got = ""
        const ask = async () => {
            got += ` ${getsockname(await own(TUPLE_DHCP)).address >> 24}`
        }
        const first = host.next()
        for (let i = 0; i < 8; i++) ask.start()
        await until("eight addresses", () => got.split(" ").length === 9)
        for (let i = 0; i < 8; i++) {
            expect(got.split(" ").includes(`${first + i}`)).toBe(true)
            expect(host.probed.split(" ").includes(`${first + i}`)).toBe(true)
        }
        expect(host.probed.split(" ").length).toBe(9)
    })

    test("of the pool has the next one after a conflict, which is avoided for a while", async () => {
        host.used = " 200 202 "
        const a = await own(TUPLE_STATIC)
        expect(nameOf(a)).toBe("10.77.0.201")
        host.used = ""
        const b = await own(TUPLE_STATIC)
        expect(nameOf(b)).toBe("10.77.0.202")
        await close(a)
        await close(b)
        skip(600001)
        const c = await own(TUPLE_STATIC)
        expect(nameOf(c)).toBe("10.77.0.200")
        await close(c)
    })

    test("of the pool is told if other hosts have all of it", async () => {
        host.used = " 200 201 202 203 "
        const message = await toldOf(async () => await own(TUPLE_STATIC))
        expect(message).toBe(
            "EADDRNOTAVAIL all reserved addresses 10.77.0.200-10.77.0.203/24 are in use, also by other hosts; see that they are reserved"
        )
        expect(interfaces.filter(i => i.process !== FREE).length).toBe(1)
    })

    test("and loses it is told why; a reserved one is avoided then", async () => {
        const sd = await own(TUPLE_STATIC)
        expect(nameOf(sd)).toBe("10.77.0.200")
        const unbound = await own(TUPLE_STATIC)
        await bind(sd, { port: 5004 })
        for (const address of [offered(200), offered(201)]) {
            phy.arrive(claims(address))
            phy.arrive(claims(address))
        }
        expect(await toldOf(async () => await recv(sd, 0))).toBe("ENETDOWN another host uses the socket's address")
        expect(await toldOf(async () => await bind(unbound, {}))).toBe("ENETDOWN another host uses the socket's address")
        expect(interfaces.filter(i => i.address !== 0).length).toBe(1)
        await close(sd)
        await close(unbound)
        const next = await own(TUPLE_STATIC)
        expect(nameOf(next)).toBe("10.77.0.202")
        await close(next)
    })

    test("and is robbed of what is kept ready, again and again, does not wear out the server's pool (RFC 5227, 2.1.1)", async () => {
        host.declined = ""
        await keepReady(1)
        for (const pause of [0, 1000, 1000, 10000, 10000]) {
            await until("a lease", () => interfaces[1].address !== 0)
            phy.arrive(claims(interfaces[1].address))
            phy.arrive(claims(interfaces[1].address))
            expect(interfaces[1].address).toBe(0)
            const lost = now()
            while (interfaces[1].address === 0 && now() - lost < 20000) {
                await ds.sleep(270)
                if (interfaces[1].address !== 0) continue
                skip(700)
                // the clock sleeps by the real one
                runTimers(now())
            }
            const wait = now() - lost
            if (wait < pause || wait > pause + 2500) throw new Error(`${wait} ms instead of ${pause}`)
        }
        await keepReady(0)
    })

    test("has a lease that was kept ready, probed before; one that was lost is replaced", async () => {
        const ready = (): Interface => interfaces.find(i => !i.isCommon() && i.address !== 0)
        await keepReady(1)
        await until("a lease", () => ready() !== undefined)
        expect(host.probed.endsWith(` ${(ready().address >> 24) & 255}`)).toBe(true)
        const lost = ready().address
        phy.arrive(claims(lost))
        phy.arrive(claims(lost))
        expect(ready()).toBe(undefined)
        await until("another one", () => ready() !== undefined)
        const sd = await own(TUPLE_DHCP)
        expect(getsockname(sd).address !== lost).toBe(true)
        await keepReady(0)
        await close(sd)
    })
})

await run()
