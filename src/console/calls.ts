import { formatAddress, isUnicast, parseAddress, parseDecimal } from "../wire/address"
import { SocketAddress, TUPLE_COMMON, TUPLE_DHCP, TUPLE_STATIC } from "../socket/socket"
import { Call, CallState } from "../telephone/call"
import { calls, endedCalls, hangup, hangupAll, place } from "../telephone/telephone"
import { Codec } from "../voice/g711"
import { sourceOf } from "../voice/source"
import { Command, Printer, UsageError, noMore, printList, takeOption } from "./command"

const TUPLES: Record<string, number> = { common: TUPLE_COMMON, static: TUPLE_STATIC, dhcp: TUPLE_DHCP }
const CODECS: Record<string, Codec> = { pcmu: Codec.PCMU, pcma: Codec.PCMA }
const STATES = ["calling", "up", "ended"]
const SECONDS_MAX = 86400

function parseTarget(text: string): SocketAddress {
    const colon = text.indexOf(":")
    const address = parseAddress(colon < 0 ? text : text.slice(0, colon))
    const port = colon < 0 ? undefined : parseDecimal(text.slice(colon + 1), 65535)
    if (address === undefined || !isUnicast(address) || !port)
        throw new UsageError(`${text} is not ADDR:PORT; write it as 10.77.0.2:4000`)
    return { address, port }
}

async function call(args: string[], out: Printer): Promise<void> {
    const codecName = takeOption(args, "--codec") || "pcmu"
    const play = takeOption(args, "--play") || "tone"
    const tupleName = takeOption(args, "--tuple")
    const secondsText = takeOption(args, "--seconds")
    if (args.length === 0) throw new UsageError("ADDR:PORT is missing")
    const remote = parseTarget(args[0])
    noMore(args, 1)
    const codec = CODECS[codecName]
    if (codec === undefined) throw new UsageError(`${codecName} is neither pcmu nor pcma`)
    const source = sourceOf(play, codec)
    if (!source) throw new UsageError(`${play} is none of tone, speech, echo`)
    const tuple = tupleName === undefined ? undefined : TUPLES[tupleName]
    if (tupleName !== undefined && tuple === undefined) throw new UsageError(`${tupleName} is none of dhcp, static, common`)
    const seconds = secondsText === undefined ? Infinity : parseDecimal(secondsText, SECONDS_MAX)
    if (!seconds) throw new UsageError(`${secondsText} is not a number of seconds from 1 to ${SECONDS_MAX}`)

    const c = await place({ remote, codec, source, seconds, tuple })
    await out.line(`call ${c.id} is up: ${text(c.local)} to ${text(remote)}, ${codecName}, playing ${play}`)
    if (seconds === Infinity) return
    await c.reached(CallState.Ended)
    if (c.error) throw c.error
    const d = describe(c)
    await out.line(
        `call ${c.id} has ended: ${d.txFrames} frames sent, ${d.rxFrames} received, ${d.lost} lost, jitter ${d.jitterMs} ms`
    )
}

function text(a: SocketAddress): string {
    return `${formatAddress(a.address)}:${a.port}`
}

function describe(c: Call) {
    const s = c.session
    const d: any = {
        id: c.id,
        state: STATES[c.state],
        local: c.local ? text(c.local) : null,
        remote: text(c.options.remote),
        codec: c.options.codec === Codec.PCMU ? "pcmu" : "pcma",
        txFrames: s ? s.txFrames : 0,
        rxFrames: s ? s.reception.received : 0,
        lost: s ? s.reception.lost() : 0,
        reordered: s ? s.reception.reordered : 0,
        jitterMs: s ? s.reception.jitterMs() : 0,
        seconds: c.seconds(),
    }
    if (c.skipped > 0) d.skipped = c.skipped
    if (c.error) d.error = c.error.message
    return d
}

async function listCalls(args: string[], out: Printer): Promise<void> {
    const keys = "id state local remote codec txFrames rxFrames lost jitterMs seconds"
    await printList(args, keys, [...endedCalls, ...calls], describe, out)
}

async function hangupCommand(args: string[], out: Printer): Promise<void> {
    if (args.length === 0) throw new UsageError("which call? Say its number, see calls, or all")
    noMore(args, 1)
    if (args[0] === "all") {
        const n = await hangupAll()
        await out.line(n === 1 ? "1 call has ended" : `${n} calls have ended`)
        return
    }
    const id = parseDecimal(args[0], 1000000)
    const c = calls.find(k => k.id === id)
    if (!c) throw new UsageError(`there is no call ${args[0]}; see calls`)
    await hangup(c)
    await out.line(`call ${c.id} has ended`)
}

export const callCommands: Command[] = [
    {
        name: "call",
        usage: "ADDR:PORT [--codec pcmu|pcma] [--play tone|speech|echo] [--seconds N] [--tuple dhcp|static|common]",
        help: "place a call; with --seconds, wait for its end",
        run: call,
    },
    { name: "hangup", usage: "N | all", help: "end a call, or all", run: hangupCommand },
    { name: "calls", usage: "[-j]", help: "the calls that are up, and those that ended last", run: listCalls },
]
