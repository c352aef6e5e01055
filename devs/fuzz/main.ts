import * as ds from "@devicescript/core"
import { DatagramSocket } from "../../src/socket/datagram"
import { inTables } from "../support/tables"
import { startInterfaces } from "../../src/address/link"
import { parsePool } from "../../src/address/pool"
import { HEARD } from "../../src/base/config"
import { COUNTERS, Counter, countOf } from "../../src/base/counters"
import { releaseLease, renewLease, startLease } from "../../src/dhcp/client"
import { leases } from "../../src/dhcp/lease"
import { Acd, setAcd } from "../../src/link/acd"
import { FREE, interfaces } from "../../src/link/interface"
import { forgetServer, giveCommonMac } from "../../src/link/macs"
import { neighbours } from "../../src/link/neighbours"
import { streamPhy } from "../../src/phy/stream"
import { AF_INET, SOCK_DGRAM, bind, close, socket, startSockets } from "../../src/socket/api"
import { settleSockets, sockets } from "../../src/socket/table"
import { TUPLE_DHCP } from "../../src/socket/tuple"
import { localPortOf, remotePortOf } from "../../src/telephone/call"
import { calls, hangupAll, place, startTelephone } from "../../src/telephone/telephone"
import { addressOf } from "../../src/wire/address"
import { say } from "../bench/measure"

/**
 * For `npm run fuzz`: the firmware's stack and telephone, and no console. A frame of four octets is an order: what, and three
 * arguments. Frames are counted and taken as they come; who orders sees what became of them.
 */
const ORDER = 4
const COUNTS = 2
const STATE = 3
const CALL = 4
const HANG_UP = 5
const RENEW = 6
const SEEK = 7
const GIVE_UP = 8
const OPEN = 9
const CLOSE = 10
const COLLECT = 11
const COMMON_MAC = 12

/** Bytes of a piece of the heap, and how many are allocated to have it collected twice. */
const PIECE = 32
const COLLECTED = 1024
const PEER_PORT = 4000
/** Of the socket without a target, on the common address. */
const PLAIN_PORT = 7000

const phy = streamPhy("tcp://127.0.0.1:4789", 0x00005402, 0x0100)
const startPhy = phy.start
let receive: (b: Buffer, at: number, length: number) => void
let plain = -1

phy.start = (onFrame, onLink) => {
    receive = onFrame
    startPhy(take, onLink)
}

function take(b: Buffer, at: number, length: number): void {
    if (length !== ORDER) return receive(b, at, length)
    obey.start(b[at], b[at + 1], b[at + 2], b[at + 3])
}

/** On a fiber of its own: it may wait. Before it does, what was ordered is done. */
async function obey(what: number, x: number, y: number, z: number) {
    if (what === COUNTS) say(counted())
    else if (what === STATE) {
        say(stateOf())
        await ds.sleep(0)
        say(restOf())
    } else if (what === CALL) place({ address: addressOf(10, 77, 0, x), port: PEER_PORT }, y & 15, y >> 4, Infinity, z)
    else if (what === HANG_UP) await hangupAll()
    else if (what === RENEW) renewLease(leases[x])
    else if (what === SEEK) {
        interfaces[x].process = 0
        startLease(interfaces[x])
    } else if (what === GIVE_UP) {
        await releaseLease(leases[x])
        giveCommonMac(interfaces[x])
        interfaces[x].process = FREE
    } else if (what === COMMON_MAC) forgetServer()
    else if (what === OPEN) {
        plain = await socket(AF_INET, SOCK_DGRAM)
        await bind(plain, { port: PLAIN_PORT })
    } else if (what === CLOSE) {
        if (plain >= 0) await close(plain)
        plain = -1
    } else if (what === COLLECT) {
        settleSockets()
        // the runtime collects after each 16 KB; the latest piece may be among what is left
        for (let i = 0; i < COLLECTED; i++) Buffer.alloc(PIECE)
        say("collected")
    }
}

const datagrams = sockets as DatagramSocket[]

/** The counters, in their order; and the lengths of what waited in the plain socket, which is taken out. */
function counted() {
    settleSockets()
    const waiting: number[] = []
    if (plain >= 0)
        for (let d = datagrams[plain].dequeue(); d; d = datagrams[plain].dequeue()) {
            waiting.push(d.address)
            waiting.push(d.port)
            waiting.push(d.data.length)
        }
    const counters: number[] = []
    for (let i = 0; i < Counter.Total; i++) counters.push(countOf(i))
    return { now: ds.millis(), counters, waiting }
}

/** All that decides what becomes of a frame. Addresses as the firmware has them: the first octet is the lowest byte. */
function stateOf() {
    return {
        now: ds.millis(),
        macLow: phy.macLow,
        interfaces: interfaces.map(i => [i.address, i.mask, i.router(), i.macHigh, i.process]),
        leases: leases.map(l => [l.state, l.xid, l.server, l.address]),
        times: leases.map(l => [l.leaseTime, l.renewAt - l.started, l.rebindAt - l.started]),
    }
}

/** What is not set as long as nobody has looked is as at first. */
function heardOf(s: DatagramSocket): number[] {
    return [s.rx, s.rxSeen || 0, s.heardAt === undefined ? -HEARD : s.heardAt]
}

function restOf() {
    return {
        neighbours: neighbours.map(n => [n.address, n.macHigh, n.macLow, n.known ? 1 : 0, n.attempts, n.due, n.ifc.slot]),
        calls: calls.map(c => [c.id, c.state, c.localAddress, localPortOf(c), c.remoteAddress, remotePortOf(c), c.session.codec]),
        receptions: calls.map(c => c.session.reception.toString("hex")),
        heard: calls.map(c => (c.session.socket ? heardOf(c.session.socket) : [])),
        plain: plain >= 0 ? (sockets[plain].error ? "failed" : "open") : "closed",
        left: left(),
    }
}

/** What is in the tables. */
function left() {
    const { sockets: open, interfaces: taken, endpoints, addresses } = inTables()
    return {
        sockets: open,
        interfaces: taken,
        leases: leases.filter(l => l.state !== 0).length,
        endpoints,
        addresses,
        fresh: datagrams.filter(s => s.fresh > 0).length,
    }
}

setAcd(Acd.Quick)
startInterfaces(phy, parsePool("10.77.0.100-10.77.0.163/24"))
startSockets(TUPLE_DHCP)
startTelephone(() => {})
while (!phy.up) await ds.sleep(1)
say({ names: COUNTERS })
while (true) await ds.sleep(60000)
