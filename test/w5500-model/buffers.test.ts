/** The buffers of the W5500's model have the sizes, places and wrapping that its datasheet says. */
import assert from "node:assert/strict"
import { beforeEach, describe, it } from "node:test"
import { Bench, OPEN, RX0, RX1, S0, S1, TX0, TX1, byte, word } from "../support/w5500-bench.js"

describe("W5500: buffers (datasheet 3.3)", () => {
    let bench: Bench
    beforeEach(() => {
        bench = new Bench()
    })

    it("hold what is written, wrap inside a burst, and mask the offset by their size", () => {
        bench.write(TX0, 0x07fe, "01020304")
        assert.equal(bench.read(TX0, 0x07fe, 4), "01020304")
        assert.equal(bench.read(TX0, 0, 2), "0304")
        assert.equal(bench.read(TX0, 0x0ffe, 4), "01020304")
        assert.equal(bench.read(TX0, 0xfffe, 4), "01020304")
        assert.equal(bench.read(TX1, 0, 2), "0000")
        assert.equal(bench.read(RX0, 0, 2), "0000")
    })

    it("of sockets and directions are apart", () => {
        for (let n = 0; n < 8; n++) {
            bench.write(4 * n + 2, 0, byte(0x10 + n).repeat(2048))
            bench.write(4 * n + 3, 0, byte(0x20 + n).repeat(2048))
        }
        for (let n = 0; n < 8; n++) {
            assert.equal(bench.read(4 * n + 2, 0, 2048), byte(0x10 + n).repeat(2048))
            assert.equal(bench.read(4 * n + 3, 0, 2048), byte(0x20 + n).repeat(2048))
        }
    })

    it("move with the sizes of the sockets below", () => {
        bench.write(TX1, 0, "abcd")
        bench.write(S0, 0x1f, "01")
        assert.equal(bench.read(TX1, 1024, 2), "abcd")
    })

    for (const kilobytes of [1, 2, 4, 8, 16])
        it(`may have ${kilobytes} KB`, () => {
            for (let n = 1; n < 8; n++) bench.write(4 * n + 1, 0x1e, "0000")
            bench.write(S0, 0x1e, byte(kilobytes).repeat(2))
            assert.equal(bench.read(S0, 0x1e, 2), byte(kilobytes).repeat(2))
            assert.equal(bench.read(S0, 0x20, 2), word(kilobytes * 1024))
            bench.write(TX0, kilobytes * 1024 - 1, "1122")
            assert.equal(bench.read(TX0, 0), "22")
            assert.equal(bench.read(TX0, kilobytes * 1024 - 1), "11")
            bench.open()
            bench.refuses({})
        })

    it("may have none, and cannot be used then", () => {
        bench.write(S1, 0x1e, "0000")
        assert.equal(bench.read(S1, 0x20, 2), "0000")
        bench.write(TX1, 0, "55")
        bench.read(RX1, 0)
        bench.refuses({ noBuffer: 2 })
    })

    it("cannot have another size", () => {
        for (const size of ["03", "20", "ff"]) {
            bench.write(S0, 0x1e, size)
            bench.write(S0, 0x1f, size)
        }
        assert.equal(bench.read(S0, 0x1e, 2), "0202")
        bench.refuses({ bufferSize: 6 })
    })

    for (const address of [0x1e, 0x1f])
        it(`cannot have more than 16 KB together when a socket opens (${byte(address)})`, () => {
            bench.write(S0, address, "10")
            bench.write(S0, 0x00, "04")
            bench.command(OPEN)
            assert.equal(bench.read(S0, 0x03), "00")
            bench.refuses({ bufferTotal: 1 })
            for (let n = 1; n < 8; n++) bench.write(4 * n + 1, address, "00")
            bench.open()
            bench.refuses({ bufferTotal: 1 })
        })

    it("cannot get another size while a socket is open", () => {
        bench.open()
        bench.write(S1, 0x1e, "0202")
        bench.refuses({})
        bench.write(S1, 0x1e, "0401")
        assert.equal(bench.read(S1, 0x1e, 2), "0202")
        bench.refuses({ bufferSizeWhileOpen: 2 })
    })
})
