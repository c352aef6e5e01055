import * as ds from "@devicescript/core"
import { SAMPLES_PER_FRAME, VOICE_FRAME } from "../../src/config"
import { counters } from "../../src/counters"
import { followLink, setPhy } from "../../src/iface/egress"
import { receive, setDhcpInput, udpChecksumHolds } from "../../src/iface/ingress"
import { interfaceOf, interfaces, setAddress } from "../../src/iface/interface"
import { confirmNeighbour, neighbourOf } from "../../src/iface/neighbours"
import { StreamPhy } from "../../src/phy/stream"
import { TUPLE_COMMON, bind, connect, setsockopt, startSockets } from "../../src/socket/socket"
import { SocketOption, openSocket, settleSockets, sockets } from "../../src/socket/table"
import { Codec } from "../../src/voice/g711"
import { countPacket, lostOf, receivedOf, reorderedOf } from "../../src/voice/reception"
import { Session, sendFrame } from "../../src/voice/session"
import { Play, writeSpeech } from "../../src/voice/source"
import { addressOf, maskOf } from "../../src/wire/address"
import { say, stream, time } from "./measure"

/**
 * Eight calls on a link whose other end is the measuring program: `bench/frame.ts`, which also says what each order
 * is. The addresses, and the order of all that comes in, are its.
 */
const CALLS = 8
const MAC: Buffer = hex`02 54 50 00 00 01`
const PEER_MAC: Buffer = hex`02 00 0a 4d 00 01`
const PEER = addressOf(10, 77, 0, 2)
const PEER_PORT = 4000
const PORT = 5004
const ORDERS = 9
/** Where a frame of voice has its IPv4, UDP and RTP headers. */
const IP = 16
const UDP = 36
const RTP = 44

const phy = new StreamPhy("tcp://127.0.0.1:4789", MAC.getAt(0, "i32"), MAC.getAt(4, "u16"))
setPhy(phy)
setDhcpInput(() => {})
startSockets(TUPLE_COMMON)
phy.start(receive, followLink)
while (!phy.up) await ds.sleep(1)

const sessions: Session[] = []
for (let i = 0; i < CALLS; i++) {
    const ifc = interfaces[i + 1]
    ifc.process = 0
    setAddress(ifc, addressOf(10, 77, 0, 51 + i), maskOf(24), PEER)
    const sd = openSocket(0, ifc, undefined)
    setsockopt(sd, SocketOption.SO_NO_CHECK, true)
    await bind(sd, { port: PORT })
    await connect(sd, { address: PEER, port: PEER_PORT })
    confirmNeighbour(neighbourOf(PEER), PEER_MAC.getAt(0, "i32"), PEER_MAC.getAt(4, "u16"), ds.millis())
    const session = new Session()
    session.open(Codec.PCMU, Play.Speech)
    session.begin(sd)
    sessions.push(session)
}
// two of them are about to begin their numbers again
const [sequenced, stamped] = sockets.map(s => s.frame)
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
        const s = sockets[i]
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
    say({ counters: counters, calls: calls })
}

/** With a UDP checksum on what is sent, or without. */
function check(on: boolean): void {
    for (let i = 0; i < CALLS; i++) {
        const s = sockets[i]
        s.flags = on ? 0 : 1 << SocketOption.SO_NO_CHECK
        s.ready = !on
    }
}

const nothing = { next: undefined as any, port: PORT, onDatagram: () => {}, onError: () => {} }

/** Each piece alone, as the direct call that the firmware makes. */
async function parts(turns: number, blocks: number): Promise<void> {
    const b = sample
    const session = sessions[0]
    const socket = sockets[0]
    const ifc = interfaces[1]
    const frame = socket.frame
    const dst = ifc.address
    await time("loop", turns, blocks, n => {
        for (let i = 0; i < n; i++) {}
    })
    await time("call", turns, blocks, n => {
        for (let i = 0; i < n; i++) nothing.onDatagram()
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
    await time("onDatagram", turns, blocks, n => {
        for (let i = 0; i < n; i++) socket.onDatagram(b, UDP, 180, IP)
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
            for (let i = 0; i < n; i++) stream._socketWrite(sockets[i & 7].frame)
        })
    else if (word[0] === "transmit")
        await time(word[0], turns, blocks, n => {
            for (let i = 0; i < n; i++) sendFrame(sessions[i & 7])
        })
    else if (word[0] === "parts") await parts(turns, blocks)
    else if (word[0] === "bare") {
        // nothing hears the chunks that come meanwhile
        const heard = stream._socketOnEvent
        stream._socketOnEvent = () => {}
        say({ bare: true })
        await ds.sleep(turns)
        stream._socketOnEvent = heard
    }
    if (word[0] === "figures") figures()
    else say({ done: word[0] })
}

setAddress(interfaces[0], addressOf(10, 77, 0, 50), maskOf(24), PEER)
interfaces[0].add({
    port: ORDERS,
    next: undefined,
    onDatagram: (b, udp, length, ip) => {
        const order = b.slice(udp + 8, udp + length)
        if (order.length < VOICE_FRAME) obey.start(order.toString())
        else sample = order
    },
    onError: () => {},
})
say({ ready: true })
