/**
 * Calls that are signalled: what SIP has to do with a call's life, on the call's own fiber. `serve` takes what comes in, and leaves it to
 * that fiber.
 * Read first: RFC 3261, 13 (INVITE), 14 (later offers), 15 (BYE); RFC 3264, 8 (hold); RFC 4028 (session timers); `call.ts`, `sip/agent.ts`.
 */
import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { SIP_RING, SIP_T2 } from "../base/config"
import { fail, SocketError } from "../base/errors"
import { textAt } from "../base/text"
import { LONGEST } from "../base/timers"
import { account } from "../sip/account"
import { answerTo, reasonOf, startAgent, startAnswer, onMessage } from "../sip/agent"
import {
    CANCELLED,
    Dialog,
    NEEDS_ACK,
    Phase,
    REFRESHER,
    adoptHead,
    completeDialog,
    hashOf,
    makeDialog,
    openDialog,
    ownUri,
    refreshTarget,
    setFlag,
    shown,
    wait,
    wake,
    writeContact,
    writeHead,
} from "../sip/dialog"
import { Header } from "../sip/header"
import { locate } from "../sip/locate"
import { Method, body, bodyEnd, cseq, lineOf, method, status, valueOf } from "../sip/message"
import { renew, startRegistration } from "../sip/register"
import { Local, Media, RECEIVES, SENDS, readSdp, writeAnswer, writeOffer } from "../sip/sdp"
import { LF, decimalOf, isText, packet, paramOf, textOf, uriOf } from "../sip/span"
import { keepText, texts } from "../sip/texts"
import { REQUEST_PENDING, acknowledge, exchange, refusal, repeat, sendOut, sendTo } from "../sip/transaction"
import { common, runTransport } from "../sip/transport"
import { copy, finish, out, size, start, startBody, write } from "../sip/writer"
import { Codec } from "../voice/g711"
import { Play } from "../voice/source"
import {
    Call,
    CallState,
    HELD_HERE,
    HELD_THERE,
    INCOMING,
    MOVED,
    NOWHERE,
    SILENT,
    TOLD,
    become,
    changed,
    localPortOf,
    setPorts,
    signalBy,
} from "./call"
import { dialled } from "./dial"
import { calls, free, place } from "./telephone"

/** Milliseconds between two signs that a call still rings (RFC 3261, 13.3.1.1: each minute). */
const RINGS = 60000
/** Milliseconds until a later offer is made again that met another one: up to so many, and as many more for one of both sides (RFC 3261, 14.1). */
const GLARE = 2000
/** Seconds of a session at least (RFC 4028, 4). */
const MIN_SE = 90
/** Seconds before its end at which the other side should have refreshed it (RFC 4028, 10: a third, and 32 at most). */
const MARGIN = 30
/** Octets of the first line of a response that says 100 Trying. */
const TRYING = "SIP/2.0 100 Trying\r\n".length
const NO_VOICE = "the other side has no voice that we know"
/** Where a message has its status, and the digit 0. */
const STATUS = "SIP/2.0 ".length
const ZERO = 48
/** What tells our sessions from those before a restart. */
const SESSION = randomBuffer(4).getAt(0, "u32")
/** What we say of our voice, each time anew. */
const local: Local = { address: 0, port: 0, id: 0, version: 0, direction: 0 }
const ASKED = "asked"
const TRANSFERRED = "transferred"
const HELD = HELD_HERE | HELD_THERE
const BOTH = SENDS | RECEIVES

/** Tells people of a call. */
type Tell = (c: Call, what: string) => void
let tell: Tell

/** Start signalling. @param listener is told when a call rings, or is answered by itself */
export function startSignalling(listener: Tell): void {
    tell = listener
    signalBy({ setUp, due, work, tearDown, hangUp })
    startAgent(serve)
    if (account.registrar) startRegistration()
    runTransport.start(renew, onMessage)
}

/**
 * Call what somebody has dialled: a URI, such as `sip:bob@10.77.0.2`, or a number.
 * @returns `undefined` if it stands for no URI
 * @throws SocketError as `place`; `EADDRNOTAVAIL` while the phone has no address
 */
export function placeUri(text: string, codec: Codec, play: Play, seconds: number, tuple: number): Call {
    const uri = dialled(text)
    if (!uri) return undefined
    if (!common) fail("EADDRNOTAVAIL", "the phone has no common address yet; see lease")
    const c = place(NOWHERE, codec, play, seconds, tuple)
    openFor(c)
    c.peer = uri
    return c
}

/** A new dialog for a call. The first one makes those of all slots: who never signals a call has the room for something else. */
function openFor(c: Call): Dialog {
    if (!c.dialog) {
        for (const call of calls) call.dialog = makeDialog()
        for (const call of calls) completeDialog(call.dialog, call)
    }
    const d: Dialog = c.dialog
    openDialog(d)
    return d
}

/** Wait until the call is answered, by either side. */
async function setUp(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    if (d.phase === Phase.Offered) return await ring(c)
    writeHead(d, c.peer, ownUri(), c.peer)
    for (let n = 0; ; n++) {
        const servers = await locate(d, n)
        if (c.state !== CallState.Calling) return
        try {
            return await offer(c)
        } catch (e) {
            // RFC 3263, 4.3: who does not answer, or cannot serve, is not the only one
            if (d.status !== 408) if (d.status !== 503) throw e
            if (n + 1 >= servers) throw e
            if (c.state !== CallState.Calling) throw e
            d.remote = 0
        }
    }
}

/** Offer our voice, at first or anew, and take the answer. @throws SocketError that says why there is none */
async function offer(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    const isFirst = d.phase === Phase.Idle
    d.phase = Phase.Inviting
    const code = await exchange(d, Method.Invite, writeInvite)
    d.phase = Phase.Up
    if (code >= 300) {
        // these end what there was (RFC 3261, 12.2.1.2)
        if (isFirst) d.phase = Phase.Idle
        if (code === 408) d.phase = Phase.Idle
        if (code === 481) d.phase = Phase.Idle
        throw refusal(d)
    }
    const m = readSdp(packet, body, bodyEnd)
    readTimer(d)
    if (isFirst) adoptHead(d, true)
    else refreshTarget(d)
    const sequence = d.cseq
    await locate(d, 0)
    acknowledge(d, sequence)
    follow(c, m)
}

function writeInvite(d: Dialog): void {
    writeContact(d)
    if (account.isHidden) write("Privacy: id\r\n")
    if (d.seconds > 0) writeTimer(d)
    startSdp()
    writeOurs(d)
}

/** Offer what we have, and what of it the user wants. */
function writeOurs(d: Dialog): void {
    const c: Call = d.owner
    let direction = BOTH
    if ((c.held & HELD_HERE) !== 0) direction = SENDS
    writeOffer(describe(d, direction), c.session.codec)
}

/** What we say of our voice. */
function describe(d: Dialog, direction: number): Local {
    const c: Call = d.owner
    local.address = c.localAddress
    local.port = localPortOf(c)
    local.id = SESSION + c.id
    local.version = d.cseq + d.peerCseq
    local.direction = direction
    // told with it
    c.held = c.held & ~MOVED
    return local
}

function startSdp(): void {
    write("Content-Type: application/sdp\r\n")
    startBody()
}

/** Have the voice go where the other side wants it. @throws SocketError without anything that both can do */
function follow(c: Call, m: Media): void {
    if (!m) fail("EPROTONOSUPPORT", NO_VOICE)
    const d: Dialog = c.dialog
    c.held = c.held & ~HELD_THERE
    if ((m.direction & RECEIVES) === 0) c.held = c.held | HELD_THERE
    c.remoteAddress = m.address || d.remote
    setPorts(c, localPortOf(c), m.port)
    c.session.aim(c.remoteAddress, m.port, m.codec, m.events, m.isMuxed ? m.port : m.rtcpPort)
}

/** Ring until somebody answers, and answer. */
async function ring(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    // what cannot be talked with does not ring
    offered(d)
    become(c, CallState.Ringing)
    tell(c, "from " + c.peer + " rings")
    const until = ds.millis() + Math.min(SIP_RING, account.answer)
    while (c.state === CallState.Ringing) {
        if (ds.millis() >= until) {
            if (account.answer > SIP_RING) fail("ETIMEDOUT", "nobody has answered")
            answer(c, account.play)
            break
        }
        startFrom(d, 180)
        writeContact(d)
        sendOut(d)
        await wait(d, Math.min(RINGS, until - ds.millis()))
    }
    if (c.state === CallState.Leaving) fail("ECANCELED", "it was not answered")
    await answerOffer(c)
    // nobody has seen to it
    if (account.answer < SIP_RING) tell(c, "is up")
}

/** Pick up a call that rings. */
export function answer(c: Call, play: Play): void {
    c.session.play = play
    c.state = CallState.Calling
    wake(c.dialog)
}

/** What the other side offers; `undefined` if it leaves that to us. @throws SocketError if that is nothing that we know */
function offered(d: Dialog): Media {
    const at = offerAt(d)
    const end = d.offset + d.length
    if (at === end) return undefined
    const m = readSdp(texts, at, end)
    if (m) return m
    d.status = 488
    fail("EPROTONOSUPPORT", NO_VOICE)
}

/** Accept what the other side offers. */
async function answerOffer(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    let m = offered(d)
    const needsAck = (d.flags & NEEDS_ACK) !== 0
    startFrom(d, 200)
    writeContact(d)
    if (d.seconds > 0) writeTimer(d)
    if (m) {
        startSdp()
        // what the one sends, the other receives; who is held receives nothing
        let direction = ((m.direction & SENDS) >>> 1) | ((m.direction & RECEIVES) << 1)
        if (toldOf(c) !== 0) direction = direction & SENDS
        writeAnswer(describe(d, direction), m, texts, offerAt(d), d.offset + d.length)
    } else if (needsAck) {
        startSdp()
        writeOurs(d)
    }
    await finishAnswer(d)
    // our offer was in the response, and its answer came with the ACK
    if (!m) if (needsAck) m = readSdp(texts, offerAt(d), d.offset + d.length)
    forget(d, d.prepared)
    if (m) follow(c, m)
}

/** Begin a response to the request that is to be answered. */
function startFrom(d: Dialog, code: number): void {
    start("SIP/2.0 " + reasonOf(code) + "\r\n")
    const at = d.offset + d.prepared
    copy(texts, at, at + d.answer)
}

/** Send a final response, until it is acknowledged (RFC 3261, 13.3.1.4; 17.2.1). */
async function finishAnswer(d: Dialog): Promise<void> {
    d.phase = Phase.Up
    d.pending = out.slice(0, finish())
    if ((d.flags & NEEDS_ACK) !== 0) {
        d.phase = Phase.Answered
        await repeat(d, SIP_T2)
    } else sendTo(d, d.pending)
    d.pending = undefined
    // responses go where the request came from, requests where the other side says
    d.remote = 0
    if (d.phase === Phase.Answered) fail("ETIMEDOUT", "the other side does not acknowledge our answer")
}

/** How long a call that is up may wait: see `Line`. */
function due(c: Call): number {
    const d: Dialog = c.dialog
    const isSilent = (c.held & HELD) !== 0
    if (isSilent !== (c.held & SILENT) > 0) c.silence(isSilent)
    if (d.phase === Phase.Offered) return 0
    if ((c.held & HELD_HERE) !== toldOf(c)) return 0
    if ((c.held & MOVED) !== 0) return 0
    if (d.referTo !== "") if (d.referTo !== ASKED) return 0
    d.waiter = ds.Fiber.self()
    return Math.min(d.renewAt - ds.millis(), LONGEST)
}

/** @throws SocketError if the call is over */
async function work(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    d.waiter = undefined
    if (d.phase === Phase.Offered)
        try {
            return await answerOffer(c)
        } catch (e) {
            if (d.phase !== Phase.Offered) throw e
            // what cannot be accepted changes nothing (RFC 3261, 14.2)
            startFrom(d, 488)
            return await finishAnswer(d)
        }
    if (d.referTo !== "") if (d.referTo !== ASKED) return await refer(c)
    await offerAgain(c)
}

/** Whether the other side has been told that the user holds the call: as `HELD_HERE`. */
function toldOf(c: Call): number {
    return (c.held >> TOLD) & HELD_HERE
}

/** Hold, resume, refresh, or tell where the voice is now. */
async function offerAgain(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    const wanted = c.held & HELD_HERE
    if (d.renewAt <= ds.millis()) if ((d.flags & REFRESHER) === 0) fail("ETIMEDOUT", "the other side has not refreshed the session")
    d.renewAt = Infinity
    await locate(d, 0)
    try {
        await offer(c)
        c.held = (c.held & ~(HELD_HERE << TOLD)) | (wanted << TOLD)
    } catch (e) {
        if (d.phase === Phase.Idle) throw e
        // the two sides wait for times that are never equal
        if (d.status === REQUEST_PENDING) await wait(d, (ds.millis() % GLARE) + ((c.held & INCOMING) !== 0 ? 0 : GLARE))
        // it stays as it was
        else c.held = (c.held & ~HELD_HERE) | toldOf(c)
    }
    become(c, c.state)
}

/** Hold a call, or go on. @throws SocketError if the other side refuses, or has hung up */
export async function hold(c: Call, isOn: boolean): Promise<void> {
    const d: Dialog = c.dialog
    let wanted = 0
    if (isOn) wanted = HELD_HERE
    c.held = (c.held & ~HELD_HERE) | wanted
    wake(d)
    while (toldOf(c) !== wanted) {
        await changed.wait()
        if (c.state !== CallState.Up) fail("ECANCELED", "the call has ended")
        // the other side has refused
        if ((c.held & HELD_HERE) !== wanted) fail("ECONNREFUSED", "the other side does not agree")
    }
}

/** Send the other side to somebody else (RFC 3515, 2.4.4). */
async function refer(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    await locate(d, 0)
    const code = await exchange(d, Method.Refer, writeRefer)
    d.referTo = ASKED
    if (code >= 300) endRefer(c)
}

function writeRefer(d: Dialog): void {
    writeContact(d)
    write("Refer-To: <" + d.referTo + ">\r\n")
}

function endRefer(c: Call): void {
    c.dialog.referTo = ""
    become(c, c.state)
}

/** Send the other side to somebody else, and wait until it is there: the call ends then. @throws SocketError if it does not come about */
export async function transfer(c: Call, uri: string): Promise<void> {
    const d: Dialog = c.dialog
    d.referTo = uri
    wake(d)
    while (d.referTo !== "") await changed.wait()
    if (c.reason !== TRANSFERRED) fail("ECONNREFUSED", "the other side does not call it")
}

/** End what there is of a dialog. */
async function tearDown(c: Call): Promise<void> {
    const d: Dialog = c.dialog
    d.waiter = undefined
    try {
        if (d.phase === Phase.Offered)
            if (c.started === 0) {
                startFrom(d, d.status)
                await finishAnswer(d)
                d.phase = Phase.Idle
            }
        if (d.phase !== Phase.Idle) {
            d.remote = 0
            await locate(d, 0)
            await exchange(d, Method.Bye, nothing)
        }
    } catch (e) {
        if (!(e instanceof SocketError)) throw e
    }
    d.phase = Phase.Idle
    d.referTo = ""
    d.prepared = 0
    forget(d, 0)
}

function nothing(): void {}

function hangUp(c: Call): void {
    const d: Dialog = c.dialog
    setFlag(d, CANCELLED, true)
    if (d.status === 480) d.status = 603
    wake(d)
}

/** Read what the message that was parsed says of the session's time (RFC 4028, 7.2 and 9). */
function readTimer(d: Dialog): void {
    const value = lineOf(Header.SessionExpires, 0)
    d.seconds = 0
    d.renewAt = Infinity
    if (value === 0) return
    const seconds = decimalOf(value, 0x7fffffff)
    if (seconds < MIN_SE) return
    d.seconds = seconds
    // if nobody has said anything, we do
    const refresher = paramOf(value, "refresher")
    let ours = "uas"
    if (status > 0) ours = "uac"
    const isOurs = refresher === 0 ? true : isText(refresher, ours)
    setFlag(d, REFRESHER, isOurs)
    d.renewAt = ds.millis() + 1000 * (isOurs ? seconds / 2 : seconds - MARGIN)
}

function writeTimer(d: Dialog): void {
    write("Session-Expires: " + d.seconds)
    // who answers decides who refreshes it, and has the other side do it (RFC 4028, 9)
    if (d.phase === Phase.Offered) write((d.flags & REFRESHER) !== 0 ? ";refresher=uas" : ";refresher=uac\r\nRequire: timer")
    write("\r\n")
}

/** A request about calls: see `Serve`. */
function serve(d: Dialog): number {
    if (!d) {
        if (method === Method.Ack) return 0
        if (method !== Method.Invite) return 481
        return invited()
    }
    const c: Call = d.owner
    if (method === Method.Ack) {
        if (d.phase === Phase.Answered)
            if (cseq === d.peerCseq) {
                if (bodyEnd > body) keepText(d, d.prepared + d.answer, packet, body, bodyEnd)
                d.phase = Phase.Up
                d.pending = undefined
                wake(d)
            }
        return 0
    }
    if (method === Method.Notify) {
        if (d.referTo === "") return 481
        // it brings the response to the other side's call: SIP/2.0 200 OK (RFC 3515, 2.4.5)
        const kind = packet[body + STATUS] - ZERO
        if (kind === 2) c.end(TRANSFERRED)
        if (kind > 1) endRefer(c)
        return 200
    }
    if (method === Method.Bye) {
        d.phase = Phase.Idle
        if (c.isLive()) c.end("the other side has hung up")
        return 200
    }
    if (method === Method.Cancel) {
        if (cseq !== d.peerCseq) return 481
        // what is answered is not cancelled any more (RFC 3261, 9.2)
        if (d.phase === Phase.Offered)
            if (c.started === 0) {
                d.status = 487
                c.end("the other side has given up")
            }
        return 200
    }
    if (cseq <= d.peerCseq) {
        if (cseq < d.peerCseq) return 500
        if (d.phase < Phase.Up) if (isMerged(d)) return 482
        // again: so is the answer
        wake(d)
        return 0
    }
    if (d.phase !== Phase.Up) return REQUEST_PENDING
    if (!isSdp()) return 415
    readTimer(d)
    refreshTarget(d)
    if (!keepOffer(d)) return 500
    wake(d)
    return 0
}

/** Whether the request that was parsed is the one that waits for our answer, and has come another way (RFC 3261, 8.2.2.2): the first line kept of that is Via. */
function isMerged(d: Dialog): boolean {
    const at = d.offset + d.prepared
    const via = textAt(texts, at, texts.indexOf(LF, at))
    return via.indexOf(textOf(paramOf(valueOf(Header.Via, 0), "branch"))) < 0
}

/** Whether the body, if there is any, is a session description. */
function isSdp(): boolean {
    if (body === bodyEnd) return true
    return textOf(lineOf(Header.ContentType, 0)).toLowerCase().startsWith("application/sdp")
}

/** Somebody calls. */
function invited(): number {
    if (account.isQuiet) return 603
    if (!isSdp()) return 415
    const c = free()
    if (!c) return 486
    const d = openFor(c)
    d.callId = hashOf(lineOf(Header.CallId, 0))
    if (!adoptHead(d, false)) {
        d.callId = 0
        return 400
    }
    readTimer(d)
    if (!keepOffer(d)) return 486
    sendOut(d)
    place(NOWHERE, Codec.PCMU, account.play, Infinity, undefined)
    c.held = c.held | INCOMING
    c.peer = shown(uriOf(lineOf(Header.From, 0)))
    return 0
}

/** Keep what is needed to answer the request that was parsed; `out` has that we try to. @returns whether there is room for it */
function keepOffer(d: Dialog): boolean {
    startAnswer(100, d.tag)
    d.answer = size - TRYING
    if (!keepText(d, d.prepared, out, TRYING, size)) return false
    if (!keepText(d, d.length, packet, body, bodyEnd)) return false
    setFlag(d, NEEDS_ACK, method === Method.Invite)
    d.peerCseq = cseq
    d.phase = Phase.Offered
    answerTo(d)
    return true
}

/** Where the body of the other side's offer is. */
function offerAt(d: Dialog): number {
    return d.offset + d.prepared + d.answer
}

/** Forget all but the first octets of a dialog's texts. */
function forget(d: Dialog, kept: number): void {
    keepText(d, kept, out, 0, 0)
}
