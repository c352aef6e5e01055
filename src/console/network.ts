import { INTERFACES } from "../base/config"
import { COUNTERS, Counter, countOf } from "../base/counters"
import { choiceOf, nameOf } from "../base/text"
import { keepReady } from "../address/ready"
import { needCommon } from "../address/common"
import { configured } from "../dhcp/configuration"
import { releaseAddress, renewLease } from "../dhcp/client"
import { ownMacLow } from "../link/ethernet"
import { ping } from "../ip/icmp"
import { FREE, Interface, interfaces } from "../link/interface"
import { Lease, LeaseState, holdsAddress, leases } from "../dhcp/lease"
import { Neighbour, neighbours } from "../link/neighbours"
import { describeSocket } from "../socket/list"
import { Socket } from "../socket/socket"
import { settleSockets, sockets } from "../socket/table"
import { formatAddress, formatMac, prefixOf } from "../wire/address"
import { OPTION_BOOT_FILE, OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_SIP_SERVERS, OPTION_TFTP_SERVER } from "../wire/dhcp"
import { Printer, addressText, check, noMore, numberOf, printList, secondsUntil, take, takeFlag } from "./command"
import { findHost } from "./names"

/** By `LeaseState`. */
const STATES = "idle init init-reboot rebooting selecting requesting probing bound renewing rebinding reselecting"

function isInUse(of: Interface | Socket): boolean {
    return of.process !== FREE
}

export async function ifconfig(args: string[], out: Printer): Promise<void> {
    settleSockets()
    await printList(args, interfaces.filter(isInUse), describeInterface, out)
}

function describeInterface(ifc: Interface) {
    const lease = leases[ifc.slot]
    let source = "static"
    if ((lease.server | lease.state) !== 0) source = "dhcp"
    if (ifc.isCommon()) source = "common"
    let open = 0
    for (const s of sockets) if (s.ifc === ifc) open++
    let prefix: number = null
    if (ifc.address !== 0) prefix = prefixOf(ifc.mask)
    let leaseSeconds: number = null
    if (holdsAddress(lease)) leaseSeconds = secondsOf(lease)
    let expiresIn: number = null
    if (leaseSeconds !== null) expiresIn = secondsUntil(lease.expiresAt)
    return {
        name: ifc.name(),
        address: addressText(ifc.address),
        prefix,
        mac: formatMac(ifc.macHigh, ownMacLow),
        gateway: addressText(ifc.router()),
        source,
        leaseSeconds,
        expiresIn,
        sockets: open,
        rx: ifc.rx,
        tx: ifc.tx,
        dscp: ifc.dscp,
    }
}

export async function netstat(args: string[], out: Printer): Promise<void> {
    settleSockets()
    await printList(args, sockets.filter(isInUse), describeSocket, out)
}

export async function arp(args: string[], out: Printer): Promise<void> {
    await printList(args, neighbours, describeNeighbour, out)
}

function describeNeighbour(n: Neighbour) {
    let mac: string = null
    let state = "incomplete"
    if (n.known) {
        mac = formatMac(n.macHigh, n.macLow)
        state = "reachable"
        if (n.attempts !== 0) state = "probing"
    }
    return {
        address: formatAddress(n.address),
        mac,
        iface: n.ifc.name(),
        state,
        seconds: secondsUntil(n.due),
    }
}

export async function pingCommand(args: string[], out: Printer): Promise<void> {
    const target = take(args, "ADDR is missing")
    let count = 3
    if (args.length > 0) count = numberOf(args.shift(), 1, 100, "{0} is not a count from 1 to 100")
    noMore(args)
    const address = await findHost(target)
    await needCommon()
    let answered = 0
    let i = 0
    while (i < count) {
        if (out.cancelled) break
        i++
        const ms = await ping(interfaces[0], address, 1000)
        if (ms === -2) throw new Error(`there is no route to ${target}`)
        if (ms < 0) await out.print(`${target}: no answer (${i})`)
        else {
            answered++
            await out.print(`${target}: seq=${i} time=${Math.round(ms)} ms`)
        }
    }
    await out.print(`${i} sent, ${answered} answered`)
    if (answered === 0) if (!out.cancelled) throw new Error(`${target} does not answer; see ifconfig and arp`)
}

/** The length of a lease; `null` if it never ends, or is none. */
function secondsOf(l: Lease): number {
    if (l.leaseTime > 0) if (l.leaseTime < Infinity) return l.leaseTime
    return null
}

/** What the server says of the network is kept for the common lease alone. */
function told(l: Lease, option: number): string {
    if (l.ifc.isCommon()) if (holdsAddress(l)) return configured(option)
    return null
}

function describeLease(l: Lease) {
    return {
        iface: l.ifc.name(),
        state: nameOf(STATES, l.state),
        address: addressText(l.address),
        server: addressText(l.server),
        leaseSeconds: secondsOf(l),
        dns: told(l, OPTION_DNS),
        domain: told(l, OPTION_DOMAIN),
        ntp: told(l, OPTION_NTP),
        tftp: told(l, OPTION_TFTP_SERVER),
        bootFile: told(l, OPTION_BOOT_FILE),
        sip: told(l, OPTION_SIP_SERVERS),
    }
}

export async function lease(args: string[], out: Printer): Promise<void> {
    let action: string
    if (!takeFlag(args, "-j")) action = args.shift()
    const live = leases.filter(l => l.state !== LeaseState.Idle)
    if (!action) return await printList(args, live, describeLease, out)
    if (action === "ready") {
        // one interface is the common one's
        const count = numberOf(args.shift(), 0, INTERFACES - 1, `say how many leases to keep ready, 0 to ${INTERFACES - 1}`)
        noMore(args)
        await keepReady(count)
        await out.print(`${count} leases are kept ready`)
        return
    }
    check(choiceOf("renew release", action) !== undefined, "{0} is none of renew, release, ready", action)
    const name = take(args, "IFACE is missing")
    noMore(args)
    let l: Lease
    for (const k of live) if (k.ifc.name() === name) l = k
    if (!l) throw new Error(`${name} has no lease; see ifconfig`)
    let answer = "released"
    if (action === "renew") {
        answer = "asked for an address"
        if (renewLease(l)) answer = "asked for more time"
    } else if (!(await releaseAddress(l))) throw new Error(`${name} has no address yet; see lease`)
    await out.print(`${name}: ${answer}`)
}

export async function stats(args: string[], out: Printer): Promise<void> {
    takeFlag(args, "-j")
    noMore(args)
    settleSockets()
    let before = "{"
    let at = 0
    // name by name: all of them at once would take a kilobyte
    for (let c = 0; c < Counter.Total; c++) {
        const end = COUNTERS.indexOf(" ", at)
        await out.write(`${before}"${COUNTERS.slice(at, end)}":${countOf(c)}`)
        before = ","
        at = end + 1
    }
    await out.print("}")
}
