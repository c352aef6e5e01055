/** Commands that run at the same time over the console service; see `services/console.md`. */
import * as ds from "@devicescript/core"
import { COMMANDS_AT_ONCE } from "../base/config"
import { Call } from "../telephone/call"
import { Printer } from "./command"
import { execute, makeCommands } from "./commands"
import { serve, startServices } from "./service"

enum Status {
    Output,
    Succeeded,
    Failed,
}

/** Characters in a report: a Jacdac packet holds 236 bytes, 5 of which are the other fields, and a character up to 4. */
const TEXT = 57
/** A line that asks for the end of the command with the same number: what a terminal sends for Ctrl-C (ETX). */
const CANCEL = "\x03"
/** Events have this id: they answer no command. */
const EVENT = 0

/** Sends one report. */
type Send = (fields: any[]) => Promise<void>
let send: Send
/** Runs a line. @returns whether it succeeded */
type Run = (line: string, out: Printer) => Promise<boolean>

/** Splits what a command prints into numbered reports. */
class ReportPrinter implements Printer {
    private data = ""
    sequence = 0
    cancelled = false
    onCancel: () => void = undefined

    constructor(public id: number) {}

    /** Send the line at once: the next one may be long in coming. */
    async print(text: string): Promise<void> {
        await this.write(text + "\n")
        if (this.data) await report(this, Status.Output, this.data)
        this.data = ""
    }

    async write(text: string): Promise<void> {
        this.data += text
        while (this.data.length >= TEXT) {
            const part = this.data.slice(0, TEXT)
            this.data = this.data.slice(TEXT)
            await report(this, Status.Output, part)
        }
    }

    /** The last report, with what is left. */
    async end(succeeded: boolean): Promise<void> {
        await report(this, succeeded ? Status.Succeeded : Status.Failed, this.data)
    }

    cancel(): void {
        this.cancelled = true
        const { onCancel } = this
        if (onCancel) onCancel()
    }
}

/** The commands that run. */
const running: ReportPrinter[] = []

async function answer(id: number, line: string, run: Run): Promise<void> {
    const other = running.find(r => r.id === id)
    if (line === CANCEL) {
        if (other) other.cancel()
        return
    }
    if (running.length >= COMMANDS_AT_ONCE) {
        await send([id, 0, Status.Failed, "error: too many commands are running; wait for one, or end it\n"])
        return
    }
    const out = new ReportPrinter(id)
    running.push(out)
    let succeeded = false
    try {
        succeeded = await run(line, out)
    } finally {
        running.insert(running.indexOf(out), -1)
    }
    await out.end(succeeded)
}

let events = 0

/** The console as a Jacdac service: over a board's USB serial line and in the simulator alike. */
export function startConsole(run: Run = execute): void {
    makeCommands()
    const spec = ds.Console.spec
    const { response } = spec.lookup("execute")
    const sendPacket = serve(spec, async packet => {
        spec.assign(packet)
        if (packet.spec?.name !== "execute") return false
        const [id, line] = packet.decode()
        await answer(id, line, run)
        return true
    })
    send = async fields => await sendPacket(response.encode(fields))
    startServices()
}

/** Tell whoever has a console what a call does by itself. */
export function tell(call: Call, what: string): void {
    if (send) send.start([EVENT, events++ & 0xffff, Status.Output, `call ${call.id} ${what}`])
}

/** Tell that a call has ended by itself. */
export function tellEnd(call: Call): void {
    tell(call, `has ended: ${call.reason || call.error.message}`)
}

async function report(out: ReportPrinter, status: Status, text: string): Promise<void> {
    await send([out.id, out.sequence++, status, text])
}
