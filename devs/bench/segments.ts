import * as ds from "@devicescript/core"
import { runTimerClock } from "../../src/base/timers"
import { receive } from "../../src/ip/input"
import { followLink } from "../../src/link/ethernet"
import { interfaces, setAddress } from "../../src/link/interface"
import { addNeighbour, confirmNeighbour } from "../../src/link/neighbours"
import { streamPhy } from "../../src/phy/stream"
import { connect, recv, send } from "../../src/socket/api"
import { startStreams } from "../../src/socket/stream"
import { makeStream, openSocket } from "../../src/socket/table"
import { MSS, connections } from "../../src/transport/tcp/connection"
import { acknowledge } from "../../src/transport/tcp/output"
import { addressOf, maskOf } from "../../src/wire/address"
import { sum } from "../../src/wire/checksum"
import { TCP_HEADER } from "../../src/wire/tcp"
import { MAC, PEER, PEER_MAC, startOn } from "./calls"
import { hearNothing, keepCalm, mark, say, settleHeap, stream, time } from "./measure"
import { takeOrders } from "./orders"

/**
 * One connection. Its peer is the measuring program: `bench/vm/segments.ts`, which also says what each order is.
 */
const PORT = 9
/** Ethernet and IPv4 headers, behind the prefix. */
const BEFORE = 2 + 14 + 20

const phy = streamPhy("tcp://127.0.0.1:4789", MAC.getAt(0, "i32"), MAC.getAt(4, "u16"))
startOn(phy)
startStreams(1)
runTimerClock.start()
phy.start(receive, followLink)
while (!phy.up) await ds.sleep(1)

/** The address of a call, and a peer whose MAC address is known. */
const ifc = interfaces[1]
ifc.process = 0
setAddress(ifc, addressOf(10, 77, 0, 51), maskOf(24), PEER)
confirmNeighbour(addNeighbour(PEER, ifc), PEER_MAC.getAt(0, "i32"), PEER_MAC.getAt(4, "u16"), ds.millis())

const data = Buffer.alloc(2 * MSS)
for (let i = 0; i < data.length; i++) data[i] = i
/** As long as the frame of a full segment, and of one without data. */
const full = Buffer.alloc(BEFORE + TCP_HEADER + MSS)
const empty = Buffer.alloc(BEFORE + TCP_HEADER)

let sd = -1
let heard = 0

async function read() {
    while (true) heard += (await recv(sd)).length
}

async function open(): Promise<void> {
    sd = openSocket(0, ifc, undefined, makeStream)
    await connect(sd, { address: PEER, port: PORT })
    read.start()
}

/** Segments that are sent at once. */
async function sendSegments(segments: number): Promise<void> {
    const b = data.slice(0, segments * MSS)
    settleHeap()
    mark()
    await send(sd, b)
    mark()
}

/** Each piece alone, as the direct call that the firmware makes. */
async function parts(turns: number, blocks: number): Promise<void> {
    const c = connections[0]
    await time("loop", turns, blocks, n => {
        for (let i = 0; i < n; i++) {}
    })
    await time("sum", turns, blocks, n => {
        for (let i = 0; i < n; i++) sum(full, BEFORE, TCP_HEADER + MSS)
    })
    await time("sum of none", turns, blocks, n => {
        for (let i = 0; i < n; i++) sum(empty, BEFORE, TCP_HEADER)
    })
    await time("acknowledge", turns, blocks, n => {
        for (let i = 0; i < n; i++) acknowledge(c)
    })
    await time("write", turns, blocks, n => {
        for (let i = 0; i < n; i++) stream._socketWrite(full)
    })
}

async function obey(order: string) {
    const word = order.split(" ")
    const turns = parseInt(word[1])
    const blocks = parseInt(word[2])
    if (word[0] === "open") await open()
    else if (word[0] === "send") await sendSegments(turns)
    else if (word[0] === "settle") settleHeap()
    else if (word[0] === "calm") keepCalm(turns === 1)
    else if (word[0] === "parts") await parts(turns, blocks)
    else if (word[0] === "bare") await hearNothing(turns)
    const { sent, retransmitted } = connections[0]
    say({ done: word[0], heard, sent, retransmitted })
}

takeOrders(order => {
    obey.start(order.toString())
})
say({ ready: true })
