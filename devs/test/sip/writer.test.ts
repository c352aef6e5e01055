import { beforeEach, describe, expect, test } from "@devicescript/test"
import { SIP_MESSAGE } from "../../../src/base/config"
import { Header } from "../../../src/sip/header"
import { SOUND, Method, body, bodyEnd, cseq, lineOf, method, parse, status, valueOf } from "../../../src/sip/message"
import { textOf } from "../../../src/sip/span"
import { copyHeader, finish, out, start, startBody, startResponse, write } from "../../../src/sip/writer"
import { addressOf } from "../../../src/wire/address"
import { breathe, expectBytes, run } from "../support/support"
import { AT, messageOf, read } from "../support/sip"

const SOURCE = addressOf(10, 77, 0, 9)

/** What was written is this. */
function expectWritten(text: string): void {
    const wanted = messageOf(text)
    expectBytes(out.slice(0, finish()), wanted.slice(AT))
}

function request(via: string, to: string): void {
    const text = `INVITE sip:bob@10.77.0.50 SIP/2.0
${via}
Record-Route: <sip:p2.example.com;lr>,
 <sip:p1.example.com;lr>
From: "Alice" <sip:alice@example.com>;tag=88sja8x
To: ${to}
Record-Route: <sip:p0.example.com;lr>
Call-ID: 987asjd97y7atg
CSeq: 986759 INVITE

`
    expect(read(text)).toBe(SOUND)
}

describe("responses (RFC 3261, 8.2.6)", () => {
    beforeEach(breathe)

    test("copy every Via, From, To with a tag, Call-ID, CSeq and every Record-Route, in order", () => {
        request(
            "Via: SIP/2.0/UDP p2.example.com:5080;branch=z9hG4bKabc;rport ;x, SIP/2.0/TCP p1.example.com\nv: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1",
            "Bob <sip:bob@example.com>"
        )
        startResponse("180 Ringing", "a6c85cf", SOURCE, 5061)
        expectWritten(`SIP/2.0 180 Ringing
Via: SIP/2.0/UDP p2.example.com:5080;branch=z9hG4bKabc;rport =5061;x;received=10.77.0.9, SIP/2.0/TCP p1.example.com
v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1
From: "Alice" <sip:alice@example.com>;tag=88sja8x
To: Bob <sip:bob@example.com>;tag=a6c85cf
Call-ID: 987asjd97y7atg
CSeq: 986759 INVITE
Record-Route: <sip:p2.example.com;lr>,   <sip:p1.example.com;lr>
Record-Route: <sip:p0.example.com;lr>
Content-Length:     0

`)
    })

    test("tell where the request came from, and the port if it asked (RFC 3261, 18.2.1; RFC 3581, 4)", () => {
        const via = (value: string) => {
            request(`Via: SIP/2.0/UDP ${value}`, "<sip:bob@example.com>")
            startResponse("200 OK", "", SOURCE, 1024)
            parse(out, 0, finish(), false)
            return textOf(lineOf(Header.Via, 0))
        }
        expect(via("10.77.0.9;branch=z9hG4bK1")).toBe("SIP/2.0/UDP 10.77.0.9;branch=z9hG4bK1;received=10.77.0.9")
        expect(via("10.77.0.9:5062;branch=z9hG4bK1")).toBe("SIP/2.0/UDP 10.77.0.9:5062;branch=z9hG4bK1;received=10.77.0.9")
        expect(via("10.77.0.8;branch=z9hG4bK1")).toBe("SIP/2.0/UDP 10.77.0.8;branch=z9hG4bK1;received=10.77.0.9")
        expect(via("alice.example.com")).toBe("SIP/2.0/UDP alice.example.com;received=10.77.0.9")
        expect(via("10.77.0.9;rport;branch=z9hG4bK1")).toBe("SIP/2.0/UDP 10.77.0.9;rport=1024;branch=z9hG4bK1;received=10.77.0.9")
        expect(via("10.77.0.9;branch=z9hG4bK1;rport")).toBe("SIP/2.0/UDP 10.77.0.9;branch=z9hG4bK1;rport=1024;received=10.77.0.9")
    })

    test("can be made of an earlier response: nothing is added twice", () => {
        request("Via: SIP/2.0/UDP alice.example.com;branch=z9hG4bKabc;rport", "<sip:bob@example.com>")
        startResponse("180 Ringing", "mine", SOURCE, 5061)
        const length = finish()
        const kept = Buffer.alloc(AT + length)
        kept.blitAt(AT, out, 0, length)
        expect(parse(kept, AT, length, false)).toBe(SOUND)
        expect(status).toBe(180)
        startResponse("200 OK", "other", SOURCE, 5061)
        expect(parse(out, 0, finish(), false)).toBe(SOUND)
        expect(status).toBe(200)
        expect(method).toBe(Method.Invite)
        expect(cseq).toBe(986759)
        expect(textOf(lineOf(Header.To, 0))).toBe("<sip:bob@example.com>;tag=mine")
        expect(textOf(lineOf(Header.Via, 0))).toBe("SIP/2.0/UDP alice.example.com;branch=z9hG4bKabc;rport=5061;received=10.77.0.9")
        expect(textOf(valueOf(Header.RecordRoute, 2))).toBe("<sip:p0.example.com;lr>")
    })

    test("to what was refused copy what is there", () => {
        expect(read("INVITE sip:b@x SIP/2.0\nVia: SIP/2.0/UDP 10.77.0.9;branch=z9hG4bK1\nCSeq: 1 INVITE\n\n")).toBe(400)
        startResponse("400 Bad Request", "t", SOURCE, 5060)
        expectWritten(
            "SIP/2.0 400 Bad Request\nVia: SIP/2.0/UDP 10.77.0.9;branch=z9hG4bK1;received=10.77.0.9\nCSeq: 1 INVITE\nContent-Length:     0\n\n"
        )
    })
})

describe("messages that are written", () => {
    beforeEach(breathe)

    test("have the length of their body, in octets", () => {
        start("MESSAGE sip:b@x SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@x>\r\nt: <sip:b@x>\r\ni: 1\r\nCSeq: 1 MESSAGE\r\n")
        startBody()
        write("\u00e4\u00f6")
        write("123456789")
        const length = finish()
        expect(parse(out, 0, length, true)).toBe(SOUND)
        expect(textOf(lineOf(Header.ContentLength, 0))).toBe("13")
        expect(bodyEnd).toBe(length)
        expect(out.slice(body, bodyEnd).toString()).toBe("\u00e4\u00f6123456789")
    })

    test("are whole, or an error: EMSGSIZE", () => {
        const filled = (n: number) => {
            start("")
            let left = n - 25
            while (left > 0) {
                const some = Math.min(left, 10)
                write("xxxxxxxxxx".slice(0, some))
                left -= some
            }
            try {
                return finish()
            } catch (e) {
                return (e as any).code
            }
        }
        expect(filled(100)).toBe(100)
        expect(filled(SIP_MESSAGE)).toBe(SIP_MESSAGE)
        expect(filled(SIP_MESSAGE + 1)).toBe("EMSGSIZE")
        // what would fit behind it is not written either
        expect(filled(3000)).toBe("EMSGSIZE")
        expect(filled(50)).toBe(50)
    })

    test("copy every line of a header as it is", () => {
        request("v: SIP/2.0/UDP a\nVIA:SIP/2.0/UDP b", "<sip:b@x>")
        start("")
        copyHeader(Header.Via, 0)
        copyHeader(Header.Contact, 0)
        expectWritten("v: SIP/2.0/UDP a\nVIA:SIP/2.0/UDP b\nContent-Length:     0\n\n")
    })
})

await run()
