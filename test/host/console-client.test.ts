/** The client of the console service, in front of a device that a test plays: commands that are cancelled, and events. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { JDBus, Packet, Transport } from "jacdac-ts"
import "../../sim/jacdac-log.js"
import { ConsoleClient } from "../../sim/console-client.js"
import { until } from "../support/rig.js"

/** @see services/console.md */
const CONSOLE_CLASS = 0x1c9d5f3a
const EXECUTE = 0x80
const ANNOUNCE = 0
/** The counter of a device that has been there for a while. */
const STEADY = 15
const DEVICE_ID = "0011223344556677"
const OUTPUT = 0
const SUCCEEDED = 1
const FAILED = 2

/** A bus on which there is one device, with a console. */
class Console extends Transport {
    readonly received: { id: number; line: string }[] = []
    /** In its announcements. */
    counter = STEADY
    private timer: NodeJS.Timeout | undefined

    constructor() {
        super("test")
    }

    protected async transportConnectAsync(): Promise<void> {
        this.timer = setInterval(() => this.announce(), 100)
    }

    announce(): void {
        const announcement = Buffer.alloc(8)
        announcement.writeUInt32LE(this.counter, 0)
        announcement.writeUInt32LE(CONSOLE_CLASS, 4)
        this.send(0, ANNOUNCE, announcement)
    }

    protected async transportSendPacketAsync(frame: Uint8Array): Promise<void> {
        const packet = Packet.fromBinary(frame)
        const data = Buffer.from(packet.data)
        if (packet.serviceCommand === EXECUTE) this.received.push({ id: data.readUInt16LE(0), line: data.toString("utf8", 2) })
    }

    protected async transportDisconnectAsync(): Promise<void> {
        clearInterval(this.timer)
    }

    report(id: number, sequence: number, status: number, text: string): void {
        this.send(1, EXECUTE, Buffer.from([id & 255, id >> 8, sequence & 255, sequence >> 8, status, ...Buffer.from(text)]))
    }

    private send(serviceIndex: number, command: number, payload: Buffer): void {
        const packet = Packet.from(command, payload)
        packet.serviceIndex = serviceIndex
        packet.deviceIdentifier = DEVICE_ID
        this.handleFrame(packet.toBuffer())
    }
}

describe("the console's client", () => {
    let device: Console
    const events: string[] = []
    let bus: JDBus
    let client: ConsoleClient

    before(async () => {
        device = new Console()
        bus = new JDBus([device], { client: true, disableRoleManager: true })
        bus.start()
        await bus.connect(true)
        client = await ConsoleClient.find(bus, text => events.push(text))
    })
    afterEach(() => {
        device.received.length = 0
        events.length = 0
    })
    after(async () => {
        await bus.stop()
        await bus.disconnect()
    })

    it("cancels a command by its number, once, and gives what it says until its end", async () => {
        const cancel = new AbortController()
        let output = ""
        const ended = client.execute("sleep 5", text => (output += text), cancel.signal)
        const { id } = await until("the command", () => device.received[0])
        cancel.abort()
        await until("that it is cancelled", () => device.received.length === 2)
        assert.deepEqual(device.received, [
            { id, line: "sleep 5" },
            { id, line: "\x03" },
        ])
        device.report(id, 0, OUTPUT, "1 sent\n")
        device.report(id, 1, FAILED, "")
        assert.equal(await ended, false)
        assert.equal(output, "1 sent\n")
        assert.equal(client.waiting, 0)
    })

    it("cancels nothing that has ended, and runs nothing that was cancelled before", async () => {
        const cancel = new AbortController()
        const ended = client.execute("help", () => {}, cancel.signal)
        const { id } = await until("the command", () => device.received[0])
        device.report(id, 0, SUCCEEDED, "")
        assert.equal(await ended, true)
        cancel.abort()
        assert.equal(await client.execute("calls", () => {}, cancel.signal), false)
        await new Promise(setImmediate)
        assert.equal(device.received.length, 1)
    })

    it("takes a report without a command for an event, and never gives a command its number", async () => {
        client["lastId"] = 0xfffe
        const ids: number[] = []
        for (let i = 0; i < 3; i++) {
            let output = ""
            const ended = client.execute("help", text => (output += text))
            const { id } = await until("the command", () => device.received[i])
            ids.push(id)
            device.report(0, i, OUTPUT, `call ${i} has ended`)
            device.report(id, 0, SUCCEEDED, "list\n")
            assert.equal(await ended, true)
            assert.equal(output, "list\n")
        }
        assert.deepEqual(ids, [0xffff, 1, 2])
        assert.deepEqual(events, ["call 0 has ended", "call 1 has ended", "call 2 has ended"])
    })

    it("hears nothing any more when another one takes over", async () => {
        const heard: string[] = []
        client.stop()
        client = await ConsoleClient.find(bus, text => heard.push(text))
        device.report(0, 9, OUTPUT, "an event")
        await until("the event", () => heard.length > 0)
        assert.deepEqual([heard, events], [["an event"], []])
    })

    /** What the bus does when this process has heard nothing for 3 s, as after Ctrl-Z. */
    function forget(): void {
        const { device: known } = client
        known.lastSeen = -1e9
        bus["gcDevices"]()
        assert.equal(bus.device(known.deviceId, true), undefined)
    }

    it("follows a phone that the bus had given up, and gives the answer that was awaited meanwhile", async () => {
        let output = ""
        const ended = client.execute("sleep 5", text => (output += text))
        const { id } = await until("the command", () => device.received[0])
        const before = client.device
        forget()
        device.report(id, 0, OUTPUT, "still ")
        device.announce()
        assert.notEqual(client.device, before)
        device.report(id, 1, SUCCEEDED, "there")
        assert.deepEqual([await ended, output], [true, "still there"])
        const next = client.execute("help", () => {})
        const { id: nextId } = await until("the next command", () => device.received[1])
        device.report(nextId, 0, SUCCEEDED, "")
        assert.equal(await next, true)
    })

    it("tells a phone apart that restarted while the bus had given it up", async () => {
        const ended = client.execute("sleep 5", () => {})
        await until("the command", () => device.received[0])
        device.announce()
        forget()
        device.counter = 3
        device.announce()
        await assert.rejects(ended, /^Error: the phone has restarted; run the command again$/)
        assert.equal(client.waiting, 0)
    })
})
