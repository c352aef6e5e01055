/**
 * A real Ethernet inside the network namespace of the tests:
 *
 *     firmware == TCP stream == socat, vde_plug == vde_switch == tap0 10.88.0.1, the Linux kernel
 *
 * On tap0 any server, phone or analyser of the host can be started. Everything that a LAN starts,
 * and the folder of its files, ends with `stop`.
 */
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { HostProcess, run, type ProcessOptions } from "./process.js"

/** The host's own address on the LAN. */
export const HOST = "10.88.0.1"
/** First and last address that a DHCP server of the LAN gives away. */
export const POOL = ["10.88.0.50", "10.88.0.99"] as const
/** The LAN's interface on the host. */
export const TAP = "tap0"
/** TCP port of the loopback at which the LAN is offered as a stream of VDE frames. */
export const STREAM_PORT = 4789

/** TCP_LISTEN of Linux, as /proc/net/tcp writes it. */
const TCP_LISTEN = "0A"

/** A line of the kernel's table of sockets, with its own number of the state. */
interface KernelSocket {
    port: number
    state: string
}

/** The IPv4 sockets of this namespace. */
async function kernelSockets(protocol: "tcp" | "udp"): Promise<KernelSocket[]> {
    const table = await readFile(`/proc/net/${protocol}`, "utf8")
    const lines = table
        .split("\n")
        .slice(1)
        .filter(line => line.length > 0)
    return lines.map(line => {
        const [, local, , state] = line.trim().split(/\s+/)
        return {
            port: parseInt(local!.split(":")[1]!, 16),
            state: state!,
        }
    })
}

/** Whether some program of this namespace listens at a port. */
export async function listening(protocol: "tcp" | "udp", port: number): Promise<boolean> {
    const sockets = await kernelSockets(protocol)
    return sockets.some(socket => socket.port === port && (protocol === "udp" || socket.state === TCP_LISTEN))
}

export class Lan {
    /** What `--lan` of the launcher takes. */
    readonly url = `tcp://127.0.0.1:${STREAM_PORT}`
    private readonly programs: HostProcess[] = []

    private constructor(
        /** Folder for the files of this LAN and of the programs on it. */
        readonly directory: string
    ) {}

    /** Switch on: the switch, the host's interface, and the stream for the firmware. */
    static async start(): Promise<Lan> {
        const outside = Object.entries(networkInterfaces()).filter(([, addresses]) => addresses!.some(a => !a.internal))
        if (outside.length > 0) throw new Error(`${outside[0]![0]} leads out of here: run these tests by npm run test:interop`)
        // A short path: the name of a Unix socket has 107 characters at most.
        const lan = new Lan(await mkdtemp(join(tmpdir(), "lan-")))
        try {
            await lan.switchOn()
        } catch (error) {
            await lan.stop()
            throw error
        }
        return lan
    }

    private async switchOn(): Promise<void> {
        const control = this.file("switch")
        const ethernet = this.spawn("vde_switch", "vde_switch", ["-tap", TAP, "-sock", control, "-f", "/dev/null"])
        const tap = `/proc/sys/net/ipv4/conf/${TAP}`
        await ethernet.ready("switch and tap", () => existsSync(tap) && existsSync(`${control}/ctl`))
        // The firmware speaks IPv4; the kernel's own IPv6 chatter would only blur the captures.
        const noIpv6 = `/proc/sys/net/ipv6/conf/${TAP}/disable_ipv6`
        if (existsSync(noIpv6)) await writeFile(noIpv6, "1")
        await run("ip", ["address", "add", `${HOST}/24`, "broadcast", "+", "dev", TAP])
        await run("ip", ["link", "set", TAP, "up"])

        const listen = `TCP-LISTEN:${STREAM_PORT},bind=127.0.0.1,reuseaddr,fork,nodelay`
        const stream = this.spawn("socat", "socat", [listen, `EXEC:vde_plug ${control}`])
        await stream.ready("stream", () => listening("tcp", STREAM_PORT))
    }

    /** The path of a file in this LAN's folder. */
    file(name: string): string {
        return join(this.directory, name)
    }

    /**
     * Start a program that ends with this LAN at the latest.
     *
     * @see HostProcess for the arguments
     */
    spawn(name: string, command: string, args: readonly string[], options?: ProcessOptions): HostProcess {
        const program = new HostProcess(name, command, args, { cwd: this.directory, ...options })
        this.programs.push(program)
        return program
    }

    /** Switch off: what was started last ends first. */
    async stop(): Promise<void> {
        try {
            for (const program of this.programs.reverse()) await program.stop()
        } finally {
            await rm(this.directory, { recursive: true, force: true })
        }
    }
}
