import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Header } from "../../../src/sip/header"
import { DROP, Method, SOUND, body, bodyEnd, cseq, lineOf, method, status, target, valueOf } from "../../../src/sip/message"
import { paramOf, readUri, textOf, uriOf, user } from "../../../src/sip/span"
import { breathe, run } from "../support/support"
import { read } from "../support/sip"

const text = (span: number) => (span === 0 ? "none" : textOf(span))

describe("messages of RFC 4475 that are valid (3.1.1)", () => {
    beforeEach(breathe)

    test("3.1.1.1: a short tortuous INVITE", () => {
        expect(
            read(`INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

v=0
o=mhandley 29739 7272939 IN IP4 192.0.2.3
s=-
c=IN IP4 192.0.2.4
t=0 0
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC
`)
        ).toBe(SOUND)
        expect(method).toBe(Method.Invite)
        expect(cseq).toBe(9)
        expect(bodyEnd - body).toBe(150)
        expect(text(paramOf(lineOf(Header.To, 0), "tag"))).toBe("1918181833n")
        expect(text(uriOf(lineOf(Header.To, 0)))).toBe("sip:vivekg@chair-dnrc.example.com")
        expect(text(uriOf(lineOf(Header.From, 0)))).toBe("sip:jdrosen@example.com")
        expect(text(paramOf(lineOf(Header.From, 0), "tag"))).toBe("98asjd8")
        expect(text(paramOf(valueOf(Header.Via, 0), "branch"))).toBe("390skdjuw")
        expect(text(paramOf(valueOf(Header.Via, 1), "branch"))).toBe("z9hG4bK9ikj8")
        expect(text(paramOf(valueOf(Header.Via, 2), "branch"))).toBe("z9hG4bK30239")
        expect(valueOf(Header.Via, 3)).toBe(0)
        expect(text(uriOf(valueOf(Header.Contact, 0)))).toBe("sip:jdrosen@example.com")
        expect(text(paramOf(valueOf(Header.Contact, 0), "newparam"))).toBe("newvalue")
        expect(text(paramOf(valueOf(Header.Contact, 0), "secondparam"))).toBe("")
        expect(text(paramOf(valueOf(Header.Contact, 0), "q"))).toBe("0.33")
        expect(text(uriOf(valueOf(Header.Route, 0)))).toBe("sip:services.example.com;lr;unknownwith=value;unknown-no-value")
    })

    test("3.1.1.2: a wide range of valid characters", () => {
        expect(
            read(`!interesting-Method0123456789_*+\`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wd_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+\`'~
To: "BEL:\\\u0007 NUL:\\\u0001 DEL:\\\u007f" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~\` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="\u0440\u0430\u0431\u043e\u0442\u0430\u044e\u0449\u0438\u0439";tag=_token~1'+\`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word\`~)(><:\\/"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+\`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_\`'~:\u5927\u505c\u96fb
Content-Length: 0

`)
        ).toBe(SOUND)
        expect(method).toBe(Method.Unknown)
        expect(cseq).toBe(139122385)
        expect(text(paramOf(lineOf(Header.From, 0), "tag"))).toBe("_token~1'+`*%!-.")
        expect(readUri(target)).toBe(true)
    })

    test("3.1.1.3: escapes in URIs", () => {
        expect(
            read(`INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 0

`)
        ).toBe(SOUND)
        expect(readUri(target)).toBe(true)
        expect(text(user)).toBe("sips%3Auser%40example.com")
        expect(text(lineOf(Header.ContentType, 0))).toBe("application/sdp")
    })

    test("3.1.1.4: escaped nulls, and 3.1.1.5: a method is not escaped", () => {
        expect(
            read(`REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

`)
        ).toBe(SOUND)
        expect(method).toBe(Method.Register)
        expect(text(uriOf(valueOf(Header.Contact, 1)))).toBe("sip:%00%00@host5.example.com")
        expect(
            read(`RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

`)
        ).toBe(SOUND)
        expect(method).toBe(Method.Unknown)
        expect(text(uriOf(valueOf(Header.Contact, 1)))).toBe("sip:alias3@host3.example.com")
        expect(valueOf(Header.Contact, 2)).toBe(0)
    })

    test("3.1.1.6: no blank between a name and <", () => {
        expect(
            read(`OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

`)
        ).toBe(SOUND)
        expect(text(uriOf(lineOf(Header.From, 0)))).toBe("sip:caller@example.com")
    })

    test("3.1.1.7: long values", () => {
        let proportion = "I have a user name of extreme"
        for (let i = 0; i < 8; i++) proportion += " proportion"
        let long = ""
        for (let i = 0; i < 20; i++) long += "verylonglonglong"
        expect(
            read(
                `INVITE sip:user@example.com SIP/2.0
To: "${proportion}"<sip:user@example.com:6000;unknownparam1=${long};longparamname=shortvalue;verylongParameterNameWithNoValue>
F: sip:amazinglylongcallername@example.net;tag=12982982982982982424;unknownheaderparam=${long};unknownValuelessparam
` +
                    `Call-ID: longreq.one${long}longcallid
CSeq: 3882340 INVITE
Unknown-${long}-Name: ${long}; ${long}, ${long}
` +
                    `Via: SIP/2.0/TCP sip33.example.com
v: SIP/2.0/TCP sip32.example.com
V: SIP/2.0/TCP sip31.example.com
Via: SIP/2.0/TCP sip30.example.com, SIP/2.0/TCP sip29.example.com, SIP/2.0/TCP sip28.example.com, SIP/2.0/TCP sip27.example.com, SIP/2.0/UDP 192.0.2.1;received=192.0.2.2;branch=${long}
Max-Forwards: 70
Contact: <sip:amazinglylongcallername@host5.example.net>
Content-Type: application/sdp
l: 0

`
            )
        ).toBe(SOUND)
        expect(text(paramOf(valueOf(Header.Via, 7), "received"))).toBe("192.0.2.2")
        expect(valueOf(Header.Via, 8)).toBe(0)
        expect(text(paramOf(lineOf(Header.From, 0), "tag"))).toBe("12982982982982982424")
    })

    test("3.1.1.8: what follows the body is ignored", () => {
        expect(
            read(`REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0


INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
`)
        ).toBe(SOUND)
        expect(method).toBe(Method.Register)
        expect(bodyEnd).toBe(body)
    })

    test("3.1.1.9: a semicolon in the user part is its own", () => {
        expect(
            read(`OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

`)
        ).toBe(SOUND)
        expect(readUri(target)).toBe(true)
        expect(text(user)).toBe("user;par=u%40example.net")
        expect(text(valueOf(Header.Accept, 5))).toBe("message/sipfrag")
        expect(valueOf(Header.Accept, 6)).toBe(0)
    })

    test("3.1.1.10: transports of all kinds in Via", () => {
        expect(
            read(`OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

`)
        ).toBe(SOUND)
        expect(text(paramOf(valueOf(Header.Via, 4), "branch"))).toBe("z9hG4bK0a9idfnee")
    })

    test("3.1.1.12 and 3.1.1.13: any reason phrase, or none", () => {
        const tail = `
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: noreason.asndj203insdf99223ndf
CSeq: 35 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>

`
        expect(
            read(
                `SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e \u0434\u0435\u0432\u044f\u0442\u044c - \u043f\u0440\u043e\u0441\u0442\u043e\u0435${tail}`
            )
        ).toBe(SOUND)
        expect(status).toBe(200)
        expect(method).toBe(Method.Invite)
        expect(read(`SIP/2.0 100 ${tail}`)).toBe(SOUND)
        expect(status).toBe(100)
        expect(text(target)).toBe("")
        expect(read(`SIP/2.0 100${tail}`)).toBe(SOUND)
    })
})

/** A request, with what is wrong in it: its first line, some headers, and whatever else is given. */
function request(line: string, via: string, from: string, to: string, rest: string): number {
    return read(`${line}\nVia: ${via}\nFrom: ${from}\nTo: ${to}\nCall-ID: 4475.abc@example.com\nMax-Forwards: 70\n${rest}\n\n`)
}
const VIA = "SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw"
const FROM = "<sip:caller@example.net>;tag=341518"
const TO = "<sip:user@example.com>"
const INVITE = "INVITE sip:user@example.com SIP/2.0"

describe("messages of RFC 4475 that are not (3.1.2)", () => {
    beforeEach(breathe)

    test("3.1.2.1: separators without what they separate", () => {
        expect(
            read(`INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: 152
Content-Type: application/sdp

v=0
`)
        ).toBe(400)
    })

    test("3.1.2.2 and 3.1.2.3: a Content-Length that is too large, or negative", () => {
        expect(request(INVITE, VIA, FROM, TO, "CSeq: 8 INVITE\nContent-Length: 9999")).toBe(400)
        expect(request(INVITE, VIA, FROM, TO, "CSeq: 8 INVITE\nContent-Length: -999")).toBe(400)
    })

    test("3.1.2.4 and 3.1.2.5: numbers that are too large", () => {
        expect(request("REGISTER sip:example.com SIP/2.0", VIA, FROM, TO, "CSeq: 36893488147419103232 REGISTER")).toBe(400)
        expect(
            read(`SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Warning: 1812 overture "In Progress"
Content-Length: 0

`)
        ).toBe(DROP)
    })

    test("3.1.2.6: a quoted string without an end", () => {
        expect(request(INVITE, VIA, FROM, '"Mr. J. User <sip:j.user@example.com>', "CSeq: 8 INVITE")).toBe(400)
    })

    test("3.1.2.7 to 3.1.2.11: Request-URIs and request lines", () => {
        for (const line of [
            "INVITE <sip:user@example.com> SIP/2.0",
            "INVITE sip:user@example.com; lr SIP/2.0",
            "INVITE  sip:user@example.com  SIP/2.0",
            "INVITE sip:user@example.com SIP/2.0  ",
            "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0",
        ])
            if (request(line, VIA, FROM, TO, "CSeq: 8 INVITE") !== 400) throw new Error(line)
    })

    test("3.1.2.12: a Date that is none is nobody's business here", () => {
        expect(request(INVITE, VIA, FROM, TO, "CSeq: 8 INVITE\nDate: Fri, 01 Jan 2010 16:00:00 EST")).toBe(SOUND)
    })

    test("3.1.2.13: a bare URI with a question mark is malformed where it stands", () => {
        expect(
            request(
                "REGISTER sip:example.com SIP/2.0",
                VIA,
                FROM,
                TO,
                "CSeq: 8 REGISTER\nContact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"
            )
        ).toBe(SOUND)
        expect(uriOf(valueOf(Header.Contact, 0))).toBe(0)
    })

    test("3.1.2.14 and 3.1.2.15: blanks before a URI, and a comma in a name without quotes", () => {
        expect(request(INVITE, VIA, FROM, '"Watson, Thomas" < sip:t.watson@example.org >', "CSeq: 8 INVITE")).toBe(400)
        expect(request(INVITE, VIA, "Bell, Alexander <sip:a.g.bell@example.com>;tag=43", TO, "CSeq: 8 INVITE")).toBe(400)
        expect(request(INVITE, VIA, FROM, '"Watson, Thomas" <sip:t.watson@example.org>', "CSeq: 8 INVITE")).toBe(SOUND)
    })

    test("3.1.2.16: another version, in Via too", () => {
        expect(
            request(
                "OPTIONS sip:t.watson@example.org SIP/7.0",
                "SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw",
                FROM,
                TO,
                "CSeq: 8 OPTIONS"
            )
        ).toBe(505)
    })

    test("3.1.2.17 and 3.1.2.18: the method in CSeq is another one", () => {
        expect(request("OPTIONS sip:user@example.com SIP/2.0", VIA, FROM, TO, "CSeq: 8 INVITE")).toBe(400)
        expect(request("NEWMETHOD sip:user@example.com SIP/2.0", VIA, FROM, TO, "CSeq: 8 INVITE")).toBe(400)
        expect(request("INVITEX sip:user@example.com SIP/2.0", VIA, FROM, TO, "CSeq: 8 INVITE")).toBe(400)
        expect(request(INVITE, VIA, FROM, TO, "CSeq: 8 INVITEX")).toBe(400)
    })

    test("3.1.2.19: a status that does not fit", () => {
        expect(request("SIP/2.0 4294967301 better not break the receiver", VIA, FROM, TO, "CSeq: 8 INVITE")).toBe(DROP)
        expect(request("SIP/2.0 99 too small", VIA, FROM, TO, "CSeq: 8 INVITE")).toBe(DROP)
        expect(request("SIP/2.0 700 too large", VIA, FROM, TO, "CSeq: 8 INVITE")).toBe(DROP)
    })
})

describe("messages of RFC 4475 that ask too much (3.2 to 3.4)", () => {
    beforeEach(breathe)

    test("3.2.1: a branch that is nothing but the magic cookie", () => {
        expect(request("OPTIONS sip:user@example.com SIP/2.0", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK", FROM, TO, "CSeq: 8 OPTIONS")).toBe(
            SOUND
        )
        expect(text(paramOf(valueOf(Header.Via, 0), "branch"))).toBe("z9hG4bK")
    })

    test("3.3.1: what is required is not there", () => {
        expect(
            read("INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\n\n")
        ).toBe(400)
    })

    test("3.3.2 and 3.3.3: schemes that are none of ours", () => {
        expect(request("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", VIA, FROM, TO, "CSeq: 8 OPTIONS")).toBe(416)
        expect(request("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", VIA, FROM, TO, "CSeq: 8 OPTIONS")).toBe(416)
        expect(request("OPTIONS tel:+15551212 SIP/2.0", VIA, FROM, TO, "CSeq: 8 OPTIONS")).toBe(SOUND)
        expect(request("OPTIONS SIPS:user@example.com SIP/2.0", VIA, FROM, TO, "CSeq: 8 OPTIONS")).toBe(SOUND)
    })

    test("3.3.4: unknown schemes in From, To and Contact are somebody else's", () => {
        expect(
            request(
                "REGISTER sip:example.com SIP/2.0",
                VIA,
                "<mailto:u@example.com>;tag=1",
                "isbn:2983792873",
                "CSeq: 8 REGISTER\nContact: <name:John_Smith>"
            )
        ).toBe(SOUND)
    })

    test("3.3.8 and 3.3.9: what may be there once is there twice", () => {
        for (const line of ["CSeq: 5 INVITE", "Call-ID: other", `f: ${FROM}`, "To: <sip:b@example.com>", "Max-Forwards: 5"])
            if (request(INVITE, VIA, FROM, TO, `CSeq: 5 INVITE\n${line}`) !== 400) throw new Error(line)
        expect(request(INVITE, VIA, FROM, TO, "CSeq: 5 INVITE\nContent-Length: 0\nl: 5\n\nThere's")).toBe(400)
    })

    test("3.4.1: an INVITE of RFC 2543", () => {
        expect(
            read(`INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp

v=0
`)
        ).toBe(SOUND)
        expect(bodyEnd - body).toBe(5)
        expect(text(paramOf(lineOf(Header.To, 0), "user"))).toBe("phone")
    })
})

await run()
