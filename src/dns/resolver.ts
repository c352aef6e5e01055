/**
 * The resolver: addresses and services by their names, from the servers that DHCP names, and from what they have said before.
 * Read first: RFC 1035, 7; RFC 5452 (whose answer is believed); `message.ts`.
 */
import * as ds from "@devicescript/core"
import { randomBuffer } from "@devicescript/crypto"
import { needCommon } from "../address/common"
import { DNS_ALIASES, DNS_CACHE, DNS_ROUNDS, DNS_SERVERS, DNS_TIMEOUT, EPHEMERAL_FIRST } from "../base/config"
import { count, Counter } from "../base/counters"
import { fail } from "../base/errors"
import { configured, nameServer } from "../dhcp/configuration"
import { AF_INET, SOCK_DGRAM, bind, close, socket } from "../socket/api"
import type { DatagramSocket } from "../socket/datagram"
import { arrival } from "../socket/socket"
import { lookup } from "../socket/table"
import { OPTION_DOMAIN } from "../wire/dhcp"
import { PROTOCOL_UDP } from "../wire/ipv4"
import { Answer, DNS_ID, NAME_ERROR, NO_ERROR, answerCode, answerLength, answerTtl, readAnswer, writeQuery } from "./message"

const DNS_PORT = 53
/** Codes after which no other server is asked. */
const FINAL = 2 ** NO_ERROR + 2 ** NAME_ERROR

/**
 * Answers that hold, one after the other, the oldest first, in a buffer that is made at boot: strings and objects that last would be
 * in the way of what the heap still has to hold. Each is the message itself, which is read again when it is asked for.
 */
const cache = Buffer.alloc(DNS_CACHE)
let used = 0
/** Offsets of an entry: `ds.millis()` of its end, how long it is in all, the message up to its last answer. */
const UNTIL = 0
const LENGTH = 8
const MESSAGE = 10

/**
 * Records of a name.
 * @param name of a host or a service; one without a dot is in the domain that DHCP names, and none if it ends with one
 * @param type `TYPE_A` or `TYPE_SRV`
 * @returns at least one: addresses, or each a `Service`, in the order in which they are to be used
 * @throws SocketError `EAI_NONAME` if there is no such name, or it has no such records; `EAI_AGAIN` if no server answers, none can
 *   say it, or DHCP names none; `EADDRNOTAVAIL` while the phone has no common address, `ENFILE` if all sockets are open
 */
export async function resolve(name: string, type: number): Promise<any[]> {
    await needCommon()
    name = name.toLowerCase()
    const last = name.length - 1
    if (name[last] === ".") name = name.slice(0, last)
    else if (name.indexOf(".") < 0) {
        const domain = configured(OPTION_DOMAIN)
        if (domain) name += "." + domain
    }
    let alias = name
    for (let i = 0; i < DNS_ALIASES; i++) {
        const asked = writeQuery(alias, type)
        if (!asked) break
        let a = remembered(asked)
        if (!a) a = await query(asked)
        if (a.records.length > 0) return a.records
        alias = a.alias
        if (!alias) break
    }
    fail("EAI_NONAME", `there is no ${name}, or it has no such records`)
}

/** What is known of a name; `undefined` if nothing is. */
function remembered(asked: Buffer): Answer {
    for (let at = 0; at < used; at += cache.getAt(at + LENGTH, "u16")) {
        if (cache.getAt(at + UNTIL, "f64") >= ds.millis()) {
            const message = Buffer.alloc(cache.getAt(at + LENGTH, "u16") - MESSAGE)
            message.blitAt(0, cache, at + MESSAGE, message.length)
            const a = readAnswer(message, asked)
            if (a) return a
        }
    }
    return undefined
}

/** Keep the answer that was read last as long as it holds; the oldest ones make room for it. */
function remember(message: Buffer): void {
    const size = MESSAGE + answerLength
    if (size > DNS_CACHE) return
    // the highest bit is no part of a TTL (RFC 2181, 8); that there is nothing is not kept
    if (answerTtl <= 0) return
    if (answerTtl === Infinity) return
    while (used + size > DNS_CACHE) {
        const first = cache.getAt(LENGTH, "u16")
        used -= first
        cache.blitAt(0, cache, first, used)
    }
    cache.setAt(used + UNTIL, "f64", ds.millis() + 1000 * answerTtl)
    cache.setAt(used + LENGTH, "u16", size)
    cache.blitAt(used + MESSAGE, message, 0, answerLength)
    used += size
}

/** Ask the servers, in turn and again, until one of them knows the name, or that there is none. */
async function query(asked: Buffer): Promise<Answer> {
    let failure = "no DNS server answers; see lease -j"
    if (nameServer(0) === 0) failure = "the network names no DNS server; give an address"
    const sd = await socket(AF_INET, SOCK_DGRAM)
    try {
        const s = lookup(sd) as DatagramSocket
        // a port that nobody can guess (RFC 5452, 9.2)
        while (s.port === 0) {
            const port = EPHEMERAL_FIRST + (randomBuffer(2).getAt(0, "u16") >> 2)
            if (!s.ifc.endpointOn(PROTOCOL_UDP, port)) await bind(sd, { port })
        }
        s.remotePort = DNS_PORT
        for (let i = 0; i < DNS_ROUNDS * DNS_SERVERS; i++) {
            s.remote = nameServer(i % DNS_SERVERS)
            asked.setAt(DNS_ID, "u16", randomBuffer(2).getAt(0, "u16"))
            let until = ds.millis() + DNS_TIMEOUT
            if (i >= DNS_SERVERS) until += DNS_TIMEOUT
            let a: Answer
            // without a server, or a way to it, the next one
            if (s.remote !== 0) if (s.sent(s.sendTo(asked, s.remote, DNS_PORT))) a = await answerOn(s, asked, until)
            if (a) {
                if ((FINAL >> answerCode) & 1) return a
                failure = `the DNS server cannot say it (code ${answerCode})`
            }
        }
    } finally {
        await close(sd)
    }
    fail("EAI_AGAIN", failure)
}

/**
 * Wait for the answer to a query. The socket hears its server alone, and the port that was asked (RFC 5452, 9.1).
 * @returns `undefined` if there is none in time, or nobody there
 */
async function answerOn(s: DatagramSocket, asked: Buffer, until: number): Promise<Answer> {
    s.error = undefined
    while (!s.error) {
        const d = s.dequeue()
        if (d) {
            // an answer may take a good part of the steps that the VM allows in a turn, and several may be there
            await ds.sleep(0)
            let a: Answer
            if (d.data.getAt(DNS_ID, "u16") === asked.getAt(DNS_ID, "u16")) a = readAnswer(d.data, asked)
            if (a) {
                if (answerCode === NO_ERROR) remember(d.data)
                return a
            }
            count(Counter.DnsBad)
        } else {
            const left = until - ds.millis()
            if (left <= 0) return undefined
            await arrival.wait(left)
        }
    }
    return undefined
}
