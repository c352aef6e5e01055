import { copyOf, put16 } from "./support"

/** What a DNS server says, written by hand: RFC 1035, 4.1. */

/** A name as labels, without pointers. */
export function labels(name: string): Buffer {
    const b = Buffer.alloc(name.length + 2)
    b.blitAt(1, name, 0, name.length)
    let length = 0
    for (let i = name.length; i >= 0; i--)
        if (i === 0 || name[i - 1] === ".") {
            b[i] = length
            length = 0
        } else length++
    return b
}

/** A record. @param owner as it is in the message: labels, or a pointer */
export function record(owner: Buffer, type: number, ttl: number, data: Buffer): Buffer {
    const r = Buffer.alloc(10)
    put16(r, 0, type)
    put16(r, 2, 1)
    put16(r, 4, ttl >>> 16)
    put16(r, 6, ttl & 0xffff)
    put16(r, 8, data.length)
    return Buffer.concat(owner, r, data)
}

/** Of the name that was asked for. */
export const ASKED: Buffer = hex`c00c`

export function serviceData(priority: number, weight: number, port: number, target: Buffer): Buffer {
    const d = Buffer.alloc(6)
    put16(d, 0, priority)
    put16(d, 2, weight)
    put16(d, 4, port)
    return Buffer.concat(d, target)
}

/** The answer to a query, with these records. @param code as RFC 1035, 4.1.1 */
export function answerTo(query: Buffer, count: number, records: Buffer, code = 0): Buffer {
    const b = Buffer.concat(copyOf(query), records)
    b[2] = 0x81
    b[3] = 0x80 | code
    put16(b, 6, count)
    return b
}
