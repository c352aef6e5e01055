/** Options of sockets (POSIX `setsockopt`, RFC 2474 for DSCP). */
import { DATAGRAMS } from "../base/config"
import { fail } from "../base/errors"
import { SocketOption } from "./socket"
import { lookup, sockets } from "./table"

/**
 * Set an option of a socket.
 * @throws SocketError `EINVAL` for a value out of range, `EBADF`, `EACCES`
 * @category Options
 */
export function setsockopt(sd: number, option: SocketOption, value: number | boolean): void {
    const s = lookup(sd)
    const n = value as number
    switch (option) {
        case SocketOption.SO_NO_CHECK:
        case SocketOption.SO_BROADCAST:
        case SocketOption.SO_KEEPALIVE:
        case SocketOption.TCP_NODELAY:
            s.flags = s.flags & ~(1 << option)
            if (value) s.flags = s.flags | (1 << option)
            break
        case SocketOption.SO_RCVBUF:
            checkValue(option, n, 1, DATAGRAMS)
            s.queueLength = n
            break
        case SocketOption.SO_LINGER:
            checkValue(option, n, -1, 65535)
            s.linger = n
            break
        case SocketOption.IP_TOS:
            checkValue(option, n, 0, 255)
            s.tos = n
            break
        default: {
            // the last one; a socket without an address has none, and any other option is none
            let most = -1
            if (option === SocketOption.IP_DSCP) if (s.ifc) most = 63
            checkValue(option, n, 0, most)
            s.ifc.dscp = n
        }
    }
    // headers are written anew, of all who have the address
    for (const o of sockets) if (o.ifc === s.ifc) o.unprepare()
}

/** @throws SocketError `EINVAL` unless it is from `least` to `most` */
function checkValue(option: SocketOption, value: number, least: number, most: number): void {
    if (value >= least) if (value <= most) return
    fail("EINVAL", `option ${option} cannot be ${value}`)
}

/**
 * The value of an option.
 * @throws SocketError `EINVAL` for an option that is none, `EBADF`, `EACCES`
 * @category Options
 */
export function getsockopt(sd: number, option: SocketOption): number | boolean {
    const s = lookup(sd)
    switch (option) {
        case SocketOption.SO_NO_CHECK:
        case SocketOption.SO_BROADCAST:
        case SocketOption.SO_KEEPALIVE:
        case SocketOption.TCP_NODELAY:
            return (s.flags & (1 << option)) !== 0
        case SocketOption.SO_RCVBUF:
            return s.queueLength || DATAGRAMS
        case SocketOption.SO_LINGER:
            return s.linger === undefined ? -1 : s.linger
        case SocketOption.IP_TOS:
            return s.tosOctet()
        case SocketOption.IP_DSCP:
            return s.ifc ? s.ifc.dscp : 0
    }
    fail("EINVAL", `there is no option ${option}`)
}
