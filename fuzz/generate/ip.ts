/** ARP, datagrams to any port, ICMP, and protocols that nobody has. */
import { BROADCAST, ETHERTYPE_ARP, ICMP, UDP, arp, icmp, ipv4, udp, words16, word32, type Check } from "../frames.js"
import { PEER_PORT, ROUTER, macOf } from "../site.js"
import { address, type Address } from "../world.js"
import type { Choices } from "./choices.js"

/** Bytes of the longest datagram. */
const LONGEST = 1472
const PORTS = [0, 68, 67, 5004, 5005, 7000, 4000, 53, 65535]
/** Types of ICMP: echo, errors, redirect, and others (RFC 792; RFC 1122, 3.2.2). */
const TYPES = [0, 3, 5, 8, 4, 11, 12, 13, 17, 255]

const checkOf = (c: Choices): Check =>
    c.random.way([
        [6, "right"],
        [3, "none"],
        [1, "wrong"],
    ] as const)

export function arpFrame(c: Choices): Buffer {
    const { random } = c
    const sender = random.way<() => Address>([
        [5, () => c.other()],
        [1, () => c.address()],
        [1, () => 0],
    ])()
    const target = random.way<() => Address>([
        [6, () => c.ours().address],
        [2, () => c.address()],
    ])()
    const a = {
        operation: random.way([
            [5, 1],
            [4, 2],
        ]),
        mac: c.rarely(12, () => c.mac(), macOf(sender)),
        sender,
        targetMac: c.rarely(3, () => c.mac(), "000000000000"),
        target: c.rarely(12, () => sender, target),
        head: undefined as Buffer | undefined,
    }
    if (random.chance(0.08)) a.operation = random.one([0, 3, 4, 8, 9, 256, 512, random.below(65536)])
    if (random.chance(0.08)) {
        a.head = Buffer.from("000108000604", "hex")
        a.head[random.below(6)] ^= 1 << random.below(8)
    }
    let payload = arp(a)
    if (random.chance(0.05)) payload = payload.subarray(0, 18 + random.below(28))
    return c.frame({ to: random.chance(0.5) ? BROADCAST : c.world.mac, from: macOf(sender), type: ETHERTYPE_ARP, payload })
}

export function udpFrame(c: Choices): Buffer {
    const { random } = c
    const source = c.rarely(10, () => c.address(), c.other())
    const group = random.chance(0.2)
    const destination = group ? random.one([0xffffffff, address(10, 77, 0, 255), c.address()]) : c.ours().address
    const d = {
        source,
        destination,
        sourcePort: c.rarely(4, () => random.below(65536), PEER_PORT),
        port: random.way([
            [6, () => 7000],
            [3, () => random.one(PORTS)],
            [1, () => random.below(65536)],
        ])(),
        data: c.bytes(LONGEST),
    }
    const lengthError = c.rarely(10, () => random.one([1, -1, -8, 8, 100, -d.data.length - 8, random.below(65536)]), 0)
    const payload = udp({ ...d, check: checkOf(c), lengthError })
    const short = c.rarely(25, () => payload.subarray(0, random.below(8)), payload)
    return c.packet(
        { source, destination, protocol: UDP, payload: short },
        macOf(source),
        group && random.chance(0.8) ? BROADCAST : undefined
    )
}

export function icmpFrame(c: Choices): Buffer {
    const { random } = c
    const ours = c.ours()
    const type = random.way([
        [3, () => 8],
        [4, () => 3],
        [3, () => 5],
        [1, () => random.one(TYPES)],
        [1, () => random.below(256)],
    ])()
    const source = random.way<() => Address>([
        [3, () => c.other()],
        [2, () => ROUTER],
        [1, () => c.address()],
    ])()
    const code = c.rarely(5, () => random.below(20), random.below(6))
    let message: Buffer
    if (type === 3 || type === 5) {
        const word = type === 5 ? c.rarely(4, () => c.address(), c.stranger()) : c.rarely(4, () => random.word(), 0)
        message = icmp(
            type,
            code,
            Buffer.concat([word32(word), quote(c)]),
            c.rarely(12, () => "wrong", "right")
        )
    } else
        message = icmp(
            type,
            code,
            Buffer.concat([words16([random.one([0x7470, random.below(65536)]), 1]), c.bytes(LONGEST)]),
            c.rarely(12, () => "wrong", "right")
        )
    if (random.chance(0.05)) message = message.subarray(0, random.below(Math.min(message.length, 40)))
    return c.packet(
        { source, destination: ours.address, protocol: ICMP, payload: message, tos: c.rarely(3, () => random.below(256), 0) },
        macOf(source)
    )
}

/** The head of a packet of ours, as an error quotes it; or of one that never was. */
function quote(c: Choices): Buffer {
    const { random } = c
    const call = c.call()
    const source = c.rarely(6, () => c.address(), call ? c.world.interfaces[call.interface].address : c.ours().address)
    const destination = c.rarely(6, () => c.address(), call?.remote ?? c.other())
    const port = c.rarely(6, () => random.one(PORTS), call?.port ?? 7000)
    const to = c.rarely(6, () => random.one(PORTS), call?.remotePort ?? PEER_PORT)
    // of the socket without a target: nothing that it sends goes nowhere
    if (random.chance(0.1))
        return ipv4({
            source: c.world.interfaces[0].address,
            destination: random.one([0, c.address()]),
            protocol: UDP,
            payload: words16([7000, random.one([0, PEER_PORT]), 8, 0]),
        })
    const packet = ipv4({
        source,
        destination,
        protocol: c.rarely(10, () => random.below(256), UDP),
        payload: Buffer.concat([words16([port, to, 180, 0]), c.bytes(60)]),
        options: c.rarely(8, () => Buffer.alloc(4 * random.below(11)), Buffer.alloc(0)),
        headerError: c.rarely(15, () => random.below(16), 0),
    })
    return c.rarely(8, () => packet.subarray(0, random.below(32)), packet)
}

/** A protocol that nobody has, seldom with less than 8 octets in it. */
export function protocolFrame(c: Choices): Buffer {
    const { random } = c
    const source = c.other()
    const payload = c.rarely(2, () => random.bytes(random.below(9)), c.bytes(200))
    const protocol = random.one([2, 6, 41, 47, 50, 132, random.below(256)])
    return c.packet({ source, destination: c.ours().address, protocol, payload }, macOf(source))
}
