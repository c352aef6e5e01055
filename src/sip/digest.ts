/**
 * Digest authentication, as a client needs it: a challenge is read, and answered. MD5 and SHA-256, with `qop=auth` and without.
 * Read first: RFC 3261, 22; RFC 7616, 3; RFC 8760 (SHA-256, several challenges); RFC 2617, 3.2.2 (no `qop`).
 */
import { digest } from "@devicescript/crypto"
import { htonl } from "../wire/order"
import { Header } from "./header"
import { md5 } from "./md5"
import { lineOf } from "./message"
import { COMMA, Span, beforeBlank, isText, itemOf, textOf } from "./span"

/** No longer challenge is answered: MD5 of much would be more steps than a turn of the VM has. */
const CHALLENGE_MAX = 400

/** What is needed to authenticate a request. Its texts are as the server has written them, escapes too. */
export class Challenge {
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

/** The challenge in the response that was parsed: the first one that we can answer (RFC 8760, 2.4); `undefined` if there is none. */
export function readChallenge(header: Header): Challenge {
    let n = 0
    while (true) {
        const line = lineOf(header, n)
        if (line === 0) return undefined
        const c = challengeIn(line)
        if (c) return c
        n++
    }
}

function challengeIn(line: Span): Challenge {
    const at = line >> 16
    const end = line & 0xffff
    if (end - at > CHALLENGE_MAX) return undefined
    const blank = beforeBlank(at, end)
    if (!isText((at << 16) | blank, "digest")) return undefined
    const item = (name: string) => itemOf(COMMA, blank, end, name)
    const text = (name: string) => {
        const span = item(name)
        return span === 0 ? undefined : textOf(span)
    }
    const c = new Challenge()
    c.realm = text("realm")
    c.nonce = text("nonce")
    if (c.realm === undefined) return undefined
    if (c.nonce === undefined) return undefined
    const algorithm = item("algorithm")
    if (algorithm !== 0) {
        c.algorithm = textOf(algorithm)
        c.isSha256 = isText(algorithm, "sha-256")
        if (!c.isSha256) if (!isText(algorithm, "md5")) return undefined
    }
    const qop = item("qop")
    if (qop !== 0) {
        // a list such as `auth,auth-int`, behind a quote
        c.hasQop = itemOf(COMMA, (qop >> 16) - 1, qop & 0xffff, "auth") !== 0
        if (!c.hasQop) return undefined
    }
    c.opaque = text("opaque")
    c.isStale = isText(item("stale"), "true")
    return c
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
    const b = Buffer.alloc(4)
    b.setAt(0, "i32", htonl(count))
    const nc = b.toString("hex")
    // joined, since a template of texts that are no ASCII has stopped the runtime
    const secret = hash(username + ":" + c.realm + ":" + password)
    const middle = c.hasQop ? c.nonce + ":" + nc + ":" + cnonce + ":auth:" : c.nonce + ":"
    const response = hash(secret + ":" + middle + hash(method + ":" + uri))
    let value = 'Digest username="' + username + '", realm="' + c.realm + '", nonce="' + c.nonce + '", uri="' + uri
    value += '", response="' + response + '"'
    if (c.algorithm) value += ", algorithm=" + c.algorithm
    if (c.opaque !== undefined) value += ', opaque="' + c.opaque + '"'
    if (c.hasQop) value += ", qop=auth, nc=" + nc + ', cnonce="' + cnonce + '"'
    return value
}
