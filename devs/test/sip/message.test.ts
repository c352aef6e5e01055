import { beforeEach, describe, expect, test } from "@devicescript/test"
import { SIP_LINES } from "../../../src/base/config"
import { Header } from "../../../src/sip/header"
import {
    DROP,
    MORE,
    Method,
    SOUND,
    body,
    bodyEnd,
    cseq,
    findLine,
    lineOf,
    method,
    nameOfMethod,
    parse,
    status,
    target,
    valueOf,
} from "../../../src/sip/message"
import {
    Span,
    decimalOf,
    host,
    hostAddress,
    paramOf,
    port,
    readFrom,
    readUri,
    readVia,
    schemeOf,
    textOf,
    trim,
    uriOf,
    uriParamOf,
    user,
} from "../../../src/sip/span"
import { addressOf } from "../../../src/wire/address"
import { breathe, copyOf, run } from "../support/support"
import { AT, messageOf, read } from "../support/sip"

const text = (span: Span) => (span === 0 ? "none" : textOf(span))

const START = "INVITE sip:bob@10.77.0.50 SIP/2.0"
const REQUIRED = [
    "Via: SIP/2.0/UDP 10.77.0.9;branch=z9hG4bK1",
    "From: <sip:alice@example.com>;tag=1",
    "To: <sip:bob@example.com>",
    "Call-ID: 987asjd97y7atg",
    "CSeq: 986759 INVITE",
]

/** The request with these headers, and what it carries. */
function request(start: string, headers: string[], rest: string): number {
    return read(`${start}\n${headers.join("\n")}\n${rest}`)
}

/** The required headers but this one. */
function without(name: string): string[] {
    return REQUIRED.filter(line => line.indexOf(`${name}:`) !== 0)
}

/** A sound request with more lines of headers. */
function readWith(lines: string): number {
    return request(START, REQUIRED, `${lines}\n\n`)
}

/** Read a span of a text, which lies where a message would. */
function spanOf(value: string): Span {
    const b = messageOf(value)
    readFrom(b)
    return (AT << 16) | b.length
}

/** The names in the order of `Header`. */
const NAMES =
    "From To Call-ID CSeq Content-Length Max-Forwards Content-Type Expires Min-Expires Session-Expires Min-SE Refer-To Event Retry-After " +
    "Referred-By Subscription-State Via Contact Route Record-Route Require Proxy-Require Supported Unsupported Allow Accept " +
    "Content-Encoding WWW-Authenticate Proxy-Authenticate"

/** The header that the only line of this name is; -1 if it is none of the known ones. */
function headerOf(name: string): number {
    read(`x y z\n${name}: 1\n\n`)
    for (let id = 0; id < Header.Total; id++) if (findLine(id, 0)) return id
    return -1
}

describe("the table of names", () => {
    beforeEach(breathe)

    test("finds each name in any case, and nothing that begins, ends or is as long otherwise", async () => {
        const names = NAMES.split(" ")
        expect(names.length).toBe(Header.Total)
        for (let id = 0; id < Header.Total; id++) {
            await breathe()
            const name = names[id]
            for (const variant of [name, name.toLowerCase(), name.toUpperCase(), `${name} \t`]) expect(headerOf(variant)).toBe(id)
            const end = name.length - 1
            for (const other of [
                name.slice(1),
                name.slice(0, end),
                `${name}s`,
                `x${name}`,
                `${name}-${name}`,
                `.${name.slice(1)}`,
                `${name.slice(0, end)}.`,
            ])
                if (other.length > 1) if (headerOf(other) >= 0) throw new Error(other)
        }
    })

    test("knows the compact forms (RFC 3261, 7.3.3; RFC 3515, 3892, 4028, 6665)", async () => {
        const forms: any = {
            b: Header.ReferredBy,
            c: Header.ContentType,
            e: Header.ContentEncoding,
            f: Header.From,
            i: Header.CallId,
            k: Header.Supported,
            l: Header.ContentLength,
            m: Header.Contact,
            o: Header.Event,
            r: Header.ReferTo,
            t: Header.To,
            v: Header.Via,
            x: Header.SessionExpires,
        }
        for (const form of "abcdefghijklmnopqrstuvwxyz0123456789.!-_".split("")) {
            await breathe()
            const wanted = forms[form]
            expect(headerOf(form)).toBe(wanted === undefined ? -1 : wanted)
            expect(headerOf(form.toUpperCase())).toBe(wanted === undefined ? -1 : wanted)
        }
    })
})

describe("a message is sound", () => {
    beforeEach(breathe)

    test("as a request", () => {
        expect(readWith("Content-Length: 5\n\nHello, and more")).toBe(SOUND)
        expect(status).toBe(0)
        expect(method).toBe(Method.Invite)
        expect(nameOfMethod(method)).toBe("INVITE")
        expect(text(target)).toBe("sip:bob@10.77.0.50")
        expect(cseq).toBe(986759)
        expect(text((body << 16) | bodyEnd)).toBe("Hello")
        expect(text(lineOf(Header.CallId, 0))).toBe("987asjd97y7atg")
        expect(lineOf(Header.Contact, 0)).toBe(0)
        expect(valueOf(Header.Contact, 0)).toBe(0)
    })

    test("as a response, whose method is that of CSeq", () => {
        expect(request("sip/2.0 404 Not Found", REQUIRED, "\n")).toBe(SOUND)
        expect(status).toBe(404)
        expect(method).toBe(Method.Invite)
        expect(text(target)).toBe("Not Found")
    })

    test("with each method", async () => {
        for (const name of "INVITE ACK BYE CANCEL OPTIONS REGISTER UPDATE REFER NOTIFY MESSAGE INFO PRACK SUBSCRIBE PUBLISH".split(" ")) {
            await breathe()
            const headers = REQUIRED.slice(0, 4)
            headers.push(`CSeq: 1 ${name}`)
            expect(request(`${name} sip:a@b SIP/2.0`, headers, "\n")).toBe(SOUND)
            expect(nameOfMethod(method)).toBe(name)
        }
        for (const name of ["invite", "INVIT", "NVITE", "X", "INVITE-ACK"]) {
            const headers = REQUIRED.slice(0, 4)
            headers.push(`CSeq: 1 ${name}`)
            expect(request(`${name} sip:a@b SIP/2.0`, headers, "\n")).toBe(SOUND)
            expect(method).toBe(Method.Unknown)
        }
    })

    test("behind empty lines, and with line feeds alone", () => {
        expect(read(`\n\n${START}\n${REQUIRED.join("\n")}\n\n`)).toBe(SOUND)
        const bare = Buffer.from(`${START}\n${REQUIRED.join("\n")}\n\nbody`)
        expect(parse(bare, 0, bare.length, false)).toBe(SOUND)
        expect(text((body << 16) | bodyEnd)).toBe("body")
    })

    test("whatever octets it has where nobody looks: no UTF-8, zeros", () => {
        const b = messageOf(`${START}\n${REQUIRED.join("\n")}\nSubject: ????\nContact: "????" <sip:a@b>\n\n????`)
        const bad: Buffer = hex`ff c3 00 80`
        for (let i = 0; i + 4 <= b.length; i++) if (b[i] === 63) if (b[i + 3] === 63) b.blitAt(i, bad, 0, 4)
        expect(parse(b, AT, b.length - AT, false)).toBe(SOUND)
        expect(text(uriOf(valueOf(Header.Contact, 0)))).toBe("sip:a@b")
        expect(b.slice(body, bodyEnd).toString("hex")).toBe("ffc30080")
    })

    test("without a length: to the end of the datagram (RFC 3261, 18.3)", () => {
        expect(request(START, REQUIRED, "\nto the end\n")).toBe(SOUND)
        expect(text((body << 16) | bodyEnd)).toBe("to the end\r\n")
    })

    test("a body may begin with a blank: it is no folded line", () => {
        expect(request(START, REQUIRED, "\n\tx")).toBe(SOUND)
        expect(text((body << 16) | bodyEnd)).toBe("\tx")
    })
})

describe("a request is refused", () => {
    beforeEach(breathe)

    test("with 400 if a header is missing, and is nothing without Via", async () => {
        for (let i = 0; i < REQUIRED.length; i++) {
            await breathe()
            const headers = without(REQUIRED[i].slice(0, REQUIRED[i].indexOf(":")))
            expect(request(START, headers, "\n")).toBe(i === 0 ? DROP : 400)
            expect(request("SIP/2.0 200 OK", headers, "\n")).toBe(DROP)
        }
    })

    test("with 400 if a header is there twice, but for lists", () => {
        for (let i = 1; i < REQUIRED.length; i++) expect(readWith(REQUIRED[i])).toBe(400)
        expect(readWith("Via: SIP/2.0/UDP x")).toBe(SOUND)
        expect(readWith("Contact: <sip:a@b>\nm: <sip:b@c>")).toBe(SOUND)
        expect(readWith("Expires: 5\nExpires: 5")).toBe(400)
        expect(readWith("Content-Type: a/b\nc: a/b")).toBe(400)
    })

    test("with 400 for values that say nothing", async () => {
        for (const line of [
            "Content-Length:",
            "Content-Length: x",
            "Content-Length: -1",
            "Content-Length: 99999999999999999999",
            "Content-Length: 1",
        ]) {
            await breathe()
            if (readWith(line) !== 400) throw new Error(line)
        }
        for (const line of [
            "From:",
            "From: <>",
            "From: <sip:a@b",
            "From: alice",
            'From: "a <sip:a@b>',
            "From: <sip:a@b>, <sip:b@c>",
            "From: sip:a@b?x=y",
            "From: sip:a@b, sip:b@c",
            "CSeq:",
            "CSeq: INVITE",
            "CSeq: 1",
            "CSeq: 1INVITE",
            "CSeq: -1 INVITE",
            "CSeq: 2147483648 INVITE",
            "CSeq: 1 invite",
            "CSeq: 1 INVITE INVITE",
        ]) {
            await breathe()
            const name = line.slice(0, line.indexOf(":"))
            const headers = without(name)
            headers.push(line)
            if (request(START, headers, "\n") !== 400) throw new Error(line)
        }
    })

    test("with 400, 416 or 505 for its first line", async () => {
        for (const line of [
            "INVITE sip:a@b",
            "INVITE sip: SIP/2.0",
            "INVITE sip:a@ SIP/2.0",
            "INVITE sip SIP/2.0",
            "INVITE 1sip:a@b SIP/2.0",
            "INVITE :a@b SIP/2.0",
            "INVITE sip:a@b SIP/2.0 x",
            "INVITE sip:a@b HTTP/1.1",
            "INVITE",
            "x",
        ]) {
            await breathe()
            if (request(line, REQUIRED, "\n") !== 400) throw new Error(line)
        }
        expect(request("INVITE http://a@b SIP/2.0", REQUIRED, "\n")).toBe(416)
        expect(request("INVITE sipx:a@b SIP/2.0", REQUIRED, "\n")).toBe(416)
        expect(request("INVITE sip:a@b SIP/3.0", REQUIRED, "\n")).toBe(505)
        expect(request("INVITE sip:a@b sip/2.0", REQUIRED, "\n")).toBe(SOUND)
    })

    test("but an ACK never, nor a response (RFC 3261, 17.1.1.3)", () => {
        expect(request("ACK sip:a@b SIP/2.0", REQUIRED, "\n")).toBe(DROP)
        expect(request("ACK sip:a@b SIP/3.0", REQUIRED, "\n")).toBe(DROP)
        for (const line of ["SIP/2.0 20 x", "SIP/2.0 2000 x", "SIP/2.0 abc x", "SIP/3.0 200 OK", "SIP/2.0", "SIP/2.0  200 OK"])
            if (request(line, REQUIRED, "\n") !== DROP) throw new Error(line)
    })

    test("but not for what harms nobody: semicolons without parameters, hops that are no number, a line that is no header", async () => {
        for (const from of ["<sip:a@b>;;tag=1", "<sip:a@b>;tag=1;"]) {
            const headers = without("From")
            headers.push(`From: ${from}`)
            expect(request(START, headers, "\n")).toBe(SOUND)
            expect(text(paramOf(lineOf(Header.From, 0), "tag"))).toBe("1")
        }
        for (const line of ["Max-Forwards: 256", "Max-Forwards:", "no colon"]) {
            await breathe()
            expect(readWith(line)).toBe(SOUND)
        }
    })

    test("nor for a line that is too long: it is as if it were not there", () => {
        let long = "x"
        for (let i = 0; i < 10; i++) long += long
        expect(readWith(`Subject: ${long}`)).toBe(SOUND)
        expect(readWith(`Allow: ${long}`)).toBe(SOUND)
        expect(lineOf(Header.Allow, 0)).toBe(0)
        const headers = without("From")
        headers.push(`From: <sip:a@b>;tag=${long}`)
        expect(request(START, headers, "\n")).toBe(400)
    })

    test("and what nobody could be told of is dropped", async () => {
        for (const via of ["Via:", "Via: x", "Via: SIP/2.0", "Via: SIP/2.0/UDP", "Via: SIP/2.0/UDP ", "Via: , SIP/2.0/UDP x"]) {
            await breathe()
            const headers = REQUIRED.slice(1)
            headers.push(via)
            if (request(START, headers, "\n") !== DROP) throw new Error(via)
        }
        for (const nothing of ["", "\n\n", "\n", "x", "GET / HTTP/1.1\nHost: x\n\n", "OPTIONS sip:x SIP/2.0\n\n"])
            if (read(nothing) !== DROP) throw new Error(nothing)
    })

    test("or has more lines than there is room for", () => {
        for (const line of ["Allow: x", "Other: x", "Other: x\n "]) {
            let lines = line
            // the first line and the empty one count too
            const folded = line.length > 8 ? 2 : 1
            for (let i = REQUIRED.length + 2 + folded; i + folded <= SIP_LINES; i += folded) lines += `\n${line}`
            expect(readWith(lines)).toBe(SOUND)
            expect(readWith(`${lines}\n${line}`)).toBe(DROP)
        }
    })

    test("cut at each octet before its body, it is dropped", async () => {
        const b = messageOf(`${START}\n${REQUIRED.join("\n")}\nContact: "a" <sip:a@b>\n folded\nContent-Length: 4\n\nbody`)
        const length = b.length - AT
        for (let n = 0; n < length; n++) {
            await breathe()
            const cut = copyOf(b, 0, AT + n)
            const wanted = n < length - 4 ? DROP : 400
            if (parse(cut, AT, n, false) !== wanted) throw new Error(`${n} octets`)
            // what lies behind it is not looked at
            if (parse(copyOf(b), AT, n, false) !== wanted) throw new Error(`${n} octets of more`)
        }
        expect(parse(b, AT, length, false)).toBe(SOUND)
    })
})

describe("a stream", () => {
    beforeEach(breathe)

    test("has more to come until the message is whole, and then the next one", async () => {
        const b = messageOf(`${START}\n${REQUIRED.join("\n")}\nContent-Length: 4\n\nbodyINVITE`)
        const length = b.length - AT - 6
        for (let n = 0; n < length; n += 7) {
            await breathe()
            if (parse(b, AT, n, true) !== MORE) throw new Error(`${n} octets`)
        }
        expect(parse(b, AT, length - 1, true)).toBe(MORE)
        expect(parse(b, AT, length, true)).toBe(SOUND)
        expect(parse(b, AT, b.length - AT, true)).toBe(SOUND)
        expect(bodyEnd).toBe(AT + length)
    })

    test("is not changed by what lay in the buffer before", () => {
        const b = messageOf(`${START}\n${REQUIRED.join("\n")}\nContent-Length: 0\n\n`)
        const whole = b.toString()
        const length = b.length - AT - 2
        // a message that was longer has left a blank where the next line will begin
        b[AT + length] = 32
        expect(parse(b, AT, length, true)).toBe(MORE)
        b[AT + length] = 13
        expect(b.toString()).toBe(whole)
        expect(parse(b, AT, b.length - AT, true)).toBe(SOUND)
    })

    test("must say how long a message is, and no longer than there is room for", () => {
        const stream = (lines: string) => {
            const b = messageOf(`${START}\n${REQUIRED.join("\n")}\n${lines}\n`)
            return parse(b, AT, b.length - AT, true)
        }
        expect(stream("")).toBe(400)
        expect(stream("Content-Length: 5000\n")).toBe(413)
        expect(stream("Content-Length: x\n")).toBe(400)
    })
})

describe("values", () => {
    beforeEach(breathe)

    test("are counted over lines and commas, quoted ones and those in <> kept whole", () => {
        expect(readWith('Contact: "a, \\"b\\", c" <sip:a,b@c>;x="1,2" , <sip:2@x>\nm:\t<sip:3@x>,\n <sip:4@x>\nContact:')).toBe(SOUND)
        expect(text(valueOf(Header.Contact, 0))).toBe('"a, \\"b\\", c" <sip:a,b@c>;x="1,2"')
        expect(text(paramOf(valueOf(Header.Contact, 0), "x"))).toBe("1,2")
        expect(text(uriOf(valueOf(Header.Contact, 0)))).toBe("sip:a,b@c")
        expect(text(valueOf(Header.Contact, 1))).toBe("<sip:2@x>")
        expect(text(valueOf(Header.Contact, 2))).toBe("<sip:3@x>")
        expect(text(valueOf(Header.Contact, 3))).toBe("<sip:4@x>")
        expect(text(valueOf(Header.Contact, 4))).toBe("")
        expect(valueOf(Header.Contact, 5)).toBe(0)
        expect(text(lineOf(Header.Contact, 1))).toBe("<sip:3@x>,   <sip:4@x>")
    })

    test("may have tabs where blanks may be", () => {
        const headers = [...REQUIRED.slice(1, 4), "CSeq:\t1\tINVITE", "Via:SIP/2.0/UDP\th\t;\tbranch\t=\tb"]
        expect(request(START, headers, "\n")).toBe(SOUND)
        expect(text(host)).toBe("10.77.0.50")
        expect(text(paramOf(valueOf(Header.Via, 0), "branch"))).toBe("b")
        expect(readVia(valueOf(Header.Via, 0))).toBe(true)
        expect(text(host)).toBe("h")
    })

    test("go on in lines that begin with a blank or a tab", () => {
        expect(readWith("Contact: <sip:1@x>,\n\t<sip:2@x>\n  ,<sip:3@x>")).toBe(SOUND)
        expect(text(valueOf(Header.Contact, 1))).toBe("<sip:2@x>")
        expect(text(valueOf(Header.Contact, 2))).toBe("<sip:3@x>")
    })

    test("are found as long as there are not too many before them", () => {
        let list = "Allow: 0"
        for (let i = 1; i < 40; i++) list += `,${i}`
        expect(readWith(list)).toBe(SOUND)
        expect(text(valueOf(Header.Allow, 31))).toBe("31")
        expect(valueOf(Header.Allow, 32)).toBe(0)
    })

    test("have parameters", () => {
        const via = spanOf('SIP/2.0/UDP h:5060 ;Branch=z9 ; rport;received = 1.2.3.4;q="a;b=c\\"" ;e="" ;lr')
        expect(text(paramOf(via, "branch"))).toBe("z9")
        expect(text(paramOf(via, "rport"))).toBe("")
        expect(text(paramOf(via, "received"))).toBe("1.2.3.4")
        expect(text(paramOf(via, "q"))).toBe('a;b=c\\"')
        expect(text(paramOf(via, "e"))).toBe("")
        expect(text(paramOf(via, "lr"))).toBe("")
        expect(paramOf(via, "b")).toBe(0)
        expect(paramOf(via, "bran")).toBe(0)
        expect(paramOf(via, "branches")).toBe(0)
    })

    test("have 64 parameters that are looked at, and what has no end harms nobody", () => {
        let value = "<sip:a@b>"
        for (let i = 0; i < 63; i++) value += ";a"
        expect(text(paramOf(spanOf(`${value};b=1`), "b"))).toBe("1")
        expect(paramOf(spanOf(`${value};a;b=1`), "b")).toBe(0)
        for (const open of ['h;x="', 'h;x="y;z=1', "h;x=<", 'h;x="\\"']) {
            const x = paramOf(spanOf(open), "x")
            if (x >> 16 > (x & 0xffff)) throw new Error(open)
            expect(paramOf(spanOf(open), "z")).toBe(0)
        }
        expect(text(paramOf(spanOf('"\\\\" <sip:a@b;x=1>;x="\\\\";y=2'), "y"))).toBe("2")
    })

    test("have a URI, in <> or not", () => {
        expect(text(uriOf(spanOf("<sip:a@b;lr>;tag=1")))).toBe("sip:a@b;lr")
        expect(text(uriOf(spanOf("sip:a@b ;tag=1")))).toBe("sip:a@b")
        expect(text(uriOf(spanOf('"<sip:x@y>" <sip:a@b>')))).toBe("sip:a@b")
        expect(text(uriOf(spanOf('sip:a@b;x="<sip:x@y>"')))).toBe("sip:a@b")
        expect(text(uriOf(spanOf("A B <tel:+1>")))).toBe("tel:+1")
        for (const value of ["", "<>", "<a>", "a", "*", '"', '"a"', '"a" sip:a@b', "< sip:a@b>", "<sip:a@b", '"\\"<sip:a@b>'])
            if (uriOf(spanOf(value)) !== 0) throw new Error(value)
    })

    test("numbers", () => {
        expect(decimalOf(spanOf("0"), 10)).toBe(0)
        expect(decimalOf(spanOf("0010"), 10)).toBe(10)
        for (const value of ["", "11", "a", "99999999999999999999"]) expect(decimalOf(spanOf(value), 10)).toBe(-1)
        expect(decimalOf(spanOf("-1"), 10) < 0).toBe(true)
        // it ends where the digits do
        expect(decimalOf(spanOf("4/2"), 10)).toBe(4)
        expect(decimalOf(spanOf("2147483647"), 0x7fffffff)).toBe(0x7fffffff)
        expect(decimalOf(spanOf("2147483648"), 0x7fffffff)).toBe(-1)
    })
})

describe("URIs (RFC 3261, 19.1.1)", () => {
    beforeEach(breathe)

    test("have scheme, user, host, port and parameters", () => {
        const uri = spanOf("SIP:bob:secret@example.com:5061;transport=tcp;lr?subject=x;lr=y")
        expect(readUri(uri)).toBe(true)
        expect(text(schemeOf(uri))).toBe("SIP")
        expect(text(user)).toBe("bob")
        expect(text(host)).toBe("example.com")
        expect(port).toBe(5061)
        expect(text(uriParamOf("transport"))).toBe("tcp")
        expect(text(uriParamOf("lr"))).toBe("")
        expect(uriParamOf("subject")).toBe(0)
        expect(hostAddress()).toBe(undefined)
    })

    test("may lack most of it", () => {
        expect(readUri(spanOf("sip:10.77.0.50"))).toBe(true)
        expect(user).toBe(0)
        expect(port).toBe(0)
        expect(hostAddress()).toBe(addressOf(10, 77, 0, 50))
        expect(readUri(spanOf("sip:a;x=y@10.77.0.50;lr"))).toBe(true)
        expect(text(user)).toBe("a;x=y")
        expect(uriParamOf("x")).toBe(0)
        expect(text(uriParamOf("lr"))).toBe("")
        expect(readUri(spanOf("sip:bob@[2001:db8::1]:5070"))).toBe(true)
        expect(text(host)).toBe("[2001:db8::1]")
        expect(port).toBe(5070)
        expect(hostAddress()).toBe(undefined)
    })

    test("are malformed without a host, or with a port that is none", () => {
        for (const uri of ["sip:", "sip:a@", "sip:a@:5060", "sip:a@;lr", "sip:a@b:", "sip:a@b:65536", "sip:a@b:x", "sip"])
            if (readUri(spanOf(uri))) throw new Error(uri)
    })

    test("Via has a sender, whatever blanks are in it", () => {
        expect(readVia(spanOf("SIP / 2.0 / UDP   10.77.0.9 : 5062 ;rport"))).toBe(true)
        expect(text(host)).toBe("10.77.0.9")
        expect(port).toBe(5062)
        expect(readVia(spanOf("SIP/2.0/TCP h;rport"))).toBe(true)
        expect(text(host)).toBe("h")
        for (const via of ["SIP/2.0/UDP", "SIP/2.0 h", "SIP/2.0/UDP ;rport", "SIP/2.0/UDP h:x"])
            if (readVia(spanOf(via))) throw new Error(via)
    })

    test("blanks are trimmed", () => {
        const span = spanOf(" \t a b \t")
        expect(text(trim(span >> 16, span & 0xffff))).toBe("a b")
    })
})

describe("a message of 4,096 octets", () => {
    beforeEach(breathe)

    test("of whatever kind, needs less than a turn of the VM has, its values asked for as well", async () => {
        for (const filling of [
            ";",
            " ",
            "\t",
            "\n\t",
            ",",
            '"',
            '""',
            "\\",
            '"\\"',
            "<",
            "<>",
            ";a",
            ";a=b",
            ",a",
            "a:",
            "\n",
            "\n ",
            "\na:",
            "\na",
            "\nv:",
            "\nv:\n ",
            "0",
            "@",
            "\r",
            '\\"',
            "/",
            "[",
            "?",
        ])
            for (const before of [
                "From: <sip:a@b>;tag=1",
                'From: "',
                "From: ",
                "To: <sip:a@b>",
                "Via: SIP/2.0/UDP h",
                "Via: SIP/2.0/UDP h;x",
                "CSeq: 1",
                "Contact: <sip:a@b>",
                "l: ",
            ]) {
                await breathe()
                const name = before.slice(0, before.indexOf(":"))
                const headers = without(name)
                const b = Buffer.alloc(AT + 4096)
                const head = Buffer.from(`${START}\r\n${headers.join("\r\n")}\r\n${before}`)
                b.blitAt(AT, head, 0, head.length)
                const piece = Buffer.from(filling)
                const from = AT + head.length
                const at = b.length - 4 - ((b.length - 4 - from) % piece.length)
                b.blitAt(from, piece, 0, piece.length)
                for (let n = piece.length; n < at - from; n += n) b.blitAt(from + n, b, from, Math.min(n, at - from - n))
                b.blitAt(at, "\r\n\r\n", 0, 4)
                await breathe()
                // the collector at each allocation makes this slow, and not more steps
                if (parse(b, AT, b.length - AT, false) === DROP) continue
                const via = valueOf(Header.Via, 0)
                paramOf(via, "branch")
                paramOf(lineOf(Header.From, 0), "tag")
                paramOf(lineOf(Header.To, 0), "tag")
                if (uriOf(valueOf(Header.Contact, 0)) !== 0) readUri(uriOf(valueOf(Header.Contact, 0)))
            }
    })
})

await run()
