/** Names: where a user may write one instead of an address, and the command that shows what it stands for. */
import { split } from "../base/text"
import { TYPE_A, TYPE_SRV } from "../dns/message"
import { resolve } from "../dns/resolver"
import { interfaceOf, interfaces, isSource } from "../link/interface"
import { formatAddress, parseAddress, parseDecimal } from "../wire/address"
import { Printer, check, noMore, take } from "./command"

/** First octet of the loopback network (RFC 1122, 3.2.1.3). */
const LOOPBACK = 127

/**
 * The address of a host that a user has written, or has named.
 * @throws UsageError if it is neither, no single host's, or the phone's own; SocketError as `resolve`
 */
export async function findHost(text: string): Promise<number> {
    let address = parseAddress(text)
    if (address === undefined) {
        // the last part of a name is no number (RFC 1123, 2.1)
        const parts = split(text, ".")
        check(parseDecimal(parts[parts.length - 1], Infinity) === undefined, "{0} is not an address; write it as 10.77.0.2", text)
        address = (await resolve(text, TYPE_A))[0]
    }
    let others = !interfaceOf(address)
    if ((address & 255) === LOOPBACK) others = false
    check(others, "{0} is this phone itself; name another", text)
    check(isSource(interfaces[0], address), "{0} is no single host; name another", text)
    return address
}

export async function resolveCommand(args: string[], out: Printer): Promise<void> {
    const name = take(args, "NAME is missing")
    noMore(args)
    // the name of a service begins with an underscore (RFC 2782)
    let type = TYPE_A
    if (name[0] === "_") type = TYPE_SRV
    for (const record of await resolve(name, type))
        if (type === TYPE_A) await out.print(`${name}: ${formatAddress(record)}`)
        else await out.print(`${name}: ${record.target}:${record.port}`)
}
