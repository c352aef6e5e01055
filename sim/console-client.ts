/** The client of the console service: command lines out, their answers back. Specified in `services/console.md`. */
import { DEVICE_ANNOUNCE, PACKET_REPORT, Packet, RESTART, type JDBus, type JDDevice } from "jacdac-ts"

const SERVICE_CLASS = 0x1c9d5f3a
const EXECUTE = 0x80
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
     * @returns whether the command succeeded
     * @throws if the answer does not come
     */
    execute(line: string, onText: (text: string) => void): Promise<boolean>
}

interface Pending {
    onText(text: string): void
    resolve(succeeded: boolean): void
    reject(error: Error): void
    sequence: number
}

export class ConsoleClient implements CommandRunner {
    private readonly pending = new Map<number, Pending>()
    private lastId = 0
    failure: Error | undefined

    private constructor(
        readonly device: JDDevice,
        private readonly serviceIndex: number
    ) {
        device.on(PACKET_REPORT, (packet: Packet) => this.onReport(packet))
        // it will never tell how its commands ended
        device.on(RESTART, () => this.interrupt(new Error("the phone has restarted; run the command again")))
    }

    /** How many commands wait for an answer. */
    get waiting(): number {
        return this.pending.size
    }

    /** Waits until a device with a console shows itself on the bus. */
    static async find(bus: JDBus): Promise<ConsoleClient> {
        const index = (device: JDDevice) => device.serviceClasses?.indexOf(SERVICE_CLASS) ?? -1
        for (;;) {
            const device = bus.devices().find(d => index(d) > 0)
            if (device) return new ConsoleClient(device, index(device))
            await new Promise(resolve => bus.once(DEVICE_ANNOUNCE, resolve))
        }
    }

    /**
     * Runs a command line.
     * @param onText called with each piece of its output as it comes
     * @returns whether it succeeded
     * @throws if the device is lost, or a piece of the output is
     */
    async execute(line: string, onText: (text: string) => void): Promise<boolean> {
        if (this.failure) throw this.failure
        const text = Buffer.from(line, "utf8")
        if (text.length > LINE_MAX) throw new Error(`the command line is longer than ${LINE_MAX} bytes; shorten it`)
        const id = (this.lastId = (this.lastId + 1) & 0xffff)
        const payload = Buffer.concat([Buffer.from([id & 255, id >> 8]), text])
        const packet = Packet.from(EXECUTE, payload)
        packet.serviceIndex = this.serviceIndex
        return await new Promise<boolean>((resolve, reject) => {
            this.pending.set(id, { onText, resolve, reject, sequence: 0 })
            packet.sendCmdAsync(this.device).catch(reject)
        })
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

    private onReport(packet: Packet): void {
        if (packet.serviceIndex !== this.serviceIndex || packet.serviceCommand !== EXECUTE) return
        const data = Buffer.from(packet.data)
        const id = data.readUInt16LE(0)
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
