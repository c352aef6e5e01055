/** Ports of the switch for TCP clients on the loopback interface, each a VDE stream. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { ETHERNET_MAX_BYTES } from "./ethernet.js"
import type { EthernetSwitch } from "./switch.js"
import { VdeDecoder, encodeVde } from "./vde.js"

export const LOOPBACK = "127.0.0.1"
/** What may wait for a slow client; beyond it frames are dropped, as a switch does with a full egress queue. */
const MAX_BACKLOG_BYTES = 64 * 1024

export class TcpPorts {
    /** Clients accepted; streams ended for an impossible length; frames not sent to a slow client or too long for Ethernet. */
    readonly counters = { accepted: 0, badLength: 0, dropped: 0 }
    private readonly clients = new Set<Socket>()
    private readonly server: Server

    private constructor(private readonly lanSwitch: EthernetSwitch) {
        this.server = createServer(socket => this.accept(socket))
    }

    /** Listens on loopback only. Rejects with the error of `listen`, such as `EADDRINUSE`. */
    static listen(lanSwitch: EthernetSwitch, port: number): Promise<TcpPorts> {
        const ports = new TcpPorts(lanSwitch)
        return new Promise((resolve, reject) => {
            ports.server.once("error", reject)
            ports.server.listen(port, LOOPBACK, () => {
                ports.server.off("error", reject)
                resolve(ports)
            })
        })
    }

    get port(): number {
        return (this.server.address() as AddressInfo).port
    }

    get clientCount(): number {
        return this.clients.size
    }

    /** Sends one frame to every client, past the switch's address table. */
    sendAll(frame: Buffer): void {
        for (const socket of this.clients) this.send(socket, frame)
    }

    /** Puts bytes into every client's stream as they are: a way to break the framing on purpose. */
    sendAllRaw(bytes: Buffer): void {
        for (const socket of this.clients) socket.write(bytes)
    }

    disconnectAll(): void {
        for (const socket of this.clients) socket.destroy()
    }

    /** Ends all connections and resolves when the port is free again. */
    stop(): Promise<void> {
        const closed = new Promise<void>(resolve => this.server.close(() => resolve()))
        this.disconnectAll()
        return closed
    }

    private accept(socket: Socket): void {
        // small frames 20 ms apart must not wait for each other (Nagle)
        socket.setNoDelay(true)
        this.clients.add(socket)
        const port = this.lanSwitch.plug(`tcp${++this.counters.accepted}`, frame => this.send(socket, frame))
        const decoder = new VdeDecoder()
        socket.on("data", chunk => {
            if (decoder.push(chunk, frame => this.lanSwitch.receive(frame, port))) return
            this.counters.badLength++
            socket.destroy()
        })
        // a reset connection is an unplugged cable; "close" follows
        socket.on("error", () => {})
        socket.on("close", () => {
            this.clients.delete(socket)
            this.lanSwitch.unplug(port)
        })
    }

    private send(socket: Socket, frame: Buffer): void {
        if (!socket.writable) return
        if (socket.writableLength > MAX_BACKLOG_BYTES || frame.length > ETHERNET_MAX_BYTES) this.counters.dropped++
        else socket.write(encodeVde(frame))
    }
}
