import * as ds from "@devicescript/core"
import { collect } from "../../src/base/heap"
import { credentials, readChallenge } from "../../src/sip/digest"
import { Header } from "../../src/sip/header"
import { DROP, SOUND, body, bodyEnd, lineOf, parse, status, target, valueOf } from "../../src/sip/message"
import { Local, readSdp, writeAnswer } from "../../src/sip/sdp"
import { Span, hostAddress, paramOf, readUri, readVia, textOf, uriOf, uriParamOf } from "../../src/sip/span"
import { finish, out, startBody, startResponse } from "../../src/sip/writer"
import { addressOf } from "../../src/wire/address"
import { say, stream } from "../bench/measure"

/**
 * For `test/vm/sip-fuzz.test.ts`: each chunk is a message, which is read and answered as a user agent does it. An empty one asks what became
 * of them. Nothing of it may throw, nor look outside of the message.
 */
const EMSGSIZE = "EMSGSIZE"
const local: Local = { address: addressOf(10, 77, 0, 50), port: 5004, id: 1, version: 1, direction: 3 }

let dropped = 0
let sound = 0
let refused = 0
let answered = 0
let tooLarge = 0
let described = 0

/** A span that somebody was given lies within the message. */
function inside(span: Span, length: number): Span {
    if (span !== 0) if (span >> 16 > (span & 0xffff) ? true : (span & 0xffff) > length) throw new Error(`${span >> 16} to ${span & 0xffff}`)
    return span
}

function lookAt(value: Span, length: number): void {
    if (inside(value, length) === 0) return
    inside(paramOf(value, "tag"), length)
    if (!readUri(inside(uriOf(value), length))) return
    inside(uriParamOf("lr"), length)
    hostAddress()
}

function answer(b: Buffer, isSound: boolean): void {
    startResponse("200 OK", "ours", local.address, 5060)
    if (isSound) {
        const media = readSdp(b, body, bodyEnd)
        startBody()
        if (media) {
            described++
            writeAnswer(local, media, b, body, bodyEnd)
        }
    }
    let length = 0
    try {
        length = finish()
    } catch (e) {
        if ((e as any).code !== EMSGSIZE) throw e
        tooLarge++
        return
    }
    // what we say, others understand
    if (isSound) if (parse(out, 0, length, true) !== SOUND) throw new Error("the answer is not sound")
    answered++
}

function take(b: Buffer): void {
    const verdict = parse(b, 0, b.length, false)
    if (verdict === DROP) {
        dropped++
        return
    }
    if (verdict === SOUND) {
        sound++
        if (body > bodyEnd ? true : bodyEnd > b.length) throw new Error("a body outside of the message")
        for (let n = 0; n < 2; n++) for (const header of [Header.Contact, Header.Route]) lookAt(valueOf(header, n), b.length)
        lookAt(lineOf(Header.From, 0), b.length)
        textOf(inside(target, b.length))
        if (readVia(inside(valueOf(Header.Via, 0), b.length))) hostAddress()
        if (status === 0) return answer(b, true)
        const challenge = readChallenge(Header.WwwAuthenticate)
        if (challenge) if (challenge.nonce.length < 40) credentials(challenge, "u", "p", "REGISTER", "sip:x", 1, "c")
    } else {
        refused++
        if (status === 0) answer(b, false)
    }
}

function onData(b: Buffer): void {
    if (b.length > 1) return take(b)
    collect()
    say({ dropped, sound, refused, answered, tooLarge, described })
}

let up = false
stream._socketOnEvent = (event: string, b: Buffer) => {
    if (event === "open") up = true
    else if (event === "data") onData(b)
}
stream._socketOpen("127.0.0.1", 4789)
while (!up) await ds.sleep(1)
say({ ready: true })
while (true) await ds.sleep(60000)
