import { parse } from "../../../src/sip/message"

/** Octets before a message in its buffer: headers of Ethernet, IPv4 and UDP. */
export const AT = 42
const LF = "\n"

/** A message whose lines end as they have to, in a buffer that may be written to. @param text with line feeds alone */
export function messageOf(text: string): Buffer {
    let lines = 0
    for (let i = text.indexOf(LF); i >= 0; i = text.indexOf(LF, i + 1)) lines++
    const b = Buffer.alloc(AT + text.byteLength + lines)
    const bytes = Buffer.from(text)
    let from = 0
    let to = AT
    while (from < bytes.length) {
        let end = bytes.indexOf(10, from)
        if (end < 0) end = bytes.length
        b.blitAt(to, bytes, from, end - from)
        to += end - from
        if (end < bytes.length) {
            b[to] = 13
            b[to + 1] = 10
            to += 2
        }
        from = end + 1
    }
    return b
}

/** What `parse` says of a datagram. */
export function read(text: string): number {
    const b = messageOf(text)
    return parse(b, AT, b.length - AT, false)
}
