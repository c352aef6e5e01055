/** The interrupts of the W5500's model come, are masked and end as its datasheet says. */
import assert from "node:assert/strict"
import { beforeEach, describe, it } from "node:test"
import { Bench, COMMON, RECEIVED, S0, S1, SENDOK, byte, frameOf, wireTime, word } from "../support/w5500-bench.js"

describe("W5500: interrupts (datasheet 4.1, 4.2)", () => {
    let bench: Bench
    beforeEach(() => {
        bench = new Bench()
    })

    const simr = (value: number) => bench.write(COMMON, 0x18, byte(value))

    it("pull INTn while Sn_IR, Sn_IMR and SIMR say so, and a one written to Sn_IR clears it", () => {
        simr(1)
        bench.open().chip.receive(frameOf(60))
        assert.equal(bench.read(COMMON, 0x17), "01")
        assert.equal(bench.chip.interrupt, true)
        bench.send(frameOf(60))
        bench.clock.advance(1e6)
        assert.equal(bench.read(S0, 0x02), byte(SENDOK | RECEIVED))
        bench.write(S0, 0x02, byte(RECEIVED))
        assert.equal(bench.read(S0, 0x02), byte(SENDOK))
        assert.equal(bench.chip.interrupt, true)
        bench.write(S0, 0x02, "00")
        assert.equal(bench.chip.interrupt, true)
        bench.write(S0, 0x02, "ff")
        assert.equal(bench.read(S0, 0x02) + bench.read(COMMON, 0x17), "0000")
        assert.equal(bench.chip.interrupt, false)
        assert.deepEqual(bench.interrupts, [true, false])
        bench.refuses({})
    })

    it("are told when a frame has left the wire, without a look", () => {
        simr(1)
        bench.open().send(frameOf(60))
        bench.clock.advance(wireTime(60))
        assert.deepEqual(bench.interrupts, [true])
    })

    it("masked by Sn_IMR show in Sn_IR, but not in SIR", () => {
        simr(1)
        bench.open()
        bench.write(S0, 0x2c, byte(SENDOK))
        bench.chip.receive(frameOf(60))
        assert.equal(bench.read(S0, 0x02), byte(RECEIVED))
        assert.equal(bench.read(COMMON, 0x17), "00")
        bench.write(S0, 0x2c, byte(RECEIVED))
        assert.equal(bench.read(COMMON, 0x17), "01")
        assert.deepEqual(bench.interrupts, [true])
    })

    it("masked by SIMR show in SIR, but not on INTn", () => {
        bench.open().chip.receive(frameOf(60))
        assert.equal(bench.read(COMMON, 0x17), "01")
        simr(2)
        assert.equal(bench.chip.interrupt, false)
        simr(1)
        assert.equal(bench.chip.interrupt, true)
        simr(0)
        assert.deepEqual(bench.interrupts, [true, false])
    })

    it("of each socket have a bit of their own", () => {
        simr(0xff)
        for (let n = 0; n < 8; n++) {
            bench.chip.poke(4 * n + 1, 0x02, Buffer.from([RECEIVED]))
            assert.equal(bench.read(COMMON, 0x17), byte((2 << n) - 1))
        }
        for (let n = 0; n < 8; n++) {
            assert.equal(bench.chip.interrupt, true)
            bench.write(4 * n + 1, 0x02, "1f")
        }
        assert.deepEqual(bench.interrupts, [true, false])
    })

    it("of the chip itself come by IR and IMR", () => {
        bench.chip.poke(COMMON, 0x15, Buffer.from([0xa0]))
        assert.equal(bench.chip.interrupt, false)
        bench.write(COMMON, 0x16, "80")
        assert.equal(bench.chip.interrupt, true)
        bench.write(COMMON, 0x15, "80")
        assert.equal(bench.read(COMMON, 0x15), "20")
        assert.deepEqual(bench.interrupts, [true, false])
    })

    /** INTLEVEL 749: (749 + 1) * 4 periods of 150 MHz are 20 us. */
    const WAIT = 20_000

    it("are silent for INTLEVEL after one has been dealt with", () => {
        simr(1)
        bench.write(COMMON, 0x13, word(749))
        bench.open().chip.receive(frameOf(60))
        assert.deepEqual(bench.interrupts, [true])
        bench.write(S0, 0x02, byte(RECEIVED))
        bench.chip.receive(frameOf(60))
        bench.clock.advance(WAIT - 1)
        assert.deepEqual(bench.interrupts, [true, false])
        bench.clock.advance(1)
        assert.deepEqual(bench.interrupts, [true, false, true])
    })

    it("end with a reset, and so does their silence", () => {
        simr(1)
        bench.write(COMMON, 0x13, word(749))
        bench.open().chip.receive(frameOf(60))
        bench.write(S0, 0x02, byte(RECEIVED))
        bench.chip.reset()
        simr(1)
        bench.open().chip.receive(frameOf(60))
        assert.deepEqual(bench.interrupts, [true, false, true])
    })

    it("leave INTn high for INTLEVEL between two that came together", () => {
        simr(3)
        bench.write(COMMON, 0x13, word(749))
        for (const block of [S0, S1]) bench.chip.poke(block, 0x02, Buffer.from([RECEIVED]))
        bench.write(S0, 0x02, byte(RECEIVED))
        assert.deepEqual(bench.interrupts, [true, false])
        assert.equal(bench.read(COMMON, 0x17), "02")
        bench.clock.pass(WAIT)
        assert.equal(bench.chip.interrupt, true)
    })
})
