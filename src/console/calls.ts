/** Commands about calls. */
import { nameOf } from "../base/text"
import { endpointText, parseDecimal } from "../wire/address"
import { SocketAddress } from "../socket/api"
import { parseTuple } from "../socket/tuple"
import { Call, CallState, INCOMING, localPortOf, remotePortOf } from "../telephone/call"
import { calls, hangup, hangupAll, listedCalls, place } from "../telephone/telephone"
import { Codec } from "../voice/g711"
import { SKIPPED, jitterOf, lostOf, receivedOf, reorderedOf } from "../rtp/reception"
import { mosOf, roundTripOf } from "../rtp/quality"
import { PLAYS, Play, isHandsetGone, parsePlay } from "../voice/source"
import { Printer, check, noMore, numberOf, printList, take, takeOption } from "./command"
import { findHost } from "./names"

/** The address and port that a user has written, or named. @throws as `findHost` */
export async function findTarget(text: string): Promise<SocketAddress> {
    const colon = text.indexOf(":")
    const port = colon < 1 ? undefined : parseDecimal(text.slice(colon + 1), 65535)
    check(port > 0, "{0} is not ADDR:PORT; write it as 10.77.0.2:4000", text)
    return { address: await findHost(text.slice(0, colon)), port }
}

/** Places a call to a URI or number; `undefined` if that is none. */
type UriPlacer = (uri: string, codec: Codec, play: Play, seconds: number, tuple: number) => Call
let placeUri: UriPlacer

/** Have `call` take URIs: the part of the image that signals calls it. */
export function registerUris(placer: UriPlacer): void {
    placeUri = placer
}

/** Take what a call is to play. */
export function takePlay(args: string[]): Play {
    const name = takeOption(args, "--play", "tone")
    const play = parsePlay(name)
    check(play !== undefined, "{0} is none of tone, speech, echo, handset", name)
    if (play === Play.Handset) check(!isHandsetGone(), "there is no handset; see --mic and --speaker of npm start, or play something else")
    return play
}

export async function call(args: string[], out: Printer): Promise<void> {
    const c = await placeCall(args, out)
    // what is left of the command waits as long as the call: not with all that its line was made of
    if (!c) return
    out.onCancel = () => c.hangup()
    await c.reached(CallState.Up)
    c.checkUp()
    await out.print(upText(c, args[0]))
    if (c.frames === Infinity) return
    await c.reached(CallState.Ended)
    if (c.error) throw c.error
    const d = describe(c)
    await out.print(`call ${c.id} has ended: ${d.txFrames} frames sent, ${d.rxFrames} received, ${d.lost} lost, jitter ${d.jitterMs} ms`)
}

/** @returns `undefined` if the user has thought better of it; `args` has the target */
async function placeCall(args: string[], out: Printer): Promise<Call> {
    const codecName = takeOption(args, "--codec", "pcmu")
    const play = takePlay(args)
    const tupleName = takeOption(args, "--tuple")
    const secondsText = takeOption(args, "--seconds")
    const target = take(args, "ADDR:PORT is missing")
    noMore(args)
    const codec = codecName === "pcma" ? Codec.PCMA : Codec.PCMU
    check(codecName === codecText(codec), "{0} is neither pcmu nor pcma", codecName)
    const tuple = parseTuple(tupleName)
    if (tupleName) check(tuple !== undefined, "{0} is none of dhcp, static, common", tupleName)
    const seconds = secondsText ? numberOf(secondsText, 1, 86400, "{0} is not a number of seconds from 1 to 86400") : Infinity
    let c: Call
    if (placeUri) c = placeUri(target, codec, play, seconds, tuple)
    if (!c) {
        const remote = await findTarget(target)
        // a name may take seconds
        if (out.cancelled) return undefined
        c = place(remote, codec, play, seconds, tuple)
    }
    args.push(target)
    return c
}

/** That a call is up. */
export function upText(c: Call, target: string): string {
    const { codec, play } = c.session
    const local = endpointText(c.localAddress, localPortOf(c))
    return `call ${c.id} is up: ${local} to ${target}, ${codecText(codec)}, playing ${nameOf(PLAYS, play)}`
}

function codecText(codec: Codec): string {
    return codec === Codec.PCMU ? "pcmu" : "pcma"
}

/** By `CallState`. */
const STATES = "free calling ringing up leaving ended"

function describe(c: Call) {
    const s = c.session
    if (s.socket) s.socket.settle()
    return {
        id: c.id,
        state: nameOf(STATES, c.state),
        direction: (c.held & INCOMING) !== 0 ? "in" : "out",
        local: endpointText(c.localAddress, localPortOf(c)),
        remote: endpointText(c.remoteAddress, remotePortOf(c)),
        peer: c.peer,
        codec: codecText(s.codec),
        txFrames: s.txFrames,
        rxFrames: receivedOf(s.reception),
        lost: lostOf(s.reception),
        reordered: reorderedOf(s.reception),
        jitterMs: jitterOf(s.reception),
        roundTripMs: roundTripOf(s.reception),
        mos: mosOf(s.reception),
        seconds: c.seconds(),
        skipped: s.reception.getAt(SKIPPED, "u32"),
        hold: nameOf("none local remote both", c.held & 3),
        error: c.error ? c.error.message : null,
        reason: c.reason || null,
    }
}

export async function listCalls(args: string[], out: Printer): Promise<void> {
    await printList(args, listedCalls(), describe, out)
}

export async function hangupCommand(args: string[], out: Printer): Promise<void> {
    const name = take(args, "which call? Say its number, see calls, or all")
    noMore(args)
    if (name === "all") {
        const n = await hangupAll()
        await out.print(n === 1 ? "1 call has ended" : `${n} calls have ended`)
        return
    }
    const c = callOf(name)
    await hangup(c)
    await out.print(`call ${c.id} has ended`)
}

/** The live call of a number. @throws UsageError */
export function callOf(name: string): Call {
    const id = parseDecimal(name, 1000000)
    const c = calls.find(k => k.id === id)
    check(c ? c.isLive() : false, "there is no call {0}; see calls", name)
    return c
}
