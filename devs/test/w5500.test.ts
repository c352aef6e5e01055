import * as ds from "@devicescript/core"
import { afterEach, beforeEach, describe, expect, test } from "@devicescript/test"
import { MACRAW_QUEUE } from "../../src/config"
import { counters } from "../../src/counters"
import { HALF_DUPLEX, SN_IMR, SN_MR, SN_RX_RD, SN_RX_RSR, SN_TX_WR, TEN_MEGABIT } from "./chip"
import {
    PHASES,
    arriveVoice,
    bothWays,
    chip,
    expectGot,
    expectSent,
    frame,
    fresh,
    got,
    hex16,
    link,
    links,
    look,
    make,
    phy,
    ready,
    receive,
    said,
    send,
    sendVoice,
    settled,
    stop,
} from "./driver"
import { copyOf, expectBytes, put16, run, until } from "./support"

/** Transfers as the chip notes them: phases and octets of data. */
const STATUS = "000108+43"
const CLEAR = "00020c+1"
const TX_WR = "00240c+2"
const RX_RD = "00280c+2"
const COMMAND = "00010c+1"
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
        const before = counters.phyReconnects
        phy.promiscuous(true)
        await until("the set-up", () => chip.octet(SN_MR) === 0x34)
        await bothWays()
        expect(chip.resets).toBe("01")
        expect(links).toBe("up ")
        expect(counters.phyReconnects).toBe(before + 1)
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
            sendVoice(2)
        }
        phy.start(again, link)
        await settled()
        sendVoice(1)
        await settled()
        arriveVoice(3)
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
            sendVoice(1)
            await until("the set-up", () => chip.octet(SN_MR) === 0x34)
            await settled()
            stop()
            make()
        }
    })

    test("fails while no chip answers, is tried again each time later, and is done when one does", async () => {
        for (const nobody of [0, 0xff]) {
            chip.version = nobody
            const before = counters.phyReconnects
            phy.start(receive, link)
            await until("three attempts", () => chip.resetAt.length === 3)
            // 250 ms, then twice as long; the line is low for 2 ms of each attempt
            expect(chip.resetAt[1] - chip.resetAt[0] >= 250).toBe(true)
            expect(chip.resetAt[2] - chip.resetAt[1] >= 500).toBe(true)
            await until("the third line", () => said.length === 3)
            for (const line of said)
                expect(line).toBe(
                    `phy: no W5500 answers on a test (VERSIONR is ${nobody} instead of 4); see its supply and its wires`
                )
            // it counts when it begins again
            expect(counters.phyReconnects).toBe(before + 2)
            expect(phy.up).toBe(false)
            expect(links).toBe("")
            expect(sendVoice(1)).toBe(false)
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

describe("sending", () => {
    beforeEach(fresh)
    afterEach(stop)

    test("a frame of voice takes four transfers", async () => {
        chip.record()
        expect(sendVoice(1)).toBe(true)
        await settled()
        expect(chip.log).toBe(`${STATUS} 000014+214 ${TX_WR} ${COMMAND}`)
        expect(chip.pair(SN_TX_WR)).toBe(214)
        expectSent(1)
        // the next one is put behind it
        chip.record()
        sendVoice(2)
        await settled()
        expect(chip.log).toBe(`${STATUS} 00d614+214 ${TX_WR} ${COMMAND}`)
        expectSent(2)
    })

    test("two in a row need one status read at 100 Mb/s, full duplex", async () => {
        chip.record()
        sendVoice(1)
        sendVoice(2)
        await settled()
        expect(chip.log).toBe(`${STATUS} 000014+214 ${TX_WR} ${COMMAND} 00d614+214 ${TX_WR} ${COMMAND}`)
        expectSent(1)
        expectSent(2)
    })

    test("a shorter frame waits until the longer one has left", async () => {
        chip.record()
        sendVoice(1)
        send(frame(60, 9))
        sendVoice(2)
        await settled()
        expect(chip.log).toBe(
            `${STATUS} 000014+214 ${TX_WR} ${COMMAND} ` +
                `${STATUS} 00d614+60 ${TX_WR} ${COMMAND} 011214+214 ${TX_WR} ${COMMAND}`
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
            sendVoice(1)
            sendVoice(2)
            await settled()
            expect(chip.log).toBe(
                `${STATUS} ${hex16(at)}14+214 ${TX_WR} ${COMMAND} ` +
                    `${STATUS} ${STATUS} ${STATUS} ${STATUS} ${hex16(at + 214)}14+214 ${TX_WR} ${COMMAND}`
            )
            expectSent(1)
            expectSent(2)
            // and the last one, before the next mode
            chip.airtime = 0
            sendVoice(3)
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
        const before = counters.phyTxFull
        const sent = counters.phyTx
        for (let i = 0; i < MACRAW_QUEUE; i++) expect(sendVoice(i)).toBe(true)
        expect(sendVoice(99)).toBe(false)
        expect(send(frame(60, 1))).toBe(false)
        expect(counters.phyTxFull).toBe(before + 2)
        expect(counters.phyTx).toBe(sent + MACRAW_QUEUE)
        await settled()
        expect(chip.sent.length).toBe(MACRAW_QUEUE)
        for (let i = 0; i < MACRAW_QUEUE; i++) expectSent(i)
        expect(phy.up).toBe(true)
    })

    test("1000 frames, across the end of the address space, and the buffers for voice are back", async () => {
        const setUps = counters.phyReconnects
        const before = (phy as any).free.length
        expect(before > 0).toBe(true)
        let n = 0
        let wraps = 0
        while (n < 1000) {
            const at = chip.pair(SN_TX_WR)
            // sometimes more than there are buffers for
            const burst = 1 + (n & 15)
            for (let i = 0; i < burst; i++) expect(sendVoice(n + i)).toBe(true)
            await settled()
            for (let i = 0; i < burst; i++) expectSent(n + i)
            expect(chip.sent.length).toBe(0)
            if (chip.pair(SN_TX_WR) < at) wraps++
            n += burst
        }
        expect(wraps > 2).toBe(true)
        expect((phy as any).free.length).toBe(before)
        // none of it by a set-up
        expect(counters.phyReconnects).toBe(setUps)
    })

    test("while a transfer is under way puts the frame into the queue", async () => {
        chip.slow = true
        let n = 1
        chip.before = () => {
            if (n < 8) {
                sendVoice(n)
                n++
            }
        }
        sendVoice(0)
        await until("the frames", () => chip.sent.length === 8)
        for (let i = 0; i < 8; i++) expectSent(i)
        await settled()
        expect(chip.sent.length).toBe(0)
    })
})

describe("receiving", () => {
    beforeEach(fresh)
    afterEach(stop)

    test("a frame of voice: clear the interrupt, status, the frame, Sn_RX_RD, RECV", async () => {
        const before = counters.phyRx
        chip.record()
        arriveVoice(1)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 000018+216 ${RX_RD} ${COMMAND}`)
        expect(chip.pair(SN_RX_RD)).toBe(216)
        expectGot(1)
        chip.record()
        arriveVoice(2)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} 00d818+216 ${RX_RD} ${COMMAND}`)
        expectGot(2)
        expect(counters.phyRx).toBe(before + 2)
        expect(chip.pair(SN_RX_RSR)).toBe(0)
    })

    test("three frames of voice in one read, and a fourth in the next", async () => {
        chip.record()
        for (let i = 1; i <= 4; i++) arriveVoice(i)
        await settled()
        expect(chip.log).toBe(
            `${CLEAR} ${STATUS} 000018+648 028818+216 ${RX_RD} ${COMMAND}`
        )
        for (let i = 1; i <= 4; i++) expectGot(i)
        expect(got.length).toBe(0)
    })

    test("more than four reads: the status once more before the next, and what waits to be sent gets its turn", async () => {
        chip.record()
        for (let i = 1; i <= 13; i++) arriveVoice(i)
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
        expect(chip.log).toBe(
            `${CLEAR} ${STATUS} 000018+648 012e18+648 ${RX_RD} ${COMMAND}`
        )
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
        arriveVoice(1)
        chip.arrive(frame(1000, 6))
        arriveVoice(2)
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
        const setUps = counters.phyReconnects
        let n = 0
        let wraps = 0
        while (n < 640) {
            const at = chip.pair(SN_RX_RD)
            const burst = 1 + (n & 7)
            for (let i = 0; i < burst; i++) arriveVoice(n + i)
            await settled()
            for (let i = 0; i < burst; i++) expectGot(n + i)
            expect(got.length).toBe(0)
            if (chip.pair(SN_RX_RD) < at) wraps++
            n += burst
        }
        expect(wraps > 1).toBe(true)
        expect(counters.phyReconnects).toBe(setUps)
    })

    test("a frame that arrives after the status was read is seen by its interrupt", async () => {
        let once = true
        chip.after = b => {
            if (b[2] !== 0x08 || !once) return
            once = false
            arriveVoice(2)
        }
        arriveVoice(1)
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
        arriveVoice(1)
        await settled()
        expect(chip.log).toBe(`${CLEAR} ${STATUS} ${STATUS} 000018+216 ${RX_RD} ${COMMAND}`)
        expectGot(1)
    })

    test("frames of both directions in one turn", async () => {
        chip.record()
        arriveVoice(1)
        sendVoice(2)
        await settled()
        expect(chip.log).toBe(
            `${CLEAR} ${STATUS} 000018+216 ${RX_RD} ${COMMAND} 000014+214 ${TX_WR} ${COMMAND}`
        )
        expectGot(1)
        expectSent(2)
    })

    test("an exception above is counted, and the next frame arrives", async () => {
        const before = counters.internalErrors
        stop()
        make()
        phy.start(() => {
            throw new Error("a defect above")
        }, link)
        await settled()
        arriveVoice(1)
        arriveVoice(2)
        await settled()
        expect(counters.internalErrors).toBe(before + 2)
        expect(said.length).toBe(2)
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
        arriveVoice(1)
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
