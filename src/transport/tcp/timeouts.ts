/** What a connection does when its time is up. @see RFC 9293, 3.8.3, 3.8.4, 3.8.6.1, 3.10.8; RFC 6298, 5 */
import { TCP_ATTEMPTS, TCP_HALF_OPEN_ATTEMPTS, TCP_KEEP_IDLE, TCP_RTO_MAX } from "../../base/config"
import { setTimer } from "../../base/timers"
import { ACK, SYN } from "../../wire/tcp"
import { LOST, State, connections, finish, timers } from "./connection"
import { acknowledge, retransmitted, segment, transmit } from "./output"
import { arm } from "./retransmission"

export function onTimer(timer: number, now: number): void {
    const at = timer - timers
    const c = connections[at >> 1]
    // an ACK that was held back
    if ((at & 1) !== 0) return acknowledge(c)
    // the peer has said all, or had time to
    if (c.state >= State.FinWait2) return finish(c)
    const asks = c.sndUna === c.sndMax ? c.txCount === 0 : false
    if (asks) if (c.attempts === 0) if (now - c.heardAt < TCP_KEEP_IDLE) return setTimer(timer, c.heardAt + TCP_KEEP_IDLE)
    if (c.attempts >= (c.listener && c.state === State.SynReceived ? TCP_HALF_OPEN_ATTEMPTS : TCP_ATTEMPTS))
        return finish(c, c.hint || "ETIMEDOUT")
    c.attempts++
    // what the peer has already makes it answer
    if (asks) segment(c, ACK, (c.sndNxt - 1) | 0, 0)
    else {
        // an answer would not tell which of the two it is for (RFC 6298, 3)
        c.timedAt = 0
        // until the next measurement: an answer tells nothing of the time (RFC 6298, 5.5; Karn). Not if the peer said that something is missing
        if (c.attempts > 1 ? true : (c.flags & LOST) === 0) c.rto = Math.min(2 * c.rto, TCP_RTO_MAX)
        if (c.state <= State.SynReceived) {
            retransmitted(c)
            segment(c, c.state === State.SynSent ? SYN : SYN | ACK, c.sndUna, 0)
        } else {
            c.flags |= LOST
            c.sndNxt = c.sndUna
            transmit(c, true)
        }
    }
    arm(c)
}
