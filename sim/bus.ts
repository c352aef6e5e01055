/** Jacdac over TCP: the bus between this program and one VM, on the loopback interface. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { JDBus, Transport } from "jacdac-ts"
import "./jacdac-log.js"

/** Carries frames as the VM's TCP transport does: each behind one byte of length. */
export class TcpTransport extends Transport {
    private readonly sockets = new Set<Socket>()

    constructor() {
        super("tcp")
    }

    /** Carries frames over this connection as well. */
    attach(socket: Socket): void {
        this.sockets.add(socket)
        socket.setNoDelay()
        let buffered = Buffer.alloc(0)
        socket.on("data", chunk => {
            buffered = Buffer.concat([buffered, chunk])
            while (buffered.length > 0 && buffered.length > buffered[0]) {
                const end = 1 + buffered[0]
                this.handleFrame(new Uint8Array(buffered.subarray(1, end)))
                buffered = buffered.subarray(end)
            }
        })
        // a program that was ended resets its connections; whoever made this one hears of its end
        socket.on("error", () => {})
        socket.on("close", () => this.sockets.delete(socket))
    }

    protected async transportConnectAsync(): Promise<void> {}

    protected async transportSendPacketAsync(frame: Uint8Array): Promise<void> {
        const bytes = Buffer.concat([Buffer.from([frame.length]), frame])
        for (const socket of this.sockets) socket.write(bytes)
    }

    protected async transportDisconnectAsync(): Promise<void> {
        for (const socket of this.sockets) socket.destroy()
    }
}

/** A bus, and the TCP port at which its VM finds it. */
export class Bus {
    private constructor(
        readonly jacdac: JDBus,
        readonly port: number,
        private readonly server: Server
    ) {}

    static async open(): Promise<Bus> {
        const server = createServer()
        await new Promise<void>((resolve, reject) => {
            server.once("error", reject)
            server.listen(0, "127.0.0.1", resolve)
        })
        const transport = new TcpTransport()
        server.on("connection", socket => transport.attach(socket))
        const jacdac = new JDBus([transport], { client: true, disableRoleManager: true })
        jacdac.autoConnect = true
        jacdac.start()
        await jacdac.connect(true)
        return new Bus(jacdac, (server.address() as AddressInfo).port, server)
    }

    async close(): Promise<void> {
        await this.jacdac.stop()
        await this.jacdac.disconnect()
        await new Promise(resolve => this.server.close(resolve))
    }
}
