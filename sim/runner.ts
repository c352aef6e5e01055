/** What a phone in the simulator and one on a board have in common: a console that runs commands until something fails. */
import { EventEmitter } from "node:events"
import type { JDBus } from "jacdac-ts"
import { type CommandRunner, ConsoleClient } from "./console-client.js"

export abstract class Runner<Events extends Record<keyof Events, any[]>> extends EventEmitter<Events> implements CommandRunner {
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
            this.client = await Promise.race([ConsoleClient.find(bus), this.failed])
        } catch (error) {
            await this.stop()
            throw error
        } finally {
            clearTimeout(timer)
        }
    }

    async execute(line: string, onText: (text: string) => void): Promise<boolean> {
        if (this.failure) throw this.failure
        return await Promise.race([this.client!.execute(line, onText), this.failed])
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
