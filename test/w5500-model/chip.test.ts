/** The model of the W5500 against its datasheet, transaction by transaction: SPI, registers, PHY, faults. */
import assert from "node:assert/strict"
import { beforeEach, describe, it } from "node:test"
import { W5500 } from "../../sim/w5500/chip.js"
import { Bench, COMMON, MAC_BYTES, RX0, S0, SEND, TX0, byte, frameOf, reading, word, writing } from "../support/w5500-bench.js"

describe("W5500", () => {
    let bench: Bench
    beforeEach(() => {
        bench = new Bench()
    })

    describe("SPI frames (datasheet 2.2, 2.3)", () => {
        it("count on MISO during address and control phase, for reads and for writes", () => {
            assert.equal(bench.chip.transaction(reading(COMMON, 0x39, 1)).toString("hex"), "01020304")
            assert.equal(
                bench.chip
                    .transaction(writing(COMMON, 0x01, "0a4d0001"))
                    .subarray(0, 3)
                    .toString("hex"),
                "010203"
            )
            bench.refuses({})
        })

        it("read and write on with the next address", () => {
            bench.write(COMMON, 0x01, "0a4d0001ffffff00" + MAC_BYTES + "0a4d0032")
            assert.equal(bench.read(COMMON, 0x01, 4), "0a4d0001")
            assert.equal(bench.read(COMMON, 0x08, 2), "0002")
            assert.equal(bench.read(COMMON, 0x09, 10), MAC_BYTES + "0a4d0032")
        })

        it("write nothing when they read", () => {
            bench.chip.transaction(Buffer.from("000900aabbcc", "hex"))
            assert.equal(bench.read(COMMON, 0x09, 3), "000000")
        })

        for (const mosi of ["", "00", "0039", "003900"])
            it(`are refused when they have no data: ${mosi.length / 2} bytes`, () => {
                assert.equal(bench.chip.transaction(Buffer.from(mosi, "hex")).toString("hex"), "010203".slice(0, mosi.length))
                bench.refuses({ shortTransaction: 1 })
            })

        it("of fixed length are taken with that length only", () => {
            for (const [mode, length] of [
                [1, 1],
                [2, 2],
                [3, 4],
            ]) {
                const data = Buffer.alloc(length, 0xa0 + mode)
                bench.chip.transaction(Buffer.concat([Buffer.from([0, 0x01, 4 | mode]), data]))
                assert.equal(bench.read(COMMON, 0x01, length), data.toString("hex"))
                bench.refuses({})
            }
            for (const [mode, length] of [
                [1, 2],
                [2, 1],
                [3, 5],
            ]) {
                bench.chip.counts.reset()
                bench.chip.transaction(Buffer.concat([Buffer.from([0, 0x05, 4 | mode]), Buffer.alloc(length, 0xee)]))
                bench.refuses({ fixedLength: 1 })
            }
            assert.equal(bench.read(COMMON, 0x05, 4), "00000000")
        })

        it("to a reserved block are refused", () => {
            for (const block of [4, 8, 12, 16, 20, 24, 28]) {
                bench.write(block, 0x0009, "55")
                assert.equal(bench.read(block, 0x0009), "00")
            }
            bench.refuses({ reservedBlock: 14 })
        })

        it("to all other blocks are not", () => {
            for (let block = 1; block < 32; block++) if (block & 3) bench.read(block, 0)
            bench.refuses({})
        })
    })

    describe("registers (datasheet 3, 4)", () => {
        const COMMON_RESET =
            "00" +
            "00000000".repeat(2) +
            "000000000000" +
            "00000000" +
            "0000" +
            "00000000" +
            "07d008" +
            "2800" +
            "000000000000" +
            "0000ffff" +
            "000000000000" +
            "bf"
        const SOCKET_RESET = "00000000" + "0000" + "ffffffffffff" + "00000000" + "0000" + "0000"
        const SOCKET_RESET_15 = "0080"
        const SOCKET_RESET_1E = "0202" + "0800" + "0000".repeat(5) + "ff" + "4000" + "00"

        function checkReset(): void {
            assert.equal(bench.read(COMMON, 0, 0x2f), COMMON_RESET)
            assert.equal(bench.read(COMMON, 0x39), "04")
            for (let n = 0; n < 8; n++) {
                assert.equal(bench.read(4 * n + 1, 0, 0x14), SOCKET_RESET)
                assert.equal(bench.read(4 * n + 1, 0x15, 2), SOCKET_RESET_15)
                assert.equal(bench.read(4 * n + 1, 0x1e, 0x12), SOCKET_RESET_1E)
            }
            bench.refuses({})
        }

        /** Leaves no writable register as it was, and socket 0 open with a frame in each direction. */
        function disturb(): void {
            bench.write(COMMON, 0x01, "ff".repeat(20))
            bench.write(COMMON, 0x18, "ff".repeat(16))
            for (let n = 0; n < 8; n++) {
                bench.write(4 * n + 1, 0x04, "11".repeat(16))
                bench.write(4 * n + 1, 0x15, "1111")
                bench.write(4 * n + 1, 0x1e, n === 0 ? "0808" : "0101")
                bench.write(4 * n + 1, 0x2d, "111111")
            }
            bench.open().chip.receive(frameOf(60))
            bench.take()
            bench.chip.receive(frameOf(60))
            bench.send(frameOf(100))
            bench.write(COMMON, 0x00, "3a")
            assert.equal(bench.chip.interrupt, true)
            bench.refuses({})
        }

        it("have their reset values after power-on", checkReset)

        it("have them again after a software reset, whose bit clears itself", () => {
            disturb()
            bench.write(COMMON, 0x00, "80")
            checkReset()
            assert.equal(bench.chip.interrupt, false)
            bench.write(S0, 0x04, "0000")
            bench.write(TX0, 0, "55")
            checkReset()
        })

        it("have them again after RSTn was low", () => {
            disturb()
            bench.chip.resetLine(0)
            bench.chip.resetLine(1)
            checkReset()
            assert.equal(bench.chip.interrupt, false)
        })

        it("have them again after a brown-out, and a frame that was being sent is lost", () => {
            disturb()
            bench.chip.reset()
            bench.clock.advance(1e6)
            checkReset()
            assert.deepEqual(bench.sent, [])
        })

        it("are out of reach while RSTn is low", () => {
            bench.chip.resetLine(0)
            bench.write(COMMON, 0x01, "0a4d0001")
            assert.equal(bench.read(COMMON, 0x39), "ff")
            bench.chip.resetLine(1)
            assert.equal(bench.read(COMMON, 0x01, 4), "00000000")
            bench.refuses({ inReset: 2 })
        })

        it("keep in MR and IMR the bits that exist", () => {
            bench.write(COMMON, 0x00, "7f")
            assert.equal(bench.read(COMMON, 0x00), "3a")
            bench.write(COMMON, 0x16, "ff")
            assert.equal(bench.read(COMMON, 0x16), "f0")
        })

        it("can be written in all eight sockets, each for itself", () => {
            for (let n = 0; n < 8; n++) bench.write(4 * n + 1, 0x04, word(5000 + n))
            for (let n = 0; n < 8; n++) assert.equal(bench.read(4 * n + 1, 0x04, 2), word(5000 + n))
        })

        it("that are read-only ignore what is written, byte by byte", () => {
            const common = [0x17, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x39]
            const socket = [0x03, 0x20, 0x21, 0x22, 0x23, 0x26, 0x27, 0x2a, 0x2b]
            for (const address of common) bench.write(COMMON, address, "5a")
            for (const address of socket) bench.write(S0, address, "5a")
            bench.refuses({ readOnly: common.length + socket.length })
            bench.chip.counts.reset()
            checkReset()
        })

        it("have reserved neighbours, over which a burst may read but not write", () => {
            assert.equal(bench.read(COMMON, 0x2e, 13), "bf" + "00".repeat(10) + "0400")
            assert.equal(bench.read(S0, 0x13, 0x0c), "00" + "00" + "0080" + "00".repeat(7) + "02")
            assert.equal(bench.read(S0, 0x2f, 2), "0000")
            bench.refuses({})
            bench.write(S0, 0x13, "aabbcc")
            bench.write(COMMON, 0x2f, "55".repeat(10))
            bench.refuses({ reservedAddress: 11 })
            assert.equal(bench.read(S0, 0x13, 3), "aa00cc")
            assert.equal(bench.read(COMMON, 0x2f, 10), "00".repeat(10))
        })
    })

    describe("PHYCFGR (datasheet 4.1)", () => {
        it("tells of the cable, and its status bits cannot be written", () => {
            assert.equal(bench.read(COMMON, 0x2e), "bf")
            bench.chip.unplug()
            assert.equal(bench.read(COMMON, 0x2e), "b8")
            bench.write(COMMON, 0x2e, "bf")
            assert.equal(bench.read(COMMON, 0x2e), "b8")
            assert.equal(bench.chip.link, false)
            bench.chip.plug()
            assert.equal(bench.read(COMMON, 0x2e), "bf")
            assert.equal(bench.chip.link, true)
        })

        it("resets the PHY while RST is 0", () => {
            bench.write(COMMON, 0x2e, "38")
            assert.equal(bench.read(COMMON, 0x2e), "38")
            bench.write(COMMON, 0x2e, "b8")
            assert.equal(bench.read(COMMON, 0x2e), "bf")
        })

        for (const [mode, status] of [
            [0, 1],
            [1, 5],
            [2, 3],
            [3, 7],
            [4, 3],
            [5, 0],
            [6, 0],
            [7, 7],
        ])
            it(`takes operation mode ${mode} over with the next reset of the PHY`, () => {
                const config = 0xc0 | (mode << 3)
                bench.write(COMMON, 0x2e, byte(config))
                assert.equal(bench.read(COMMON, 0x2e), byte(config | 7))
                bench.write(COMMON, 0x2e, byte(config & 0x7f))
                bench.write(COMMON, 0x2e, byte(config))
                assert.equal(bench.read(COMMON, 0x2e), byte(config | status))
                assert.equal(bench.chip.link, status !== 0)
            })

        it("is in its first mode again after a reset of the chip", () => {
            bench.write(COMMON, 0x2e, "70")
            bench.write(COMMON, 0x2e, "f0")
            assert.equal(bench.chip.link, false)
            bench.chip.reset()
            assert.equal(bench.read(COMMON, 0x2e), "bf")
        })

        it("leaves the mode to the pins without OPMD", () => {
            bench.write(COMMON, 0x2e, "30")
            bench.write(COMMON, 0x2e, "b0")
            assert.equal(bench.read(COMMON, 0x2e), "b7")
        })
    })

    describe("faults", () => {
        it("answer with one value whatever is asked, and write nothing, until they end", () => {
            for (const value of [0x00, 0xff]) {
                bench.chip.answer(value)
                assert.equal(bench.chip.transaction(reading(COMMON, 0x39, 1)).toString("hex"), byte(value).repeat(4))
                bench.write(COMMON, 0x01, "0a4d0001")
            }
            bench.chip.answer(undefined)
            assert.equal(bench.read(COMMON, 0x39) + bench.read(COMMON, 0x01, 4), "0400000000")
            bench.refuses({})
        })

        it("poke registers and buffers past the rules", () => {
            bench.chip.poke(COMMON, 0x39, Buffer.from("51", "hex"))
            assert.equal(bench.read(COMMON, 0x39), "51")
            bench.open().chip.receive(frameOf(60))
            bench.chip.poke(RX0, 0, Buffer.from("ffff", "hex"))
            assert.equal(bench.read(RX0, 0, 4), "ffff0200")
            bench.chip.poke(TX0, 0x07ff, Buffer.from("1234", "hex"))
            assert.equal(bench.read(TX0, 0x07ff, 2), "1234")
            bench.chip.poke(S0, 0x28, Buffer.from("f000f100", "hex"))
            assert.equal(bench.read(S0, 0x26, 2), "0100")
            bench.chip.poke(S0, 0x03, Buffer.from("00", "hex"))
            bench.command(SEND)
            bench.refuses({ closed: 1 })
        })
    })

    it("counts transactions and bytes, by block, and commands and frames, and forgets them when told to", () => {
        bench.open().send(frameOf(100))
        bench.clock.advance(1e6)
        bench.chip.receive(frameOf(60))
        bench.take()
        const { transactions, bytes, byBlock, commands, framesIn, framesOut } = bench.chip.counts
        assert.deepEqual(byBlock, {
            "common write": { transactions: 1, bytes: 6 },
            "socket0 write": { transactions: 6, bytes: 8 },
            "socket0 read": { transactions: 3, bytes: 5 },
            "tx0 write": { transactions: 1, bytes: 100 },
            "rx0 read": { transactions: 2, bytes: 64 },
        })
        assert.deepEqual([transactions, bytes], [13, 6 + 8 + 5 + 100 + 64 + 3 * 13])
        assert.deepEqual(commands, { OPEN: 1, SEND: 1, RECV: 1 })
        assert.deepEqual([framesIn, framesOut], [1, 1])
        bench.command(SEND)
        bench.chip.counts.reset()
        assert.deepEqual(bench.chip.counts, new W5500().counts)
        bench.refuses({})
    })
})
