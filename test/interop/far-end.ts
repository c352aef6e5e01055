/**
 * The far end of a call: sends each datagram back to where it came from, and notes who spoke.
 */
import { createSocket, type Socket } from "node:dgram"
import { HOST } from "./lan.js"

export class FarEnd {
    /** The addresses from which something came. */
    readonly sources = new Set<string>()
    /** When something came last: milliseconds since 1970. */
    lastHeard = 0

    private constructor(
        readonly port: number,
        private readonly socket: Socket
    ) {
        socket.on("message", (payload, { address, port: from }) => {
            this.sources.add(address)
            this.lastHeard = Date.now()
            socket.send(payload, from, address)
        })
        // Whoever has hung up says so by ICMP to what is still on its way.
        socket.on("error", () => {})
    }

    /** Listen at a port of the host's address on the LAN. */
    static async start(port: number): Promise<FarEnd> {
        const socket = createSocket("udp4")
        await new Promise<void>((resolve, reject) => socket.once("error", reject).bind(port, HOST, resolve))
        return new FarEnd(port, socket.removeAllListeners("error"))
    }

    stop(): void {
        this.socket.close()
    }
}
