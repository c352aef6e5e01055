/** The echo services. A datagram goes back to its source with the same payload and type of service; so does all of a stream. @see RFC 862 */
import type { Host } from "./host.js"
import { ANY_ADDRESS } from "./ipv4.js"

export const ECHO_PORT = 4000
/** For streams it is the port of RFC 862. */
export const ECHO_STREAM_PORT = 7

/** Opens the echo port on `host`. Datagrams from `peers`, the other echo devices, are dropped: two of them would never stop. */
export function serveEcho(host: Host, peers: ReadonlySet<string>): void {
    host.udp.set(ECHO_PORT, ({ source, sourcePort, payload, tos }) => {
        if (source === ANY_ADDRESS || sourcePort === 0 || peers.has(source)) return
        host.sendUdp({ sourcePort: ECHO_PORT, destination: source, destinationPort: sourcePort, payload, tos })
    })
}

/** Opens the echo port for streams. A peer that reads nothing of what comes back can send no more after a while. */
export function serveEchoStream(host: Host): void {
    host.tcp.set(ECHO_STREAM_PORT, stream => stream.write(stream.read(stream.room)))
}
