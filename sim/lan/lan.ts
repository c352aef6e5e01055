/**
 * The embedded LAN of the simulator: 10.77.0.0/24 with a router, which also serves DHCP and DNS, and two devices that
 * echo datagrams and streams, on one switch that TCP clients on the loopback interface plug into.
 */
import { EventEmitter } from "node:events"
import { DhcpServer } from "./dhcp.js"
import { serveDiscard } from "./discard.js"
import { type DnsServer, address, alias, serveDns, service } from "./dns.js"
import { ECHO_PORT, serveEcho, serveEchoStream } from "./echo.js"
import { Host } from "./host.js"
import { PcapWriter } from "./pcap.js"
import { Router } from "./router.js"
import { Subnet } from "./subnet.js"
import { EthernetSwitch } from "./switch.js"
import { LOOPBACK, TcpPorts } from "./tcp-ports.js"

export const LAN = {
    network: "10.77.0.0",
    prefix: 24,
    domain: "lan",
    router: { name: "router", address: "10.77.0.1", mac: "02:00:0a:4d:00:01" },
    echo1: { name: "echo1", address: "10.77.0.2", mac: "02:00:0a:4d:00:02" },
    echo2: { name: "echo2", address: "10.77.0.3", mac: "02:00:0a:4d:00:03" },
    poolStart: 50,
    poolEnd: 99,
} as const

/** Host numbers above those of the LAN's own devices, below the broadcast address. */
const POOL_LIMITS = { first: 4, last: 254 }

export interface LanOptions {
    /** TCP port to listen on; 0, the default, takes a free one. */
    port?: number
    /** File to capture every frame into. */
    pcap?: string
    leaseSeconds?: number
    /** Host numbers of the first and last address to lease, 50 and 99 by default. */
    poolStart?: number
    poolEnd?: number
    rapidCommit?: boolean
    /** A DHCP server that knows its clients by their hardware address alone. */
    ignoreClientIdentifier?: boolean
}

interface Events {
    /** Each frame as it enters the switch, and the name of the port it came through. */
    frame: [frame: Buffer, portName: string]
}

export class EmbeddedLan extends EventEmitter<Events> {
    readonly host = LOOPBACK
    readonly switch: EthernetSwitch
    readonly router: Router
    readonly echoes: readonly Host[]
    readonly dhcp: DhcpServer
    readonly dns: DnsServer
    private pcap: PcapWriter | undefined
    private ports: TcpPorts | undefined
    private listeningOn = 0

    /** Resolves when clients can connect. Rejects with one clear line when the port is taken or the file cannot be written. */
    static async start(options: LanOptions = {}): Promise<EmbeddedLan> {
        const lan = new EmbeddedLan(options)
        try {
            lan.ports = await TcpPorts.listen(lan.switch, options.port ?? 0)
            // only now: a second copy that finds the port taken must not empty the first one's file
            lan.pcap = options.pcap === undefined ? undefined : openCapture(options.pcap)
            lan.listeningOn = lan.ports.port
            return lan
        } catch (error) {
            await lan.stop()
            throw explain(error as NodeJS.ErrnoException, options.port)
        }
    }

    private constructor(options: LanOptions) {
        super()
        const addresses = poolAddresses(options)
        this.switch = new EthernetSwitch({ tap: (frame, portName) => this.tap(frame, portName) })
        const subnet = new Subnet(LAN.network, LAN.prefix)
        this.router = new Router(this.switch, { ...LAN.router, subnet })
        const echoes = [LAN.echo1, LAN.echo2]
        this.echoes = echoes.map(echo => new Host(this.switch, { ...echo, subnet, gateway: LAN.router.address }))
        const echoAddresses = new Set<string>(echoes.map(echo => echo.address))
        for (const echo of this.echoes) {
            serveEcho(echo, echoAddresses)
            serveEchoStream(echo)
            serveDiscard(echo)
        }
        const nameOf = ({ name }: { name: string }) => `${name}.${LAN.domain}`
        this.dns = serveDns(this.router, [
            ...[LAN.router, ...echoes].map(device => address(nameOf(device), device.address)),
            alias(`echo.${LAN.domain}`, nameOf(LAN.echo1)),
            // what sends voice back
            ...echoes.map((device, i) => service(`_echo._udp.${LAN.domain}`, nameOf(device), ECHO_PORT, i)),
        ])
        const { leaseSeconds, rapidCommit, ignoreClientIdentifier } = options
        const how = { leaseSeconds, rapidCommit, ignoreClientIdentifier }
        this.dhcp = new DhcpServer({ host: this.router, subnet, addresses, domain: LAN.domain, ...how })
    }

    /** The TCP port it listens on. */
    get port(): number {
        return this.listeningOn
    }

    /** What happened to the TCP clients so far, and how many there are. */
    get clients() {
        return { connected: this.ports?.clientCount ?? 0, ...this.ports?.counters }
    }

    /**
     * Sends a frame to every TCP client as if from a device. The switch learns nothing from it, so it may carry
     * another device's address and not cut that one off.
     */
    inject(frame: Buffer): void {
        this.tap(frame, "inject")
        this.ports?.sendAll(frame)
    }

    /** Puts bytes into every TCP client's stream as they are, to break the framing on purpose. */
    injectRaw(bytes: Buffer): void {
        this.ports?.sendAllRaw(bytes)
    }

    /** Ends every TCP connection; clients may come back. */
    disconnectClients(): void {
        this.ports?.disconnectAll()
    }

    /** Ends everything; resolves when the port is free and the capture file whole. */
    async stop(): Promise<void> {
        await this.ports?.stop()
        this.dhcp.stop()
        for (const device of [this.router, ...this.echoes]) device.stop()
        this.pcap?.close()
    }

    private tap(frame: Buffer, portName: string): void {
        this.pcap?.write(frame)
        this.emit("frame", frame, portName)
    }
}

function poolAddresses({ poolStart = LAN.poolStart, poolEnd = LAN.poolEnd }: LanOptions): string[] {
    const { first, last } = POOL_LIMITS
    if (!(Number.isInteger(poolStart) && Number.isInteger(poolEnd) && first <= poolStart && poolStart <= poolEnd && poolEnd <= last))
        throw new Error(`DHCP pool ${poolStart}-${poolEnd} is not possible: give host numbers from ${first} to ${last}, in order`)
    const subnet = new Subnet(LAN.network, LAN.prefix)
    return Array.from({ length: poolEnd - poolStart + 1 }, (_, i) => subnet.host(poolStart + i))
}

function openCapture(path: string): PcapWriter {
    try {
        return new PcapWriter(path)
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        throw new Error(`cannot write the capture file ${path} (${code}): give a file in a folder that exists and is yours`, {
            cause: error,
        })
    }
}

function explain(error: NodeJS.ErrnoException, port: number | undefined): Error {
    if (error.code === "EADDRINUSE")
        return new Error(`port ${port} is in use: end the program that has it, or choose another port (0 takes a free one)`, {
            cause: error,
        })
    if (error.code === "EACCES") return new Error(`port ${port} is not allowed for this user: choose one above 1023`, { cause: error })
    return error
}
