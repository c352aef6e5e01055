/**
 * The user agent: hands each message to the dialog that it belongs to, and answers what belongs to none.
 * Read first: RFC 3261, 8.2 (requests), 11 (OPTIONS), 12.2.2; `dialog.ts`, `transaction.ts`.
 */
import { Counter, count } from "../base/counters"
import { SIP_PORT } from "../base/config"
import type { Datagram } from "../socket/datagram"
import { account } from "./account"
import { Dialog, TAG_MAX, adoptHead, dialogs, hashOf, randomTag, startRequest, writeCommon } from "./dialog"
import { Header } from "./header"
import { DROP, Method, SOUND, cseq, lineOf, method, nameOfMethod, parse, status, valueOf } from "./message"
import { Span, decimalOf, isText, paramOf, port, readVia } from "./span"
import { keepText } from "./texts"
import { acknowledge, onResponse, sendOut } from "./transaction"
import { copySpan, startResponse, write } from "./writer"

/** Octets of a datagram that keeps a flow open: CRLF, twice (RFC 5626, 3.5.1). */
const KEEPALIVE = 4

/** For what belongs to no dialog: its tag is the same in all answers to one request (RFC 3261, 8.2.7). */
const stranger = new Dialog()
stranger.tag = randomTag()

/** Where the message that was parsed came from. */
export let from: Datagram

/**
 * A request about a call, which the agent does not answer itself: the message that was parsed.
 * @param d its dialog, or that of the INVITE that it repeats; `undefined` for one that would begin one
 * @returns the status to answer with; 0 if it was answered, or is not to be
 */
export type Serve = (d: Dialog) => number
let serve: Serve

export function startAgent(requests: Serve): void {
    serve = requests
}

/** Status codes and what they say, each in a line (RFC 3261, 21). */
const REASONS = `
100 Trying
180 Ringing
200 OK
400 Bad Request
405 Method Not Allowed
413 Request Entity Too Large
415 Unsupported Media Type
416 Unsupported URI Scheme
420 Bad Extension
480 Temporarily Unavailable
481 Call/Transaction Does Not Exist
482 Loop Detected
486 Busy Here
487 Request Terminated
488 Not Acceptable Here
491 Request Pending
500 Server Internal Error
501 Not Implemented
505 Version Not Supported
603 Decline
`

/** The first line of a response behind the version. */
export function reasonOf(code: number): string {
    const at = REASONS.indexOf("\n" + code) + 1
    return REASONS.slice(at, REASONS.indexOf("\n", at))
}

/** Begin a response to the request that was parsed, up to where headers of its own may follow. @param tag ours */
export function startAnswer(code: number, tag: number): void {
    startResponse(reasonOf(code), "" + tag, from.address, from.port)
    writeCommon()
}

/** Have a dialog's messages go to where the request that was parsed came from, and come from where it went (RFC 3261, 18.2.2; RFC 3581, 4). */
export function answerTo(d: Dialog): void {
    const via = valueOf(Header.Via, 0)
    d.local = from.to
    d.remote = from.address
    d.remotePort = from.port
    if (paramOf(via, "rport") === 0) if (readVia(via)) d.remotePort = port || SIP_PORT
}

/** Answer the request that was parsed, once: who sends it again is answered again. @param d its dialog, if it has one */
function respond(code: number, d: Dialog): void {
    startAnswer(code, (d || stranger).tag)
    if (code === 420) {
        write("Unsupported: ")
        copySpan(lineOf(Header.Require, 0))
        write("\r\n")
    }
    if (code === 415) write("Accept: application/sdp\r\n")
    answerTo(stranger)
    sendOut(stranger)
}

/** A datagram of signalling. */
export function onMessage(datagram: Datagram): void {
    from = datagram
    const b = from.data
    let code = parse(b, 0, b.length, false)
    // what keeps a flow open (RFC 5626, 3.5.1) is no message, and nothing is wrong with it
    if (code === DROP) {
        if (b.length > KEEPALIVE) count(Counter.SipBad)
        return
    }
    const callId = hashOf(lineOf(Header.CallId, 0))
    const sender = paramOf(lineOf(Header.From, 0), "tag")
    const asked = paramOf(lineOf(Header.To, 0), "tag")
    let dialog: Dialog
    // both ends of a call may be ours, and have its Call-ID
    for (const d of dialogs)
        if (d.callId === callId) {
            if (status > 0) {
                if (d.tag === decimalOf(sender, TAG_MAX)) dialog = d
            } else if (d.peerTag === hashOf(sender)) dialog = d
        }
    if (status === 0) {
        if (code === SOUND) code = onRequest(dialog, asked)
        if (code !== 0) respond(code, dialog)
        return
    }
    if (!dialog) return count(Counter.SipForeign)
    if (!onResponse(dialog)) return
    if (hashOf(asked) === dialog.peerTag) return acknowledge(dialog, cseq)
    // the INVITE was forked, and one call is enough (RFC 3261, 13.2.2.4)
    const fork = new Dialog()
    fork.tag = dialog.tag
    if (!adoptHead(fork, true)) return
    fork.local = from.to
    fork.remote = from.address
    fork.remotePort = from.port
    acknowledge(fork, cseq)
    startRequest(fork, nameOfMethod(Method.Bye), cseq + 1, "")
    sendOut(fork)
    keepText(fork, 0, b, 0, 0)
}

/** @returns as `Serve` */
function onRequest(d: Dialog, tag: Span): number {
    if (!d)
        if (account.isClosed)
            if (account.registrar ? from.address !== dialogs[0].remote : true) {
                count(Counter.SipForeign)
                return 0
            }
    if (method === Method.Unknown) return 501
    // a dialog that we do not know, or no longer
    if (tag !== 0)
        if (decimalOf(tag, TAG_MAX) !== d?.tag) {
            if (method === Method.Ack) return 0
            return 481
        }
    if (method === Method.Ack) return serve(d)
    const require = lineOf(Header.Require, 0)
    if (require !== 0) if (!isText(require, "timer")) if (method !== Method.Cancel) return 420
    if (method <= Method.Cancel) return serve(d)
    if (method === Method.Update) return serve(d)
    if (method === Method.Options) return 200
    if (method === Method.Refer) return 603
    if (method === Method.Notify) return serve(d)
    return 405
}
