/** The cable from a chip to a LAN: Ethernet frames over TCP, as VDE carries them. A LAN that is gone is no link. */
import { connect, type Socket } from "node:net"
import { VdeDecoder, encodeVde } from "../lan/vde.js"
import type { W5500 } from "./chip.js"

const RECONNECT_MS = 250
/** What may wait for a slow LAN; beyond it frames are lost. */
const MAX_BACKLOG_BYTES = 64 * 1024

export class Cable {
    /** Connections made; those ended for an impossible length; frames lost because the LAN is gone or slow. */
    readonly counters = { connected: 0, badLength: 0, dropped: 0 }
    private readonly host: string
    private readonly port: number
    private socket: Socket | undefined
    private timer: NodeJS.Timeout | undefined
    private stopped = false

    /** @param lan `HOST:PORT` @throws RangeError that says what it must be */
    constructor(
        lan: string,
        private readonly chip: W5500
    ) {
        const [, host, port] = /^(.+):(\d+)$/.exec(lan) ?? []
        if (!(Number(port) >= 1 && Number(port) <= 65535)) throw new RangeError(`${lan} is no LAN: give HOST:PORT`)
        this.host = host
        this.port = Number(port)
        chip.onTransmit = frame => this.send(frame)
        this.connect()
    }

    stop(): void {
        this.stopped = true
        clearTimeout(this.timer)
        this.socket?.destroy()
    }

    private connect(): void {
        const socket = connect({ host: this.host, port: this.port, noDelay: true })
        const decoder = new VdeDecoder()
        this.socket = socket
        socket.on("connect", () => {
            this.counters.connected++
            this.chip.plug()
        })
        socket.on("data", chunk => {
            if (decoder.push(chunk, frame => this.chip.receive(frame))) return
            this.counters.badLength++
            socket.destroy()
        })
        // "close" follows
        socket.on("error", () => {})
        socket.on("close", () => {
            this.chip.unplug()
            if (!this.stopped) this.timer = setTimeout(() => this.connect(), RECONNECT_MS)
        })
    }

    private send(frame: Buffer): void {
        const { socket } = this
        if (socket?.readyState === "open" && socket.writableLength <= MAX_BACKLOG_BYTES) socket.write(encodeVde(frame))
        else this.counters.dropped++
    }
}
