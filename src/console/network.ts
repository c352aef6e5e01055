/** Commands about the network: what there is, from interfaces to counters, and what may be asked of it. */
import * as ds from "@devicescript/core"
import { INTERFACES } from "../base/config"
import { COUNTERS, Counter, countOf } from "../base/counters"
import { keepReady } from "../address/ready"
import { needCommon } from "../address/common"
import { configured } from "../dhcp/configuration"
import { releaseAddress, renewLease } from "../dhcp/client"
import { ownMacLow } from "../link/ethernet"
import { ping } from "../ip/icmp"
import { FREE, Interface, interfaces } from "../link/interface"
import { Lease, LeaseState, holdsAddress, leaseOf, leases } from "../dhcp/lease"
import { Neighbour, neighbours } from "../link/neighbours"
import { DatagramSocket } from "../socket/datagram"
import { settleSockets, sockets } from "../socket/table"
import { split } from "../base/text"
import { formatAddress, formatMac, prefixOf } from "../wire/address"
import { OPTION_BOOT_FILE, OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_TFTP_SERVER } from "../wire/dhcp"
import { Printer, check, noMore, numberOf, parseHost, printList, take, takeFlag } from "./command"

/** By `LeaseState`. */
const STATES = "idle init init-reboot rebooting selecting requesting probing bound renewing rebinding"

function stateName(l: Lease): string {
    return split(STATES, " ")[l.state]
}

function socketsOf(ifc: Interface): number {
    return sockets.filter(s => s.ifc === ifc).length
}

export async function ifconfig(args: string[], out: Printer): Promise<void> {
    settleSockets()
    await printList(
        args,
        interfaces.filter(i => i.process !== FREE),
        describeInterface,
        out
    )
}

function describeInterface(ifc: Interface) {
    const lease = leaseOf(ifc)
    const held = holdsAddress(lease) && lease.leaseTime !== Infinity
    return {
        name: ifc.name(),
        address: ifc.address === 0 ? null : formatAddress(ifc.address),
        prefix: ifc.address === 0 ? null : prefixOf(ifc.mask),
        mac: formatMac(ifc.macHigh, ownMacLow),
        gateway: ifc.gateway === 0 ? null : formatAddress(ifc.gateway),
        source: ifc.isCommon() ? "common" : lease.state !== LeaseState.Idle || lease.server !== 0 ? "dhcp" : "static",
        leaseSeconds: held ? lease.leaseTime : null,
        expiresIn: held ? Math.max(0, Math.round((lease.expiresAt - ds.millis()) / 1000)) : null,
        sockets: socketsOf(ifc),
        rx: ifc.rx,
        tx: ifc.tx,
        dscp: ifc.dscp,
    }
}

export async function netstat(args: string[], out: Printer): Promise<void> {
    settleSockets()
    await printList(
        args,
        sockets.filter(s => s.process !== FREE),
        describeSocket,
        out
    )
}

function describeSocket(s: DatagramSocket) {
    return {
        sd: sockets.indexOf(s),
        type: "dgram",
        local: s.ifc ? `${formatAddress(s.ifc.address)}:${s.port}` : null,
        remote: s.remotePort !== 0 ? `${formatAddress(s.remote)}:${s.remotePort}` : null,
        iface: s.ifc ? s.ifc.name() : null,
        process: s.process,
        rx: s.rx,
        tx: s.tx,
        drops: s.drops,
    }
}

export async function arp(args: string[], out: Printer): Promise<void> {
    await printList(args, neighbours, describeNeighbour, out)
}

function describeNeighbour(n: Neighbour) {
    return {
        address: formatAddress(n.address),
        mac: n.known ? formatMac(n.macHigh, n.macLow) : null,
        iface: n.ifc.name(),
        state: !n.known ? "incomplete" : n.attempts > 0 ? "probing" : "reachable",
        seconds: Math.max(0, Math.round((n.due - ds.millis()) / 1000)),
    }
}

export async function pingCommand(args: string[], out: Printer): Promise<void> {
    const target = take(args, "ADDR is missing")
    const address = parseHost(target)
    const count = args.length > 0 ? numberOf(args.shift(), 1, 100, "{0} is not a count from 1 to 100") : 3
    noMore(args)
    const ifc = interfaces[0]
    await needCommon()
    let answered = 0
    let i = 0
    while (i < count && !out.cancelled) {
        i++
        const ms = await ping(ifc, address, 1000)
        if (ms === -2) throw new Error(`there is no route to ${target}`)
        if (ms < 0) await out.line(`${target}: no answer (${i})`)
        else {
            answered++
            await out.line(`${target}: seq=${i} time=${Math.round(ms)} ms`)
        }
    }
    await out.line(`${i} sent, ${answered} answered`)
    if (answered === 0 && !out.cancelled) throw new Error(`${target} does not answer; see ifconfig and arp`)
}

/** What the server says of the network is kept for the common lease alone. */
function told(l: Lease, option: number): string {
    return l.ifc.isCommon() && holdsAddress(l) ? configured(option) : null
}

function describeLease(l: Lease) {
    return {
        iface: l.ifc.name(),
        state: stateName(l),
        address: l.address === 0 ? null : formatAddress(l.address),
        server: l.server === 0 ? null : formatAddress(l.server),
        leaseSeconds: l.leaseTime === Infinity || l.leaseTime === 0 ? null : l.leaseTime,
        dns: told(l, OPTION_DNS),
        domain: told(l, OPTION_DOMAIN),
        ntp: told(l, OPTION_NTP),
        tftp: told(l, OPTION_TFTP_SERVER),
        bootFile: told(l, OPTION_BOOT_FILE),
    }
}

export async function lease(args: string[], out: Printer): Promise<void> {
    if (args.length === 0 || args[0] === "-j") {
        await printList(
            args,
            leases.filter(l => l.state !== LeaseState.Idle),
            describeLease,
            out
        )
        return
    }
    const action = args.shift()
    if (action === "ready") {
        // one interface is the common one's
        const count = numberOf(args.shift(), 0, INTERFACES - 1, `say how many leases to keep ready, 0 to ${INTERFACES - 1}`)
        noMore(args)
        await keepReady(count)
        await out.line(`${count} leases are kept ready`)
        return
    }
    check(action === "renew" || action === "release", "{0} is none of renew, release, ready", action)
    const name = take(args, "IFACE is missing")
    noMore(args)
    const l = leases.find(k => k.ifc.name() === name && k.state !== LeaseState.Idle)
    if (!l) throw new Error(`${name} has no lease; see ifconfig`)
    let answer = "released"
    if (action === "renew") answer = renewLease(l) ? "asked for more time" : "asked for an address"
    else if (!(await releaseAddress(l))) throw new Error(`${name} has no address yet; see lease`)
    await out.line(`${name}: ${answer}`)
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
        await out.write(`${before}"${COUNTERS.slice(at, end < 0 ? undefined : end)}":${countOf(c)}`)
        before = ","
        at = end + 1
    }
    await out.line("}")
}
