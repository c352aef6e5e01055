/**
 * Digest authentication, as a client needs it: a challenge is read, and answered. MD5 and SHA-256, with `qop=auth` and without.
 * Read first: RFC 3261, 22; RFC 7616, 3; RFC 8760 (SHA-256, several challenges); RFC 2617, 3.2.2 (no `qop`).
 */
import { digest } from "@devicescript/crypto"
import { htonl } from "../wire/order"
import { Header } from "./header"
import { md5 } from "./md5"
import { lineOf } from "./message"
import { COMMA, SP, before, isText, itemOf, textOf } from "./span"

/** No longer challenge is answered: MD5 of much would be more steps than a turn of the VM has. */
const CHALLENGE_MAX = 400

/** What is needed to authenticate a request. Its texts are as the server has written them, escapes too. */
export interface Challenge {
    realm: string
    nonce: string
    /** `undefined` if there is none. */
    opaque: string
    /** `undefined` if none is told, which means MD5. */
    algorithm: string
    isSha256: boolean
    /** Whether `qop=auth` is offered: then a count and a nonce of ours are part of it. */
    hasQop: boolean
    /** Whether only the nonce was wrong: the secret is not to be asked for again. */
    isStale: boolean
}

/** The parameters that say something to us; the algorithms that we know, and that of none. */
const PARAMETERS = ["realm", "nonce", "opaque", "algorithm", "qop", "stale"]
const ALGORITHMS = "sha-256 md5 undefined"

/** The challenge in the response that was parsed: the first one that we can answer (RFC 8760, 2.4); `undefined` if there is none. */
export function readChallenge(header: Header): Challenge {
    for (let n = 0; ; n++) {
        const line = lineOf(header, n)
        if (line === 0) return undefined
        const at = line >> 16
        const end = line & 0xffff
        const blank = before(SP, at, end)
        if (end - at > CHALLENGE_MAX) continue
        if (!isText((at << 16) | blank, "digest")) continue
        const c: any = {}
        for (let i = 0; i < PARAMETERS.length; i++) {
            const span = itemOf(COMMA, blank, end, PARAMETERS[i])
            if (span !== 0) c[PARAMETERS[i]] = textOf(span)
        }
        if (!c.realm) continue
        if (!c.nonce) continue
        const algorithm = ALGORITHMS.indexOf((c.algorithm + "").toLowerCase())
        if (algorithm < 0) continue
        c.isSha256 = algorithm === 0
        // a list such as `auth,auth-int`
        c.hasQop = (c.qop + ",").indexOf("auth,") >= 0
        if (!c.hasQop) if (c.qop !== undefined) continue
        c.isStale = (c.stale + "").toLowerCase() === "true"
        return c
    }
}

/**
 * The value of Authorization or Proxy-Authorization.
 * @param uri the Request-URI
 * @param count how many requests have used this nonce, this one included
 * @param cnonce a nonce of ours, used if the server offers `qop`
 */
export function credentials(
    c: Challenge,
    username: string,
    password: string,
    method: string,
    uri: string,
    count: number,
    cnonce: string
): string {
    const hash = (text: string) => (c.isSha256 ? digest("sha256", text) : md5(text)).toString("hex")
    // joined, since a template of texts that are no ASCII has stopped the runtime
    const secret = hash(username + ":" + c.realm + ":" + password)
    let middle = c.nonce + ":"
    let qop = ""
    if (c.hasQop) {
        const b = Buffer.alloc(4)
        b.setAt(0, "i32", htonl(count))
        const nc = b.toString("hex")
        middle += nc + ":" + cnonce + ":auth:"
        qop = ", qop=auth, nc=" + nc + ', cnonce="' + cnonce + '"'
    }
    const response = hash(secret + ":" + middle + hash(method + ":" + uri))
    let value = 'Digest username="' + username + '", realm="' + c.realm + '", nonce="' + c.nonce + '", uri="' + uri
    value += '", response="' + response + '"'
    if (c.algorithm) value += ", algorithm=" + c.algorithm
    if (c.opaque !== undefined) value += ', opaque="' + c.opaque + '"'
    return value + qop
}
