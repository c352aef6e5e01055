/** The Linux end of a stream, in the hands of a test. Each side ends its direction on its own. */
import { connect, createServer, type Server, type Socket } from "node:net"
import { once } from "node:events"
import { PATIENCE } from "./process.js"

/** Of a socket: what may end a wait. */
const EVENTS = ["end", "error", "close"]

export class Peer {
    private readonly chunks: Buffer[] = []
    /** How many octets were heard. */
    length = 0
    /** Whether the other side has said that no more comes. */
    ended = false
    /** Whether both sides have said all, or it has failed. */
    closed = false
    /** Of this side. */
    readonly port: number
    error: NodeJS.ErrnoException | undefined

    constructor(readonly socket: Socket) {
        this.port = socket.localPort!
        // what a test that fails leaves open does not keep the others from ending
        socket.unref()
        socket.on("data", chunk => {
            this.chunks.push(chunk)
            this.length += chunk.length
        })
        socket.on("end", () => (this.ended = true))
        socket.on("error", error => (this.error = error))
        socket.on("close", () => (this.closed = true))
    }

    static async connect(address: string, port: number): Promise<Peer> {
        const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true })
        await once(socket, "connect")
        return new Peer(socket)
    }

    /** Everything that was heard. */
    get heard(): Buffer {
        return Buffer.concat(this.chunks)
    }

    /** Wait until the other side has said all. */
    async end(patience?: number): Promise<Buffer> {
        await this.wait("the end of the stream", () => this.ended, patience)
        return this.heard
    }

    /** Wait until both have. */
    over(patience?: number): Promise<void> {
        return this.wait("the end of the connection", () => this.closed, patience)
    }

    /** Wait for an event that makes a condition true; to look now and then would take longer than a connection that says little. */
    private wait(what: string, condition: () => boolean, patience = PATIENCE): Promise<void> {
        return new Promise((resolve, reject) => {
            const settle = (error?: Error) => {
                clearTimeout(timer)
                for (const event of EVENTS) this.socket.off(event, look)
                if (error) reject(error)
                else resolve()
            }
            const look = () => {
                if (this.error || condition()) settle(this.error)
            }
            const timer = setTimeout(() => settle(new Error(`${what}: not within ${patience} ms`)), patience)
            for (const event of EVENTS) this.socket.on(event, look)
            look()
        })
    }
}

/** Listen at an address; each who connects is given to `welcome`. */
export async function listenAt(address: string, port: number, welcome: (peer: Peer) => void): Promise<Server> {
    const server = createServer({ allowHalfOpen: true }, socket => welcome(new Peer(socket)))
    server.listen(port, address).unref()
    await once(server, "listening")
    return server
}
