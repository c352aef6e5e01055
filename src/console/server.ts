import * as ds from "@devicescript/core"
import { Printer } from "./command"
import { execute } from "./commands"
import { serve } from "./service"

enum Status {
    Output,
    Succeeded,
    Failed,
}

/** Characters in a report: a Jacdac packet holds 236 bytes, 5 of which are the other fields, and a character up to 3. */
const TEXT = 76

/** Splits what a command prints into numbered reports. */
export class ReportPrinter implements Printer {
    private text = ""
    private sequence = 0

    constructor(
        private id: number,
        private send: (fields: any[]) => Promise<void>
    ) {}

    async line(text: string): Promise<void> {
        await this.write(text + "\n")
    }

    async write(text: string): Promise<void> {
        this.text += text
        while (this.text.length >= TEXT) {
            const part = this.text.slice(0, TEXT)
            this.text = this.text.slice(TEXT)
            await this.report(Status.Output, part)
        }
    }

    /** The last report, with what is left. */
    async end(succeeded: boolean): Promise<void> {
        await this.report(succeeded ? Status.Succeeded : Status.Failed, this.text)
    }

    private async report(status: Status, text: string): Promise<void> {
        await this.send([this.id, this.sequence++, status, text])
    }
}

/** The console as a Jacdac service: over a board's USB serial line and in the simulator alike. */
export function startConsole(): void {
    serve(ds.Console.spec, "execute", async (fields, send) => {
        const out = new ReportPrinter(fields[0], send)
        await out.end(await execute(fields[1], out))
    })
}
