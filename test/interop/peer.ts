/** The Linux end of a stream, in the hands of a test. Each side ends its direction on its own. */
import { connect, createServer, type Server, type Socket } from "node:net"
import { once } from "node:events"
import { until } from "./process.js"

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
        await until("the end of the stream", () => this.ended || this.failed(), patience)
        return this.heard
    }

    /** Wait until both have. */
    async over(patience?: number): Promise<void> {
        await until("the end of the connection", () => this.closed || this.failed(), patience)
    }

    private failed(): false {
        if (this.error) throw this.error
        return false
    }
}

/** Listen at an address; each who connects is given to `welcome`. */
export async function listenAt(address: string, port: number, welcome: (peer: Peer) => void): Promise<Server> {
    const server = createServer({ allowHalfOpen: true }, socket => welcome(new Peer(socket)))
    server.listen(port, address).unref()
    await once(server, "listening")
    return server
}
