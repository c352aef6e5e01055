/** TCP and time: when what was sent is sent again, and how long a silent peer is waited for. @see RFC 6298; RFC 9293, 3.8 */
import * as ds from "@devicescript/core"
import { TCP_KEEP_IDLE, TCP_KEEP_INTERVAL, TCP_RTO_MIN } from "../../base/config"
import { setTimer } from "../../base/timers"
import { Connection, KEEP_ALIVE, State } from "./connection"

/** A measured round trip (RFC 6298, 2.2 and 2.3). @param r milliseconds */
export function measure(c: Connection, r: number): void {
    if (c.srtt === 0) {
        c.srtt = r
        c.rttvar = r / 2
    } else {
        c.rttvar = c.rttvar * 0.75 + Math.abs(c.srtt - r) * 0.25
        c.srtt = c.srtt * 0.875 + r * 0.125
    }
    resetRto(c)
}

/** The time that follows from what was measured, however often it was doubled since. */
export function resetRto(c: Connection): void {
    c.rto = Math.max(TCP_RTO_MIN, c.srtt + 4 * c.rttvar)
}

/** Set the time after which what waits for an answer is sent again, or a silent peer is asked whether it is there. */
export function arm(c: Connection): void {
    // from then on the time is that of the state
    if (c.state >= State.FinWait2) return
    let wait = Infinity
    if (c.sndUna !== c.sndMax ? true : c.txCount > 0) wait = c.rto
    else if ((c.flags & KEEP_ALIVE) !== 0) wait = c.attempts === 0 ? TCP_KEEP_IDLE : TCP_KEEP_INTERVAL
    setTimer(c.timer, ds.millis() + wait)
}
