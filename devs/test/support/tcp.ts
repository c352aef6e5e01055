import * as ds from "@devicescript/core"
import { checksumHolds, checksumOf, sum } from "../../../src/wire/checksum"
import { pseudoSum } from "../../../src/wire/ipv4"
import { htonl } from "../../../src/wire/order"
import { BOARD, HOST, ipv4 } from "./lan"
import { get16, put16 } from "./support"
import { phy, seen } from "./world"

/** Scripts for a peer of TCP, in the manner of packetdrill: numbers count from each side's first one. */

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16
const LETTERS = "FSRPA"

/** The peer: its port and ours, and where the numbers of both begin. */
export const peer = { port: 80, ours: 0, mine: 0x7ffffff0 | 0, theirs: 0, address: HOST, local: BOARD, window: 8000 }

/** A segment of the peer's. @param seq, ack count from 0, the SYNs */
export function segmentOf(flags: number, seq: number, ack: number, data = "", options?: Buffer): Buffer {
    const text = Buffer.from(data)
    const header = 20 + (options ? options.length : 0)
    const t = Buffer.alloc(header + text.length)
    put16(t, 0, peer.port)
    put16(t, 2, peer.ours)
    t.setAt(4, "i32", htonl((peer.mine + seq) | 0))
    if ((flags & ACK) !== 0) t.setAt(8, "i32", htonl((peer.theirs + ack) | 0))
    t[12] = header << 2
    t[13] = flags
    put16(t, 14, peer.window)
    if (options) t.blitAt(20, options, 0, options.length)
    t.blitAt(header, text, 0, text.length)
    return sealed(t)
}

/** The frame of a segment, with its checksum. */
export function sealed(t: Buffer): Buffer {
    const f = ipv4(6, peer.address, peer.local, t)
    f.setAt(34 + 16, "u16", 0)
    f.setAt(34 + 16, "u16", checksumOf(pseudoSum(f, 14, 6, t.length) + sum(f, 34, t.length)))
    return f
}

/** Have the phone receive a segment, and say what it answers. */
export async function says(flags: number, seq: number, ack: number, data = "", options?: Buffer): Promise<string> {
    phy.arrive(segmentOf(flags, seq, ack, data, options))
    return await heard()
}

/** What the phone has sent: `SA 0 1` are flags, number and acknowledgment; behind them the data, if there are any, in `<>`. */
export async function heard(): Promise<string> {
    await ds.sleep(5)
    const all: string[] = []
    while (seen.length > 0) all.push(textOf(seen.shift()))
    return all.join(", ")
}

function textOf(f: Buffer): string {
    if (f[23] !== 6) return `protocol ${f[23]}`
    const total = get16(f, 16)
    if (!checksumHolds(pseudoSum(f, 14, 6, total - 20) + sum(f, 34, total - 20))) return "bad checksum"
    const flags = f[34 + 13]
    const seq = htonl(f.getAt(34 + 4, "i32"))
    if ((flags & SYN) !== 0) {
        peer.theirs = seq
        peer.ours = get16(f, 34)
    }
    let text = ""
    for (let i = 0; i < 5; i++) if (((flags >> i) & 1) !== 0) text += LETTERS[i]
    text += ` ${(seq - peer.theirs) | 0}`
    if ((flags & ACK) !== 0) text += ` ${(htonl(f.getAt(34 + 8, "i32")) - peer.mine) | 0}`
    const header = (f[34 + 12] >> 4) * 4
    const n = total - 20 - header
    if (n > 0) text += n > 20 ? ` <${n}>` : ` <${f.slice(34 + header, 34 + header + n).toString()}>`
    return text
}
