/**
 * The other side of SIP for the end-to-end tests: a host of the embedded LAN that sends what a test writes, octet by octet, and so can be
 * as wrong as no real phone is. The real ones are in test/interop.
 */
import { createHash, randomBytes } from "node:crypto"
import { LAN } from "../../sim/lan/lan.js"
import { until, type Rig, type Seen } from "./rig.js"

export const SIP_PORT = 5060
/** Where it says that it hears voice: nobody is there, and its host says so. */
export const RTP_PORT = 4000

/** A message of the phone. */
export class SipMessage {
    /** The first line. */
    readonly start: string
    readonly body: string
    private readonly lines: string[]

    constructor(readonly text: string) {
        const end = text.indexOf("\r\n\r\n")
        const [start, ...lines] = text.slice(0, end).split("\r\n")
        this.start = start!
        this.lines = lines
        this.body = text.slice(end + 4)
    }

    get method(): string {
        return this.start.split(" ")[0]!
    }

    /** Of a response; 0 for a request. */
    get status(): number {
        return this.method === "SIP/2.0" ? Number(this.start.split(" ")[1]) : 0
    }

    /** The values of a header, a line each. */
    all(name: string): string[] {
        const start = `${name.toLowerCase()}:`
        return this.lines.filter(line => line.toLowerCase().startsWith(start)).map(line => line.slice(start.length).trim())
    }

    header(name: string): string {
        return this.all(name)[0] ?? ""
    }

    /** The tag of From or To. */
    tag(name: "From" | "To"): string | undefined {
        return /;tag=([^;]+)/.exec(this.header(name))?.[1]
    }

    get cseq(): number {
        return parseInt(this.header("CSeq"), 10)
    }

    get branch(): string | undefined {
        return /;branch=([^;]+)/.exec(this.header("Via"))?.[1]
    }
}

export const sdp = (more = "", address: string = LAN.echo1.address, types = "0 8 101") =>
    [
        ...["v=0", `o=peer 1 1 IN IP4 ${address}`, "s=-", `c=IN IP4 ${address}`, "t=0 0"],
        ...[`m=audio ${RTP_PORT} RTP/AVP ${types}`, "a=rtpmap:101 telephone-event/8000"],
        ...more.split("\n").filter(line => line),
    ]
        .map(line => `${line}\r\n`)
        .join("")

export class SipPeer {
    /** What the phone has sent to it, and nobody has waited for yet. */
    readonly seen: SipMessage[] = []
    readonly uri: string
    /** Where it sends to: the phone's common address, until a test says otherwise. */
    to = ""
    private readonly watch: { seen: Seen[]; stop(): void }
    private read = 0

    /** @param address of a host of the LAN that answers ARP */
    constructor(
        private readonly rig: Rig,
        readonly address: string = LAN.echo1.address
    ) {
        this.uri = `sip:peer@${address}`
        this.watch = rig.watch(d => d.ip.destination === address && d.destinationPort === SIP_PORT)
    }

    stop(): void {
        this.watch.stop()
    }

    /** Sends a message as it is. */
    send(text: string, sourcePort = SIP_PORT): void {
        const { rig, address } = this
        rig.lan.inject(rig.datagram(this.to || rig.address, SIP_PORT, Buffer.from(text, "latin1"), { source: address, sourcePort }))
    }

    /** The next message of the phone that matches; what came before it is forgotten. */
    async next(what: string, match: (m: SipMessage) => boolean, timeout?: number): Promise<SipMessage> {
        return await until(
            what,
            () => {
                const { seen } = this.watch
                while (this.read < seen.length) {
                    const m = new SipMessage(seen[this.read++]!.payload.toString("latin1"))
                    if (match(m)) return m
                }
                return undefined
            },
            timeout
        )
    }

    async request(method: string, timeout?: number): Promise<SipMessage> {
        return await this.next(method, m => m.method === method, timeout)
    }

    async response(status: number, timeout?: number): Promise<SipMessage> {
        return await this.next(`${status}`, m => m.status === status, timeout)
    }

    /** All that the phone has sent so far. */
    get all(): SipMessage[] {
        return this.watch.seen.map(d => new SipMessage(d.payload.toString("latin1")))
    }

    /** The last ones of these. */
    last(n: number): SipMessage[] {
        return this.watch.seen.slice(-n).map(d => new SipMessage(d.payload.toString("latin1")))
    }

    /** The addresses from which the phone has sent these. */
    get sources(): string[] {
        return this.watch.seen.map(d => d.ip.source)
    }

    /** A request out of any dialog, with what may be replaced in it. */
    invite(
        o: Partial<{
            method: string
            callId: string
            tag: string
            branch: string
            cseq: number
            to: string
            headers: string
            body: string
            type: string
        }> = {}
    ): string {
        const {
            method = "INVITE",
            callId = newId(),
            tag = newId(),
            branch = newId(),
            cseq = 1,
            to = "",
            headers = "",
            body = sdp(),
            type = "application/sdp",
        } = o
        const phone = this.to || this.rig.address
        const lines = [
            `${method} sip:phone@${phone} SIP/2.0`,
            `Via: SIP/2.0/UDP ${this.address}:${SIP_PORT};branch=z9hG4bK${branch}`,
            "Max-Forwards: 70",
            `From: "Peer" <${this.uri}>;tag=${tag}`,
            `To: <sip:phone@${phone}>${to}`,
            `Call-ID: ${callId}`,
            `CSeq: ${cseq} ${method}`,
            `Contact: <${this.uri}:${SIP_PORT}>`,
            ...headers.split("\n").filter(line => line),
            ...(body ? [`Content-Type: ${type}`] : []),
            `Content-Length: ${Buffer.byteLength(body)}`,
        ]
        return `${lines.join("\r\n")}\r\n\r\n${body}`
    }

    /** Answers a request of the phone. @param tag of To */
    respond(request: SipMessage, reason: string, tag = "peer", headers = "", body = ""): void {
        this.send(this.answerTo(request, reason, tag, headers, body))
    }

    /** The response that `respond` sends. */
    answerTo(request: SipMessage, reason: string, tag: string, headers: string, body: string): string {
        const to = request.header("To")
        const lines = [
            `SIP/2.0 ${reason}`,
            ...request.all("Via").map(via => `Via: ${via}`),
            `From: ${request.header("From")}`,
            `To: ${to}${to.includes(";tag=") || !tag ? "" : `;tag=${tag}`}`,
            `Call-ID: ${request.header("Call-ID")}`,
            `CSeq: ${request.header("CSeq")}`,
            `Contact: <${this.uri}:${SIP_PORT}>`,
            ...headers.split("\n").filter(line => line),
            ...(body ? ["Content-Type: application/sdp"] : []),
            `Content-Length: ${Buffer.byteLength(body)}`,
        ]
        return `${lines.join("\r\n")}\r\n\r\n${body}`
    }

    /** Has the phone call it, and answers. @param tag of To @returns what came of it; `done` when the phone says that the call is up */
    async called(answer = sdp(), headers = "", tag = "peer"): Promise<{ invite: SipMessage; ack: SipMessage; done: Promise<string> }> {
        const done = this.rig.run(`call ${this.uri} --play speech`)
        const invite = await this.request("INVITE")
        this.respond(invite, "180 Ringing", tag, headers)
        this.respond(invite, "200 OK", tag, headers, answer)
        const ack = await this.request("ACK")
        return { invite, ack, done }
    }

    /** A request within the dialog that a response of the phone to `invite` is of. */
    within(method: string, answer: SipMessage, cseq: number, body = "", headers = "", branch = newId()): string {
        return this.invite({
            method,
            callId: answer.header("Call-ID"),
            tag: answer.tag("From")!,
            to: `;tag=${answer.tag("To")}`,
            branch,
            cseq,
            body,
            headers,
        })
    }
}

export function newId(): string {
    return randomBytes(6).toString("hex")
}

/** The response that a challenge of HTTP Digest asks for: RFC 7616, 3.4.1. */
export function digestResponse(
    algorithm: "md5" | "sha256",
    user: string,
    realm: string,
    password: string,
    method: string,
    uri: string,
    rest: string
): string {
    const hash = (text: string) => createHash(algorithm).update(text).digest("hex")
    return hash(`${hash(`${user}:${realm}:${password}`)}:${rest}:${hash(`${method}:${uri}`)}`)
}
