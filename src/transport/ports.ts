/** Ephemeral ports (RFC 6335, 6; RFC 6056), of any transport protocol. */
import { randomBuffer } from "@devicescript/crypto"
import { EPHEMERAL_FIRST, EPHEMERAL_LAST, SOCKETS } from "../base/config"
import { Interface } from "../link/interface"

/** The next one. After a restart another one than before: a peer may still wait out the end of a connection from that. */
let ephemeral = EPHEMERAL_FIRST | (randomBuffer(2).getAt(0, "u16") & (EPHEMERAL_LAST - EPHEMERAL_FIRST))

/** An ephemeral port that is free on this interface (RFC 6056, 3.3.1: one after the other). @returns 0 if none is */
export function ephemeralPort(ifc: Interface, protocol: number): number {
    for (let i = 0; i <= SOCKETS; i++) {
        const port = ephemeral
        ephemeral++
        if (port === EPHEMERAL_LAST) ephemeral = EPHEMERAL_FIRST
        if (!ifc.endpointOn(protocol, port)) return port
    }
    return 0
}
