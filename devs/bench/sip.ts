import { credentials, readChallenge } from "../../src/sip/digest"
import { Header } from "../../src/sip/header"
import { Method, SOUND, body, bodyEnd, lineOf, method, parse, valueOf } from "../../src/sip/message"
import { Local, readSdp, writeAnswer, writeOffer } from "../../src/sip/sdp"
import { paramOf } from "../../src/sip/span"
import { finish, out, start, startBody, startResponse, write } from "../../src/sip/writer"
import { addressOf } from "../../src/wire/address"
import { keepCalm, openQuietly, say, time } from "./measure"

/** What SIP's messages cost, read and written: for `bench/vm/costs.ts`. Nothing arrives here. */
const BLOCKS = 6
await openQuietly()
keepCalm(true)

/** An INVITE of 1,000 octets, much like baresip's, through a proxy. */
const INVITE =
    "INVITE sip:bob@10.77.0.50:5060;transport=udp SIP/2.0\r\n" +
    "Record-Route: <sip:10.77.0.1;lr;ftag=f3a9c8e1d2b4>\r\n" +
    "Via: SIP/2.0/UDP 10.77.0.1:5060;branch=z9hG4bKd41e.8f3a2c51000000000000000000000000.0\r\n" +
    "Via: SIP/2.0/UDP 10.77.0.2:5060;received=10.77.0.2;branch=z9hG4bK2f6c8e1d9a7b4c35;rport=5060\r\n" +
    "Contact: <sip:alice-0x55d0c4a8f2b0@10.77.0.2:5060>\r\n" +
    "Max-Forwards: 69\r\n" +
    "To: <sip:bob@example.com>\r\n" +
    'From: "Alice" <sip:alice@example.com>;tag=f3a9c8e1d2b4\r\n' +
    "Call-ID: 4d8f2a6c1e9b7053\r\n" +
    "CSeq: 26321 INVITE\r\n" +
    "User-Agent: baresip v1.1.0 (x86_64/Linux)\r\n" +
    "Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,SUBSCRIBE,INFO,MESSAGE,UPDATE,REFER\r\n" +
    "Supported: gruu,replaces,norefersub\r\n" +
    "Content-Type: application/sdp\r\n" +
    "Content-Length: 199\r\n\r\n"
const OFFER =
    "v=0\r\no=- 1733920517 3471294521 IN IP4 10.77.0.2\r\ns=-\r\nc=IN IP4 10.77.0.2\r\nt=0 0\r\na=tool:baresip 1.1.0\r\n" +
    "m=audio 19864 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n" +
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:19865\r\na=sendrecv\r\na=ptime:20\r\n"

const invite = Buffer.concat(Buffer.alloc(42), Buffer.from(INVITE), Buffer.from(OFFER))
const length = invite.length - 42

/** A challenge with MD5, and one with SHA-256. */
const challenged = (algorithm: string) =>
    Buffer.from(
        "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 10.77.0.50;branch=z9hG4bK1\r\nFrom: <sip:bob@example.com>;tag=1\r\n" +
            "To: <sip:bob@example.com>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n" +
            `WWW-Authenticate: Digest realm="example.com", nonce="ZyKj8GcioMRl3n2OKCzYdyVCfUWnqX0u", qop="auth", algorithm=${algorithm}\r\n\r\n`
    )
const md5 = challenged("MD5")
const sha256 = challenged("SHA-256")

const local: Local = { address: addressOf(10, 77, 0, 51), port: 5004, id: 1733920517, version: 1, direction: 3 }

function writeInvite(): number {
    start("INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.50:5060;branch=")
    write("z9hG4bK2f6c8e1d9a7b4c35")
    write(";rport\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=")
    write("f3a9c8e1d2b4")
    write("\r\nTo: <sip:bob@example.com>\r\nCall-ID: ")
    write("4d8f2a6c1e9b7053")
    write("\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@10.77.0.50>\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\n")
    write("Supported: timer\r\nContent-Type: application/sdp\r\n")
    startBody()
    writeOffer(local, 0)
    return finish()
}

function writeRinging(): number {
    startResponse("180 Ringing", "a6c85cf", local.address, 5060)
    write("Contact: <sip:bob@10.77.0.50>\r\n")
    return finish()
}

function answer(): void {
    startBody()
    writeAnswer(local, readSdp(invite, body, bodyEnd), invite, body, bodyEnd)
}

async function cost(name: string, work: () => any): Promise<void> {
    await time(name, 1, BLOCKS, n => {
        for (let i = 0; i < n; i++) work()
    })
}

await cost("nothing", () => {})
await cost("parse", () => parse(invite, 42, length, false))
if (parse(invite, 42, length, false) !== SOUND) throw new Error("it is sound")
if (method !== Method.Invite) throw new Error("it is an INVITE")
await cost("branch", () => paramOf(valueOf(Header.Via, 0), "branch"))
await cost("tag", () => paramOf(lineOf(Header.From, 0), "tag"))
await cost("readSdp", () => readSdp(invite, body, bodyEnd))
await cost("writeRinging", writeRinging)
await cost("answer", answer)
await cost("writeInvite", writeInvite)
if (parse(out, 0, writeInvite(), true) !== SOUND) throw new Error("what we write is sound")
for (const response of [md5, sha256]) {
    parse(response, 0, response.length, false)
    await cost(response === md5 ? "md5" : "sha256", () =>
        credentials(readChallenge(Header.WwwAuthenticate), "bob", "secret", "REGISTER", "sip:example.com", 1, "0a4f113b")
    )
}
say("end")
