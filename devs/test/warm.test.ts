import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { INTERFACES } from "../../src/config"
import { counters } from "../../src/counters"
import { closeInterface, keepReady } from "../../src/iface/addresses"
import { FREE, interfaces } from "../../src/iface/interface"
import { AF_INET_TUPLE, SOCK_DGRAM, TUPLE_DHCP, close, getsockname, socket } from "../../src/socket/socket"
import { run } from "./support"
import { host, startWorld, tidy } from "./world"

const bound = () => interfaces.filter(i => !i.isCommon() && i.address !== 0).length

async function until(count: number): Promise<void> {
    for (let i = 0; i < 200 && bound() !== count; i++) await ds.sleep(5)
    expect(bound()).toBe(count)
}

await startWorld()

describe("leases kept ready", () => {
    beforeEach(tidy)

    test("are there before they are asked for, are taken without a message, and replaced", async () => {
        keepReady(2)
        await until(2)
        host.dhcp = false
        const sent = counters.dhcpTx
        const a = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        const b = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        expect(counters.dhcpTx).toBe(sent)
        if (getsockname(a).address === getsockname(b).address) throw new Error("one lease was given twice")
        host.dhcp = true
        // two in use, two ready again, and never more than that
        await until(4)
        await ds.sleep(600)
        expect(bound()).toBe(4)
        keepReady(0)
        await close(a)
        await close(b)
        expect(bound()).toBe(2)
        // what is ready is used up first
        const c = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        const d = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        expect(bound()).toBe(2)
        await close(c)
        await close(d)
        expect(bound()).toBe(0)
    })

    test("leave the last interface to a caller", async () => {
        keepReady(20)
        await until(INTERFACES - 1)
        const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        expect(bound()).toBe(INTERFACES - 1)
        keepReady(0)
        await close(sd)
        for (const ifc of interfaces.filter(i => !i.isCommon() && i.process !== FREE)) await closeInterface(ifc)
        expect(bound()).toBe(0)
    })
})

await run()
