import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Challenge, credentials, readChallenge } from "../../../src/sip/digest"
import { Header } from "../../../src/sip/header"
import { md5 } from "../../../src/sip/md5"
import { SOUND } from "../../../src/sip/message"
import { breathe, run } from "../support/support"
import { read } from "../support/sip"

/** Of so many letters x, computed by another program. */
const SUMS = [
    [54, "61ea0974c662328da964d977a8253873"],
    [55, "04364420e25c512fd958a70738aa8f72"],
    [56, "668a72d5ba17f08e62dabcafad6db14b"],
    [57, "693037871c4a9d3d8685018905cb530a"],
    [63, "7dc2ca208106a2f703567bdff99d8981"],
    [64, "c1bb4f81d892b2d57947682aeb252456"],
]

/** The challenge in a 401 with these lines. */
function challenge(lines: string): Challenge {
    const common = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@x>;tag=1\nTo: <sip:a@x>;tag=2\nCall-ID: 1\nCSeq: 1 REGISTER"
    expect(read(`SIP/2.0 401 Unauthorized\n${common}\n${lines}\n\n`)).toBe(SOUND)
    return readChallenge(Header.WwwAuthenticate)
}

describe("MD5 (RFC 1321, A.5)", () => {
    beforeEach(breathe)

    test("the test suite of the RFC", async () => {
        const digits = "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
        for (const example of [
            ["", "d41d8cd98f00b204e9800998ecf8427e"],
            ["a", "0cc175b9c0f1b6a831c399e269772661"],
            ["abc", "900150983cd24fb0d6963f7d28e17f72"],
            ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
            ["abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"],
            ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"],
            [digits, "57edf4a22be3c955ac49da2e2107b67a"],
        ]) {
            await breathe()
            expect(md5(example[0]).toString("hex")).toBe(example[1])
        }
    })

    test("lengths around a block", async () => {
        const x = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        for (const example of SUMS) {
            await breathe()
            expect(md5(x.slice(0, example[0] as number)).toString("hex")).toBe(example[1] as string)
        }
    })
})

describe("challenges and their answers", () => {
    beforeEach(breathe)

    test("RFC 2617, 3.5: MD5 with qop=auth", () => {
        const c = challenge(
            'WWW-Authenticate: Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
        )
        expect(credentials(c, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", 1, "0a4f113b")).toBe(
            'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", ' +
                'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41", qop=auth, nc=00000001, cnonce="0a4f113b"'
        )
        expect(c.isStale).toBe(false)
    })

    test("RFC 7616, 3.9.1: SHA-256 and MD5; the first that is known is taken (RFC 8760, 2.4)", () => {
        const sha = `WWW-Authenticate: Digest
 realm="http-auth@example.org",
 qop="auth, auth-int",
 algorithm=SHA-256,
 nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
 opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
        const md5 = `WWW-Authenticate: Digest
 realm="http-auth@example.org",
 qop="auth, auth-int",
 algorithm=MD5,
 nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
 opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
        const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
        const answer = (c: Challenge) => credentials(c, "Mufasa", "Circle of Life", "GET", "/dir/index.html", 1, cnonce)
        const first = challenge(`${sha}\n${md5}`)
        expect(first.isSha256).toBe(true)
        expect(
            answer(first).indexOf('response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", algorithm=SHA-256,') > 0
        ).toBe(true)
        const second = challenge(`WWW-Authenticate: Digest realm="x", nonce="y", algorithm=SHA-512-256\n${md5}`)
        expect(second.isSha256).toBe(false)
        expect(answer(second).indexOf('response="8ca523f5e9506fed4657c9700eebdbec", algorithm=MD5,') > 0).toBe(true)
    })

    test("RFC 2069: no qop and no algorithm", () => {
        const c = challenge('www-authenticate: DIGEST nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093" , realm="testrealm@host.com",stale=TRUE')
        // H("Mufasa:testrealm@host.com:CircleOfLife"), as RFC 2069 has it with its errata
        expect(credentials(c, "Mufasa", "CircleOfLife", "GET", "/dir/index.html", 7, "unused")).toBe(
            'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"'
        )
        expect(c.isStale).toBe(true)
    })

    test("the count has eight digits, and opaque may be empty", () => {
        const c = challenge('WWW-Authenticate: Digest realm="a, \\"b\\"", nonce="n", opaque="", qop=auth')
        const value = credentials(c, "u", "p", "REGISTER", "sip:x", 0x1a2b, "c")
        expect(value.indexOf(', opaque="", qop=auth, nc=00001a2b, cnonce="c"') > 0).toBe(true)
        expect(c.realm).toBe('a, \\"b\\"')
    })

    test("the longest one is answered in one turn of the VM", () => {
        let nonce = "0123456789"
        for (let i = 0; i < 5; i++) nonce += nonce
        const c = challenge(`WWW-Authenticate: Digest realm="${nonce.slice(0, 20)}", nonce="${nonce.slice(0, 330)}", qop=auth`)
        const uri = `sip:${nonce.slice(0, 100)}@example.com`
        expect(credentials(c, nonce.slice(0, 60), nonce.slice(0, 60), "REGISTER", uri, 1, "0a4f113b").length > 600).toBe(true)
    })

    test("what cannot be answered is none", () => {
        for (const value of [
            "",
            "Digest",
            'Digest realm="x"',
            'Digest nonce="x"',
            'Basic realm="x", nonce="y"',
            'Digest realm="x", nonce="y", algorithm=MD5-sess',
            'Digest realm="x", nonce="y", algorithm=AKAv1-MD5',
            'Digest realm="x", nonce="y", qop="auth-int"',
            'Digest realm="x, nonce="y", qop="auth',
        ])
            if (challenge(`WWW-Authenticate: ${value}`)) throw new Error(value)
        let long = "x"
        for (let i = 0; i < 9; i++) long += long
        expect(challenge(`WWW-Authenticate: Digest realm="x", nonce="${long}"`)).toBe(undefined)
        expect(challenge("Allow: INVITE")).toBe(undefined)
    })
})

await run()
