/** The TCP of one device: the connections that others open to its ports, and a RST for everything else. @see RFC 9293 3.10.7.1, 3.10.7.2 */
import { ACK, RST, SYN, segmentLength, type TcpSegment } from "./tcp.js"
import { TcpConnection, type TcpService } from "./tcp-connection.js"
import { after, initialSequence } from "./tcp-sequence.js"

/** For one more, the connection that was silent for longest makes room: its peer may be gone. */
const MAX_CONNECTIONS = 64

export class TcpServer {
    /** By address and ports of the peer and our port, in the order in which they were heard of. */
    private readonly connections = new Map<string, TcpConnection>()

    /**
     * @param services the open ports
     * @param send sends a segment to an address
     */
    constructor(
        private readonly services: ReadonlyMap<number, TcpService>,
        private readonly send: (destination: string, segment: TcpSegment) => void
    ) {}

    receive(source: string, segment: TcpSegment): void {
        const { sourcePort, destinationPort, flags } = segment
        const key = `${source}:${sourcePort} ${destinationPort}`
        const connection = this.connections.get(key)
        if (connection) {
            this.connections.delete(key)
            this.connections.set(key, connection)
            connection.receive(segment)
            return
        }
        if (flags & RST) return
        const service = this.services.get(destinationPort)
        if (!service || flags & ACK) this.refuse(source, segment)
        else if (flags & SYN) this.accept(source, segment, key, service)
    }

    /** Forgets all connections, and says nothing to their peers. */
    stop(): void {
        for (const connection of [...this.connections.values()]) connection.close()
    }

    private accept(source: string, syn: TcpSegment, key: string, service: TcpService): void {
        if (this.connections.size === MAX_CONNECTIONS) {
            const [oldest] = this.connections.values()
            oldest.abort()
        }
        const ports = { sourcePort: syn.destinationPort, destinationPort: syn.sourcePort }
        const connection = new TcpConnection({
            syn,
            iss: initialSequence(key),
            service,
            send: segment => this.send(source, { ...segment, ...ports }),
            onClosed: () => this.connections.delete(key),
        })
        this.connections.set(key, connection)
        connection.open()
    }

    /** Says that there is no such connection, in a way that the peer believes (RFC 9293 3.5.2, group 1). */
    private refuse(source: string, segment: TcpSegment): void {
        const { sourcePort, destinationPort, sequence, acknowledgment, flags } = segment
        const answers = (flags & ACK) !== 0
        this.send(source, {
            sourcePort: destinationPort,
            destinationPort: sourcePort,
            sequence: answers ? acknowledgment : 0,
            acknowledgment: answers ? 0 : after(sequence, segmentLength(segment)),
            flags: answers ? RST : RST | ACK,
            window: 0,
            payload: Buffer.alloc(0),
        })
    }
}
