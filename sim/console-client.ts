/** The client of the console service: command lines out, their answers back. Specified in `services/console.md`. */
import { randomInt } from "node:crypto"
import {
    DEVICE_ANNOUNCE,
    DEVICE_RESTART,
    JD_ADVERTISEMENT_0_COUNTER_MASK,
    PACKET_RECEIVE_ANNOUNCE,
    PACKET_REPORT,
    Packet,
    type JDBus,
    type JDDevice,
} from "jacdac-ts"
import { listingOf } from "./listing.js"

const SERVICE_CLASS = 0x1c9d5f3a
const EXECUTE = 0x80
/** As the line of a command that runs: end it. */
const CANCEL = "\x03"
/** The id of reports that are events. */
const EVENT = 0
const ID_MAX = 0xffff
/** A Jacdac packet holds 236 bytes, 2 of which are the identifier. */
const LINE_MAX = 234

enum Status {
    Output,
    Succeeded,
    Failed,
}

/** What runs console commands: a phone in the simulator, or a board. */
export interface CommandRunner {
    /** Why no command can be run any more. */
    readonly failure: Error | undefined
    /**
     * @param onText called with each piece of the command's output as it comes
     * @param cancel asks the command to end; it answers all the same
     * @returns whether the command succeeded
     * @throws if the answer does not come
     */
    execute(line: string, onText: (text: string) => void, cancel?: AbortSignal): Promise<boolean>
}

interface Pending {
    onText(text: string): void
    resolve(succeeded: boolean): void
    reject(error: Error): void
    sequence: number
}

/** @returns where among its services a device has the console, or -1 */
function indexOf(device: JDDevice): number {
    return device.serviceClasses?.indexOf(SERVICE_CLASS) ?? -1
}

export class ConsoleClient implements CommandRunner {
    private readonly pending = new Map<number, Pending>()
    /** Begins anywhere: a command of an earlier client may still run, and answer. */
    private lastId = randomInt(ID_MAX)
    failure: Error | undefined
    private readonly stops: (() => void)[]
    /** The counter in its latest announcement, which only a restart makes smaller. */
    private counter = 0

    /**
     * @param device as the bus knows it now: the bus gives one up that it has not heard for 3 s, as when this process was
     *     stopped (Ctrl-Z), and makes another of the same identifier when it hears it again. So we listen to the bus
     */
    private constructor(
        public device: JDDevice,
        private serviceIndex: number,
        private readonly onEvent: (text: string) => void
    ) {
        const { bus, deviceId } = device
        this.stops = [
            bus.subscribe(PACKET_REPORT, (packet: Packet) => packet.deviceIdentifier === deviceId && this.onReport(packet)),
            bus.subscribe(PACKET_RECEIVE_ANNOUNCE, (packet: Packet) => packet.deviceIdentifier === deviceId && this.onAnnouncement(packet)),
            bus.subscribe(DEVICE_RESTART, (restarted: JDDevice) => restarted.deviceId === deviceId && this.onRestart()),
        ]
    }

    /** Listens no more: another client takes over. */
    stop(): void {
        for (const stop of this.stops) stop()
    }

    /** How many commands wait for an answer. */
    get waiting(): number {
        return this.pending.size
    }

    /** The devices with a console that are on the bus now. */
    static devices(bus: JDBus): JDDevice[] {
        return bus.devices().filter(device => indexOf(device) > 0)
    }

    /**
     * Waits until a device with a console shows itself on the bus.
     * @param onEvent is told what happens there unasked
     * @param wanted whether it is the one
     */
    static async find(bus: JDBus, onEvent: (text: string) => void, wanted = (_device: JDDevice) => true): Promise<ConsoleClient> {
        for (;;) {
            const device = ConsoleClient.devices(bus).find(wanted)
            if (device) return new ConsoleClient(device, indexOf(device), onEvent)
            await new Promise(resolve => bus.once(DEVICE_ANNOUNCE, resolve))
        }
    }

    /**
     * Runs a command line.
     * @param onText called with each piece of output as it comes; a listing comes once, as a table
     * @param cancel asks it to end
     * @returns whether it succeeded
     * @throws if the device is lost, or a piece of the output is
     */
    async execute(line: string, onText: (text: string) => void, cancel?: AbortSignal): Promise<boolean> {
        const listing = listingOf(line)
        if (!listing) return await this.run(line, onText, cancel)
        let answer = ""
        const succeeded = await this.run(listing.line, text => (answer += text), cancel)
        if (succeeded) onText(listing.show(answer))
        // one that was cancelled is JSON all the same
        else if (!/^[[{]/.test(answer)) onText(answer)
        return succeeded
    }

    private async run(line: string, onText: (text: string) => void, cancel?: AbortSignal): Promise<boolean> {
        if (this.failure) throw this.failure
        if (cancel?.aborted) return false
        const text = Buffer.from(line, "utf8")
        if (text.length > LINE_MAX) throw new Error(`the command line is longer than ${LINE_MAX} bytes; shorten it`)
        const id = (this.lastId = (this.lastId % ID_MAX) + 1)
        // if it is lost, the user presses Ctrl-C again
        const onCancel = () => void this.send(id, Buffer.from(CANCEL)).catch(() => {})
        cancel?.addEventListener("abort", onCancel)
        try {
            return await new Promise<boolean>((resolve, reject) => {
                this.pending.set(id, { onText, resolve, reject, sequence: 0 })
                this.send(id, text).catch(reject)
            })
        } finally {
            cancel?.removeEventListener("abort", onCancel)
        }
    }

    private async send(id: number, text: Buffer): Promise<void> {
        const packet = Packet.from(EXECUTE, Buffer.concat([Buffer.from([id & 255, id >> 8]), text]))
        packet.serviceIndex = this.serviceIndex
        await packet.sendCmdAsync(this.device)
    }

    /** Ends all that waits for an answer, and lets no more commands be run. */
    fail(error: Error): void {
        this.failure ??= error
        this.interrupt(this.failure)
    }

    /** Ends all that waits for an answer. */
    interrupt(error: Error): void {
        for (const pending of this.pending.values()) pending.reject(error)
        this.pending.clear()
    }

    private onAnnouncement(packet: Packet): void {
        this.device = packet.device
        const index = indexOf(this.device)
        if (index > 0) this.serviceIndex = index
        const counter = packet.data[0]! & JD_ADVERTISEMENT_0_COUNTER_MASK
        // the bus itself compares it with what the same device object had
        if (counter > 0 && counter < this.counter) this.onRestart()
        this.counter = counter
    }

    /** It will never tell how its commands ended. */
    private onRestart(): void {
        this.interrupt(new Error("the phone has restarted; run the command again"))
    }

    private onReport(packet: Packet): void {
        if (packet.serviceIndex !== this.serviceIndex || packet.serviceCommand !== EXECUTE) return
        const data = Buffer.from(packet.data)
        const id = data.readUInt16LE(0)
        if (id === EVENT) return this.onEvent(data.toString("utf8", 5))
        const pending = this.pending.get(id)
        if (!pending) return
        if (data.readUInt16LE(2) !== pending.sequence++) {
            this.pending.delete(id)
            pending.reject(new Error("a part of the answer was lost on the line; run the command again"))
            return
        }
        const text = data.toString("utf8", 5)
        if (text) pending.onText(text)
        const status = data[4]
        if (status === Status.Output) return
        this.pending.delete(id)
        pending.resolve(status === Status.Succeeded)
    }
}
