/** The discard service over TCP: what comes is thrown away, and nothing is sent. @see RFC 863 */
import type { Host } from "./host.js"

export const DISCARD_PORT = 9

/** Opens the discard port on `host`. */
export function serveDiscard(host: Host): void {
    host.tcp.set(DISCARD_PORT, stream => void stream.read())
}
