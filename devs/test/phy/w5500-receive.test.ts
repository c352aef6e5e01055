import * as ds from "@devicescript/core"
import { afterEach, beforeEach, describe, expect, test } from "@devicescript/test"
import { Counter, countOf } from "../../../src/base/counters"
import { SN_RX_RD, SN_RX_RSR } from "../support/chip"
import {
    CLEAR,
    COMMAND,
    PHASES,
    RX_RD,
    STATUS,
    TX_WR,
    arriveUsual,
    bothWays,
    chip,
    expectGot,
    expectSent,
    frame,
    fresh,
    got,
    link,
    look,
    make,
    phy,
    ready,
    said,
    sendUsual,
    settled,
    stop,
} from "../support/driver"
import { expectBytes, put16, run, until } from "../support/support"

describe("receiving", () => {
    beforeEach(fresh)
    afterEach(stop)

    test("a usual frame: clear the interrupt, status, the frame, Sn_RX_RD, RECV", async () => {
        const before = countOf(Counter.PhyRx)
        chip.record()
        arriveUsual(1)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 000018+216 ${RX_RD} ${COMMAND}`)
        expect(chip.pair(SN_RX_RD)).toBe(216)
        expectGot(1)
        chip.record()
        arriveUsual(2)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 00d818+216 ${RX_RD} ${COMMAND}`)
        expectGot(2)
        expect(countOf(Counter.PhyRx)).toBe(before + 2)
        expect(chip.pair(SN_RX_RSR)).toBe(0)
    })

    test("three usual frames in one read, and a fourth in the next", async () => {
        chip.record()
        for (let i = 1; i <= 4; i++) arriveUsual(i)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 000018+648 028818+216 ${RX_RD} ${COMMAND}`)
        for (let i = 1; i <= 4; i++) expectGot(i)
        expect(got.length).toBe(0)
    })

    test("more than four reads: the status once more before the next, and what waits to be sent gets its turn", async () => {
        chip.record()
        for (let i = 1; i <= 13; i++) arriveUsual(i)
        await settled()
        expect(chip.log).toBe(
            `${CLEAR} ${STATUS} 000018+648 028818+648 051018+648 079818+648 ${RX_RD} ${COMMAND} ${STATUS} 0a2018+216 ${RX_RD} ${COMMAND}`
        )
        for (let i = 1; i <= 13; i++) expectGot(i)
    })

    test("a frame that does not fit into the rest of the read stays in the chip", async () => {
        chip.record()
        chip.arrive(frame(300, 1))
        chip.arrive(frame(400, 2))
        await settled()
        // 648 octets hold the first, and its 302 are taken; then the second
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 000018+648 012e18+648 ${RX_RD} ${COMMAND}`)
        expectBytes(got.shift(), frame(300, 1))
        expectBytes(got.shift(), frame(400, 2))
        expect(got.length).toBe(0)
    })

    test("a length that is cut by the end of the read", async () => {
        // 647 octets: one of the next length is in the read
        chip.arrive(frame(645, 3))
        chip.arrive(frame(60, 4))
        await settled()
        expectBytes(got.shift(), frame(645, 3))
        expectBytes(got.shift(), frame(60, 4))
    })

    test("a frame longer than the buffers, alone and behind another", async () => {
        chip.record()
        chip.arrive(frame(1514, 5))
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 000018+648 000018+1516 ${RX_RD} ${COMMAND}`)
        expectBytes(got.shift(), frame(1514, 5))
        arriveUsual(1)
        chip.arrive(frame(1000, 6))
        arriveUsual(2)
        await settled()
        expectGot(1)
        expectBytes(got.shift(), frame(1000, 6))
        expectGot(2)
        expect(got.length).toBe(0)
    })

    test("frames from the least length to that with a VLAN tag", async () => {
        for (const length of [14, 60, 213, 214, 215, 646, 647, 1518]) {
            chip.arrive(frame(length, length))
            await settled()
            expectBytes(got.shift(), frame(length, length))
        }
        expect(said.length).toBe(0)
    })

    test("640 frames, across the end of the address space", async () => {
        const setUps = countOf(Counter.PhyReconnects)
        let n = 0
        let wraps = 0
        while (n < 640) {
            const at = chip.pair(SN_RX_RD)
            const burst = 1 + (n & 7)
            for (let i = 0; i < burst; i++) arriveUsual(n + i)
            await settled()
            for (let i = 0; i < burst; i++) expectGot(n + i)
            expect(got.length).toBe(0)
            if (chip.pair(SN_RX_RD) < at) wraps++
            n += burst
        }
        expect(wraps > 1).toBe(true)
        expect(countOf(Counter.PhyReconnects)).toBe(setUps)
    })

    test("a frame that arrives after the status was read is seen by its interrupt", async () => {
        let once = true
        chip.after = b => {
            if (b[2] !== 0x08 || !once) return
            once = false
            arriveUsual(2)
        }
        arriveUsual(1)
        await settled()
        expectGot(1)
        expectGot(2)
    })

    test("a frame that arrives while the status is read is not taken by halves", async () => {
        // Sn_RX_WR has moved, Sn_RX_RSR has not
        let once = true
        chip.after = b => {
            if (b[2] !== 0x08 || !once) return
            once = false
            put16(b, PHASES + SN_RX_RSR - 1, 0)
        }
        chip.record()
        arriveUsual(1)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} ${STATUS} 000018+216 ${RX_RD} ${COMMAND}`)
        expectGot(1)
    })

    test("frames of both directions in one turn", async () => {
        chip.record()
        arriveUsual(1)
        sendUsual(2)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 000018+216 ${RX_RD} ${COMMAND} 000014+214 ${TX_WR} ${COMMAND}`)
        expectGot(1)
        expectSent(2)
    })

    test("an exception above is counted, and the next frame arrives", async () => {
        const before = countOf(Counter.InternalErrors)
        stop()
        make()
        phy.start(() => {
            throw new Error("a defect above")
        }, link)
        await settled()
        arriveUsual(1)
        arriveUsual(2)
        await settled()
        expect(countOf(Counter.InternalErrors)).toBe(before + 2)
        // a line for each frame would hold up all other frames on a board
        expect(said.length).toBe(1)
        expect(chip.pair(SN_RX_RD)).toBe(2 * 216)
    })

    test("while the interrupt line is silent nothing is transferred but the look at the link", async () => {
        chip.record()
        await ds.sleep(50)
        expect(chip.log).toBe("")
        await look()
        expect(chip.log.startsWith("002e00+12")).toBe(true)
        chip.record()
        await ds.sleep(20)
        expect(chip.log).toBe("")
    })

    test("without an interrupt line the chip is asked", async () => {
        stop()
        make()
        chip.hasInterrupt = false
        await ready()
        chip.record()
        arriveUsual(1)
        await until("the frame", () => got.length === 1)
        expectGot(1)
        expect(chip.log.startsWith(STATUS)).toBe(true)
        // and Sn_IR is left as it is
        expect(chip.log.indexOf(CLEAR)).toBe(-1)
        chip.record()
        await until("two more looks", () => chip.log === `${STATUS} ${STATUS}`)
        await bothWays()
    })
})

await run()
