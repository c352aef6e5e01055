import * as ds from "@devicescript/core"
import { INTERFACES } from "../config"
import { counters } from "../counters"
import { keepReady, needCommon } from "../iface/addresses"
import { configured } from "../iface/configuration"
import { releaseAddress, renewLease } from "../iface/dhcp"
import { ownMacLow } from "../iface/egress"
import { ping } from "../iface/icmp"
import { FREE, Interface, interfaces } from "../iface/interface"
import { Lease, LeaseState, leaseOf, leases } from "../iface/lease"
import { Neighbour, neighbours } from "../iface/neighbours"
import { Socket, settleSockets, sockets } from "../socket/table"
import { formatAddress, formatMac, isUnicast, parseAddress, parseDecimal, prefixOf } from "../wire/address"
import { OPTION_BOOT_FILE, OPTION_DNS, OPTION_DOMAIN, OPTION_NTP, OPTION_TFTP_SERVER } from "../wire/dhcp"
import { Printer, UsageError, noMore, printList, takeFlag } from "./command"


/** By `LeaseState`. */
const STATES = "idle init rebooting selecting requesting probing bound renewing rebinding"

function stateName(l: Lease): string {
    return STATES.split(" ")[l.state]
}

function socketsOf(ifc: Interface): number {
    return sockets.filter(s => s.ifc === ifc).length
}

export async function ifconfig(args: string[], out: Printer): Promise<void> {
    settleSockets()
    const keys = "name address mac gateway source expiresIn sockets rx tx"
    await printList(args, keys, interfaces.filter(i => i.process !== FREE), describeInterface, out)
}

function describeInterface(ifc: Interface) {
    const lease = leaseOf(ifc)
    const held = lease.state >= LeaseState.Bound && lease.leaseTime !== Infinity
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
    await printList(args, "sd local remote iface process rx tx drops", sockets.filter(s => s.process !== FREE), describeSocket, out)
}

function describeSocket(s: Socket) {
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
    await printList(args, "address mac iface state seconds", neighbours, describeNeighbour, out)
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
    if (args.length === 0) throw new UsageError("ADDR is missing")
    const address = parseAddress(args[0])
    if (address === undefined || !isUnicast(address))
        throw new UsageError(`${args[0]} is not the address of a host; write it as 10.77.0.2`)
    const count = args.length > 1 ? parseDecimal(args[1], 100) : 3
    if (!count) throw new UsageError(`${args[1]} is not a count from 1 to 100`)
    noMore(args, 2)
    const ifc = interfaces[0]
    await needCommon()
    let answered = 0
    for (let i = 1; i <= count; i++) {
        const ms = await ping(ifc, address, 1000)
        if (ms === -2) throw new Error(`there is no route to ${args[0]}`)
        if (ms < 0) await out.line(`${args[0]}: no answer (${i})`)
        else {
            answered++
            await out.line(`${args[0]}: seq=${i} time=${Math.round(ms)} ms`)
        }
    }
    await out.line(`${count} sent, ${answered} answered`)
    if (answered === 0) throw new Error(`${args[0]} does not answer; see ifconfig and arp`)
}

/** What the server says of the network is kept for the common lease alone. */
function told(l: Lease, option: number): string {
    return l.ifc.isCommon() && l.state >= LeaseState.Bound ? configured(option) : null
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
        await printList(args, "iface state address server leaseSeconds", leases.filter(l => l.state !== LeaseState.Idle), describeLease, out)
        return
    }
    const [action, name] = args
    if (action === "ready") {
        const count = args.length === 2 ? parseDecimal(name, INTERFACES - 1) : undefined
        if (count === undefined) throw new UsageError(`say how many leases to keep ready, 0 to ${INTERFACES - 1}`)
        await keepReady(count)
        await out.line(`${count} leases are kept ready`)
        return
    }
    if (action !== "renew" && action !== "release") throw new UsageError(`${action} is none of renew, release, ready`)
    if (name === undefined) throw new UsageError("IFACE is missing")
    noMore(args, 2)
    const l = leases.find(k => k.ifc.name() === name && k.state !== LeaseState.Idle)
    if (!l) throw new Error(`${name} has no lease; see ifconfig`)
    if (action === "release") {
        if (!(await releaseAddress(l))) throw new Error(`${name} has no address yet; see lease`)
        await out.line(`${name}: released`)
    } else await out.line(renewLease(l) ? `${name}: asked for more time` : `${name}: asked for an address`)
}

export async function stats(args: string[], out: Printer): Promise<void> {
    const json = takeFlag(args, "-j")
    noMore(args, 0)
    settleSockets()
    const values = counters as any
    if (json) {
        let line = "{"
        for (const key of Object.keys(values)) {
            await out.write(`${line}"${key}":${values[key]}`)
            line = ","
        }
        await out.line("}")
        return
    }
    let any = false
    for (const key of Object.keys(values))
        if (values[key] !== 0) {
            any = true
            await out.line(`${key} ${values[key]}`)
        }
    if (!any) await out.line("nothing has happened yet")
}
