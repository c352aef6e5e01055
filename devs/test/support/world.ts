import * as ds from "@devicescript/core"
import { commonReady } from "../../../src/address/common"
import { startInterfaces } from "../../../src/address/link"
import { FREE } from "../../../src/link/interface"
import { leases } from "../../../src/dhcp/lease"
import { parsePool } from "../../../src/address/pool"
import { enterProcess } from "../../../src/base/process"
import { AF_INET, AF_INET_TUPLE, SOCK_DGRAM, close, getsockname, leaveProcess, socket, startSockets } from "../../../src/socket/api"
import { TUPLE_DHCP } from "../../../src/socket/tuple"
import { sockets } from "../../../src/socket/table"
import { formatAddress } from "../../../src/wire/address"
import { BOARD, BOARD_MAC, FakePhy, HOST, HOST_MAC, arp } from "./lan"
import { NET, SERVER, TIMES, answerWith, typeOf, xidOf } from "./server"
import { get16, until } from "./support"

/**
 * The whole stack on a link on which the host 10.77.0.1 answers ARP and DHCP, by a fiber of its own. The common
 * interface has 10.77.0.57; leases are .60, .61, ...; the pool is .200 to .203.
 */
export const phy = new FakePhy()
/** Frames that the host has seen, but for those that it answers. */
export const seen: Buffer[] = []
/** What the host does, and what it has seen. */
export const host = {
    /** Whether it answers ARP and DHCP. */
    arp: true,
    dhcp: true,
    /** Whether it leaves all frames in `phy.sent`. */
    quiet: false,
    released: 0,
    /** Addresses that another host has, by their last octets: ` 60 200 `, or `all`. */
    used: "",
    /** The addresses that were probed, and declined. */
    probed: "",
    declined: "",
    /** The last octet of the next lease. */
    next: (): number => next,
}

let next = 59

async function serve() {
    while (true) {
        await ds.sleep(1)
        while (!host.quiet && phy.sent.length > 0) take(phy.sent.shift())
    }
}

function take(f: Buffer): void {
    const type = typeOf(f)
    if (type === 1) {
        const lease = leases.find(l => l.xid === xidOf(f))
        if (!host.dhcp || !lease) return
        const address = next === 59 ? BOARD : BOARD + ((next - 57) << 24)
        next++
        phy.arrive(answerWith(lease, 5, address, Buffer.concat(SERVER, TIMES, NET, hex`5000`)))
    } else if (type === 7) host.released++
    else if (type === 4) host.declined += `${f[42 + 240 + 20 + 5]} `
    else if (type !== 0) return
    else if (get16(f, 12) !== 0x0806) seen.push(f)
    else if (f.getAt(28, "i32") === 0) probe(f)
    else if (host.arp && get16(f, 20) === 1 && f.getAt(38, "i32") !== f.getAt(28, "i32") && (f[41] < 100 || f[41] > 199))
        phy.arrive(arp(2, HOST_MAC, f.getAt(38, "i32"), f.getAt(28, "i32"), BOARD_MAC))
}

function probe(f: Buffer): void {
    host.probed += ` ${f[41]}`
    if (host.used === "all" || host.used.includes(` ${f[41]} `)) phy.arrive(arp(2, hex`02000a4d0099`, f.getAt(38, "i32"), 0, BOARD_MAC))
}

/** Start it all. */
export async function startWorld(): Promise<void> {
    serve.start()
    startInterfaces(phy, parsePool("10.77.0.200-10.77.0.203/24"))
    startSockets(TUPLE_DHCP)
    if (!(await commonReady(10000))) throw new Error("no address")
    await ds.sleep(5)
}

/** Close what is open, and forget what was seen. */
export async function tidy(): Promise<void> {
    host.arp = true
    host.dhcp = true
    host.quiet = false
    phy.accepts = true
    for (let sd = 0; sd < sockets.length; sd++) if (sockets[sd].process !== FREE) await close(sd)
    await ds.sleep(5)
    while (seen.length > 0) seen.pop()
}

/** How many sockets are open. */
export function openSockets(): number {
    return sockets.filter(s => s.process !== FREE).length
}

/** The one frame that the host has seen since the last call. */
export async function sawOne(): Promise<Buffer> {
    await ds.sleep(5)
    if (seen.length !== 1) throw new Error(`the host saw ${seen.length} frames instead of one`)
    return seen.pop()
}

/** Start `body` as a process. @param group that it joins; by default one of its own */
export function spawn(body: () => Promise<void>, group?: number): Child {
    const child = new Child()
    child.run.start(body, group)
    return child
}

class Child {
    done = false
    error: Error = undefined

    async run(body: () => Promise<void>, group: number): Promise<void> {
        try {
            enterProcess(group)
            await body()
        } catch (e) {
            this.error = e as Error
        }
        await leaveProcess()
        this.done = true
    }

    /** Wait for its end. @throws what its body has thrown */
    async wait(): Promise<void> {
        for (let i = 0; i < 1000 && !this.done; i++) await ds.sleep(5)
        if (!this.done) throw new Error("the process has not ended")
        if (this.error) throw this.error
    }
}

/** A socket on the common address. */
export async function plain(): Promise<number> {
    return await socket(AF_INET, SOCK_DGRAM)
}

/** One that may have an address of its own. */
export async function own(tuple: number): Promise<number> {
    return await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, tuple)
}

/** The address of a socket. */
export function nameOf(sd: number): string {
    return formatAddress(getsockname(sd).address)
}

/** Run `body` as a process of its own, to its end. */
export async function inProcess(body: () => Promise<void>): Promise<void> {
    await spawn(body).wait()
}

export const TO_HOST = { address: HOST, port: 4000 }

/** Has `f` run by so many fibers at once. @returns how many of them were in it when the first one came out of it */
export async function atOnce(fibers: number, f: (n: number) => Promise<void>): Promise<number> {
    let inside = 0
    let ended = 0
    let most = 0
    const body = async (n: number) => {
        inside++
        await f(n)
        if (ended === 0) most = inside
        ended++
    }
    for (let n = 0; n < fibers; n++) body.start(n)
    await until(`${fibers} fibers`, () => ended === fibers)
    return most
}
