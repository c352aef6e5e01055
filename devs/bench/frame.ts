import * as ds from "@devicescript/core"
import { DatagramSocket } from "../../src/socket/datagram"
import { SAMPLES_PER_FRAME, USUAL_FRAME } from "../../src/base/config"
import { COUNTERS, Counter, countOf } from "../../src/base/counters"
import { split } from "../../src/base/text"
import { receive } from "../../src/ip/input"
import { followLink } from "../../src/link/ethernet"
import { interfaceOf, interfaces } from "../../src/link/interface"
import { streamPhy } from "../../src/phy/stream"
import { countPacket, lostOf, receivedOf, reorderedOf } from "../../src/rtp/reception"
import { sendFrame } from "../../src/rtp/session"
import { SocketOption } from "../../src/socket/socket"
import { settleSockets, sockets } from "../../src/socket/table"
import { Codec } from "../../src/voice/g711"
import { writeSpeech } from "../../src/voice/source"
import { udpChecksumHolds } from "../../src/wire/udp"
import { CALLS, MAC, PORT, openCalls, sessions, startOn } from "./calls"
import { hearNothing, keepCalm, say, settleHeap, stream, time } from "./measure"
import { endpointOn, takeOrders } from "./orders"

/**
 * Eight calls on a link whose other end is the measuring program: `bench/suites/frame.ts`, which also says what each order
 * is. The order of all that comes in is its.
 */
/** Where a frame of voice has its IPv4, UDP and RTP headers. */
const IP = 16
const UDP = 36
const RTP = 44

const phy = streamPhy("tcp://127.0.0.1:4789", MAC.getAt(0, "i32"), MAC.getAt(4, "u16"))
startOn(phy)
phy.start(receive, followLink)
while (!phy.up) await ds.sleep(1)
await openCalls()
// two of them are about to begin their numbers again
const [sequenced, stamped] = (sockets as DatagramSocket[]).map(s => s.frame)
sequenced.blitAt(RTP + 2, hex`fff0`, 0, 2)
stamped.blitAt(RTP + 4, hex`fffff9c0`, 0, 4)

/** A frame behind its prefix, which came as an order. */
let sample: Buffer

/** Send so many frames, a pause after each round of calls. */
async function send(frames: number): Promise<void> {
    for (let i = 0; i < frames; i++) {
        sendFrame(sessions[i & 7])
        if ((i & 7) === 7) await ds.sleep(0)
    }
}

function figures(): void {
    settleSockets()
    const calls: any[] = []
    for (let i = 0; i < CALLS; i++) {
        const s = sockets[i] as DatagramSocket
        const r = sessions[i].reception
        calls.push({
            rx: s.rx,
            tx: s.tx,
            drops: s.drops,
            ifcRx: s.ifc.rx,
            ifcTx: s.ifc.tx,
            received: receivedOf(r),
            lost: lostOf(r),
            reordered: reorderedOf(r),
            jitter: r.getAt(36, "i32"),
        })
    }
    const counters: Record<string, number> = {}
    const names = split(COUNTERS, " ")
    for (let c = 0; c < Counter.Total; c++) counters[names[c]] = countOf(c)
    say({ counters: counters, calls: calls })
}

/** With a UDP checksum on what is sent, or without. */
function check(on: boolean): void {
    for (let i = 0; i < CALLS; i++) {
        const s = sockets[i] as DatagramSocket
        s.flags = on ? 0 : 1 << SocketOption.SO_NO_CHECK
        s.ready = !on
    }
}

const nothing = endpointOn(PORT, () => {})

/** Each piece alone, as the direct call that the firmware makes. */
async function parts(turns: number, blocks: number): Promise<void> {
    const b = sample
    const session = sessions[0]
    const socket = sockets[0] as DatagramSocket
    const ifc = interfaces[1]
    const frame = socket.frame
    const dst = ifc.address
    await time("loop", turns, blocks, n => {
        for (let i = 0; i < n; i++) {}
    })
    await time("call", turns, blocks, n => {
        for (let i = 0; i < n; i++) nothing.onPacket(undefined, 0, 0, 0)
    })
    await time("receive", turns, blocks, n => {
        for (let i = 0; i < n; i++) receive(b, 2, 214)
    })
    // another socket on the port: what there is below it
    ifc.add(nothing)
    await time("below the socket", turns, blocks, n => {
        for (let i = 0; i < n; i++) receive(b, 2, 214)
    })
    ifc.remove(nothing)
    await time("interfaceOf", turns, blocks, n => {
        for (let i = 0; i < n; i++) interfaceOf(dst)
    })
    await time("onPacket", turns, blocks, n => {
        for (let i = 0; i < n; i++) socket.onPacket(b, UDP, 180, IP)
    })
    await time("udpChecksumHolds", turns, blocks, n => {
        for (let i = 0; i < n; i++) udpChecksumHolds(b, IP, UDP, 180)
    })
    await time("onPayload", turns, blocks, n => {
        for (let i = 0; i < n; i++) session.onPayload(b, RTP, 172)
    })
    await time("countPacket", turns, blocks, n => {
        for (let i = 0; i < n; i++) countPacket(session.reception, 1, 2, 3)
    })
    await time("sendFrame", turns, blocks, n => {
        for (let i = 0; i < n; i++) sendFrame(session)
    })
    await time("writeSpeech", turns, blocks, n => {
        for (let i = 0; i < n; i++) writeSpeech(frame, RTP + 12, Codec.PCMU, SAMPLES_PER_FRAME)
    })
    await time("socket.transmit", turns, blocks, n => {
        for (let i = 0; i < n; i++) socket.transmit()
    })
    await time("write", turns, blocks, n => {
        for (let i = 0; i < n; i++) stream._socketWrite(frame)
    })
}

async function obey(order: string) {
    const word = order.split(" ")
    const turns = parseInt(word[1])
    const blocks = parseInt(word[2])
    if (word[0] === "send") await send(turns)
    else if (word[0] === "check") check(turns === 1)
    else if (word[0] === "write")
        await time(word[0], turns, blocks, n => {
            for (let i = 0; i < n; i++) stream._socketWrite((sockets[i & 7] as DatagramSocket).frame)
        })
    else if (word[0] === "transmit")
        await time(word[0], turns, blocks, n => {
            for (let i = 0; i < n; i++) sendFrame(sessions[i & 7])
        })
    else if (word[0] === "settle") settleHeap()
    else if (word[0] === "calm") keepCalm(turns === 1)
    else if (word[0] === "parts") await parts(turns, blocks)
    else if (word[0] === "bare") await hearNothing(turns)
    if (word[0] === "figures") figures()
    else say({ done: word[0] })
}

takeOrders(order => {
    if (order.length < USUAL_FRAME) obey.start(order.toString())
    else sample = order
})
say({ ready: true })
