import { DatagramSocket } from "../../src/socket/datagram"
import { nextSendAt } from "../../src/dhcp/client"
import * as ds from "@devicescript/core"
import { inTables } from "../support/tables"
import { Printer } from "../../src/console/command"
import { SOCKETS } from "../../src/base/config"
import { collect } from "../../src/base/heap"
import { LeaseState, leases } from "../../src/dhcp/lease"
import { enterProcess } from "../../src/base/process"
import {
    AF_INET_TUPLE,
    SOCK_DGRAM,
    SocketAddress,
    bind,
    close,
    connect,
    leaveProcess,
    recv,
    send,
    sendto,
    socket,
} from "../../src/socket/api"
import { TUPLE_COMMON, TUPLE_DEFER, TUPLE_DHCP, TUPLE_STATIC, tupleOf } from "../../src/socket/tuple"
import { lookup } from "../../src/socket/table"
import { sockets } from "../../src/socket/table"
import { addressOf } from "../../src/wire/address"

/**
 * Lives of sockets: opened, bound or connected, sent through, closed. Processes in several fibers at once lead them, each
 * process one to three of them, in an order that a seed decides.
 */
const FIBERS = 8
const LIVES_OF_PROCESS = 3
/** A fiber has one interface at a time, so that there are enough for all: what else it opens shares that, or is common. */
const OWN = [TUPLE_STATIC, TUPLE_STATIC | TUPLE_DEFER, TUPLE_DHCP, TUPLE_DHCP | TUPLE_DEFER]
/** In percent, by the position in `OWN`; the rest is common. */
const SHARES = [15, 14, 15, 14]

/** Two devices that send datagrams back, one that refuses them, and one that is not there (see `sim/lan`). */
const ECHOES = [addressOf(10, 77, 0, 2), addressOf(10, 77, 0, 3)]
const REFUSING = addressOf(10, 77, 0, 1)
const NOBODY = addressOf(10, 77, 0, 9)
const ECHO_PORT = 4000
/** Milliseconds to wait for what is sent back. */
const ECHO_TIMEOUT = 1000
/** Milliseconds for which a fiber stands still at most, so that the others overtake it. */
const PAUSE = 16

const PROGRESS_INTERVAL = 10000

/** Pseudo-random numbers (xorshift, Marsaglia 2003): the same in each run from the same seed. */
class Random {
    constructor(private state: number) {}

    /** From 0 to `n` - 1. */
    below(n: number): number {
        let x = this.state
        x ^= x << 13
        x ^= (x >> 17) & 0x7fff
        x ^= x << 5
        this.state = x
        return ((x >> 8) & 0xffff) % n
    }
}

/** What became of the lives so far. */
class Figures {
    ended = 0
    /** Lives in which nothing failed, and datagrams that came back in them. */
    whole = 0
    echoes = 0
    /** By the kind of address. */
    common = 0
    static = 0
    leased = 0
    shared = 0
    deferred = 0
    /** Sockets that were left to the end of their process. */
    inherited = 0
    running = FIBERS
    /** Lives that no process has begun yet: a fiber that waits for a server leaves more of them to the others. */
    togo = 0
    /** How often an error ended a life: codes, or messages of errors without one. */
    codes: string[] = []
    times: number[] = []

    failed(e: any): void {
        const code = e.code || `${e.message}`
        let at = this.codes.indexOf(code)
        if (at < 0) {
            at = this.codes.length
            this.codes.push(code)
            this.times.push(0)
        }
        this.times[at]++
    }
}

/** One of the fibers: processes, one after the other. */
async function lead(figures: Figures, random: Random): Promise<void> {
    while (figures.togo > 0) {
        const n = Math.min(figures.togo, 1 + random.below(LIVES_OF_PROCESS))
        figures.togo -= n
        enterProcess()
        const open: number[] = []
        for (let i = 0; i < n; i++) {
            await oneLife(figures, random, open)
            figures.ended++
            // what is open now has different ages and owners: any of it may go next, or wait for the end of the process
            while (open.length > 0 && random.below(3) > 0) {
                const at = random.below(open.length)
                const sd = open[at]
                open.insert(at, -1)
                await close(sd)
            }
        }
        figures.inherited += open.length
        await leaveProcess()
    }
    figures.running--
}

/** @param open the descriptors that the process has open; the new one is added */
async function oneLife(figures: Figures, random: Random, open: number[]): Promise<void> {
    const tuple = chooseTuple(figures, random, open)
    let sd = -1
    try {
        sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, tuple)
        await ds.sleep(random.below(PAUSE))
        await use(figures, random, sd, chooseTarget(random))
        open.push(sd)
        figures.whole++
    } catch (e) {
        figures.failed(e)
        // a deferred address that was not to be had has ended its socket
        if (sd >= 0 && isOpen(sd)) await close(sd)
    }
}

/** Whether a descriptor is open and ours. */
function isOpen(sd: number): boolean {
    try {
        lookup(sd)
        return true
    } catch {
        return false
    }
}

function chooseTuple(figures: Figures, random: Random, open: number[]): number {
    const own = open.find(sd => !lookup(sd).ifc.isCommon())
    if (own !== undefined && random.below(2) === 0) {
        figures.shared++
        return tupleOf(own)
    }
    let percent = random.below(100)
    if (own === undefined)
        for (let i = 0; i < OWN.length; i++) {
            percent -= SHARES[i]
            if (percent >= 0) continue
            if ((OWN[i] & TUPLE_DEFER) !== 0) figures.deferred++
            if ((OWN[i] & ~TUPLE_DEFER) === TUPLE_DHCP) figures.leased++
            else figures.static++
            return OWN[i]
        }
    figures.common++
    return TUPLE_COMMON
}

function chooseTarget(random: Random): SocketAddress {
    const n = random.below(20)
    if (n === 0) return { address: NOBODY, port: ECHO_PORT }
    if (n === 1) return { address: REFUSING, port: ECHO_PORT }
    return { address: ECHOES[n & 1], port: ECHO_PORT }
}

/** Bind, connect or neither, and send. */
async function use(figures: Figures, random: Random, sd: number, to: SocketAddress): Promise<void> {
    const way = random.below(4)
    const data = Buffer.alloc(1 + random.below(200))
    if (way === 0) await bind(sd, {})
    await ds.sleep(random.below(PAUSE))
    if (way >= 2) {
        await connect(sd, to)
        await send(sd, data)
    } else await sendto(sd, data, to)
    await ds.sleep(random.below(PAUSE))
    if (to.address === NOBODY || to.address === REFUSING || random.below(3) > 0) return
    if ((await recv(sd, ECHO_TIMEOUT)).length !== data.length) throw new Error("what came back is not what was sent")
    figures.echoes++
}

/** What is left in the tables of the stack. */
function left() {
    const { sockets: open, interfaces: taken, endpoints, addresses } = inTables()
    return {
        sockets: open,
        datagrams: (sockets as DatagramSocket[]).filter(s => s.queue && s.queue.length > 0).length,
        interfaces: taken,
        leases: leases.filter(l => l.state !== LeaseState.Idle || nextSendAt(l) !== Infinity).length,
        endpoints,
        addresses,
    }
}

/** Make the sockets that the firmware makes only when they are needed, so that the heap before and after can be compared. */
export function makeSockets(): void {
    while (sockets.length < SOCKETS) {
        sockets.push(new DatagramSocket())
        collect()
    }
}

/** @returns whether all is well as far as can be seen from here */
export async function live(count: number, seed: number, out: Printer): Promise<boolean> {
    const began = ds.millis()
    const figures = new Figures()
    figures.togo = count
    for (let n = 0; n < FIBERS; n++) lead.start(figures, new Random(Math.imul(seed * FIBERS + n + 1, 0x3c6ef372) | 1))
    await out.print(`${count} lives from ${FIBERS} fibers, seed ${seed}`)
    let next = began + PROGRESS_INTERVAL
    while (figures.running > 0) {
        await ds.sleep(50)
        if (ds.millis() < next) continue
        next += PROGRESS_INTERVAL
        await out.print(`${figures.ended} lives`)
    }
    // each socket keeps its last frame, whose length is chance; a comparison of the heap is not about that
    for (const s of sockets as DatagramSocket[]) s.frame = undefined
    const { ended, whole, echoes, common, leased, shared, deferred, inherited } = figures
    const failed: any = {}
    for (let i = 0; i < figures.codes.length; i++) failed[figures.codes[i]] = figures.times[i]
    const seconds = Math.round((ds.millis() - began) / 1000)
    const result = {
        seed,
        ended,
        whole,
        echoes,
        common,
        static: figures.static,
        leased,
        shared,
        deferred,
        inherited,
        failed,
        seconds,
        left: left(),
    }
    await out.print(JSON.stringify(result))
    return ended === count
}
