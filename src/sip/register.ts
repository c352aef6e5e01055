/**
 * The registration: a fiber that tells the registrar where the phone is, and tells it anew in time, and when the common address has changed.
 * Read first: RFC 3261, 10.2; RFC 5626, 4.4.1 (what keeps an address translator's way open).
 */
import * as ds from "@devicescript/core"
import { SIP_KEEPALIVE, SIP_PORT } from "../base/config"
import { fail } from "../base/errors"
import { Signal } from "../base/signal"
import { interfaces } from "../link/interface"
import { endpointText, parseAddress } from "../wire/address"
import { account } from "./account"
import { Dialog, completeDialog, makeDialog, openDialog, startContact, wake, writeContact, writeHead } from "./dialog"
import { Header } from "./header"
import { locate } from "./locate"
import { Method, lineOf, valueOf } from "./message"
import { decimalOf, paramOf, textOf } from "./span"
import { exchange, refusal, sendTo } from "./transaction"
import { REOPEN, common } from "./transport"
import { write } from "./writer"

/** Milliseconds until it is tried again after a failure (RFC 5626, 4.5: half a minute, doubled). */
const RETRY = 30000
const RETRY_MAX = 960000
/** Seconds before the end of a registration at which it is renewed, if it is long enough. */
const MARGIN = 60
const MAX = 0x7fffffff
const INTERVAL_TOO_BRIEF = 423

/** Until which `ds.millis()` the phone is registered. */
export let registeredUntil = 0
/** Why it is not; "" if nothing is wrong. */
export let failure = ""
/** Announces that the registrar has answered, or that it does not. */
const settled = new Signal()

/** Without a registration there is none, but its room. */
let dialog: Dialog
let isWanted = true
/** When the registrar is to be told. */
let renewAt = 0
/** Seconds that it is asked for. */
let asked = 0
/** The address that the registrar was told, and whether it sees another one. */
let told = 0
/** Which of the registrars. */
let server = 0
let isTranslated = false

/** Tell the registrar now: the phone has a new address perhaps. */
export function renew(): void {
    renewAt = 0
    if (dialog) wake(dialog)
}

/** Boot calls it if there is a registrar. */
export function startRegistration(): void {
    dialog = makeDialog()
    completeDialog(dialog, undefined)
    runRegistration.start()
}

/**
 * Register, or end the registration, and wait for the answer.
 * @throws SocketError `EINVAL` without an account, `ECONNREFUSED` with what the registrar says, and as `locate`
 */
export async function register(isOn: boolean): Promise<void> {
    if (!account.registrar) fail("EINVAL", "the phone has no account; see the setting ACCOUNT")
    isWanted = isOn
    renew()
    await settled.wait()
    if (failure) fail("ECONNREFUSED", failure)
}

/** Register, and stay so. */
async function runRegistration() {
    let retry = RETRY
    while (true) {
        if (common)
            if (ds.millis() >= renewAt) {
                renewAt = Infinity
                let next = Infinity
                try {
                    const seconds = await tell()
                    failure = ""
                    retry = RETRY
                    registeredUntil = ds.millis() + 1000 * seconds
                    if (isWanted) next = registeredUntil - 1000 * Math.min(MARGIN, seconds / 2)
                } catch (e) {
                    failure = (e as Error).message
                    // the next one, if there are several (RFC 3263, 4.3)
                    server++
                    registeredUntil = 0
                    next = ds.millis() + retry
                    retry = Math.min(2 * retry, RETRY_MAX)
                }
                // somebody may want it anew meanwhile
                renewAt = Math.min(renewAt, next)
                settled.notify(true)
            }
        // here, and not in a function, as in `Call.live`
        dialog.waiter = ds.Fiber.self()
        await ds.suspend<any>(Math.max(REOPEN, Math.min(renewAt - ds.millis(), SIP_KEEPALIVE)))
        if (isTranslated) sendTo(dialog, Buffer.from("\r\n\r\n"))
    }
}

/** @returns the seconds for which the registrar knows the phone */
async function tell(): Promise<number> {
    const d = dialog
    if (d.prepared === 0) {
        openDialog(d)
        writeHead(d, account.registrar, account.uri, account.uri)
    }
    d.remote = 0
    await locate(d, server)
    asked = 0
    if (isWanted) asked = account.expires
    let status = await exchange(d, Method.Register, writeBinding)
    if (status === INTERVAL_TOO_BRIEF) {
        // -1 if it does not say how much is enough
        asked = Math.max(asked, decimalOf(lineOf(Header.MinExpires, 0), MAX))
        status = await exchange(d, Method.Register, writeBinding)
    }
    if (status >= 300) throw refusal(d)
    told = interfaces[0].address
    const received = paramOf(valueOf(Header.Via, 0), "received")
    isTranslated = false
    if (received !== 0) isTranslated = parseAddress(textOf(received)) !== told
    return expiry()
}

function writeBinding(d: Dialog): void {
    writeContact(d)
    // the address that the phone had before reaches another host now
    if (told !== 0)
        if (told !== interfaces[0].address) {
            startContact(told)
            write(";expires=0\r\n")
        }
    write("Expires: " + asked + "\r\n")
}

/** The seconds that the registrar has granted: it says that for each of the addresses, or for all (RFC 3261, 10.2.4). */
function expiry(): number {
    const ours = endpointText(told, SIP_PORT)
    let n = 0
    let granted = asked
    const line = lineOf(Header.Expires, 0)
    if (line !== 0) granted = decimalOf(line, MAX)
    while (true) {
        const contact = valueOf(Header.Contact, n)
        if (contact === 0) break
        n++
        if (textOf(contact).indexOf(ours) < 0) continue
        const expires = paramOf(contact, "expires")
        if (expires !== 0) granted = decimalOf(expires, MAX)
    }
    if (granted < 0) return asked
    return granted
}
