/** The command of an image with streams. */
import * as ds from "@devicescript/core"
import { digest, randomBuffer } from "@devicescript/crypto"
import { SocketError } from "../base/errors"
import { enterProcess, getpgrp } from "../base/process"
import { AF_INET_TUPLE, SOCK_STREAM, SocketAddress, connect, getsockname, leaveProcess, recv, send, socket } from "../socket/api"
import { StreamSocket, shutdown, SHUT_WR } from "../socket/stream"
import { lookup } from "../socket/table"
import { parseTuple } from "../socket/tuple"
import { endpointText } from "../wire/address"
import { findTarget } from "./calls"
import { Printer, check, noMore, numberOf, take, takeOption } from "./command"
import { commands } from "./commands"

/** Octets that are sent at once, again and again. A prime, so that segments do not repeat one another; and few, for the heap. */
const PIECE = 251
/** Milliseconds for the other side's next octet. */
const ECHO_TIMEOUT = 120000
const MOST = 1 << 30

/** Have the command `stream`, in a console that is started. */
export function addStreamCommand(): void {
    commands.push(
        `stream ADDR:PORT [--tuple dhcp|static|common] [--bytes N]
    send so much through a stream, hear it back, and compare
    Without options: 10000 bytes, from an address as the setting TUPLE says. The other side sends all back, as port 7 of
    10.77.0.2 and 10.77.0.3 of the embedded LAN does (RFC 862).`,
        stream
    )
}

async function stream(args: string[], out: Printer): Promise<void> {
    const tupleName = takeOption(args, "--tuple")
    const bytesText = takeOption(args, "--bytes", "10000")
    const target = take(args, "ADDR:PORT is missing")
    noMore(args)
    const tuple = parseTuple(tupleName)
    if (tupleName) check(tuple !== undefined, "{0} is none of dhcp, static, common", tupleName)
    const bytes = numberOf(bytesText, 1, MOST, "{0} is not a number of bytes from 1 to 1073741824")
    const to = await findTarget(target)
    // a process with an address of its own, as a call is
    enterProcess()
    try {
        await echo(await socket(AF_INET_TUPLE, SOCK_STREAM, 0, tuple), to, bytes, out)
    } finally {
        await leaveProcess()
    }
}

async function echo(sd: number, to: SocketAddress, bytes: number, out: Printer): Promise<void> {
    if (out.cancelled) return
    const s = lookup(sd) as StreamSocket
    out.onCancel = () => s.abort()
    const began = ds.millis()
    await connect(sd, to)
    const { address, port } = getsockname(sd)
    await out.print(`connected: ${endpointText(address, port)} to ${endpointText(to.address, to.port)}`)
    // so that octets of another stream are not taken for ours
    const piece = randomBuffer(PIECE)
    feed.start(sd, piece, bytes, getpgrp())
    // what comes back takes the place of what it must be alike to: no buffer for each comparison
    const back = piece.slice()
    const sum = digest("sha256", piece).toString("hex")
    let heard = 0
    while (heard < bytes) {
        const b = await recv(sd, ECHO_TIMEOUT)
        if (b.length === 0) throw new Error(`the other side has ended the stream after ${heard} bytes`)
        for (let i = 0; i < b.length; ) {
            const at = (heard + i) % PIECE
            const n = Math.min(PIECE - at, b.length - i)
            back.blitAt(at, b, i, n)
            i += n
            if (digest("sha256", back).toString("hex") !== sum) throw new Error(`what came back is not what was sent, after ${heard} bytes`)
        }
        heard += b.length
    }
    const seconds = Math.round((ds.millis() - began) / 10) / 100
    await out.print(`${bytes} bytes sent and heard back in ${seconds} s, ${s.connection.retransmitted} segments retransmitted`)
}

/** Send all of it, on a fiber of its own: the other side may not take more before it has sent some back. */
async function feed(sd: number, piece: Buffer, bytes: number, group: number): Promise<void> {
    enterProcess(group)
    try {
        for (let left = bytes; left > 0; left -= PIECE) await send(sd, left < PIECE ? piece.slice(0, left) : piece)
        shutdown(sd, SHUT_WR)
    } catch (e) {
        // whoever hears has the same error
        if (!(e instanceof SocketError)) throw e
    }
    await leaveProcess()
}
