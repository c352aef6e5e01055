import { afterEach, beforeEach, describe, expect, test } from "@devicescript/test"
import { spare } from "../../../src/phy/w5500/queue"
import { Counter, countOf } from "../../../src/base/counters"
import { FAST, NO_LINK, SN_RX_RD, SN_TX_WR, TEN_MEGABIT } from "../support/chip"
import {
    PHASES,
    arriveUsual,
    bothWays,
    chip,
    expectGot,
    expectSent,
    frame,
    fresh,
    got,
    links,
    look,
    lookIsDue,
    make,
    phy,
    ready,
    said,
    send,
    sendUsual,
    settled,
    stop,
} from "../support/driver"
import { copyOf, put16, run, until } from "../support/support"

describe("the link", () => {
    beforeEach(fresh)
    afterEach(stop)

    test("down: frames are refused, and those that wait are given up; up: the next ones pass", async () => {
        const before = countOf(Counter.PhyTxDown)
        const buffers = spare.length
        chip.link = NO_LINK
        // three frames in the queue when the driver looks
        let once = true
        chip.before = b => {
            if (b[1] !== 0x2e || !once) return
            once = false
            sendUsual(1)
            sendUsual(2)
            send(frame(60, 1))
        }
        await look()
        expect(links).toBe("up down ")
        expect(phy.up).toBe(false)
        expect(countOf(Counter.PhyTxDown)).toBe(before + 3)
        expect(sendUsual(3)).toBe(false)
        expect(countOf(Counter.PhyTxDown)).toBe(before + 4)
        expect(spare.length).toBe(buffers)
        expect(chip.sent.length).toBe(0)
        await look()
        expect(links).toBe("up down ")
        chip.link = FAST
        await look()
        expect(links).toBe("up down up ")
        await bothWays()
        // no set-up was needed
        expect(chip.resets).toBe("01")
    })

    test("down from the beginning: the chip is set up, and comes up with its link", async () => {
        stop()
        make()
        chip.link = NO_LINK
        await ready()
        expect(links).toBe("")
        expect(sendUsual(1)).toBe(false)
        chip.link = FAST
        await look()
        expect(links).toBe("up ")
        await bothWays()
    })

    test("down while the chip does not answer any more, up when it does", async () => {
        chip.version = 0
        lookIsDue()
        await until("the end of the link", () => !phy.up)
        expect(links).toBe("up down ")
        expect(said.length).toBe(1)
        chip.version = 4
        await until("the link", () => phy.up)
        expect(chip.resets).toBe("0101")
        await bothWays()
    })
})

describe("trouble", () => {
    beforeEach(fresh)
    afterEach(stop)

    /** What happened leads to one set-up, and the link stays as it is; then frames pass both ways. */
    async function expectSetUp(before: number): Promise<void> {
        await until("the set-up", () => countOf(Counter.PhyReconnects) === before + 1)
        await bothWays()
        expect(countOf(Counter.PhyReconnects)).toBe(before + 1)
        expect(chip.resets).toBe("01")
        expect(links).toBe("up ")
        expect(said.length).toBe(0)
    }

    test("the chip was reset by itself: the frame that waits is sent after the set-up", async () => {
        const before = countOf(Counter.PhyReconnects)
        chip.clear()
        sendUsual(1)
        await until("the frame", () => chip.sent.length === 1)
        expectSent(1)
        await expectSetUp(before)
    })

    test("the chip was reset by itself while nothing is sent: the next look at the link finds out", async () => {
        const before = countOf(Counter.PhyReconnects)
        chip.clear()
        lookIsDue()
        await expectSetUp(before)
    })

    test("a pointer is not what it was", async () => {
        for (const register of [SN_RX_RD, SN_TX_WR]) {
            const before = countOf(Counter.PhyReconnects)
            await bothWays()
            chip.spoil(register, 5)
            arriveUsual(1)
            await expectSetUp(before)
        }
    })

    test("one wrong status read is forgiven", async () => {
        const before = countOf(Counter.PhyReconnects)
        let wrong = 0
        chip.after = b => {
            if (b[2] !== 0x08 || wrong === 0) return
            b.fillAt(PHASES, b.length - PHASES, wrong)
            wrong = 0
        }
        for (const value of [0xff, 1]) {
            wrong = value
            await bothWays()
        }
        expect(wrong).toBe(0)
        expect(countOf(Counter.PhyReconnects)).toBe(before)
    })

    test("one wrong look at the version is forgiven", async () => {
        const before = countOf(Counter.PhyReconnects)
        let wrong = 0
        chip.after = b => {
            if (b[2] !== 0x00 || wrong === 0) return
            b.fillAt(PHASES, b.length - PHASES, wrong)
            wrong = 0
        }
        for (const value of [0xff, 1]) {
            wrong = value
            await look()
            expect(wrong).toBe(0)
            await bothWays()
        }
        expect(phy.up).toBe(true)
        expect(said.length).toBe(0)
        expect(countOf(Counter.PhyReconnects)).toBe(before)
    })

    test("a length that no frame can have, or that is more than there is", async () => {
        let before = 0
        for (const length of [0, 1, 5, 15, 217, 1521, 2000, 0xffff]) {
            before = countOf(Counter.PhyReconnects)
            const bad = countOf(Counter.PhyBadLength)
            arriveUsual(1)
            const b = Buffer.alloc(length === 1521 || length === 2000 ? length : 216)
            put16(b, 0, length)
            chip.arriveRaw(b)
            await until("the set-up", () => countOf(Counter.PhyReconnects) > before)
            // what is before it was a frame
            await settled()
            expectGot(1)
            expect(countOf(Counter.PhyBadLength)).toBe(bad + 1)
            await expectSetUp(before)
        }
    })

    test("one octet is no length", async () => {
        const before = countOf(Counter.PhyReconnects)
        chip.arriveRaw(hex`00`)
        await expectSetUp(before)
    })

    test("a command that is never taken", async () => {
        const before = countOf(Counter.PhyReconnects)
        let stuck = true
        chip.after = b => {
            if (b[2] === 0x08 && b.length > 40 && stuck) b[PHASES] = 0x20
        }
        sendUsual(1)
        await until("the set-up", () => countOf(Counter.PhyReconnects) > before)
        expect(chip.sent.length).toBe(0)
        stuck = false
        await until("the frame", () => chip.sent.length === 1)
        expectSent(1)
        await bothWays()
    })

    test("a frame that never leaves", async () => {
        const before = countOf(Counter.PhyReconnects)
        chip.link = TEN_MEGABIT
        await look()
        chip.airtime = 100000
        sendUsual(1)
        sendUsual(2)
        await until("the set-up", () => countOf(Counter.PhyReconnects) > before)
        chip.airtime = 0
        await until("the frames", () => chip.sent.length === 2)
        expectSent(1)
        expectSent(2)
        await bothWays()
    })

    test("a transfer that fails, whichever: the chip is reset, and no buffer of the usual length is lost", async () => {
        const buffers = spare.length
        let fails = ""
        chip.before = b => {
            if (fails === "" || !copyOf(b, 0, 3).toString("hex").endsWith(fails)) return
            fails = ""
            throw new Error("SPI busy")
        }
        let before = 0
        // Sn_IR, status, both buffers, both pointers, a command
        for (const what of ["00020c", "000108", "18", "14", "00240c", "00280c", "00010c"]) {
            before = countOf(Counter.PhyReconnects)
            chip.resets = ""
            while (said.length > 0) said.pop()
            fails = what
            arriveUsual(1)
            sendUsual(2)
            await until("the reset", () => countOf(Counter.PhyReconnects) > before && chip.resets === "01")
            await until("the link", () => phy.up)
            await settled()
            expect(fails).toBe("")
            expect(said.length).toBe(1)
            expect(said[0]).toBe("phy: SPI busy")
            while (got.length > 0) got.pop()
            while (chip.sent.length > 0) chip.sent.pop()
            await bothWays()
            expect(spare.length).toBe(buffers)
        }
    })
})

await run()
