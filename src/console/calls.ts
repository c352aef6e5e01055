import { formatAddress, isUnicast, parseAddress, parseDecimal } from "../wire/address"
import { SocketAddress, parseTuple } from "../socket/socket"
import { Call, CallState } from "../telephone/call"
import { calls, hangup, hangupAll, listedCalls, place } from "../telephone/telephone"
import { Codec } from "../voice/g711"
import { jitterOf, lostOf, receivedOf, reorderedOf } from "../voice/reception"
import { parsePlay } from "../voice/source"
import { Printer, UsageError, noMore, printList, takeOption } from "./command"

const SECONDS_MAX = 86400

function parseTarget(text: string): SocketAddress {
    const colon = text.indexOf(":")
    const address = parseAddress(colon < 0 ? text : text.slice(0, colon))
    const port = colon < 0 ? undefined : parseDecimal(text.slice(colon + 1), 65535)
    if (address === undefined || !isUnicast(address) || !port)
        throw new UsageError(`${text} is not ADDR:PORT; write it as 10.77.0.2:4000`)
    return { address, port }
}

export async function call(args: string[], out: Printer): Promise<void> {
    const codecName = takeOption(args, "--codec") || "pcmu"
    const playName = takeOption(args, "--play") || "tone"
    const tupleName = takeOption(args, "--tuple")
    const secondsText = takeOption(args, "--seconds")
    if (args.length === 0) throw new UsageError("ADDR:PORT is missing")
    const remote = parseTarget(args[0])
    noMore(args, 1)
    const codec = codecName === "pcma" ? Codec.PCMA : Codec.PCMU
    if (codecName !== nameOf(codec)) throw new UsageError(`${codecName} is neither pcmu nor pcma`)
    const play = parsePlay(playName)
    if (play === undefined) throw new UsageError(`${playName} is none of tone, speech, echo`)
    const tuple = tupleName === undefined ? undefined : parseTuple(tupleName)
    if (tupleName !== undefined && tuple === undefined) throw new UsageError(`${tupleName} is none of dhcp, static, common`)
    const seconds = secondsText === undefined ? Infinity : parseDecimal(secondsText, SECONDS_MAX)
    if (!seconds) throw new UsageError(`${secondsText} is not a number of seconds from 1 to ${SECONDS_MAX}`)

    const c = await place(remote, codec, play, seconds, tuple)
    await out.line(`call ${c.id} is up: ${text(c.localAddress, c.localPort)} to ${args[0]}, ${codecName}, playing ${playName}`)
    if (seconds === Infinity) return
    await c.reached(CallState.Ended)
    if (c.error) throw c.error
    const d = describe(c)
    await out.line(
        `call ${c.id} has ended: ${d.txFrames} frames sent, ${d.rxFrames} received, ${d.lost} lost, jitter ${d.jitterMs} ms`
    )
}

function nameOf(codec: Codec): string {
    return codec === Codec.PCMU ? "pcmu" : "pcma"
}

function stateName(state: CallState): string {
    if (state === CallState.Calling) return "calling"
    if (state === CallState.Up) return "up"
    return state === CallState.Leaving ? "leaving" : "ended"
}

function text(address: number, port: number): string {
    return `${formatAddress(address)}:${port}`
}

function describe(c: Call) {
    const s = c.session
    if (s.socket) s.socket.settle()
    const d: any = {
        id: c.id,
        state: stateName(c.state),
        local: c.localPort !== 0 ? text(c.localAddress, c.localPort) : null,
        remote: text(c.remoteAddress, c.remotePort),
        codec: nameOf(c.session.codec),
        txFrames: s.txFrames,
        rxFrames: receivedOf(s.reception),
        lost: lostOf(s.reception),
        reordered: reorderedOf(s.reception),
        jitterMs: jitterOf(s.reception),
        seconds: c.seconds(),
    }
    if (c.skipped > 0) d.skipped = c.skipped
    if (c.error) d.error = c.error.message
    return d
}

export async function listCalls(args: string[], out: Printer): Promise<void> {
    const keys = "id state local remote txFrames rxFrames lost jitterMs"
    await printList(args, keys, listedCalls(), describe, out)
}

export async function hangupCommand(args: string[], out: Printer): Promise<void> {
    if (args.length === 0) throw new UsageError("which call? Say its number, see calls, or all")
    noMore(args, 1)
    if (args[0] === "all") {
        const n = await hangupAll()
        await out.line(n === 1 ? "1 call has ended" : `${n} calls have ended`)
        return
    }
    const id = parseDecimal(args[0], 1000000)
    const c = calls.find(k => k.id === id && k.isLive())
    if (!c) throw new UsageError(`there is no call ${args[0]}; see calls`)
    await hangup(c)
    await out.line(`call ${c.id} has ended`)
}

