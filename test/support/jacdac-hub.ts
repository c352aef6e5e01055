/** What `devs devtools` is to programs at its TCP port: a Jacdac bus, here that of phones in the simulator. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import type { JDBus } from "jacdac-ts"
import { Tap } from "./serial-line.js"

export class JacdacHub {
    /** Whether frames get through: a program that carries a bus and builds meanwhile is deaf and mute. */
    deaf = false
    private readonly sockets = new Set<Socket>()
    private readonly taps: Tap[]

    private constructor(
        private readonly server: Server,
        buses: JDBus[]
    ) {
        server.on("connection", socket => this.attach(socket))
        this.taps = buses.map(bus => {
            const tap = new Tap(frame => this.send(frame))
            tap.bus = bus
            return tap
        })
    }

    /** @param buses that are one at our port, and know nothing of each other */
    static async open(...buses: JDBus[]): Promise<JacdacHub> {
        const server = createServer()
        await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
        return new JacdacHub(server, buses)
    }

    get port(): number {
        return (this.server.address() as AddressInfo).port
    }

    /** Ends as a program does that is killed. */
    async close(): Promise<void> {
        for (const tap of this.taps.splice(0)) tap.bus = undefined as unknown as JDBus
        const closed = new Promise(resolve => this.server.close(resolve))
        for (const socket of this.sockets) socket.destroy()
        await closed
    }

    private send(frame: Uint8Array): void {
        if (this.deaf) return
        for (const socket of this.sockets) socket.write(Buffer.concat([Buffer.from([frame.length]), frame]))
    }

    private attach(socket: Socket): void {
        this.sockets.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => this.sockets.delete(socket))
        let buffered = Buffer.alloc(0)
        socket.on("data", chunk => {
            buffered = Buffer.concat([buffered, chunk])
            while (buffered.length > 0 && buffered.length > buffered[0]!) {
                const frame = new Uint8Array(buffered.subarray(1, 1 + buffered[0]!))
                buffered = buffered.subarray(1 + buffered[0]!)
                if (!this.deaf) for (const tap of this.taps) tap.receiveFrameOrPacket(frame)
            }
        })
    }
}
