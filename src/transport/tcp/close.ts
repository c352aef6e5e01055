/** How a connection ends. @see RFC 9293, 3.6 and 3.10.4, 3.10.5 */
import * as ds from "@devicescript/core"
import { TCP_FIN_WAIT, TCP_TIME_WAIT } from "../../base/config"
import { setTimer } from "../../base/timers"
import { ACK, RST } from "../../wire/tcp"
import { ATTACHED, Connection, State, connections, dropRx, dropTx, finish } from "./connection"
import { segment, transmit } from "./output"

/** Say that we send no more: the FIN goes behind what waits. */
export function closeSending(c: Connection): void {
    if (c.state === State.Established) c.state = State.FinWait1
    else if (c.state === State.CloseWait) c.state = State.LastAck
    else return
    transmit(c, false)
}

/** Tell the peer that all is over (RFC 9293, 3.10.5). */
export function reset(c: Connection, code?: string): void {
    segment(c, RST | ACK, c.sndNxt, 0)
    finish(c, code)
}

/** The peer, which has acknowledged our FIN, has the word; one that nobody hears has it for some time alone. */
export function waitForFin(c: Connection): void {
    c.state = State.FinWait2
    dropTx(c)
    setTimer(c.timer, (c.flags & ATTACHED) === 0 ? ds.millis() + TCP_FIN_WAIT : Infinity)
}

/** Both sides have said all: what is still on its way may arrive. */
export function waitOut(c: Connection): void {
    c.state = State.TimeWait
    dropTx(c)
    setTimer(c.timer, ds.millis() + TCP_TIME_WAIT)
}

/** Nobody uses the connection any more. What was sent goes on its way. @param hard whether that is lost, and the peer told so */
export function leave(c: Connection, hard: boolean): void {
    c.flags &= ~ATTACHED
    switch (c.state) {
        case State.Closed:
        case State.SynSent:
            return finish(c)
        case State.Listen:
            for (const k of connections) if (k.listener === c) reset(k)
            return finish(c)
        case State.SynReceived:
            // it closes as soon as it is open
            return
        default:
            // data that nobody reads: the peer must not think that they were (RFC 9293, 3.6.1)
            if (hard ? true : c.rxCount > 0) if (c.state !== State.TimeWait) return reset(c)
            if (c.state === State.FinWait2) waitForFin(c)
            else closeSending(c)
    }
    dropRx(c)
}
