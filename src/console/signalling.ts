/** Commands about calls that are signalled. */
import * as ds from "@devicescript/core"
import { sendDigits } from "../rtp/dtmf"
import { DIGITS, listenForDigits } from "../rtp/events"
import { eventsOf } from "../rtp/session"
import type { Receiver } from "../socket/socket"
import { account } from "../sip/account"
import { ownUri } from "../sip/dialog"
import { failure, register, registeredUntil } from "../sip/register"
import { common } from "../sip/transport"
import { Call, CallState, changed } from "../telephone/call"
import { answer as pickUp, hold as setHold, placeUri, transfer } from "../telephone/line"
import { dialled } from "../telephone/dial"
import { attend } from "../telephone/handset"
import { loggedCall, loggedCalls } from "../telephone/log"
import { calls } from "../telephone/telephone"
import { callOf, registerUris, upText, takePlay } from "./calls"
import { Printer, check, noMore, printList, secondsUntil, take, takeFlag } from "./command"
import { commands } from "./commands"
import { tell } from "./server"

/** Have these commands. */
export function addSignallingCommands(): void {
    registerUris(placeUri)
    const added: any[] = [
        `answer [N] [--wait] [--play tone|speech|echo|handset]
    answer a call that rings
    N is its number in calls, if several ring. --wait waits until one does.`,
        answer,

        `hold N
    hold a call: nothing is sent, and the other side is told
    The other side may hold it too. resume ends it.`,
        hold,

        `resume N
    go on with a call that is on hold`,
        resume,

        `transfer N sip:USER@HOST
    send the other side of a call to somebody else
    It answers when the other side has reached it, and the call has ended.`,
        transferCommand,

        `dtmf N DIGITS
    send the other side of call N digits: 0 to 9, *, #, A to D
    Those that it sends appear at the prompt.`,
        dtmf,

        `log [-j]
    the last 20 calls, the last one first
    ago: seconds since it ended. seconds: how long it was up. outcome: what became of it.`,
        showLog,

        `register [off]
    tell the registrar now where the phone is, or that it is not there any more
    Without it the phone registers by itself, in time. The account is in the settings ACCOUNT, REGISTRAR, PROXY, AUTHUSER, PASSWORD.`,
        registerCommand,

        `sip [-j]
    who the phone is for others, and whether it is registered
    expiresIn: seconds until the registration ends; it is renewed before.`,
        showSip,
    ]
    for (const item of added) commands.push(item)
    listenForDigits(onDigit)
}

function ringing(): Call {
    return calls.find(k => k.state === CallState.Ringing)
}

async function answer(args: string[], out: Printer): Promise<void> {
    const play = takePlay(args)
    const isWaiting = takeFlag(args, "--wait")
    let c: Call
    if (args.length > 0) c = callOf(args.shift())
    noMore(args)
    if (!c) c = ringing()
    out.onCancel = () => changed.notify(true)
    while (isWaiting ? !c : false) {
        await changed.wait()
        if (out.cancelled) return
        c = ringing()
    }
    check(c?.state === CallState.Ringing, "no call rings; see calls")
    pickUp(c, play)
    await c.reached(CallState.Up)
    c.checkUp()
    await out.print(upText(c, c.peer))
}

async function hold(args: string[], out: Printer): Promise<void> {
    await changeHold(args, out, true)
}

async function resume(args: string[], out: Printer): Promise<void> {
    await changeHold(args, out, false)
}

/** The next argument: a call that is up. */
function signalledCall(args: string[]): Call {
    const name = take(args, "N is missing; see calls")
    const c = callOf(name)
    check(c.state === CallState.Up ? c.peer !== null : false, "call {0} is not up, or nothing signals it", name)
    return c
}

async function changeHold(args: string[], out: Printer, isOn: boolean): Promise<void> {
    const c = signalledCall(args)
    noMore(args)
    await setHold(c, isOn)
    if (!isOn) attend(c.session)
    await out.print(`call ${c.id} is ${isOn ? "on hold" : "resumed"}`)
}

async function transferCommand(args: string[], out: Printer): Promise<void> {
    const c = signalledCall(args)
    const text = take(args, "sip:USER@HOST is missing")
    noMore(args)
    const uri = dialled(text)
    check(uri !== "", "{0} is no URI, nor a number of the account; write sip:USER@HOST", text)
    await transfer(c, uri)
    await out.print(`call ${c.id} is transferred`)
}

async function dtmf(args: string[], out: Printer): Promise<void> {
    const name = take(args, "N is missing; see calls")
    const c = callOf(name)
    const digits = take(args, "DIGITS are missing").toUpperCase()
    noMore(args)
    check(c.state === CallState.Up, "call {0} is not up", name)
    check(eventsOf(c.session) >= 0, "the other side of call {0} takes no digits", name)
    for (let i = 0; i < digits.length; i++)
        check(DIGITS.indexOf(digits[i]) >= 0, "{0} is no digit; they are 0 to 9, *, #, A to D", digits[i])
    const sent = await sendDigits(c.session, digits)
    check(sent === digits.length, "call {0} has ended", name)
    await out.print(`sent: ${digits}`)
}

/** The other side of a call has sent a digit. */
function onDigit(session: Receiver, digit: string): void {
    for (const c of calls) if (c.session === session) tell(c, "sends " + digit)
}

async function showLog(args: string[], out: Printer): Promise<void> {
    await printList(args, loggedCalls(), loggedCall, out)
}

async function registerCommand(args: string[], out: Printer): Promise<void> {
    const isOff = takeFlag(args, "off")
    noMore(args)
    await register(!isOff)
    await out.print(isOff ? "the registration has ended" : `registered for ${secondsUntil(registeredUntil)} s`)
}

async function showSip(args: string[], out: Printer): Promise<void> {
    takeFlag(args, "-j")
    noMore(args)
    const isRegistered = registeredUntil > ds.millis()
    const row = {
        uri: common ? ownUri() : null,
        registrar: account.registrar || null,
        state: isRegistered ? "registered" : failure || "not registered",
        expiresIn: isRegistered ? secondsUntil(registeredUntil) : null,
    }
    await out.print("[" + JSON.stringify(row) + "]")
}
