import { afterEach, beforeEach, describe, expect, test } from "@devicescript/test"
import { MACRAW_QUEUE } from "../../../src/base/config"
import { Counter, countOf } from "../../../src/base/counters"
import { HALF_DUPLEX, SN_TX_WR, TEN_MEGABIT } from "../support/chip"
import { spare } from "../../../src/phy/w5500/queue"
import { COMMAND, STATUS, TX_WR, chip, expectSent, frame, fresh, hex16, look, phy, send, sendUsual, settled, stop } from "../support/driver"
import { expectBytes, run, until } from "../support/support"

describe("sending", () => {
    beforeEach(fresh)
    afterEach(stop)

    test("a usual frame takes four transfers", async () => {
        chip.record()
        expect(sendUsual(1)).toBe(true)
        await settled()
        expect(chip.log).toBe(`${STATUS} 000014+214 ${TX_WR} ${COMMAND}`)
        expect(chip.pair(SN_TX_WR)).toBe(214)
        expectSent(1)
        // the next one is put behind it
        chip.record()
        sendUsual(2)
        await settled()
        expect(chip.log).toBe(`${STATUS} 00d614+214 ${TX_WR} ${COMMAND}`)
        expectSent(2)
    })

    test("two in a row need one status read at 100 Mb/s, full duplex", async () => {
        chip.record()
        sendUsual(1)
        sendUsual(2)
        await settled()
        expect(chip.log).toBe(`${STATUS} 000014+214 ${TX_WR} ${COMMAND} 00d614+214 ${TX_WR} ${COMMAND}`)
        expectSent(1)
        expectSent(2)
    })

    test("a shorter frame waits until the longer one has left", async () => {
        chip.record()
        sendUsual(1)
        send(frame(60, 9))
        sendUsual(2)
        await settled()
        expect(chip.log).toBe(
            `${STATUS} 000014+214 ${TX_WR} ${COMMAND} ` + `${STATUS} 00d614+60 ${TX_WR} ${COMMAND} 011214+214 ${TX_WR} ${COMMAND}`
        )
        expectSent(1)
        expectBytes(chip.sent.shift(), frame(60, 9))
        expectSent(2)
    })

    test("at half the speed or half duplex each waits until the one before has left", async () => {
        for (const mode of [TEN_MEGABIT, HALF_DUPLEX]) {
            chip.link = mode
            await look()
            chip.airtime = 3
            chip.record()
            const at = chip.pair(SN_TX_WR)
            sendUsual(1)
            sendUsual(2)
            await settled()
            expect(chip.log).toBe(
                `${STATUS} ${hex16(at)}14+214 ${TX_WR} ${COMMAND} ` +
                    `${STATUS} ${STATUS} ${STATUS} ${STATUS} ${hex16(at + 214)}14+214 ${TX_WR} ${COMMAND}`
            )
            expectSent(1)
            expectSent(2)
            // and the last one, before the next mode
            chip.airtime = 0
            sendUsual(3)
            await settled()
            expectSent(3)
        }
    })

    test("frames from the least to the greatest length", async () => {
        for (const length of [14, 60, 213, 215, 1514]) {
            expect(send(frame(length, length))).toBe(true)
            await settled()
            expectBytes(chip.sent.shift(), frame(length, length))
        }
    })

    test("a full queue drops the frame, and keeps those in it in their order", async () => {
        const before = countOf(Counter.PhyTxFull)
        const sent = countOf(Counter.PhyTx)
        for (let i = 0; i < MACRAW_QUEUE; i++) expect(sendUsual(i)).toBe(true)
        expect(sendUsual(99)).toBe(false)
        expect(send(frame(60, 1))).toBe(false)
        expect(countOf(Counter.PhyTxFull)).toBe(before + 2)
        expect(countOf(Counter.PhyTx)).toBe(sent + MACRAW_QUEUE)
        await settled()
        expect(chip.sent.length).toBe(MACRAW_QUEUE)
        for (let i = 0; i < MACRAW_QUEUE; i++) expectSent(i)
        expect(phy.up).toBe(true)
    })

    test("1000 frames, across the end of the address space, and the buffers of the usual length are back", async () => {
        const setUps = countOf(Counter.PhyReconnects)
        const before = spare.length
        expect(before > 0).toBe(true)
        let n = 0
        let wraps = 0
        while (n < 1000) {
            const at = chip.pair(SN_TX_WR)
            // sometimes more than there are buffers for
            const burst = 1 + (n & 15)
            for (let i = 0; i < burst; i++) expect(sendUsual(n + i)).toBe(true)
            await settled()
            for (let i = 0; i < burst; i++) expectSent(n + i)
            expect(chip.sent.length).toBe(0)
            if (chip.pair(SN_TX_WR) < at) wraps++
            n += burst
        }
        expect(wraps > 2).toBe(true)
        expect(spare.length).toBe(before)
        // none of it by a set-up
        expect(countOf(Counter.PhyReconnects)).toBe(setUps)
    })

    test("while a transfer is under way puts the frame into the queue", async () => {
        chip.slow = true
        let n = 1
        chip.before = () => {
            if (n < 8) {
                sendUsual(n)
                n++
            }
        }
        sendUsual(0)
        await until("the frames", () => chip.sent.length === 8)
        for (let i = 0; i < 8; i++) expectSent(i)
        await settled()
        expect(chip.sent.length).toBe(0)
    })
})

await run()
