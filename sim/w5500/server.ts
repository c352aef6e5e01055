/**
 * The board around a simulated W5500: a VM reaches the chip through a TCP stream, and the chip is on a LAN. The chip is
 * not reset when a VM goes: the next one finds it as a real processor does that was restarted alone.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { LOOPBACK } from "../lan/tcp-ports.js"
import { Cable } from "./cable.js"
import { W5500 } from "./chip.js"
import { BusClock, realClock } from "./clock.js"
import { ANSWER, EXCHANGE, INTERRUPT, MessageDecoder, RESET, WRITE, encodeMessage } from "./messages.js"

export interface W5500ServerOptions {
    /** `HOST:PORT` of the LAN. */
    lan: string
    /** Clock of the SPI bus; the firmware's if not given. */
    spiHz?: number
}

export class W5500Server {
    readonly chip: W5500
    private readonly clock: BusClock
    /** VMs accepted; streams ended for a malformed message. */
    readonly counters = { accepted: 0, malformed: 0 }
    private readonly cable: Cable
    private readonly server: Server
    private vm: Socket | undefined

    /** Resolves when a VM can connect. The LAN may be there later. @throws RangeError if the LAN is no `HOST:PORT` */
    static async start(options: W5500ServerOptions): Promise<W5500Server> {
        const model = new W5500Server(options)
        try {
            await new Promise<void>((resolve, reject) => {
                model.server.once("error", reject)
                model.server.listen(0, LOOPBACK, resolve)
            })
            return model
        } catch (error) {
            model.cable.stop()
            throw error
        }
    }

    private constructor({ lan, spiHz }: W5500ServerOptions) {
        this.clock = new BusClock(realClock, spiHz)
        this.chip = new W5500(this.clock)
        this.cable = new Cable(lan, this.chip)
        this.chip.onInterrupt = asserted => this.tell(asserted)
        this.server = createServer(socket => this.accept(socket))
    }

    /** The TCP port at which the VM finds the chip, on the loopback interface. */
    get port(): number {
        return (this.server.address() as AddressInfo).port
    }

    /** What happened to the connection with the LAN so far. */
    get lan(): Cable["counters"] {
        return this.cable.counters
    }

    /** Ends all connections; resolves when the port is free. */
    async stop(): Promise<void> {
        const closed = new Promise<void>(resolve => this.server.close(() => resolve()))
        this.cable.stop()
        this.vm?.destroy()
        await closed
    }

    private accept(socket: Socket): void {
        this.vm?.destroy()
        this.vm = socket
        this.counters.accepted++
        socket.setNoDelay(true)
        this.tell(this.chip.interrupt)
        const decoder = new MessageDecoder()
        socket.on("data", chunk => {
            // an earlier VM has no say any more
            if (this.vm !== socket || decoder.push(chunk, (operation, data) => this.perform(operation, data))) return
            this.counters.malformed++
            socket.destroy()
        })
        // a VM that was ended resets its connection; "close" follows
        socket.on("error", () => {})
        socket.on("close", () => {
            if (this.vm === socket) this.vm = undefined
        })
    }

    /** @returns false if there is no such message */
    private perform(operation: number, data: Buffer): boolean {
        if (operation !== RESET) this.clock.carry(data.length)
        if (operation === WRITE) this.chip.transaction(data)
        else if (operation === EXCHANGE) this.vm?.write(encodeMessage(ANSWER, this.chip.transaction(data)))
        else if (operation === RESET && data.length === 1 && data[0] <= 1) this.chip.resetLine(data[0] === 0 ? 0 : 1)
        else return false
        return true
    }

    private tell(interrupt: boolean): void {
        this.vm?.write(encodeMessage(INTERRUPT, Uint8Array.of(Number(interrupt))))
    }
}
