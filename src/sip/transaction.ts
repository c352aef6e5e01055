/**
 * Transactions of a client: a request is sent until it is answered, and challenged ones once more with credentials. The fiber that has
 * something to ask waits here; what comes in wakes it.
 * Read first: RFC 3261, 17.1 (timers A to K as RFC names them), 9.1 (CANCEL), 22.2 (challenges); `dialog.ts`.
 */
import * as ds from "@devicescript/core"
import { SIP_RING, SIP_T1, SIP_T2 } from "../base/config"
import { SocketError } from "../base/errors"
import { textAt } from "../base/text"
import { interfaceOf } from "../link/interface"
import { account } from "./account"
import { credentials, readChallenge } from "./digest"
import { CANCELLED, Dialog, randomText, setFlag, shown, startRequest, wait, wake } from "./dialog"
import { Header } from "./header"
import { Method, cseq, method, nameOfMethod, status, target } from "./message"
import { SP, packet, readFrom } from "./span"
import { texts } from "./texts"
import { common } from "./transport"
import { copy, copyHeader, finish, out, start, write } from "./writer"

/** Challenges that one request answers: of a proxy, of who is asked, and new nonces of both. */
const CHALLENGES = 4
const REQUEST_TIMEOUT = 408
/** Which means that the other side waits for ours to be through (RFC 3261, 14.2). */
export const REQUEST_PENDING = 491

/** The nonce that was used last, and how often. */
let nonce = ""
let used = 0
/** The message that brought the last response. */
let reply: Buffer
/** The status of the last challenge. */
let challenged = 0

/** Send what `out` has, as far as it has been finished, to where a dialog's messages go. */
export function sendOut(d: Dialog): void {
    sendTo(d, out.slice(0, finish()))
}

export function sendTo(d: Dialog, b: Buffer): void {
    // without an address it is lost, and comes again
    if (!common) return
    const { ifc } = common
    const from = interfaceOf(d.local)
    if (from) common.ifc = from
    else if (account.isHidden) return
    const sent = common.sendTo(b, d.remote, d.remotePort)
    common.ifc = ifc
    common.sent(sent)
}

/**
 * Send what is pending again and again, until the other side has answered it: then it is pending no more (timers A, B, E, F, G and H).
 * @param most milliseconds between two times
 */
export async function repeat(d: Dialog, most: number): Promise<void> {
    const until = ds.millis() + 64 * SIP_T1
    let interval = SIP_T1
    while (d.pending) {
        sendTo(d, d.pending)
        // it may end between two times (timers B, F and H)
        await wait(d, Math.min(interval, until - ds.millis()))
        interval = Math.min(2 * interval, most)
        if (ds.millis() >= until) d.pending = undefined
        // whoever has not even said that he tries by then is not there
        if ((d.flags & CANCELLED) !== 0) if (d.status === 0) if (interval >= SIP_T2) d.pending = undefined
    }
}

/**
 * Send a request within a dialog, or what would begin one, and wait for its final response, which is then the message that was parsed.
 * @param fill writes what is special of it, also the body
 * @returns its status; 408 if there is none
 * @throws SocketError EMSGSIZE
 */
export async function exchange(d: Dialog, id: Method, fill: (d: Dialog) => void): Promise<number> {
    const name = nameOfMethod(id)
    let lines = ""
    challenged = 0
    for (let i = 0; i < CHALLENGES; i++) {
        d.cseq++
        startRequest(d, name, d.cseq, "")
        write(lines)
        fill(d)
        d.pending = out.slice(0, finish())
        d.status = 0
        await repeat(d, id === Method.Invite ? Infinity : SIP_T2)
        if (d.status > 0) if (d.status < 200) await ringing(d)
        if (d.status < 200) d.status = REQUEST_TIMEOUT
        // another fiber may have read something else since it came
        else readFrom(reply)
        reply = undefined
        if (d.status !== 401) if (d.status !== 407) break
        const more = credentialsFor(d, name, lines)
        if (more === lines) break
        lines = more
    }
    return d.status
}

/** The other side tries: wait for its final response to INVITE, or cancel it. */
async function ringing(d: Dialog): Promise<void> {
    let until = ds.millis() + SIP_RING
    let isCancelled = false
    while (d.status < 200) {
        const left = until - ds.millis()
        if (left <= 0) {
            if (isCancelled) return
            // whoever has not answered in this time is to ring no more
            setFlag(d, CANCELLED, true)
        }
        if ((d.flags & CANCELLED) !== 0)
            if (!isCancelled) {
                isCancelled = true
                startRequest(d, nameOfMethod(Method.Cancel), d.cseq, "")
                d.pending = out.slice(0, finish())
                await repeat(d, SIP_T2)
                // what is cancelled has a response of its own
                until = ds.millis() + 64 * SIP_T1
                continue
            }
        await wait(d, left)
    }
}

/**
 * Answer the challenge in the response that was parsed.
 * @param lines of credentials that the request had
 * @returns what it is to have instead: the same if there is nothing new to say
 */
function credentialsFor(d: Dialog, name: string, lines: string): string {
    const isProxy = status === 407
    const c = readChallenge(isProxy ? Header.ProxyAuthenticate : Header.WwwAuthenticate)
    if (!c) return lines
    if (!account.password) return lines
    // the secret is wrong, unless the nonce is too old
    if (lines.indexOf('"' + c.nonce + '"') >= 0) if (!c.isStale) return lines
    // a nonce that many requests use is counted (RFC 7616, 3.4)
    if (c.nonce !== nonce) used = 0
    used++
    nonce = c.nonce
    // another one for the same is not sent beside it
    if (status === challenged) lines = ""
    challenged = status
    const at = d.offset + 1
    const uri = textAt(texts, at, texts.indexOf(SP, at, at + d.prepared))
    const value = credentials(c, account.username, account.password, name, uri, used, randomText(4))
    return lines + (isProxy ? "Proxy-Authorization: " : "Authorization: ") + value + "\r\n"
}

/** Acknowledge a final response to INVITE, the message that was parsed, which is none of success: it belongs to the transaction (RFC 3261, 17.1.1.3). */
function sendAck(d: Dialog): void {
    start("ACK")
    copy(texts, d.offset, d.offset + d.parties)
    copyHeader(Header.Via, 0)
    copyHeader(Header.From, 0)
    copyHeader(Header.To, 0)
    copyHeader(Header.CallId, 0)
    write("CSeq: " + cseq + " ACK\r\nMax-Forwards: 70\r\n")
    sendOut(d)
}

/** Acknowledge an answer: a request of its own within the dialog (RFC 3261, 13.2.2.4). */
export function acknowledge(d: Dialog, sequence: number): void {
    startRequest(d, "ACK", sequence, "a")
    sendOut(d)
}

/**
 * A response to the dialog, the message that was parsed.
 * @returns whether it is a success of INVITE, again or of a fork: it is to be acknowledged
 */
export function onResponse(d: Dialog): boolean {
    // it is over, and has nothing left to say
    if (d.prepared === 0) return false
    if (method === Method.Cancel) {
        d.pending = undefined
        wake(d)
        return false
    }
    if (method === Method.Invite) {
        if (status >= 300) sendAck(d)
        else if (status >= 200) if (cseq !== d.cseq ? true : d.status >= 200) return true
    } else if (status < 200) return false
    if (cseq !== d.cseq) return false
    if (d.status >= 200) return false
    d.pending = undefined
    d.status = status
    reply = packet
    wake(d)
    return false
}

/** The error that a final response stands for. */
export function refusal(d: Dialog): SocketError {
    if (d.status === REQUEST_TIMEOUT) if (status !== REQUEST_TIMEOUT) return new SocketError("ETIMEDOUT", "the other side does not answer")
    return new SocketError("ECONNREFUSED", d.status + " " + shown(target))
}
