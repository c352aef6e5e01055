/** The open sockets, for people: what `netstat` shows. */
import { FREE } from "../link/interface"
import { endpointText, formatAddress } from "../wire/address"
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
    let local: string = null
    let iface: string = null
    if (s.ifc) {
        local = `${formatAddress(s.ifc.address)}:${s.port}`
        iface = s.ifc.name()
    }
    const row: SocketRow = {
        sd: sockets.indexOf(s),
        type: "dgram",
        local,
        remote: endpointText(s.remote, s.remotePort),
        iface,
        process: s.process,
        rx: s.rx,
        tx: s.tx,
        drops: s.drops,
        state: null,
    }
    if (s.protocol) (s as Stream).describe(row)
    return row
}
