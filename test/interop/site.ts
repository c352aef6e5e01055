/**
 * A LAN with a DHCP server, the phone, which has its common address from there, and far ends for its calls.
 */
import { randomBytes } from "node:crypto"
import { buildFirmware, type Program } from "../../sim/firmware.js"
import { Phone } from "../../sim/phone.js"
import type { Call, Interface, Stats } from "../support/rig.js"
import { Capture } from "./capture.js"
import { FarEnd } from "./far-end.js"
import { HOST, Lan, STREAM_PORT } from "./lan.js"
import { until } from "./process.js"
import type { DhcpServer } from "./servers/server.js"

/** What `lease -j` tells of one. */
export interface LeaseState {
    iface: string
    state: string
    address: string | null
}

export interface SiteOptions {
    /** What the phone runs; by default the phone over the stream. */
    program?: Program
    /** Port at which the phone finds its LAN; by default the LAN's own. */
    port?: number
    /** As `PhoneOptions.preload`. */
    preload?: string[]
}

export class Site {
    private constructor(
        readonly lan: Lan,
        readonly server: DhcpServer,
        readonly capture: Capture,
        readonly phone: Phone,
        readonly ends: FarEnd[]
    ) {}

    /**
     * Start all of it; resolves when the phone has its common address.
     *
     * @param serve makes the server
     * @param ports of the far ends
     * @param furnish puts on the LAN what the phone shall find there when it boots
     */
    static async start(
        serve: (lan: Lan) => DhcpServer,
        ports: number[],
        furnish?: (lan: Lan) => Promise<unknown>,
        { program = "stream", port: streamPort = STREAM_PORT, preload }: SiteOptions = {}
    ): Promise<Site> {
        const image = await buildFirmware(() => {}, program)
        const lan = await Lan.start()
        const ends: FarEnd[] = []
        let phone: Phone | undefined
        try {
            for (const port of ports) ends.push(await FarEnd.start(port))
            await furnish?.(lan)
            const server = serve(lan)
            await server.start()
            const capture = await Capture.start(lan)
            const deviceId = randomBytes(8).toString("hex")
            phone = await Phone.boot({ image, deviceId, lan: `127.0.0.1:${streamPort}`, preload })
            const site = new Site(lan, server, capture, phone, ends)
            // whoever counts leases knows their own
            await site.run("lease ready 0")
            await until("the common address", () => site.common())
            return site
        } catch (error) {
            await phone?.stop()
            for (const end of ends) end.stop()
            await lan.stop()
            throw error
        }
    }

    /** End all of it. */
    async stop(): Promise<void> {
        try {
            await this.phone.stop()
        } finally {
            for (const end of this.ends) end.stop()
            await this.lan.stop()
        }
    }

    /** Run a command of the console. @returns whether it succeeded, and what it answered */
    answer(line: string): Promise<{ ok: boolean; text: string }> {
        return this.phone.answer(line)
    }

    /** Run a command that must succeed. */
    async run(line: string): Promise<void> {
        const { ok, text } = await this.answer(line)
        if (!ok) throw new Error(`${line}: ${text.trim()}`)
    }

    /** A call to each far end, all placed at once. @returns them in the order of the far ends, when they are up */
    async call(...ends: FarEnd[]): Promise<Call[]> {
        await Promise.all(ends.map(({ port }) => this.run(`call ${HOST}:${port} --play speech`)))
        const calls = await this.calls()
        return ends.map(({ port }) => calls.filter(call => call.remote === `${HOST}:${port}`).at(-1)!)
    }

    calls(): Promise<Call[]> {
        return this.phone.query("calls -j")
    }

    interfaces(): Promise<Interface[]> {
        return this.phone.query("ifconfig -j")
    }

    leases(): Promise<LeaseState[]> {
        return this.phone.query("lease -j")
    }

    stats(): Promise<Stats> {
        return this.phone.query("stats -j")
    }

    /** The common address, if there is one. */
    async common(): Promise<string | undefined> {
        return (await this.interfaces()).find(({ source }) => source === "common")?.address ?? undefined
    }
}
