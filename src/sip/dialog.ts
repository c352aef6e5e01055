/**
 * A dialog: what two user agents know of each other while they have to do with one another. Each call has one, and the registration has
 * what is like one. All requests within it begin with the same lines, which are written once.
 * Read first: RFC 3261, 12 (dialogs), 8.1.1 (what a request has), 16.12.1.1 and 12.2.1.1 (strict and loose routers).
 */
import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { SIP_PORT } from "../base/config"
import { fail } from "../base/errors"
import { printable } from "../base/text"
import { sipServer } from "../dhcp/configuration"
import { interfaces } from "../link/interface"
import { endpointText, formatAddress } from "../wire/address"
import { account } from "./account"
import { Header } from "./header"
import { lineOf, valueOf } from "./message"
import { SP, Span, packet, paramOf, readUri, uriOf, uriParamOf, readFrom } from "./span"
import { Owner, keepText, owners, texts } from "./texts"
import { copy, copySpan, out, size, start, write } from "./writer"

/** How far a dialog has come. */
export enum Phase {
    /** Nothing has been sent or received yet; or it is over. */
    Idle,
    /** Our INVITE has no final response yet. */
    Inviting,
    /** The other side's INVITE, or a later offer of its, waits for our final response, */
    Offered,
    /** and that for its ACK. */
    Answered,
    Up,
}

/** The URI of its requests is of the next router, which wants it so (RFC 3261, 12.2.1.1). */
export const STRICT = 1
/** The INVITE that we have sent is to be cancelled. */
export const CANCELLED = 2
/** The success of the other side's offer is to be acknowledged. */
export const NEEDS_ACK = 4
/** It is us who refresh the session. */
export const REFRESHER = 8

/** It has 22 fields, as many as a table of fields has room for: one more makes each table a quarter larger. */
export class Dialog implements Owner {
    phase: Phase
    /**
     * Our tag, a number that nobody can guess, and what `hashOf` makes of the Call-ID and of the other side's tag, 0 while it has said none: texts
     * would lie in the middle of the heap for as long as the call.
     */
    tag: number
    callId: number
    peerTag: number
    /** Of the last response to our request: below 200, its final one is still awaited. While we have not answered: that with which we refuse. */
    status: number
    /** Of our last request. */
    cseq: number
    /** That of the other side's last offer. */
    peerCseq: number
    /** What is sent again until it is answered. */
    pending: Buffer
    /** Its texts: see `texts.ts`. */
    offset: number
    length: number
    /** The first of them is what each request begins with behind the method: the URI, Route, From, To, Call-ID; and where in it From begins. */
    prepared: number
    parties: number
    /** Where messages go; 0 until that is known. */
    remote: number
    remotePort: number
    /** From which of our addresses they come. */
    local: number
    /** The second is of the other side's INVITE or UPDATE: the lines that all responses to it have. Its body follows. Lengths, as `prepared`. */
    answer: number
    /** What is true of it: `STRICT` and its like. */
    flags: number
    /** Seconds of a session without a refresh (RFC 4028), 0 for ever; `ds.millis()` when that is due, or it is over. */
    seconds: number
    renewAt: number
    /** To whom the other side is to be sent (RFC 3515), `ASKED` once it has been asked; "" if it is not. */
    referTo: string
    /** The call that it belongs to. */
    owner: any
    waiter: ds.Fiber

    constructor() {
        this.offset = 0
        this.length = 0
    }
}

export function setFlag(d: Dialog, flag: number, isOn: boolean): void {
    d.flags = isOn ? d.flags | flag : d.flags & ~flag
}

/** Wait for `wake`. @param timeout milliseconds */
export async function wait(d: Dialog, timeout: number): Promise<void> {
    d.waiter = ds.Fiber.self()
    await ds.suspend<any>(timeout)
    d.waiter = undefined
}

export function wake(d: Dialog): void {
    if (d.waiter?.suspended) d.waiter.resume(true)
}

/** Make it a new one. */
export function openDialog(d: Dialog): void {
    d.phase = Phase.Idle
    d.tag = randomTag()
    d.callId = 0
    d.peerTag = 0
    d.status = 480
    d.cseq = 0
    d.peerCseq = -1
    d.pending = undefined
    d.prepared = 0
    d.answer = 0
    d.remote = 0
    d.flags = 0
    d.seconds = 0
    d.renewAt = Infinity
    d.referTo = ""
}

/** Where the other side finds us: at the common address; under no name at that of the call, lest it be seen that two calls are of one phone. */
export function addressOf(d: Dialog): number {
    if (account.isHidden) if (d.owner) return d.owner.localAddress
    return interfaces[0].address
}

/** That of the registration first, if there is one, then those of the calls. */
export const dialogs = owners as Dialog[]

/** Make a dialog that hears what belongs to it, but for `completeDialog`. */
export function makeDialog(): Dialog {
    const d = new Dialog()
    openDialog(d)
    dialogs.push(d)
    return d
}

/**
 * Give it the fields that it does not have yet: its table of fields grows to its last size. For several dialogs, one after the other, once all
 * are made: so their tables lie side by side, where each by itself would cut the heap to pieces.
 */
export function completeDialog(d: Dialog, owner: any): void {
    d.parties = 0
    d.remotePort = 0
    d.local = 0
    d.owner = owner
    d.waiter = undefined
}

/** Octets of a stranger's text that people are shown. */
const SHOWN = 100

export const TAG_MAX = 0x7fffffff

export function randomTag(): number {
    return randomBuffer(4).getAt(0, "u32") >>> 1
}

/** Random octets as text. */
export function randomText(octets: number): string {
    return randomBuffer(octets).toString("hex")
}

/** Our own URI in calls (RFC 3323, 4.1.1.3, for the one that says nothing). */
export function ownUri(): string {
    if (account.isHidden) return "sip:anonymous@anonymous.invalid"
    return account.uri || "sip:" + account.user + "@" + formatAddress(interfaces[0].address)
}

/** Keep what has been written as what all requests begin with; the other texts go. @returns whether there is room for it */
function keepHead(d: Dialog): boolean {
    if (!keepText(d, 0, out, 0, size)) return false
    d.prepared = size
    d.remote = 0
    return true
}

/** The head of requests to a URI, outside of any dialog. */
export function writeHead(d: Dialog, uri: string, from: string, to: string): void {
    start(" " + uri + " SIP/2.0\r\n")
    let proxy = account.proxy
    if (proxy === "dhcp") {
        proxy = sipServer()
        if (proxy) proxy = "sip:" + proxy
    }
    if (proxy) write("Route: <" + proxy + ";lr>\r\n")
    d.parties = size
    write("From: <" + from + ">;tag=" + d.tag + "\r\nTo: <" + to + ">\r\nCall-ID: ")
    const at = size
    write(randomText(8))
    readFrom(out)
    d.callId = hashOf((at << 16) | size)
    write("\r\n")
    if (!keepHead(d)) fail("ENOBUFS", "too many calls ring; hang one up")
}

/**
 * The head of requests within the dialog that begins with the message that was parsed: the answer to our INVITE, or the INVITE of the other
 * side (RFC 3261, 12.1).
 * @returns whether the message says where its sender is, and there is room for that
 */
export function adoptHead(d: Dialog, isOurs: boolean): boolean {
    const contact = uriOf(valueOf(Header.Contact, 0))
    if (contact === 0) return false
    let last = -1
    while (valueOf(Header.RecordRoute, last + 1) !== 0) last++
    // who has sent the request has its first router last
    const first = isOurs ? last : 0
    let target = contact
    let i = 0
    if (last >= 0) {
        const router = uriOf(valueOf(Header.RecordRoute, first))
        if (router !== 0)
            if (readUri(router))
                if (uriParamOf("lr") === 0) {
                    target = router
                    i = 1
                }
    }
    const isStrict = i > 0
    setFlag(d, STRICT, isStrict)
    start(" ")
    copySpan(target)
    write(" SIP/2.0\r\n")
    for (; i <= last; i++) {
        write("Route: ")
        copySpan(valueOf(Header.RecordRoute, Math.abs(first - i)))
        write("\r\n")
    }
    if (isStrict) {
        write("Route: <")
        copySpan(contact)
        write(">\r\n")
    }
    d.parties = size
    const theirs = lineOf(isOurs ? Header.To : Header.From, 0)
    write("From: ")
    copySpan(lineOf(isOurs ? Header.From : Header.To, 0))
    if (!isOurs) write(";tag=" + d.tag)
    write("\r\nTo: ")
    copySpan(theirs)
    write("\r\nCall-ID: ")
    copySpan(lineOf(Header.CallId, 0))
    write("\r\n")
    d.peerTag = hashOf(paramOf(theirs, "tag"))
    return keepHead(d)
}

/** The other side says where it is now (RFC 3261, 12.2.2), in the message that was parsed. The routes stay. */
export function refreshTarget(d: Dialog): void {
    const contact = uriOf(valueOf(Header.Contact, 0))
    if (contact === 0) return
    // a strict router has it at the end of the routes: there it stays
    if ((d.flags & STRICT) !== 0) return
    const at = d.offset
    const end = texts.indexOf(SP, at + 1, at + d.prepared)
    start(" ")
    copySpan(contact)
    const parties = d.parties + at + size - end
    copy(texts, end, at + d.prepared)
    if (keepHead(d)) d.parties = parties
}

/** A number for a text that stands in a message, so that it is known again; 0 for none. */
export function hashOf(span: Span): number {
    const b = packet
    const end = span & 0xffff
    let hash = 0
    for (let i = span >> 16; i < end; i++) hash = ((hash << 5) - hash + b[i]) | 0
    return hash
}

/** A piece of the message for people: it comes from a stranger, and goes to a terminal, in one packet of the console. */
export function shown(span: Span): string {
    return printable(packet, span >> 16, Math.min((span & 0xffff) - (span >> 16), SHOWN))
}

/** What every message of ours has. */
export function writeCommon(): void {
    write("User-Agent: Tuplephone\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\nSupported: timer\r\n")
}

/** Write where we are found, at an address of ours, as far as the parameters of that. */
export function startContact(address: number): void {
    let { user } = account
    if (account.isHidden) user = "anonymous"
    write("Contact: <sip:" + user + "@" + endpointText(address, SIP_PORT) + ">")
}

export function writeContact(d: Dialog): void {
    startContact(addressOf(d))
    write("\r\n")
}

/**
 * Begin a request. Its branch is made of what is known of it, so that what belongs to one transaction has the same (RFC 3261, 9.1, 17.1.1.3).
 * @param suffix behind the branch
 */
export function startRequest(d: Dialog, method: string, cseq: number, suffix: string): void {
    start(method)
    copy(texts, d.offset, d.offset + d.prepared)
    write("Via: SIP/2.0/UDP " + endpointText(d.local, SIP_PORT) + ";rport;branch=z9hG4bK" + d.tag + cseq + suffix)
    write("\r\nMax-Forwards: 70\r\nCSeq: " + cseq + " " + method + "\r\n")
    writeCommon()
}
