/** A small authoritative DNS server with the names of the LAN's own devices. @see RFC 1035, RFC 6895 2.3 */
import dnsPacket, { type Answer, type Packet } from "dns-packet"
import type { Host, UdpDatagram } from "./host.js"

export const DNS_PORT = 53
const HEADER_BYTES = 12
const TTL_SECONDS = 60
const FLAG_RESPONSE = 0x8000
const OPCODE_MASK = 0x7800
const RCODE = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4 } as const

/** Opens the DNS port on `host`, with an A record for each of `names` (lower case, no final dot). */
export function serveDns(host: Host, names: ReadonlyMap<string, string>): void {
    host.udp.set(DNS_PORT, (query: UdpDatagram) => {
        const payload = answerTo(query.payload, names)
        if (!payload || query.sourcePort === 0) return
        host.sendUdp({ sourcePort: DNS_PORT, destination: query.source, destinationPort: query.sourcePort, payload })
    })
}

/** The response to a query; `undefined` for what deserves none: no header, or a response itself. */
function answerTo(query: Buffer, names: ReadonlyMap<string, string>): Buffer | undefined {
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
        const address = names.get(name.toLowerCase())
        if (!address) return respond(RCODE.NXDOMAIN, { questions })
        const answers: Answer[] = type === "A" ? [{ type: "A", name, ttl: TTL_SECONDS, data: address }] : []
        return respond(RCODE.NOERROR, { questions, answers })
    } catch {
        // the package throws on anything it cannot decode
        return respond(RCODE.FORMERR)
    }
}
