import * as ds from "@devicescript/core"
import { Server, startServer } from "@devicescript/server"
import { Printer } from "./command"
import { execute } from "./commands"

enum Status {
    Output,
    Succeeded,
    Failed,
}

/** Characters in a report: a Jacdac packet holds 236 bytes, 5 of which are the other fields. */
const TEXT = 220

/** Splits what a command prints into numbered reports. */
class ReportPrinter implements Printer {
    private text = ""
    private sequence = 0

    constructor(
        private server: ConsoleServer,
        private id: number
    ) {}

    async line(text: string): Promise<void> {
        await this.write(text + "\n")
    }

    async write(text: string): Promise<void> {
        this.text += text
        while (this.text.length >= TEXT) {
            const part = this.text.slice(0, TEXT)
            this.text = this.text.slice(TEXT)
            await this.server._send(this.report(Status.Output, part))
        }
    }

    /** The last report, with what is left. */
    end(succeeded: boolean): any[] {
        return [this.id, this.sequence, succeeded ? Status.Succeeded : Status.Failed, this.text]
    }

    private report(status: Status, text: string): ds.Packet {
        return ds.Console.spec.lookup("execute").response.encode([this.id, this.sequence++, status, text])
    }
}

/** The console as a Jacdac service: over a board's USB serial line and in the simulator alike. */
class ConsoleServer extends Server implements ds.ConsoleServerSpec {
    constructor() {
        super(ds.Console.spec)
    }

    /** @param request the fields of the command: the runtime hands them over as one array, whatever the type says */
    async execute(request: any): Promise<any> {
        const [id, line] = request
        const out = new ReportPrinter(this, id)
        return out.end(await execute(line, out))
    }
}

export function startConsole(): void {
    startServer(new ConsoleServer())
}
