/** The open sockets, for people: what `netstat` shows. */
import { FREE } from "../link/interface"
import { endpointText, formatAddress } from "../wire/address"
import { PROTOCOL_UDP } from "../wire/ipv4"
import { Socket, SocketRow, Stream } from "./socket"
import { settleSockets, sockets } from "./table"

/**
 * The open sockets, of all processes, as the console's `netstat` shows them. Each row takes memory: do not keep them.
 * @returns a row for each, by descriptor
 * @category Sockets
 */
export function listSockets(): SocketRow[] {
    settleSockets()
    return sockets.filter(s => s.process !== FREE).map(describeSocket)
}

export function describeSocket(s: Socket): SocketRow {
    const row: SocketRow = {
        sd: sockets.indexOf(s),
        type: "dgram",
        local: s.ifc ? `${formatAddress(s.ifc.address)}:${s.port}` : null,
        remote: endpointText(s.remote, s.remotePort),
        iface: s.ifc ? s.ifc.name() : null,
        process: s.process,
        rx: s.rx,
        tx: s.tx,
        drops: s.drops,
        state: null,
    }
    if (s.protocol !== PROTOCOL_UDP) (s as Stream).describe(row)
    return row
}
