/**
 * What the tests ask of a DHCP server, whichever it is.
 */
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { listening, type Lan } from "../lan.js"
import { type HostProcess } from "../process.js"

const DHCP_SERVER_PORT = 67

/** A lease as the server's own file tells it. */
export interface Lease {
    address: string
    /** As `02:00:0a:58:00:01`. */
    mac: string
    /** Option 61 in the same form; empty if the server keeps none. */
    clientId: string
    /** Seconds since 1970. */
    expires: number
}

/** Seconds of a lease, and to its T1 and T2 (RFC 2131, 4.4.5). */
export interface Times {
    lease: number
    t1: number
    t2: number
}

/** By what a server tells one client from another: RFC 2131, 4.2 asks for the client identifier if there is one. */
export type Key = "client identifier" | "hardware address"

/** A server on the host's end of a LAN, which gives the addresses of `POOL`; what it knows outlives its restart. */
export abstract class DhcpServer {
    private program: HostProcess | undefined

    constructor(
        protected readonly lan: Lan,
        /** What it is told to give. */
        protected readonly times: Times
    ) {}

    /** How it tells its clients apart. */
    readonly key: Key = "client identifier"

    /** Seconds of the leases that it gives. */
    get leaseSeconds(): number {
        return this.times.lease
    }

    /** Write its configuration, and start it in the foreground. */
    protected abstract launch(): Promise<HostProcess>

    /** The leases in its file that are given and neither released nor expired. */
    abstract leases(): Promise<Lease[]>

    /** Start it, for the first time or again; resolves when it hears its clients. */
    async start(): Promise<void> {
        const program = await this.launch()
        this.program = program
        await program.ready("DHCP service", () => listening("udp", DHCP_SERVER_PORT))
    }

    /** End it. @param signal how, if it shall not be asked first */
    async stop(signal?: NodeJS.Signals): Promise<void> {
        await this.program?.stop(signal)
    }

    /** The whole lines of one of its files, of which the last may just be being written. */
    protected async lines(name: string): Promise<string[]> {
        const path = this.lan.file(name)
        if (!existsSync(path)) return []
        return (await readFile(path, "utf8")).split("\n").slice(0, -1)
    }
}

/** Seconds since 1970, as the servers count them. */
export function now(): number {
    return Math.floor(Date.now() / 1000)
}

/** Bytes as hexadecimal digits with colons, as most of the servers write them. */
export function hex(bytes: Iterable<number>): string {
    return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join(":")
}
