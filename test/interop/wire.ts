/**
 * A wire between the phone and the LAN that loses, delays, doubles and overtakes, as it is told: vde2's `wirefilter` between two
 * switches. What the host captures has passed it, or not yet.
 *
 *     firmware == TCP stream == socat, vde_plug == vde_switch == wirefilter == vde_switch == tap0
 */
import { existsSync } from "node:fs"
import { listening, type Lan } from "./lan.js"
import { type HostProcess } from "./process.js"

/** TCP port of the loopback at which the far end of the wire is offered, as `STREAM_PORT` is the near one. */
export const WIRE_PORT = 4790

/** What the wire does, in both directions. */
export interface Weather {
    /** Percent of the frames that are lost. */
    loss?: number
    /** Milliseconds for which each frame is held back. */
    delay?: number
    /** Milliseconds, at most, for which a frame is held back beyond that, so that others overtake it. */
    jitter?: number
    /** Percent of the frames that come twice. */
    dup?: number
}

/** What wirefilter answers to a command that it has carried out. */
const DONE = /1000 Success/g

export class Wire {
    private commands = 0

    private constructor(private readonly filter: HostProcess) {}

    /** Lay it; resolves when the phone can be plugged in. It lets all pass at first, and ends with the LAN. */
    static async lay(lan: Lan): Promise<Wire> {
        const control = lan.file("far")
        const far = lan.spawn("vde_switch beyond the wire", "vde_switch", ["-sock", control, "-f", "/dev/null"])
        await far.ready("switch", () => existsSync(`${control}/ctl`))
        // with -v it takes its commands from standard input
        const filter = lan.spawn("wirefilter", "wirefilter", ["-v", `${control}:${lan.file("switch")}`])
        const wire = new Wire(filter)
        await wire.set({})
        const listen = `TCP-LISTEN:${WIRE_PORT},bind=127.0.0.1,reuseaddr,fork,nodelay`
        const stream = lan.spawn("socat beyond the wire", "socat", [listen, `EXEC:vde_plug ${control}`])
        await stream.ready("stream", () => listening("tcp", WIRE_PORT))
        return wire
    }

    /** Change what it does; resolves when it does so. */
    async set({ loss = 0, delay = 0, jitter = 0, dup = 0 }: Weather): Promise<void> {
        const commands = [`loss ${loss}`, `delay ${delay}+${jitter}U`, `dup ${dup}`, `fifo ${jitter > 0 ? 0 : 1}`]
        // of several lines that come at once it reads the first alone
        for (const command of commands) {
            this.commands++
            this.filter.write(command + "\n")
            await this.filter.ready(command, () => (this.filter.stdout.match(DONE)?.length ?? 0) >= this.commands)
        }
    }
}
