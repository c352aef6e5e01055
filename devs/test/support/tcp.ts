import * as ds from "@devicescript/core"
import { nameOf } from "../../../src/base/text"
import { AF_INET_TUPLE, SOCK_STREAM, bind, connect, socket } from "../../../src/socket/api"
import { accept, listen } from "../../../src/socket/stream"
import { Connection, connections, finish } from "../../../src/transport/tcp/connection"
import { checksumHolds, checksumOf, sum } from "../../../src/wire/checksum"
import { pseudoSum } from "../../../src/wire/ipv4"
import { htonl } from "../../../src/wire/order"
import { BOARD, HOST, ipv4 } from "./lan"
import { get16, put16 } from "./support"
import { phy, seen, tidy } from "./world"

/** The states of RFC 9293, 3.3.2, by `State`. */
const STATES = "CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED CLOSE-WAIT FIN-WAIT-1 CLOSING LAST-ACK FIN-WAIT-2 TIME-WAIT"

/** Scripts for a peer of TCP, in the manner of packetdrill: numbers count from each side's first one. */

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16
const LETTERS = "FSRPA"

/** The peer: its port and ours, and where the numbers of both begin. */
export const peer = { port: 80, ours: 0, mine: 0x7ffffff0 | 0, theirs: 0, address: HOST, local: BOARD, window: 8000 }

/** Forget the connection before: the peer has another port, and so every test a new one. */
export async function newPeer(): Promise<void> {
    await tidy()
    for (const c of connections) if (c.ifc) finish(c)
    await ds.sleep(5)
    while (seen.length > 0) seen.pop()
    peer.port++
    peer.ours = 0
    peer.local = BOARD
    peer.window = 8000
}

/** Connect a socket, on a fiber of its own: its SYN can be heard at once. */
export async function opening(tuple = 0): Promise<Opening> {
    const o = new Opening()
    o.sd = await socket(AF_INET_TUPLE, SOCK_STREAM, 0, tuple)
    o.run.start()
    await ds.sleep(1)
    return o
}

class Opening {
    sd = 0
    /** What became of it: "open", or the code of its error. */
    result = ""

    async run(): Promise<void> {
        try {
            await connect(this.sd, { address: peer.address, port: peer.port })
            this.result = "open"
        } catch (e) {
            this.result = errorText(e)
        }
    }
}

/** What `f` returns, or the code of the error that it throws. */
export async function codeOf(f: () => Promise<any>): Promise<any> {
    try {
        return await f()
    } catch (e) {
        return errorText(e)
    }
}

function errorText(e: any): string {
    return e.code || e.message
}

/** A connection that we have opened. @returns its descriptor */
export async function active(tuple = 0): Promise<number> {
    const o = await opening(tuple)
    await expectHeard("S 0")
    await expectSays("A 1 1", SYN | ACK, 0, 1)
    if (o.result !== "open") throw new Error(`connect: ${o.result}`)
    return o.sd
}

/** A listener. @returns its descriptor */
export async function listening(backlog = 2, tuple = 0): Promise<number> {
    const sd = await socket(AF_INET_TUPLE, SOCK_STREAM, 0, tuple)
    const { address, port } = await bind(sd, {})
    listen(sd, backlog)
    peer.ours = port
    peer.local = address
    return sd
}

/** A connection that the peer has opened. @returns its descriptor */
export async function passive(listener: number): Promise<number> {
    await expectSays("SA 0 1", SYN, 0, 0)
    await expectSays("", ACK, 1, 1)
    return await accept(listener, 100)
}

export async function expectHeard(what: string): Promise<void> {
    const all = await heard()
    if (all !== what) throw new Error(`heard "${all}", not "${what}"`)
}

export async function expectSays(answer: string, flags: number, seq: number, ack: number, data = ""): Promise<void> {
    phy.arrive(segmentOf(flags, seq, ack, data))
    await expectHeard(answer)
}

/** The connection of the peer, if there is one. */
export function connectionOf(): Connection {
    return connections.find(c => (c.ifc ? c.remotePort === peer.port : false))
}

/** The state of the connection of the peer. */
export function state(): string {
    const c = connectionOf()
    return nameOf(STATES, c ? c.state : 0)
}

/** A segment of the peer's. @param seq, ack count from 0, the SYNs */
export function segmentOf(flags: number, seq: number, ack: number, data = "", options?: Buffer): Buffer {
    const text = Buffer.from(data)
    if (!options) if ((flags & SYN) !== 0) options = hex`020405b4`
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
    return seal(ipv4(6, peer.address, peer.local, t))
}

/** Write the checksum of a frame's segment. */
export function seal(f: Buffer): Buffer {
    const length = f.length - 34
    f.setAt(34 + 16, "u16", 0)
    f.setAt(34 + 16, "u16", checksumOf(pseudoSum(f, 14, 6, length) + sum(f, 34, length)))
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
        peer.local = f.getAt(26, "i32")
    }
    let text = ""
    for (let i = 0; i < 5; i++) if (((flags >> i) & 1) !== 0) text += LETTERS[i]
    // a reset of a segment without an ACK begins at 0 itself
    text += ` ${seq === 0 ? 0 : (seq - peer.theirs) | 0}`
    if ((flags & ACK) !== 0) text += ` ${(htonl(f.getAt(34 + 8, "i32")) - peer.mine) | 0}`
    const header = (f[34 + 12] >> 4) * 4
    const n = total - 20 - header
    if (n > 0) text += n > 20 ? ` <${n}>` : ` <${f.slice(34 + header, 34 + header + n).toString()}>`
    return text
}
