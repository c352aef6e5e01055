/**
 * Linphone's phone for a terminal (`linphonec`), with files instead of audio hardware. It reads commands, and tells what
 * happens, on its standard input and output.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { HOST, TAP, listening, type Lan } from "../lan.js"
import { PATIENCE, run, type HostProcess } from "../process.js"
import { fromWav, repeated, toWav } from "../../support/speech.js"
import type { Registration } from "./registration.js"

/** SIP port n has its RTP at 10 n - 40,000. */
const rtpPort = (port: number) => 10 * port - 40_000
/** Seconds of sound. */
const SOUND = 60

export interface LinphoneOptions {
    /** SIP port on the host's address. */
    port: number
    /** What it says, again and again: samples at 8 kHz. */
    says: Int16Array
    /** The user part of its address; default `linphone`. */
    user?: string
    /** Whom it registers at; nobody by default. */
    registration?: Registration
    /** Whether it answers by itself; by default it rings until `accept`. */
    answers?: boolean
}

export class Linphone {
    /** How far into what it says `waitFor` has read. */
    private seen = 0
    private recordings = 0

    private constructor(
        /** The address at which it can be called. */
        readonly uri: string,
        private readonly folder: string,
        readonly program: HostProcess
    ) {}

    /** Start one; resolves when it can call and be called. It ends with its LAN at the latest. */
    static async start(lan: Lan, options: LinphoneOptions): Promise<Linphone> {
        const { port, user = "linphone", registration } = options
        const folder = lan.file(`linphone-${port}`)
        // its SDP has the address from which it would reach the world, and 127.0.0.1 if there is no way there; this one leads nowhere
        await run("ip", ["route", "replace", "default", "dev", TAP])
        // its database is there
        await mkdir(join(folder, ".local/share/linphone"), { recursive: true })
        await writeFile(join(folder, "config"), config(user, options))
        await writeFile(join(folder, "says.wav"), toWav(repeated(options.says, SOUND)))
        const env = { ...process.env, HOME: folder, TERM: "dumb" }
        const program = lan.spawn(`linphonec at ${port}`, "linphonec", ["-S", "-c", join(folder, "config")], { env })
        await program.ready("SIP", () => listening("udp", port))
        const uri = registration ? `sip:${user}@${registration.domain}` : `sip:${user}@${HOST}:${port}`
        const linphone = new Linphone(uri, folder, program)
        linphone.command("soundcard use files")
        linphone.command(`play ${join(folder, "says.wav")}`)
        linphone.record()
        if (options.answers) linphone.command("autoanswer enable")
        return linphone
    }

    /** Give a command. */
    command(line: string): void {
        this.program.write(line + "\n")
    }
    /** Keep what it hears from now on apart from what it heard before. */
    record(): void {
        this.command(`record ${join(this.folder, `heard-${++this.recordings}.wav`)}`)
    }

    /** Call somebody; `waitFor` tells what comes of it. */
    call(uri: string): void {
        this.command(`call ${uri}`)
    }

    /** Answer the call that rings. */
    accept(): void {
        this.command("answer")
    }

    /** End, cancel or refuse the call. */
    hangup(): void {
        this.command("terminate")
    }

    hold(): void {
        this.command("pause")
    }

    resume(): void {
        this.command("resume")
    }

    /** The next place in what it says that matches. @throws if there comes none */
    async waitFor(what: RegExp, patience = PATIENCE): Promise<string> {
        return await this.program.ready(
            String(what),
            () => {
                const match = what.exec(this.program.stdout.slice(this.seen))
                if (!match) return undefined
                this.seen += match.index + match[0].length
                return match[0]
            },
            patience
        )
    }

    /** What it heard since the last `record`, once the call has ended: samples at 8 kHz. */
    async heard(): Promise<Int16Array> {
        return fromWav(await readFile(join(this.folder, `heard-${this.recordings}.wav`)))
    }

    /** End it, and its call and its registration with it. */
    async stop(): Promise<void> {
        this.command("quit")
        await this.program.ended().catch(() => {})
        await this.program.stop()
    }
}

function config(user: string, { port, registration }: LinphoneOptions): string {
    const rtp = rtpPort(port)
    const sections: Record<string, Record<string, string | number>> = {
        sip: {
            sip_port: port,
            sip_tcp_port: 0,
            sip_tls_port: 0,
            bind_address: HOST,
            use_ipv6: 0,
            guess_hostname: 0,
            contact: `sip:${user}@${HOST}`,
            // there is no way out of the LAN, by which it would tell that there is a network
            auto_net_state_mon: 0,
            register_only_when_network_is_up: 0,
            default_proxy: registration ? 0 : -1,
        },
        net: { dns_srv_enabled: 0, dns_search_enabled: 0 },
        rtp: { audio_rtp_port: rtp, audio_adaptive_jitt_comp_enabled: 0, audio_jitt_comp: 60 },
        sound: { echocancellation: 0, agc: 0 },
        audio_codec_0: { mime: "PCMU", rate: 8000, channels: 1, enabled: 1 },
        audio_codec_1: { mime: "PCMA", rate: 8000, channels: 1, enabled: 1 },
    }
    if (registration) {
        const { domain, proxy, password } = registration
        sections.proxy_0 = {
            reg_proxy: proxy,
            reg_route: proxy,
            reg_identity: `sip:${user}@${domain}`,
            reg_expires: 600,
            reg_sendregister: 1,
        }
        sections.auth_info_0 = { username: user, passwd: password, realm: domain, domain }
    }
    return Object.entries(sections)
        .map(([name, values]) => [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key}=${value}`), ""].join("\n"))
        .join("\n")
}
