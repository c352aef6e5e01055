import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { INTERFACES } from "../../src/config"
import { counters } from "../../src/counters"
import { countConflict } from "../../src/iface/acd"
import { keepReady } from "../../src/iface/addresses"
import { releaseAddress } from "../../src/iface/dhcp"
import { FREE, interfaces } from "../../src/iface/interface"
import { LeaseState, leaseOf } from "../../src/iface/lease"
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
        await keepReady(2)
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
        // what is no longer to be kept goes back to the server, and those in use stay
        const released = host.released
        await keepReady(1)
        await ds.sleep(5)
        expect(bound()).toBe(3)
        expect(host.released).toBe(released + 1)
        await keepReady(0)
        expect(bound()).toBe(2)
        await close(a)
        await close(b)
        await ds.sleep(600)
        expect(bound()).toBe(0)
    })

    test("whose lease has ended are asked for again", async () => {
        await keepReady(1)
        await until(1)
        const ifc = interfaces.find(i => !i.isCommon() && i.address !== 0)
        await releaseAddress(leaseOf(ifc))
        expect(bound()).toBe(0)
        await until(1)
        await keepReady(0)
    })

    test("that wait for a server which is back by now begin anew for a caller", async () => {
        host.dhcp = false
        await keepReady(1)
        const lease = leaseOf(interfaces[1])
        for (let i = 0; i < 200 && lease.state !== LeaseState.Selecting; i++) await ds.sleep(5)
        // as after minutes without an answer, and addresses that other hosts had
        lease.due = ds.millis() + 60000
        for (let i = 0; i < 4; i++) countConflict(interfaces[1])
        host.dhcp = true
        const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        expect(getsockname(sd).address).toBe(interfaces[1].address)
        await keepReady(0)
        await close(sd)
    })

    test("leave the last interface to a caller", async () => {
        await keepReady(20)
        await until(INTERFACES - 1)
        const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        expect(bound()).toBe(INTERFACES - 1)
        await keepReady(0)
        expect(interfaces.filter(i => i.process !== FREE).length).toBe(2)
        await close(sd)
        expect(bound()).toBe(0)
    })
})

await run()
