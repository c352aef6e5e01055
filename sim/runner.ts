/** What a phone in the simulator and one on a board have in common: a console that runs commands until something fails. */
import { EventEmitter } from "node:events"
import { DEVICE_DISCONNECT, type JDBus, type JDDevice } from "jacdac-ts"
import { type CommandRunner, ConsoleClient } from "./console-client.js"

/** Milliseconds in which a phone that is there shows itself: it does so twice a second. */
const SHOWN = 1_500

interface Events {
    /** A line of its log. */
    log: [line: string]
    /** Something happened there that nobody had asked for. */
    event: [text: string]
    /** What its user should know, although the console goes on. */
    notice: [text: string]
}

export abstract class Runner extends EventEmitter<Events> implements CommandRunner {
    failure: Error | undefined
    /** Rejects when the phone has failed. */
    readonly failed: Promise<never>
    protected client: ConsoleClient | undefined
    private reject!: (error: Error) => void

    constructor() {
        super()
        this.failed = new Promise((_, reject) => (this.reject = reject))
        this.failed.catch(() => {})
    }

    /** Ends the phone's part, and leaves nothing behind. */
    abstract stop(): Promise<void>

    /** Waits for the console on a bus. @param late what it means if it does not show itself within `timeout` ms @throws that, when all is stopped */
    protected async find(bus: JDBus, timeout: number, late: () => Error): Promise<void> {
        const timer = setTimeout(() => this.failWith(late()), timeout)
        try {
            this.client = await Promise.race([this.console(bus), this.failed])
        } catch (error) {
            await this.stop()
            throw error
        } finally {
            clearTimeout(timer)
        }
    }

    /** The console that shows itself on a bus next. */
    protected async console(bus: JDBus): Promise<ConsoleClient> {
        return await ConsoleClient.find(bus, text => this.emit("event", text))
    }

    /**
     * Tells when the phone has left a bus. A bus gives a phone up that was not heard for 3 s, also if it was this process
     * that heard nothing, since it was stopped: then the phone is heard again at once.
     */
    protected watchLeave(bus: JDBus, left: () => void): void {
        bus.on(DEVICE_DISCONNECT, ({ deviceId }: JDDevice) => {
            const { client } = this
            if (deviceId !== client?.device.deviceId) return
            const isBack = () => bus.device(deviceId, true) !== undefined
            setTimeout(() => client === this.client && !isBack() && left(), SHOWN).unref()
        })
    }

    async execute(line: string, onText: (text: string) => void, cancel?: AbortSignal): Promise<boolean> {
        if (this.failure) throw this.failure
        return await Promise.race([this.client!.execute(line, onText, cancel), this.failed])
    }

    /** Runs a command. Rejects only if the console is gone. @returns whether it succeeded, and all that it printed */
    async answer(line: string): Promise<{ ok: boolean; text: string }> {
        let text = ""
        const ok = await this.execute(line, part => (text += part))
        return { ok, text }
    }

    /** The first failure is the one that counts. */
    protected failWith(error: Error): void {
        if (this.failure) return
        this.failure = error
        this.client?.fail(error)
        this.reject(error)
    }
}
