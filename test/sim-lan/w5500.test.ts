/** The model of the W5500 over TCP on the embedded LAN, in real time. */
import assert from "node:assert/strict"
import { once } from "node:events"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { afterEach, beforeEach, describe, it } from "node:test"
import { ARP_REPLY, arpRequest } from "../../sim/lan/arp.js"
import { EmbeddedLan, LAN } from "../../sim/lan/lan.js"
import { BusClock, realClock } from "../../sim/w5500/clock.js"
import { ANSWER, EXCHANGE, INTERRUPT, MessageDecoder, RESET, WRITE, encodeMessage } from "../../sim/w5500/messages.js"
import { W5500Server } from "../../sim/w5500/server.js"
import { arpOf } from "../support/ethernet-client.js"
import {
    COMMON,
    MAC,
    MAC_BYTES,
    RECEIVED,
    RX0,
    S0,
    SEND,
    SENDOK,
    TX0,
    TestClock,
    byte,
    frameOf,
    reading,
    until,
    word,
    writing,
} from "../support/w5500-bench.js"

/** A VM's end of the stream: sends messages, and keeps those that come. */
class Vm {
    readonly answers: string[] = []
    readonly interrupts: number[] = []
    readonly closed: Promise<void>

    private constructor(readonly socket: Socket) {
        const decoder = new MessageDecoder()
        this.closed = new Promise(resolve => socket.once("close", () => resolve()))
        socket.on("error", () => {})
        socket.on("data", chunk => {
            assert.ok(decoder.push(chunk, (operation, data) => this.receive(operation, data)))
        })
    }

    static async connect(port: number): Promise<Vm> {
        const socket = connect({ host: "127.0.0.1", port, noDelay: true })
        await once(socket, "connect")
        return new Vm(socket)
    }

    async exchange(mosi: Buffer): Promise<string> {
        const have = this.answers.length
        this.socket.write(encodeMessage(EXCHANGE, mosi))
        await until("an answer", () => this.answers.length > have)
        return this.answers[have].slice(6)
    }

    read(block: number, address: number, length = 1): Promise<string> {
        return this.exchange(reading(block, address, length))
    }

    write(block: number, address: number, hex: string): void {
        this.socket.write(encodeMessage(WRITE, writing(block, address, hex)))
    }

    open(): void {
        this.write(COMMON, 0x09, MAC_BYTES)
        this.write(COMMON, 0x18, "01")
        this.write(S0, 0x00, "8401")
    }

    private receive(operation: number, data: Buffer): boolean {
        if (operation === ANSWER) this.answers.push(data.toString("hex"))
        else if (operation === INTERRUPT && data.length === 1) this.interrupts.push(data[0])
        else assert.fail(`message ${operation} of ${data.length} bytes`)
        return true
    }
}

describe("messages", () => {
    it("are the same however the stream is cut", () => {
        const messages: [number, string][] = [0, 1, 3, 300].map((length, i) => [i, "5a".repeat(length)])
        const stream = Buffer.concat(messages.map(([operation, hex]) => encodeMessage(operation, Buffer.from(hex, "hex"))))
        for (let size = 1; size <= stream.length; size++) {
            const decoder = new MessageDecoder()
            const received: unknown[] = []
            for (let at = 0; at < stream.length; at += size)
                assert.ok(
                    decoder.push(stream.subarray(at, at + size), (operation, data) => received.push([operation, data.toString("hex")]) > 0)
                )
            assert.deepEqual(received, messages)
        }
    })
})

describe("the machine's clock", () => {
    it("wakes once, not before its time, and not when that was taken back", async () => {
        // what happens for the first time takes long
        realClock.wake(realClock.now(), () => {})
        await new Promise(resolve => setTimeout(resolve, 5))
        const woken: string[] = []
        const times = { now: 0, soon: 900_000, later: 3_000_000 }
        for (const [name, wait] of Object.entries(times)) {
            const at = realClock.now() + wait
            realClock.wake(at, () => woken.push(realClock.now() >= at ? name : `${name}, too early`))
            realClock.wake(at, () => woken.push("taken back"))()
        }
        await until("all are woken", () => woken.length >= 3)
        // a machine that stops for milliseconds finds all of them due at once, in whatever order
        assert.deepEqual(woken.sort(), Object.keys(times).sort())
    })
})

describe("the bus's clock", () => {
    it("is the one below, but not before the end of what was carried", () => {
        const below = new TestClock()
        const bus = new BusClock(below, 20_000_000)
        below.advance(1000)
        assert.equal(bus.now(), 1000)
        bus.carry(10)
        bus.carry(1)
        assert.equal(bus.now(), 1000 + 11 * 400)
        below.advance(4399)
        assert.equal(bus.now(), 5400)
        below.advance(2)
        assert.equal(bus.now(), 5401)
        bus.carry(1)
        assert.equal(bus.now(), 5801)
    })
})

describe("W5500 on a LAN, over TCP", () => {
    let lan: EmbeddedLan
    let model: W5500Server
    let vm: Vm

    beforeEach(async () => {
        lan = await EmbeddedLan.start()
        model = await W5500Server.start({ lan: `${lan.host}:${lan.port}` })
        vm = await Vm.connect(model.port)
        await until("link", () => model.chip.link)
    })
    afterEach(async () => {
        await model.stop()
        await vm.closed
        await lan.stop()
    })

    it("gets the router's answer to an ARP request into its RX buffer, and tells of it by INTn", async () => {
        vm.open()
        const request = arpRequest(MAC, "10.77.0.50", LAN.router.address)
        vm.write(TX0, 0, request.toString("hex"))
        vm.write(S0, 0x24, word(request.length))
        vm.write(S0, 0x01, byte(SEND))
        await until("RECV", () => vm.interrupts.at(-1) === 1)
        assert.deepEqual(vm.interrupts, [0, 1])
        for (const end = Date.now() + 3000; (await vm.read(S0, 0x02)) !== byte(SENDOK | RECEIVED); ) assert.ok(Date.now() < end)
        assert.equal(await vm.read(S0, 0x26, 2), word(62))
        assert.equal(await vm.read(RX0, 0, 2), word(62))
        const reply = arpOf(Buffer.from(await vm.read(RX0, 2, 60), "hex"))!
        assert.deepEqual([reply.operation, reply.senderAddress, reply.senderMac], [ARP_REPLY, LAN.router.address, LAN.router.mac])
        vm.write(S0, 0x02, "ff")
        await until("INTn high", () => vm.interrupts.at(-1) === 0)
        assert.deepEqual(model.chip.refused, {})
    })

    it("puts messages together from single bytes, and takes many at once", async () => {
        for (const part of encodeMessage(EXCHANGE, reading(COMMON, 0x39, 1))) vm.socket.write(Buffer.of(part))
        const message = encodeMessage(EXCHANGE, reading(COMMON, 0x39, 1))
        vm.socket.write(Buffer.concat([message, message, message.subarray(0, 4)]))
        vm.socket.write(message.subarray(4))
        await until("four answers", () => vm.answers.length === 4)
        assert.deepEqual(vm.answers, Array(4).fill("01020304"))
    })

    it("has the time of the bus for frames that come at once", async () => {
        // so slow that the least frame takes longer than the greatest does on the wire
        const slow = await W5500Server.start({ lan: `${lan.host}:${lan.port}`, spiHz: 4_000_000 })
        await model.stop()
        await vm.closed
        model = slow
        vm = await Vm.connect(model.port)
        await until("link", () => model.chip.link)
        const frames: Buffer[] = []
        lan.on("frame", frame => frames.push(frame))
        vm.open()
        const sent = Array.from({ length: 20 }, (_, i) => frameOf(i % 2 ? 60 : 1514, LAN.router.mac))
        let at = 0
        const parts = sent.flatMap(frame => {
            const data = writing(TX0, at, frame.toString("hex"))
            at += frame.length
            return [data, writing(S0, 0x24, word(at)), writing(S0, 0x01, byte(SEND))]
        })
        vm.socket.write(Buffer.concat(parts.map(mosi => encodeMessage(WRITE, mosi))))
        await until("all are on the LAN", () => frames.length === sent.length)
        assert.deepEqual(frames, sent)
        assert.deepEqual(model.chip.refused, {})
    })

    it("has its RSTn line", async () => {
        vm.write(COMMON, 0x01, "0a4d0001")
        vm.socket.write(encodeMessage(RESET, Buffer.of(0)))
        assert.equal(await vm.read(COMMON, 0x39), "ff")
        vm.socket.write(encodeMessage(RESET, Buffer.of(1)))
        assert.equal(await vm.read(COMMON, 0x01, 4), "00000000")
    })

    for (const [name, bytes] of [
        ["without an operation", "0000"],
        ["with an operation that is none", "000107"],
        ["of the model's own", "00020301"],
        ["of RESET without a level", "000102"],
        ["of RESET with two", "0003020101"],
        ["of RESET with another level", "00020202"],
    ])
        it(`ends a stream with a message ${name}`, async () => {
            vm.socket.write(Buffer.concat([encodeMessage(WRITE, writing(COMMON, 0x01, "0a4d0001")), Buffer.from(bytes, "hex")]))
            await vm.closed
            assert.equal(model.counters.malformed, 1)
            vm = await Vm.connect(model.port)
            assert.equal(await vm.read(COMMON, 0x01, 4), "0a4d0001")
        })

    it("keeps its state for the next VM, which is told of INTn and takes the place of the last", async () => {
        vm.open()
        assert.equal(await vm.read(S0, 0x03), "42")
        lan.inject(frameOf(60))
        await until("RECV", () => vm.interrupts.at(-1) === 1)
        const next = await Vm.connect(model.port)
        await vm.closed
        assert.equal(await next.read(S0, 0x03), "42")
        assert.deepEqual(next.interrupts, [1])
        vm = next
    })

    it("has no link while the LAN is gone, and finds it again", async () => {
        assert.equal(await vm.read(COMMON, 0x2e), "bf")
        lan.disconnectClients()
        await until("no link", () => !model.chip.link)
        await until("link", () => model.chip.link)
        assert.equal(model.lan.connected, 2)
    })

    it("finds a LAN that comes later", async () => {
        await lan.stop()
        await until("no link", () => !model.chip.link)
        lan = await EmbeddedLan.start({ port: lan.port })
        await until("link", () => model.chip.link)
    })

    it("leaves a LAN that has lost its step", async () => {
        lan.injectRaw(Buffer.from([0, 3]))
        await until("ended", () => model.lan.badLength === 1 && !model.chip.link)
        await until("again", () => model.chip.link)
    })

    it("frees its port when it is stopped, with a VM connected", async () => {
        const { port } = model
        await model.stop()
        await vm.closed
        const holder = createServer().listen(port, "127.0.0.1")
        await once(holder, "listening")
        assert.equal((holder.address() as AddressInfo).port, port)
        holder.close()
        await until("unplugged", () => lan.clients.connected === 0)
        model = await W5500Server.start({ lan: `${lan.host}:${lan.port}` })
    })

    it("says what a LAN must be", async () => {
        for (const wrong of ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", ":4789"])
            await assert.rejects(W5500Server.start({ lan: wrong }), /RangeError: .*give HOST:PORT/)
    })
})
