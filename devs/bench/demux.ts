import * as ds from "@devicescript/core"
import { setPhy } from "../../src/link/ethernet"
import { receive } from "../../src/ip/input"
import type { Endpoint } from "../../src/transport/endpoint"
import type { Neighbour } from "../../src/link/neighbours"
import { interfaceOf, interfaces, setAddress } from "../../src/link/interface"
import { streamPhy } from "../../src/phy/stream"
import { addressOf, maskOf } from "../../src/wire/address"
import { setMac } from "../../src/wire/ethernet"
import { IPV4_HEADER, PROTOCOL_UDP, writeIpv4 } from "../../src/wire/ipv4"
import { writeUdp } from "../../src/wire/udp"
import { say, stream, time } from "./measure"

/**
 * Whose is a frame? With an address for each socket, the destination address tells; with one address for all, the port
 * does. Both with the tables of the firmware, and for comparison with a table by port which the firmware does not have.
 * See `bench/suites/demux.ts`.
 */
const PORT = 5004
const PEER = addressOf(10, 77, 0, 2)
const GATEWAY = addressOf(10, 77, 0, 1)
const PAYLOAD = 4
const IP = 16
/** Of a frame, without its prefix. */
const LENGTH = 14 + IPV4_HEADER + 8 + PAYLOAD

const phy = streamPhy("tcp://127.0.0.1:4789", 0x0a000002, 0x0102)
setPhy(phy)
phy.start(receive, () => {})
while (!phy.up) await ds.sleep(1)

/** Takes a datagram and does nothing: what it costs to find it is measured. */
class Receiver implements Endpoint {
    next: Endpoint = undefined
    heard = 0
    constructor(public port: number) {}
    onPacket(b: Buffer, udp: number, length: number, ip: number): void {
        this.heard++
    }
    onError(code: string): void {}
    onUnreachable(code: number, dst: number, dstPort: number): void {}
    onNeighbour(n: Neighbour): void {}
    onWay(): void {}
    hears(n: Neighbour): boolean {
        return false
    }
}

/** A frame behind its prefix. */
function frame(dst: number, port: number): Buffer {
    const b = Buffer.alloc(2 + LENGTH)
    b[1] = LENGTH
    setMac(b, 2, phy.macHigh, phy.macLow)
    setMac(b, 8, 0x4d0a0002, 0x0100)
    b.setAt(14, "u16", 0x0008)
    writeIpv4(b, IP, PROTOCOL_UDP, 0, PEER, dst, 8 + PAYLOAD)
    writeUdp(b, IP + IPV4_HEADER, 4000, port, PAYLOAD)
    return b
}

const frames: Buffer[] = []
const addresses: number[] = []
const ports: number[] = []
const receivers: Receiver[] = []

/** The slot of a port plus one by the port's bits 1 to 8, as `link/interface.ts` has it for addresses: RTP's ports are even. */
const slotByPort = Buffer.alloc(256)

function receiverOn(port: number): Receiver {
    const slot = slotByPort[(port >> 1) & 255]
    if (slot === 0) return undefined
    const r = receivers[slot - 1]
    if (r.port === port) return r
    return receivers.find(o => o.port === port)
}

/** So many sockets: each with an address of its own, or all on one. */
function open(sockets: number, own: boolean): void {
    while (receivers.length > 0) receivers.pop()
    while (frames.length > 0) frames.pop()
    while (addresses.length > 0) addresses.pop()
    while (ports.length > 0) ports.pop()
    slotByPort.fillAt(0, 256, 0)
    for (let i = 1; i < interfaces.length; i++) {
        interfaces[i].endpoints = undefined
        setAddress(interfaces[i], 0, 0, 0)
    }
    for (let i = 0; i < sockets; i++) {
        const ifc = interfaces[own ? i + 1 : 1]
        const address = addressOf(10, 77, 0, own ? 51 + i : 51)
        const port = own ? PORT : PORT + 2 * i
        setAddress(ifc, address, maskOf(24), GATEWAY)
        const r = new Receiver(port)
        ifc.add(r)
        receivers.push(r)
        slotByPort[(port >> 1) & 255] = i + 1
        addresses.push(address)
        ports.push(port)
        frames.push(frame(address, port))
    }
}

/** Whether each frame found its receiver, and nobody else. */
function verify(): void {
    for (let i = 0; i < frames.length; i++) {
        const before = receivers[i].heard
        receive(frames[i], 2, LENGTH)
        if (receivers[i].heard !== before + 1) throw new Error(`frame ${i} of ${frames.length} did not find its receiver`)
        if (receiverOn(ports[i]).port !== ports[i]) throw new Error(`port ${ports[i]} is not in the table`)
    }
}

/** Frames for all the sockets in turn, whose number is a power of two. */
async function measure(sockets: number, turns: number, blocks: number): Promise<void> {
    const mask = sockets - 1
    const n = `${sockets}`

    open(sockets, true)
    verify()
    await time("loop " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) frames[i & mask]
    })
    await time("two loop " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) addresses[i & mask] + ports[i & mask]
    })
    await time("frame, address " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) receive(frames[i & mask], 2, LENGTH)
    })
    await time("look-up, interface " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) interfaceOf(addresses[i & mask])
    })
    await time("look-up, address " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) interfaceOf(addresses[i & mask]).endpointOn(17, ports[i & mask])
    })

    open(sockets, false)
    verify()
    const ifc = interfaces[1]
    // the list begins with the youngest
    const first = frames[sockets - 1]
    const last = frames[0]
    await time("frame, port " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) receive(frames[i & mask], 2, LENGTH)
    })
    await time("frame, first port " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) receive(first, 2, LENGTH)
    })
    await time("frame, last port " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) receive(last, 2, LENGTH)
    })
    // a host of one address still has to see that it is meant
    await time("look-up, port " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) if (addresses[i & mask] === ifc.address) ifc.endpointOn(17, ports[i & mask])
    })
    await time("look-up, table " + n, turns, blocks, turns => {
        for (let i = 0; i < turns; i++) if (addresses[i & mask] === ifc.address) receiverOn(ports[i & mask])
    })
    say({ done: sockets })
}

// nothing of the firmware hears what comes now: how many sockets, and how often
stream._socketOnEvent = (event, arg: Buffer) => {
    const word = arg.toString().split(" ")
    measure.start(parseInt(word[0]), parseInt(word[1]), parseInt(word[2]))
}
say({ ready: true })
