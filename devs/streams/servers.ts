/** The servers of RFC 862 to 864 on the common address: what comes is sent back, thrown away, or an order for so many octets. */
import { SocketError } from "../../src/base/errors"
import { AF_INET_TUPLE, SOCK_STREAM, bind, close, recv, send, socket } from "../../src/socket/api"
import { accept, listen } from "../../src/socket/stream"
import { TUPLE_COMMON } from "../../src/socket/tuple"
import { parseDecimal } from "../../src/wire/address"

const ECHO_PORT = 7
const DISCARD_PORT = 9
const CHARGEN_PORT = 19
/** Connections that may wait for their fiber. */
const BACKLOG = 2
/** What is sent by order, again and again: octet i is i modulo this. */
const PATTERN = 251
const MOST = 1 << 30

/** What became of the connections so far. */
export const figures = {
    accepted: 0,
    ended: 0,
    /** Octets that were thrown away. */
    discarded: 0,
    /** The code of the error that ended one last. */
    error: "",
}

/** Talks with whoever has connected, until one of the two has said all. */
type Talk = (sd: number) => Promise<void>

async function echo(sd: number): Promise<void> {
    while (true) {
        const b = await recv(sd)
        if (b.length === 0) return
        await send(sd, b)
    }
}

async function discard(sd: number): Promise<void> {
    while (true) {
        const { length } = await recv(sd)
        if (length === 0) return
        figures.discarded += length
    }
}

/** The order is a decimal number in one segment; who has sent so much closes first. */
async function generate(sd: number): Promise<void> {
    const pattern = Buffer.alloc(4 * PATTERN)
    for (let i = 0; i < pattern.length; i++) pattern[i] = i % PATTERN
    let left = parseDecimal((await recv(sd)).toString(), MOST)
    while (left > 0) {
        await send(sd, left < pattern.length ? pattern.slice(0, left) : pattern)
        left -= pattern.length
    }
}

async function converse(sd: number, talk: Talk): Promise<void> {
    figures.accepted++
    try {
        await talk(sd)
    } catch (e) {
        if (!(e instanceof SocketError)) throw e
        figures.error = e.code
    }
    await close(sd)
    figures.ended++
}

async function serve(port: number, talk: Talk): Promise<void> {
    const sd = await socket(AF_INET_TUPLE, SOCK_STREAM, 0, TUPLE_COMMON)
    await bind(sd, { port })
    listen(sd, BACKLOG)
    while (true) {
        const one = await accept(sd)
        converse.start(one, talk)
    }
}

/** Start all three. */
export function startServers(): void {
    serve.start(ECHO_PORT, echo)
    serve.start(DISCARD_PORT, discard)
    serve.start(CHARGEN_PORT, generate)
}
