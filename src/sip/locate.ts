/**
 * Where the requests of a dialog go: to the first of its routes, or to whom they are for.
 * Read first: RFC 3263, 4; RFC 3261, 8.1.2.
 */
import { SIP_PORT } from "../base/config"
import { fail, SocketError } from "../base/errors"
import { TYPE_A, TYPE_SRV } from "../dns/message"
import { resolve } from "../dns/resolver"
import { Dialog, STRICT, addressOf } from "./dialog"
import { CR, LF, SP, find, host, hostAddress, port, readFrom, readUri, textOf, uriOf } from "./span"
import { texts } from "./texts"

const ROUTE = "Route: ".length

/**
 * Find where a dialog's requests come from, and address and port of the other side, if they are not known. The message that was parsed is gone then.
 * @param n which of several servers, the one to ask first being 0: who gets no answer tries the next (RFC 3263, 4.3). They begin again behind the last
 * @returns how many there are
 * @throws SocketError EINVAL if its URI is none of a host; as `resolve`
 */
export async function locate(d: Dialog, n: number): Promise<number> {
    d.local = addressOf(d)
    if (d.remote !== 0) return 1
    readFrom(texts)
    const at = d.offset
    const end = at + d.parties
    let uri = ((at + 1) << 16) | find(SP, at + 1, end)
    const route = find(LF, at, end) + 1
    if ((d.flags & STRICT) === 0) if (route < end) uri = uriOf(((route + ROUTE) << 16) | find(CR, route, end))
    // none is 0, in which there is no host
    if (!readUri(uri)) fail("EINVAL", "that is no URI of a host; write it as sip:bob@10.77.0.2")
    let address = hostAddress()
    d.remotePort = port || SIP_PORT
    let servers = 1
    if (address === undefined) {
        let name = textOf(host)
        if (port === 0)
            try {
                const services = await resolve("_sip._udp." + name, TYPE_SRV)
                servers = services.length
                const service = services[n % servers]
                name = service.target
                d.remotePort = service.port
            } catch (e) {
                // most have none
                if (!(e instanceof SocketError)) throw e
            }
        const addresses = await resolve(name, TYPE_A)
        if (servers === 1) servers = addresses.length
        address = addresses[n % addresses.length]
    }
    d.remote = address
    return servers
}
