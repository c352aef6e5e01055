/** How a connection begins: initial sequence numbers, the SYN, the step to ESTABLISHED. @see RFC 9293, 3.5; RFC 6528 */
import * as ds from "@devicescript/core"
import { digest, randomBuffer } from "@devicescript/crypto"
import { TCP_RTO_FIRST, TCP_RTO_LOST_SYN } from "../../base/config"
import { htonl } from "../../wire/order"
import { Connection, LOST, State, changed, takeBuffers } from "./connection"
import { segment } from "./output"
import { arm, measure } from "./retransmission"

/** Nobody else can tell where the sequence numbers of a connection begin (RFC 6528, 3). */
const secret = randomBuffer(16)

/** The hash of who talks to whom, and a clock of about 4 us. */
function initialSequence(c: Connection): number {
    const who = Buffer.alloc(16)
    who.setAt(0, "i32", c.ifc.address)
    who.setAt(4, "i32", c.remote)
    who.setAt(8, "i32", c.remotePort)
    who.setAt(12, "i32", c.port)
    return (htonl(digest("sha256", secret, who).getAt(0, "i32")) + (ds.millis() << 8)) | 0
}

/** Send the SYN. @param flags of the segment @param state that follows */
export function begin(c: Connection, flags: number, state: State): void {
    c.state = state
    c.rto = TCP_RTO_FIRST
    c.sndUna = initialSequence(c)
    c.sndNxt = (c.sndUna + 1) | 0
    c.sndMax = c.sndNxt
    c.timedAt = ds.millis()
    c.timedTo = c.sndNxt
    segment(c, flags, c.sndUna, 0)
    arm(c)
}

/** Both sides have the other's SYN. */
export function establish(c: Connection, seq: number, window: number): void {
    if (c.timedAt !== 0) measure(c, ds.millis() - c.timedAt)
    else {
        // the SYN was lost (RFC 6298, 5.7; RFC 5681, 3.1)
        c.flags |= LOST
        c.rto = TCP_RTO_LOST_SYN
    }
    c.timedAt = 0
    c.state = State.Established
    c.sndUna = c.sndNxt
    c.attempts = 0
    c.sndWnd = window
    c.sndWl1 = seq
    c.widest = window
    if (!c.tx) takeBuffers(c)
    arm(c)
    changed.notify(true)
}
