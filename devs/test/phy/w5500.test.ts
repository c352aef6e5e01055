import { afterEach, beforeEach, describe, expect, test } from "@devicescript/test"
import { Counter, countOf } from "../../../src/base/counters"
import { SN_IMR, SN_MR } from "../support/chip"
import {
    arriveUsual,
    bothWays,
    chip,
    expectGot,
    expectSent,
    link,
    links,
    make,
    phy,
    ready,
    receive,
    said,
    sendUsual,
    settled,
    stop,
} from "../support/driver"
import { copyOf, expectBytes, run, until } from "../support/support"

describe("set-up", () => {
    beforeEach(make)
    afterEach(stop)

    test("resets the chip, and opens socket 0 with all of the memory", async () => {
        chip.record()
        await ready()
        expect(chip.resets).toBe("01")
        // MR, the look at the link, SHAR, the sizes of 8 sockets, SIMR, Sn_IMR, Sn_MR, OPEN, and whether it is
        expect(chip.log).toBe(
            "000004+1 002e00+12 000904+6 001e0c+2 001e2c+2 001e4c+2 001e6c+2 001e8c+2 001eac+2 001ecc+2 001eec+2 " +
                "001804+1 002c0c+1 00000c+1 00010c+1 000308+1"
        )
        expectBytes(chip.mac(), hex`fe11 2233 4455`)
        expectBytes(chip.sizes(), hex`1010 0000 0000 0000 0000 0000 0000 0000`)
        expect(chip.simr()).toBe(1)
        expect(chip.octet(SN_IMR)).toBe(4)
        // MFEN, MMB, MIP6B, MACRAW
        expect(chip.octet(SN_MR)).toBe(0xb4)
        expect(links).toBe("up ")
        expect(phy.up).toBe(true)
    })

    test("for the frames of all leaves the MAC filter out, and the reset line alone", async () => {
        await ready()
        const before = countOf(Counter.PhyReconnects)
        phy.promiscuous(true)
        await until("the set-up", () => chip.octet(SN_MR) === 0x34)
        await bothWays()
        expect(chip.resets).toBe("01")
        expect(links).toBe("up ")
        expect(countOf(Counter.PhyReconnects)).toBe(before + 1)
        expectBytes(chip.mac(), hex`fe11 2233 4455`)
        phy.promiscuous(false)
        await until("the set-up", () => chip.octet(SN_MR) === 0xb4)
    })

    test("for the frames of all comes before what is sent from then on: the answer must find it changed", async () => {
        /** The mode in which each frame was sent. */
        let modes = ""
        chip.before = b => {
            if (copyOf(b).toString("hex") === "00010c20") modes += `${chip.octet(SN_MR)} `
        }
        // an OFFER of an address that we have: what takes it asks again at once
        const again = (b: Buffer, offset: number, length: number) => {
            receive(b, offset, length)
            expect(phy.promiscuous(true)).toBe(true)
            sendUsual(2)
        }
        phy.start(again, link)
        await settled()
        sendUsual(1)
        await settled()
        arriveUsual(3)
        await until("the set-up", () => chip.octet(SN_MR) === 0x34)
        await settled()
        expect(modes).toBe("180 52 ")
        expectGot(3)
        expectSent(1)
        expectSent(2)
    })

    test("for the frames of all is not forgotten, whatever the driver does when it is asked for", async () => {
        let asked = ""
        // the status read, and the last command of a set-up
        for (const moment of ["000108", "00010c"]) {
            asked = moment
            chip.before = b => {
                if (copyOf(b, 0, 3).toString("hex") === asked) {
                    asked = ""
                    phy.promiscuous(true)
                }
            }
            await ready()
            sendUsual(1)
            await until("the set-up", () => chip.octet(SN_MR) === 0x34)
            await settled()
            stop()
            make()
        }
    })

    test("fails while no chip answers, is tried again each time later, and is done when one does", async () => {
        for (const nobody of [0, 0xff]) {
            chip.version = nobody
            const before = countOf(Counter.PhyReconnects)
            phy.start(receive, link)
            await until("three attempts", () => chip.resetAt.length === 3)
            // 250 ms, then twice as long; the line is low for 2 ms of each attempt
            expect(chip.resetAt[1] - chip.resetAt[0] >= 250).toBe(true)
            expect(chip.resetAt[2] - chip.resetAt[1] >= 500).toBe(true)
            // once, and not for each attempt: a board stands still while it logs
            expect(said.length).toBe(1)
            expect(said[0]).toBe(`phy: no W5500 answers on a test (VERSIONR is ${nobody} instead of 4); see its supply and its wires`)
            // it counts when it begins again
            expect(countOf(Counter.PhyReconnects)).toBe(before + 2)
            expect(phy.up).toBe(false)
            expect(links).toBe("")
            expect(sendUsual(1)).toBe(false)
            chip.version = 4
            await until("the link", () => phy.up)
            expect(links).toBe("up ")
            await bothWays()
            stop()
            make()
        }
    })

    test("fails if the socket does not open, and begins with a reset the next time", async () => {
        // Sn_MR is lost on its way
        chip.before = b => {
            if (b[2] === 0x0c && b[1] === 0) b[3] = 0
        }
        phy.start(receive, link)
        await until("the line", () => said.length === 1)
        expect(said[0]).toBe("phy: the W5500 on a test does not open its socket")
        chip.before = undefined
        await until("the second reset", () => chip.resets === "0101")
        await until("the link", () => phy.up)
        await bothWays()
    })
})

await run()
