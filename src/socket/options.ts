/** Options of sockets (POSIX `setsockopt`, RFC 2474 for DSCP). */
import { DATAGRAMS } from "../base/config"
import { SocketError } from "../base/errors"
import { Socket, SocketOption } from "./socket"
import { lookup, sockets } from "./table"

/** Whether a boolean option is set. */
export function isSet(s: Socket, option: SocketOption): boolean {
    return (s.flags & (1 << option)) !== 0
}

/**
 * Set an option of a socket.
 * @throws SocketError `EINVAL` for a value out of range, `EBADF`, `EACCES`
 * @category Options
 */
export function setsockopt(sd: number, option: SocketOption, value: number | boolean): void {
    const s = lookup(sd)
    if (option === SocketOption.SO_NO_CHECK || option === SocketOption.SO_BROADCAST)
        s.flags = value ? s.flags | (1 << option) : s.flags & ~(1 << option)
    else if (option === SocketOption.SO_RCVBUF && value >= 1 && value <= DATAGRAMS) s.queueLength = value as number
    else if (option === SocketOption.IP_TOS && value >= 0 && value <= 255) s.tos = value as number
    else if (option === SocketOption.IP_DSCP && value >= 0 && value <= 63 && s.ifc) s.ifc.dscp = value as number
    else throw new SocketError("EINVAL", `option ${option} cannot be ${value}`)
    // headers are written anew
    for (const o of sockets) if (o === s || (o.ifc && o.ifc === s.ifc)) o.unprepare()
}

/**
 * The value of an option.
 * @throws SocketError `EINVAL` for an option that is none, `EBADF`, `EACCES`
 * @category Options
 */
export function getsockopt(sd: number, option: SocketOption): number | boolean {
    const s = lookup(sd)
    if (option === SocketOption.SO_NO_CHECK || option === SocketOption.SO_BROADCAST) return isSet(s, option)
    if (option === SocketOption.SO_RCVBUF) return s.queueLength || DATAGRAMS
    if (option === SocketOption.IP_TOS) return s.tosOctet()
    if (option === SocketOption.IP_DSCP) return s.ifc ? s.ifc.dscp : 0
    throw new SocketError("EINVAL", `there is no option ${option}`)
}
