/** The model of the W5500 as a plain Ethernet controller: commands, sending, receiving, filters. @see W5500 datasheet 4.2 */
import assert from "node:assert/strict"
import { beforeEach, describe, it } from "node:test"
import { BROADCAST_MAC } from "../../sim/lan/ethernet.js"
import {
    Bench,
    CLOSE,
    COMMON,
    MAC,
    OPEN,
    RECEIVED,
    RECV,
    RX0,
    S0,
    S1,
    SEND,
    SENDOK,
    TX0,
    byte,
    frameOf,
    wireTime,
    word,
} from "../support/w5500-bench.js"

describe("W5500 in MACRAW mode", () => {
    let bench: Bench
    beforeEach(() => {
        bench = new Bench()
    })

    describe("commands (datasheet 4.2, Sn_CR)", () => {
        it("clear their register themselves", () => {
            bench.open()
            assert.equal(bench.read(S0, 0x01), "00")
        })

        it("OPEN sets the pointers to 0, also of a socket that is open", () => {
            bench.chip.poke(S0, 0x22, Buffer.from("1234123400001234123500", "hex"))
            bench.open()
            assert.equal(bench.read(S0, 0x20, 12), "080000000000000000000000")
            bench.chip.receive(frameOf(60))
            bench.send(frameOf(60))
            bench.command(OPEN)
            assert.equal(bench.read(S0, 0x20, 12), "080000000000000000000000")
            bench.clock.advance(1e6)
            assert.deepEqual(bench.sent, [])
        })

        it("OPEN is refused without MACRAW, and on other sockets than 0", () => {
            for (const mode of ["00", "01", "02", "03", "05", "0c"]) {
                bench.write(S0, 0x00, mode)
                bench.command(OPEN)
                assert.equal(bench.read(S0, 0x03), "00")
            }
            bench.write(S1, 0x00, "04")
            bench.command(OPEN, S1)
            assert.equal(bench.read(S1, 0x03), "00")
            bench.refuses({ protocol: 7 })
        })

        it("CLOSE closes, and a frame that was being sent is lost", () => {
            bench.open().send(frameOf(60))
            bench.command(CLOSE)
            assert.equal(bench.read(S0, 0x03), "00")
            bench.clock.advance(1e6)
            assert.deepEqual(bench.sent, [])
            assert.equal(bench.read(S0, 0x02), "00")
        })

        it("that a socket in MACRAW mode does not know are refused", () => {
            bench.open()
            for (const code of [0x02, 0x04, 0x08, 0x21, 0x22, 0x03, 0xff]) bench.command(code)
            bench.refuses({ command: 7 })
            bench.command(0)
            bench.refuses({ command: 7 })
            assert.equal(bench.read(S0, 0x01), "00")
        })

        it("SEND and RECV of a closed socket are refused", () => {
            bench.send(frameOf(60))
            bench.command(RECV)
            bench.refuses({ closed: 2 })
        })

        it("follow registers of the same burst", () => {
            bench.write(S0, 0x00, "0401")
            assert.equal(bench.read(S0, 0x03), "42")
        })

        it("do not let the protocol of an open socket change, but its filter", () => {
            bench.open()
            bench.write(S0, 0x00, "81")
            assert.equal(bench.read(S0, 0x00), "04")
            bench.refuses({ protocolWhileOpen: 1 })
            bench.write(S0, 0x00, "84")
            assert.equal(bench.read(S0, 0x00), "84")
            bench.refuses({ protocolWhileOpen: 1 })
        })
    })

    describe("SEND", () => {
        for (const length of [60, 61, 214, 1514])
            it(`puts ${length} bytes on the wire, and tells when they have left it`, () => {
                const frame = frameOf(length)
                bench.open().send(frame)
                assert.equal(bench.read(S0, 0x20, 6), word(2048 - length) + "0000" + word(length))
                bench.clock.advance(wireTime(length) - 1)
                assert.equal(bench.read(S0, 0x02), "00")
                assert.equal(bench.read(S0, 0x22, 2), "0000")
                assert.deepEqual(bench.sent, [])
                bench.clock.advance(1)
                assert.deepEqual(bench.sent, [frame])
                assert.equal(bench.read(S0, 0x02), byte(SENDOK))
                assert.equal(bench.read(S0, 0x20, 6), "0800" + word(length).repeat(2))
                bench.refuses({})
            })

        it("is done at its time for a host that looks, even before the machine's clock wakes the model", () => {
            bench.open().send(frameOf(60))
            bench.clock.pass(wireTime(60) - 1)
            assert.equal(bench.read(S0, 0x02), "00")
            bench.clock.pass(1)
            assert.equal(bench.read(S0, 0x02), byte(SENDOK))
            assert.equal(bench.sent.length, 1)
            bench.clock.advance(1e6)
            assert.equal(bench.sent.length, 1)
        })

        for (const length of [14, 42, 59])
            it(`pads ${length} bytes to 60`, () => {
                const frame = frameOf(length)
                bench.open().send(frame)
                bench.clock.advance(wireTime(60) - 1)
                assert.deepEqual(bench.sent, [])
                bench.clock.advance(1)
                assert.deepEqual(bench.sent, [Buffer.concat([frame], 60)])
                assert.equal(bench.read(S0, 0x22, 2), word(length))
            })

        it("takes ten times as long at 10 Mb/s", () => {
            bench.write(COMMON, 0x2e, "48")
            bench.write(COMMON, 0x2e, "c8")
            bench.open().send(frameOf(60))
            bench.clock.advance(10 * wireTime(60) - 1)
            assert.deepEqual(bench.sent, [])
            bench.clock.advance(1)
            assert.equal(bench.sent.length, 1)
        })

        it("is refused for nothing, for more than 1514 bytes, and for more than the buffer", () => {
            bench.open()
            bench.command(SEND)
            bench.refuses({ sendEmpty: 1 })
            bench.write(S0, 0x24, word(1515))
            bench.command(SEND)
            bench.refuses({ sendEmpty: 1, sendLong: 1 })
            bench.write(S0, 0x24, word(2049))
            assert.equal(bench.read(S0, 0x20, 2), "0000")
            bench.command(SEND)
            bench.refuses({ sendEmpty: 1, sendLong: 1, sendOverrun: 1 })
            bench.clock.advance(1e6)
            assert.deepEqual(bench.sent, [])
            assert.equal(bench.read(S0, 0x02), "00")
        })

        it("is refused while one is under way", () => {
            bench.open().send(frameOf(60))
            bench.send(frameOf(61))
            bench.refuses({ sendBusy: 1 })
            bench.clock.advance(1e6)
            assert.deepEqual(bench.sent, [frameOf(60)])
        })

        it("leaves alone what the host wrote behind the frame meanwhile: it is the next one", () => {
            bench.open().send(frameOf(60))
            bench.write(TX0, 60, frameOf(100).toString("hex"))
            bench.write(S0, 0x24, word(160))
            bench.refuses({})
            bench.clock.advance(wireTime(60))
            assert.equal(bench.read(S0, 0x20, 6), word(2048 - 100) + word(60) + word(160))
            bench.command(SEND)
            bench.clock.advance(wireTime(100))
            assert.deepEqual(bench.sent, [frameOf(60), frameOf(100)])
        })

        it("does not let the host write into the frame", () => {
            const frame = frameOf(60)
            bench.chip.poke(S0, 0x22, Buffer.from("07e007e0", "hex"))
            bench.write(S0, 0x00, "04")
            bench.open()
            bench.chip.poke(S0, 0x22, Buffer.from("07e007e0", "hex"))
            bench.send(frame)
            bench.write(TX0, 59 - 32, "eeee")
            assert.equal(bench.read(TX0, 59 - 32, 2), frame.subarray(59).toString("hex") + "ee")
            bench.refuses({ sendInFlight: 1 })
            bench.clock.advance(wireTime(60))
            assert.deepEqual(bench.sent, [frame])
            bench.write(TX0, 0x07e0, "ee")
            bench.refuses({ sendInFlight: 1 })
        })

        it("goes on with pointers that wrap at 64 K", () => {
            bench.open().chip.poke(S0, 0x22, Buffer.from("ffe0ffe0", "hex"))
            const frame = frameOf(100)
            bench.send(frame)
            bench.clock.advance(wireTime(100))
            assert.deepEqual(bench.sent, [frame])
            assert.equal(bench.read(S0, 0x20, 6), "0800" + word(0xffe0 + 100).repeat(2))
            bench.refuses({})
        })

        it("sends each of many frames as it was, wherever it lies in the buffer", () => {
            bench.open()
            const frames = Array.from({ length: 200 }, (_, i) => frameOf(60 + ((i * 97) % 1455)))
            for (const frame of frames) {
                bench.send(frame)
                bench.clock.advance(wireTime(frame.length))
            }
            assert.deepEqual(bench.sent, frames)
            bench.refuses({})
        })

        it("waits without a link, and starts anew with the next", () => {
            bench.chip.unplug()
            bench.open().send(frameOf(60))
            bench.clock.advance(1e9)
            assert.equal(bench.read(S0, 0x02), "00")
            bench.chip.plug()
            bench.clock.advance(wireTime(60) - 1)
            bench.chip.unplug()
            bench.clock.advance(1e9)
            assert.deepEqual(bench.sent, [])
            bench.chip.plug()
            bench.clock.advance(wireTime(60) - 1)
            assert.deepEqual(bench.sent, [])
            bench.clock.advance(1)
            assert.equal(bench.sent.length, 1)
            assert.equal(bench.read(S0, 0x02), byte(SENDOK))
        })
    })

    describe("reception", () => {
        it("puts each frame behind two bytes of length, which count themselves", () => {
            bench.open()
            const frames = [frameOf(60), frameOf(214), frameOf(1514)]
            for (const frame of frames) bench.chip.receive(frame)
            assert.equal(bench.read(S0, 0x26, 6), word(1794) + "0000" + word(1794))
            assert.equal(bench.read(S0, 0x02), byte(RECEIVED))
            const stream = Buffer.concat(frames.flatMap(frame => [Buffer.from(word(frame.length + 2), "hex"), frame]))
            assert.equal(bench.read(RX0, 0, 1794), stream.toString("hex"))
            bench.refuses({})
        })

        it("pads a short frame, as its sender's controller does", () => {
            bench.open().chip.receive(frameOf(42))
            assert.equal(bench.take(), word(62) + frameOf(42).toString("hex") + "00".repeat(18))
        })

        it("takes RX_RD over with RECV, not before", () => {
            bench.open().chip.receive(frameOf(60))
            bench.write(S0, 0x28, word(62))
            assert.equal(bench.read(S0, 0x28, 2), word(62))
            assert.equal(bench.received, 62)
            bench.command(RECV)
            assert.equal(bench.received, 0)
            assert.equal(bench.read(S0, 0x26, 6), "0000" + word(62).repeat(2))
            bench.refuses({})
        })

        it("does not set RECV again after a RECV that leaves frames", () => {
            bench.open()
            bench.chip.receive(frameOf(60))
            bench.chip.receive(frameOf(61))
            bench.write(S0, 0x02, byte(RECEIVED))
            bench.take()
            assert.equal(bench.received, 63)
            assert.equal(bench.read(S0, 0x02), "00")
        })

        it("refuses a read pointer that is beyond what was received", () => {
            bench.open().chip.receive(frameOf(60))
            for (const pointer of [63, 0xffff]) {
                bench.write(S0, 0x28, word(pointer))
                bench.command(RECV)
                assert.equal(bench.received, 62)
            }
            bench.refuses({ receivePointer: 2 })
        })

        it("drops what does not fit, and takes what just does", () => {
            bench.open()
            bench.chip.receive(frameOf(1014))
            bench.chip.receive(frameOf(1031))
            assert.deepEqual(bench.chip.counts.dropped, { full: 1 })
            assert.equal(bench.received, 1016)
            bench.chip.receive(frameOf(1030))
            assert.equal(bench.received, 2048)
            bench.chip.receive(frameOf(60))
            assert.deepEqual(bench.chip.counts.dropped, { full: 2 })
            assert.equal(bench.take(), word(1016) + frameOf(1014).toString("hex"))
            assert.equal(bench.take(), word(1032) + frameOf(1030).toString("hex"))
            bench.chip.receive(frameOf(60))
            assert.equal(bench.received, 62)
        })

        it("makes room with RECV alone", () => {
            bench.open().chip.receive(frameOf(1514))
            bench.write(S0, 0x28, word(1516))
            bench.chip.receive(frameOf(1514))
            assert.deepEqual(bench.chip.counts.dropped, { full: 1 })
            bench.command(RECV)
            bench.chip.receive(frameOf(1514))
            assert.equal(bench.received, 1516)
        })

        it("goes round the buffer and round the 64 K of its pointers", () => {
            bench.open()
            let bytes = 0
            for (let i = 0; bytes < 0x18000; i++) {
                const frame = frameOf(60 + ((i * 89) % 1455))
                bytes += frame.length + 2
                bench.chip.receive(frame)
                assert.equal(bench.take(), word(frame.length + 2) + frame.toString("hex"))
            }
            assert.equal(bench.read(S0, 0x28, 4), word(bytes).repeat(2))
            bench.refuses({})
            assert.deepEqual(bench.chip.counts.dropped, {})
        })

        it("needs an open socket, a link, and no more than 1514 bytes", () => {
            bench.chip.receive(frameOf(60))
            bench.open().chip.receive(frameOf(1515))
            bench.chip.unplug()
            bench.chip.receive(frameOf(60))
            assert.deepEqual(bench.chip.counts.dropped, { closed: 1, tooLong: 1, linkDown: 1 })
            bench.chip.plug()
            bench.command(CLOSE)
            bench.chip.receive(frameOf(60))
            assert.equal(bench.chip.counts.dropped.closed, 2)
            assert.equal(bench.chip.counts.framesIn, 0)
            assert.equal(bench.read(S0, 0x02), "00")
        })

        const own = frameOf(60)
        const other = frameOf(60, "02:00:5e:00:00:66")
        const broadcast = frameOf(60, BROADCAST_MAC)
        const multicast = frameOf(60, "01:00:5e:00:00:fb")
        const v6 = frameOf(60, MAC, 0x86dd)
        const v6multicast = frameOf(60, "33:33:00:00:00:01", 0x86dd)
        const all = { own, other, broadcast, multicast, v6, v6multicast }
        for (const [name, mode, accepted] of [
            ["nothing", 0x00, "own other broadcast multicast v6 v6multicast"],
            ["MFEN", 0x80, "own broadcast multicast v6 v6multicast"],
            ["BCASTB", 0x40, "own other multicast v6 v6multicast"],
            ["MMB", 0x20, "own other broadcast v6"],
            ["MIP6B", 0x10, "own other broadcast multicast"],
            ["all", 0xf0, "own"],
        ] as const)
            it(`with ${name} set takes ${accepted}`, () => {
                bench.open(mode)
                const taken = Object.entries(all).filter(([, frame]) => {
                    const { framesIn } = bench.chip.counts
                    bench.chip.receive(frame)
                    return bench.chip.counts.framesIn > framesIn
                })
                assert.equal(taken.map(([name]) => name).join(" "), accepted)
                assert.equal(bench.chip.counts.dropped.filtered ?? 0, 6 - taken.length)
            })
    })
})
