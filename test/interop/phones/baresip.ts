/**
 * baresip, a phone without audio hardware: it says what a WAV file holds (`aufile`), keeps what it hears in another
 * (`sndfile`), and is told what to do, and tells what happens, over TCP (`ctrl_tcp`: JSON in netstrings).
 */
import { once } from "node:events"
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { HOST, listening, type Lan } from "../lan.js"
import { PATIENCE, type HostProcess } from "../process.js"
import { fromWav, repeated, toWav } from "../../support/speech.js"
import type { Registration } from "./registration.js"

const MODULES = "/usr/lib/baresip/modules"
/** SIP port n has its control at n + this, and its RTP from 10 n - 40,000 on. */
const CONTROL = 10_000
const RTP_PORTS = 10
/** Seconds of sound; when it is at its end, baresip hangs up. */
const SOUND = 60

/** What baresip tells by itself: `CALL_INCOMING` (unless it answers by itself), `CALL_RINGING`, `CALL_ESTABLISHED`, `CALL_CLOSED`, ... */
export interface BaresipEvent {
    type: string
    direction?: "incoming" | "outgoing"
    peeruri?: string
    /** For example why a call was closed. */
    param?: string
}

export interface BaresipOptions {
    /** SIP port on the host's address. */
    port: number
    /** What it says, again and again: samples at 8 kHz. */
    says: Int16Array
    /** The user part of its address; default `baresip`. */
    user?: string
    /** Whom it registers at; nobody by default. */
    registration?: Registration
    /** Whether it answers by itself; by default it rings until `accept`. */
    answers?: boolean
    /** In the order of preference; by default both. */
    codecs?: ("pcmu" | "pcma")[]
}

export class Baresip {
    /** All that happened so far. */
    readonly events: BaresipEvent[] = []
    /** How many of the events `waitFor` is done with. */
    private seen = 0
    private received = Buffer.alloc(0)
    private readonly answers: { ok: boolean; data: string }[] = []

    private constructor(
        /** The address at which it can be called. */
        readonly uri: string,
        private readonly folder: string,
        readonly program: HostProcess,
        private readonly control: Socket
    ) {
        control.on("data", (bytes: Buffer) => this.receive(bytes))
        control.on("error", () => {})
    }

    /** Start one; resolves when it can call and be called. It ends with its LAN at the latest. */
    static async start(lan: Lan, options: BaresipOptions): Promise<Baresip> {
        const { port, user = "baresip", registration } = options
        const folder = lan.file(`baresip-${port}`)
        await mkdir(folder)
        await writeFile(join(folder, "config"), config(folder, port))
        await writeFile(join(folder, "accounts"), `${account(user, options)}\n`)
        await writeFile(join(folder, "says.wav"), toWav(repeated(options.says, SOUND)))
        const program = lan.spawn(`baresip at ${port}`, "baresip", ["-f", folder, "-v"])
        await program.ready("SIP and its control", async () => (await listening("tcp", CONTROL + port)) && (await listening("udp", port)))
        const control = connect(CONTROL + port, "127.0.0.1")
        await once(control, "connect")
        const uri = registration ? `sip:${user}@${registration.domain}` : `sip:${user}@${HOST}:${port}`
        const baresip = new Baresip(uri, folder, program, control)
        // it may have registered before we hear of its events
        if (registration) await program.ready("registration", () => registered(program.output))
        return baresip
    }

    /** Give a command, such as `reinvite`. @returns what it answers */
    async command(command: string, params?: string): Promise<string> {
        const message = JSON.stringify({ command, params })
        this.control.write(`${Buffer.byteLength(message)}:${message},`)
        const { ok, data } = await this.program.ready(`answer to ${command}`, () => this.answers.shift())
        if (!ok) throw this.program.error(`${command} ${params ?? ""}: ${data}`)
        return data
    }

    /** Call somebody; `waitFor` tells what comes of it. */
    async call(uri: string): Promise<void> {
        // what came of an earlier call matters no more
        this.seen = this.events.length
        await this.command("dial", uri)
    }

    /** Answer the call that rings. */
    async accept(): Promise<void> {
        await this.command("accept")
    }

    /** End, cancel or refuse the call. */
    async hangup(): Promise<void> {
        await this.command("hangup")
        await this.waitFor("CALL_CLOSED")
    }

    async hold(): Promise<void> {
        await this.command("hold")
    }

    async resume(): Promise<void> {
        await this.command("resume")
    }

    /** Send the other side to somebody else (REFER). */
    async transfer(uri: string): Promise<void> {
        await this.command("transfer", uri)
    }

    /** The next event of a type that was not waited for yet. @throws if it does not come, or the call closes instead */
    async waitFor(type: string, patience = PATIENCE): Promise<BaresipEvent> {
        return await this.program.ready(
            type,
            () => {
                const events = this.events.slice(this.seen)
                const index = events.findIndex(event => event.type === type)
                const closed = events.find(event => event.type === "CALL_CLOSED")
                if (index < 0 && closed && type !== "CALL_INCOMING") throw new Error(`${type} does not come: CALL_CLOSED, ${closed.param}`)
                if (index < 0) return undefined
                this.seen += index + 1
                return events[index]
            },
            patience
        )
    }

    /**
     * What it heard in each of its calls, the oldest first: samples at 8 kHz, whole once the call is closed. Of calls that
     * began in the same second, only one is kept.
     */
    async heard(): Promise<Int16Array[]> {
        const names = (await readdir(this.folder)).filter(name => name.endsWith("-dec.wav"))
        return await Promise.all(names.sort().map(async name => fromWav(await readFile(join(this.folder, name)))))
    }

    /** End it, and its calls and its registration with it. */
    async stop(): Promise<void> {
        this.control.destroy()
        await this.program.stop()
    }

    private receive(bytes: Buffer): void {
        this.received = Buffer.concat([this.received, bytes])
        for (;;) {
            const colon = this.received.indexOf(":")
            const end = colon + 1 + Number(this.received.subarray(0, Math.max(colon, 0)))
            if (colon < 0 || this.received.length <= end) return
            const message = JSON.parse(this.received.subarray(colon + 1, end).toString())
            if (message.response) this.answers.push(message)
            else this.events.push(message)
            // behind a netstring is a comma
            this.received = this.received.subarray(end + 1)
        }
    }
}

/** Whether a registration has succeeded, as its log tells. @throws if it was refused */
function registered(log: string): boolean {
    const refused = /reg: .* [3-6]\d\d .*/.exec(log)
    if (refused) throw new Error(refused[0])
    return / 200 OK /.test(log)
}

function config(folder: string, port: number): string {
    const rtp = 10 * port - 40_000
    return [
        `sip_listen ${HOST}:${port}`,
        `module_path ${MODULES}`,
        `audio_source aufile,${join(folder, "says.wav")}`,
        // what comes is decoded and kept at once: there is nothing that plays it
        "jitter_buffer_delay 0-0",
        `rtp_ports ${rtp}-${rtp + RTP_PORTS}`,
        "module g711.so",
        "module sndfile.so",
        `snd_path ${folder}`,
        "module aufile.so",
        "module_tmp account.so",
        "module_app menu.so",
        "ringback_disabled yes",
        "menu_bell no",
        "statmode_default off",
        "module_app ctrl_tcp.so",
        `ctrl_tcp_listen 127.0.0.1:${CONTROL + port}`,
        "",
    ].join("\n")
}

function account(user: string, { port, registration, answers, codecs = ["pcmu", "pcma"] }: BaresipOptions): string {
    const address = registration ? `<sip:${user}@${registration.domain}>` : `<sip:${user}@${HOST}:${port}>`
    const credentials = registration
        ? [`outbound="${registration.proxy}"`, `auth_user=${user}`, `auth_pass=${registration.password}`, "regint=600"]
        : ["regint=0"]
    const audio = codecs.map(codec => `${codec}/8000/1`).join()
    return [address, ...credentials, `answermode=${answers ? "auto" : "manual"}`, `audio_codecs=${audio}`, "mwi=no"].join(";")
}
