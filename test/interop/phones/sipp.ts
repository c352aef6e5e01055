/**
 * SIPp plays a scenario with many calls, one of its own (`uac`, which calls, or `uas`, which is called) or that of a file, and
 * says how many went as the scenario tells. No media come from it, but those that a scenario sends.
 */
import { readFile } from "node:fs/promises"
import { HOST, listening, type Lan } from "../lan.js"
import { type Exit, type HostProcess } from "../process.js"

export interface SippOptions {
    /** `uac`, `uas`, or the path of an XML file. */
    scenario: string
    /** SIP port on the host's address; its media are at 10 n - 40,000. */
    port: number
    /** `HOST:PORT` to which it sends; a scenario that is called has none. */
    target?: string
    /** The user part whom it calls; its own default is `service`. */
    user?: string
    /** After so many calls it ends. */
    calls: number
    /** How many there are at the same time, at most; default 1. */
    limit?: number
    /** How many it starts in a second, at most; default 10. */
    rate?: number
    /** Milliseconds for which `uac` stays in a call; default 0. */
    duration?: number
    /** Seconds after which it gives up; default 60. */
    patience?: number
    /** Options of its own, such as `-key`, `-inf`, `-au`. */
    more?: readonly string[]
}

export interface SippResult extends Exit {
    successful: number
    failed: number
    /** What came instead of what the scenario expects, as its error log tells. */
    errors: string
}

/** Milliseconds after which its own patience was to end it. */
const BEYOND = 10_000

export class Sipp {
    private constructor(
        readonly program: HostProcess,
        private readonly statistics: string,
        private readonly errorLog: string,
        private readonly patience: number
    ) {}

    /** Start it; resolves when its port is open. It ends with its LAN at the latest. */
    static async start(lan: Lan, options: SippOptions): Promise<Sipp> {
        const { scenario, port, target, user, calls, limit = 1, rate = 10, duration = 0, patience = 60, more = [] } = options
        const statistics = lan.file(`sipp-${port}.csv`)
        const errorLog = lan.file(`sipp-${port}.log`)
        const program = lan.spawn(`sipp at ${port}`, "sipp", [
            ...(scenario.endsWith(".xml") ? ["-sf", scenario] : ["-sn", scenario]),
            ...["-i", HOST, "-p", `${port}`, "-mi", HOST, "-mp", `${10 * port - 40_000}`],
            ...["-m", `${calls}`, "-l", `${limit}`, "-r", `${rate}`, "-d", `${duration}`],
            ...(user === undefined ? [] : ["-s", user]),
            ...["-timeout", `${patience}s`, "-timeout_error", "-nostdin"],
            ...["-trace_stat", "-stf", statistics, "-fd", "1", "-trace_err", "-error_file", errorLog],
            ...more,
            ...(target === undefined ? [] : [target]),
        ])
        await program.ready("SIP", async () => program.exit !== undefined || (await listening("udp", port)))
        return new Sipp(program, statistics, errorLog, patience)
    }

    /** Wait until its calls are done. @returns how they went; the exit code is 0 if all went well, 1 if not */
    async ended(): Promise<SippResult> {
        const exit = await this.program.ended(this.patience * 1000 + BEYOND)
        const read = (path: string) => readFile(path, "utf8").catch(() => "")
        const lines = (await read(this.statistics)).trim().split("\n")
        const [names, last] = [lines[0]!, lines.at(-1)!].map(line => line.split(";"))
        // (C): since it has started
        const figure = (name: string) => Number(last![names!.indexOf(`${name}(C)`)])
        return { ...exit, successful: figure("SuccessfulCall"), failed: figure("FailedCall"), errors: await read(this.errorLog) }
    }

    /** Run it to its end. */
    static async run(lan: Lan, options: SippOptions): Promise<SippResult> {
        return await (await Sipp.start(lan, options)).ended()
    }
}
