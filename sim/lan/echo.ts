/** The echo service: every datagram goes back to its source with the same payload and type of service. @see RFC 862 */
import type { Host } from "./host.js"
import { ANY_ADDRESS } from "./ipv4.js"

export const ECHO_PORT = 4000

/** Opens the echo port on `host`. Datagrams from `peers`, the other echo devices, are dropped: two of them would never stop. */
export function serveEcho(host: Host, peers: ReadonlySet<string>): void {
    host.udp.set(ECHO_PORT, ({ source, sourcePort, payload, tos }) => {
        if (source === ANY_ADDRESS || sourcePort === 0 || peers.has(source)) return
        host.sendUdp({ sourcePort: ECHO_PORT, destination: source, destinationPort: sourcePort, payload, tos })
    })
}
