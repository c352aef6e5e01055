/**
 * The transport of SIP: one socket on the common address, also for what comes to the others if calls are under no name, which one
 * fiber reads. A message is handled before the next one is read, and then others get their turn: whatever a stranger sends, calls go on.
 * Read first: RFC 3261, 18; RFC 3581 (where a response goes).
 */
import * as ds from "@devicescript/core"
import { needCommon } from "../address/common"
import { SIP_PACE, SIP_PORT, SIP_QUEUE } from "../base/config"
import { SocketError, internalError } from "../base/errors"
import { shareUdpPort } from "../link/interface"
import { AF_INET, SOCK_DGRAM, bind, close, recvfrom, socket } from "../socket/api"
import type { Datagram, DatagramSocket } from "../socket/datagram"
import { setsockopt } from "../socket/options"
import { SocketOption } from "../socket/socket"
import { lookup } from "../socket/table"
import { account } from "./account"

/** DSCP class CS3 of signalling (RFC 4594, 4.1) as the TOS octet. */
const CS3 = 24 << 2
/** Milliseconds until the socket is opened again that could not be, or has failed. */
export const REOPEN = 1000

/** The socket on the common address; `undefined` while there is none. */
export let common: DatagramSocket

/**
 * Read messages for ever. Boot starts this fiber.
 * @param onOpen called when the socket is there, with a new common address perhaps
 * @param onMessage called for each datagram; it must not wait
 */
export async function runTransport(onOpen: () => void, onMessage: (d: Datagram) => void) {
    if (account.isHidden) shareUdpPort(SIP_PORT)
    while (true) {
        try {
            await needCommon()
            const sd = await socket(AF_INET, SOCK_DGRAM)
            try {
                await bind(sd, { port: SIP_PORT })
                setsockopt(sd, SocketOption.IP_TOS, CS3)
                const s = lookup(sd) as DatagramSocket
                s.queueLength = SIP_QUEUE
                common = s
                onOpen()
                while (true) {
                    const d = await recvfrom(sd)
                    try {
                        onMessage(d)
                    } catch (e) {
                        // a message that does not fit is not sent, and what it was to answer comes again
                        if (!(e instanceof SocketError)) internalError("of a SIP message", e)
                    }
                    await ds.sleep(SIP_PACE)
                }
            } finally {
                common = undefined
                await close(sd)
            }
        } catch (e) {
            if (!(e instanceof SocketError)) internalError("of SIP", e)
        }
        await ds.sleep(REOPEN)
    }
}
