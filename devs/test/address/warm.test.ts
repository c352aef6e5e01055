import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { INTERFACES } from "../../../src/base/config"
import { Counter, countOf } from "../../../src/base/counters"
import { Acd, countConflict, nextStepAt, setAcd } from "../../../src/link/acd"
import { keepReady } from "../../../src/address/ready"
import { setNextSend, releaseAddress } from "../../../src/dhcp/client"
import { FREE, interfaces } from "../../../src/link/interface"
import { LeaseState, holdsAddress, leaseOf } from "../../../src/dhcp/lease"
import { AF_INET_TUPLE, SOCK_DGRAM, close, getsockname, socket } from "../../../src/socket/api"
import { TUPLE_DHCP } from "../../../src/socket/tuple"
import { run } from "../support/support"
import { host, startWorld, tidy } from "../support/world"

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
        const sent = countOf(Counter.DhcpTx)
        const a = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        const b = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        expect(countOf(Counter.DhcpTx)).toBe(sent)
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
        setNextSend(lease, ds.millis() + 60000)
        for (let i = 0; i < 4; i++) countConflict(interfaces[1])
        host.dhcp = true
        const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        expect(getsockname(sd).address).toBe(interfaces[1].address)
        await keepReady(0)
        await close(sd)
    })

    test("are bound when their probe ends, with nobody waiting for them", async () => {
        setAcd(Acd.Quick)
        await keepReady(1)
        const lease = leaseOf(interfaces[1])
        while (lease.state !== LeaseState.Probing) await ds.sleep(1)
        const end = nextStepAt(interfaces[1])
        expect(end - ds.millis() <= 25).toBe(true)
        while (lease.state === LeaseState.Probing) await ds.sleep(1)
        const late = ds.millis() - end
        expect(holdsAddress(lease)).toBe(true)
        // this fiber wakes some milliseconds late; a tick would be up to 250 late
        if (late < 0 || late > 100) throw new Error(`bound ${late} ms after the end of the probe`)
        await keepReady(0)
        setAcd(Acd.Off)
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
