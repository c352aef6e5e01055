/**
 * The default routers that a server names for an interface, in its order of preference: the next one serves when one does not answer
 * ARP any more (RFC 1122, 3.3.1.4 to 3.3.1.6). A router need not be in the subnet; it is on the link all the same (RFC 3442).
 */
import { ARP_ATTEMPTS, INTERFACES, ROUTERS } from "../base/config"
import { Interface, interfaceOf, interfaces, setAddress } from "../link/interface"
import type { Neighbour } from "../link/neighbours"
import { isUnicast } from "../wire/address"
import { DhcpReply, replyRouters } from "../wire/dhcp"

/**
 * What is known of each interface's routers: a record by its slot, in one buffer. A record begins with how many there are. Offsets in it:
 * which is in use, how many have failed in a row, and their addresses.
 */
const IN_USE = 1
const FAILED = 2
const ADDRESSES = 4
const LENGTH = ADDRESSES + 4 * ROUTERS
const records = Buffer.alloc(INTERFACES * LENGTH)
/** The router that has failed last: a lease that has another one does not begin with it. */
let silent = 0

/** Note the routers that a message names. @returns the first one, 0 if none can be used */
export function noteRouters(ifc: Interface, r: DhcpReply): number {
    const record = ifc.slot * LENGTH
    let n = 0
    let first = 0
    for (let i = 0; i < r.routers; i++) {
        const address = replyRouters.getAt(4 * i, "i32")
        // nobody is his own router
        if (isUnicast(address))
            if (address !== r.address)
                if (!interfaceOf(address)) {
                    records.setAt(record + ADDRESSES + 4 * n, "i32", address)
                    if (n === 0) first = silent
                    // the first one, or the next after it if that was silent
                    if (first === silent) {
                        first = address
                        records[record + IN_USE] = n
                    }
                    n++
                }
    }
    records[record] = n
    records[record + FAILED] = 0
    return first
}

/** A neighbour has answered, or is gone: then interfaces whose router it was turn to their next one. */
export function followRouter(n: Neighbour): void {
    // one that only made room for another is asked for again
    if (!n.known) if (n.attempts < ARP_ATTEMPTS) return
    for (let slot = 0; slot < INTERFACES; slot++) {
        const ifc = interfaces[slot]
        if (ifc.gateway === n.address) {
            const record = slot * LENGTH
            const count = records[record]
            // if none of them answers, the sockets are told, and who tries again begins with this one; a pool's router is alone
            let failed = 0
            if (!n.known) failed = (records[record + FAILED] + 1) % count
            records[record + FAILED] = failed
            if (failed > 0) {
                silent = n.address
                const next = (records[record + IN_USE] + 1) % count
                records[record + IN_USE] = next
                setAddress(ifc, ifc.address, ifc.mask, records.getAt(record + ADDRESSES + 4 * next, "i32"))
            }
        }
    }
}
