import * as ds from "@devicescript/core"
import { describe, expect, test } from "@devicescript/test"
import { readSetting, writeSetting } from "@devicescript/settings"
import { commonReady } from "../../../src/address/common"
import { startInterfaces } from "../../../src/address/link"
import { releaseAddress, renewLease } from "../../../src/dhcp/client"
import { interfaces } from "../../../src/link/interface"
import { LeaseState, leases } from "../../../src/dhcp/lease"
import { parsePool } from "../../../src/address/pool"
import { readSettings } from "../../../src/boot"
import { keepAddress } from "../../../src/settings"
import { BOARD, FakePhy, HOST_MAC, BOARD_MAC, HOST, arp } from "../support/lan"
import { answer, offered, option, typeOf } from "../support/server"
import { run, until } from "../support/support"

/** What is remembered of the common address, and when it is written (RFC 2131, 3.2). */
const phy = new FakePhy()
/** What the server heard, and the address that it gives. */
let heard = ""
let requested: string
let given = offered(60)

async function serve() {
    while (true) {
        await ds.sleep(1)
        while (phy.sent.length > 0) {
            const f = phy.sent.shift()
            const type = typeOf(f)
            if (type === 0) {
                if (f[12] === 8 && f[13] === 6 && f.getAt(38, "i32") === HOST)
                    phy.arrive(arp(2, HOST_MAC, HOST, f.getAt(28, "i32"), BOARD_MAC))
                continue
            }
            heard += type
            requested = option(f, 50)
            if (type === 1) phy.arrive(answer(leases[0], 2, given))
            else if (type === 3) phy.arrive(answer(leases[0], 5, given))
        }
    }
}

let written = ""
const memory = {
    address: BOARD,
    keep: async (address: number) => {
        written += `${(address >> 24) & 255} `
        await keepAddress(address)
    },
}

describe("the common address", () => {
    test("that is remembered is read from the settings; nonsense is none", async () => {
        for (const nonsense of ["10.77.0.256", "10.77.0", "", "a"]) {
            await writeSetting("ADDRESS", nonsense)
            expect((await readSettings()).address).toBe(undefined)
        }
        await keepAddress(offered(60))
        expect(await readSetting("ADDRESS")).toBe("10.77.0.60")
        expect((await readSettings()).address).toBe(offered(60))
    })

    test("is asked for at boot, and not written again when it is the same", async () => {
        memory.address = given
        serve.start()
        startInterfaces(phy, parsePool("10.77.0.200-10.77.0.203/24"), memory)
        expect(await commonReady(5000)).toBe(true)
        expect(heard).toBe("3")
        expect(requested).toBe("0a4d003c")
        expect(interfaces[0].address).toBe(given)
        await ds.sleep(600)
        expect(written).toBe("")
    })

    test("is not written for a renewal", async () => {
        renewLease(leases[0])
        await until("the renewal", () => leases[0].state === LeaseState.Bound)
        await ds.sleep(600)
        expect(heard).toBe("33")
        expect(written).toBe("")
    })

    test("is written once when it is another one", async () => {
        given = offered(61)
        await releaseAddress(leases[0])
        renewLease(leases[0])
        await until("the other address", () => interfaces[0].address === given)
        await until("that it is written", () => written.length > 0)
        await ds.sleep(600)
        expect(written).toBe("61 ")
        expect(await readSetting("ADDRESS")).toBe("10.77.0.61")
    })

    test("is not written again within the hour, since flash wears", async () => {
        given = offered(62)
        await releaseAddress(leases[0])
        renewLease(leases[0])
        await until("the third address", () => interfaces[0].address === given)
        await ds.sleep(600)
        expect(written).toBe("61 ")
        const runtime = ds as any
        const millis = runtime.millis
        runtime.millis = () => millis() + 3600000
        await until("that it is written", () => written === "61 62 ")
    })
})

await run()
