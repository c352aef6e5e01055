/** A small authoritative DNS server with the names of the LAN. @see RFC 1034 4.3.2, RFC 1035, RFC 6895 2.3 */
import dnsPacket, { type Answer, type Packet } from "dns-packet"
import type { Host, UdpDatagram } from "./host.js"

export const DNS_PORT = 53
const HEADER_BYTES = 12
const TTL_SECONDS = 60
const ALIASES_MOST = 8
const FLAG_RESPONSE = 0x8000
const OPCODE_MASK = 0x7800
const RCODE = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4 } as const

/** What a server knows. Owners are in lower case, without a final dot. */
export type Zone = Answer[]

/** How a server is at the moment; a test may change it. */
export interface DnsServer {
    zone: Zone
    enabled: boolean
    /** Queries that were answered. */
    answered: number
}

/** The record of a name that is another name for `data`. */
export function alias(name: string, data: string): Answer {
    return { type: "CNAME", name, ttl: TTL_SECONDS, data }
}

export function address(name: string, data: string): Answer {
    return { type: "A", name, ttl: TTL_SECONDS, data }
}

/** The record of a service (RFC 2782). */
export function service(name: string, target: string, port: number, priority = 0, weight = 0): Answer {
    return { type: "SRV", name, ttl: TTL_SECONDS, data: { target, port, priority, weight } }
}

/** Opens the DNS port on `host`. */
export function serveDns(host: Host, zone: Zone): DnsServer {
    const server: DnsServer = { zone, enabled: true, answered: 0 }
    host.udp.set(DNS_PORT, (query: UdpDatagram) => {
        if (!server.enabled) return
        const payload = answerTo(query.payload, server.zone)
        if (!payload || query.sourcePort === 0) return
        server.answered++
        host.sendUdp({ sourcePort: DNS_PORT, destination: query.source, destinationPort: query.sourcePort, payload })
    })
    return server
}

/** The response to a query; `undefined` for what deserves none: no header, or a response itself. */
function answerTo(query: Buffer, zone: Zone): Buffer | undefined {
    if (query.length < HEADER_BYTES) return undefined
    const id = query.readUInt16BE(0)
    const flags = query.readUInt16BE(2)
    if (flags & FLAG_RESPONSE) return undefined
    const respond = (rcode: number, rest: Packet = {}) =>
        dnsPacket.encode({
            type: "response",
            id,
            flags: dnsPacket.AUTHORITATIVE_ANSWER | (flags & (OPCODE_MASK | dnsPacket.RECURSION_DESIRED)) | rcode,
            ...rest,
        })
    if (flags & OPCODE_MASK) return respond(RCODE.NOTIMP)
    try {
        const { questions = [] } = dnsPacket.decode(query)
        if (questions.length !== 1) return respond(RCODE.FORMERR)
        const [{ name, type }] = questions
        const answers: Answer[] = []
        let owner = name
        let known = zone.filter(record => record.name === owner.toLowerCase())
        if (known.length === 0) return respond(RCODE.NXDOMAIN, { questions })
        // each alias, and then what it leads to
        for (let link = known.find(record => record.type === "CNAME"); link && type !== "CNAME" && answers.length < ALIASES_MOST; ) {
            const target = String("data" in link && link.data)
            answers.push({ ...link, name: owner } as Answer)
            owner = target
            known = zone.filter(record => record.name === target.toLowerCase())
            link = known.find(record => record.type === "CNAME")
        }
        for (const record of known) if (record.type === type) answers.push({ ...record, name: owner } as Answer)
        return respond(RCODE.NOERROR, { questions, answers })
    } catch {
        // the package throws on anything it cannot decode
        return respond(RCODE.FORMERR)
    }
}
