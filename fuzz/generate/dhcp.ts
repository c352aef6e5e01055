/** Messages of a DHCP server, or of who says that he is one. */
import { BROADCAST, UDP, udp, word32 } from "../frames.js"
import { ROUTER, macOf } from "../site.js"
import { LeaseState, address, type Lease } from "../world.js"
import { identifierOf } from "../oracle/dhcp.js"
import type { Choices } from "./choices.js"

const OFFER = 2
const ACK = 5
const NAK = 6
const FIXED = 240
const FILE = 108
const SNAME = 44
const CODES = [1, 3, 6, 15, 28, 42, 51, 52, 53, 54, 58, 59, 61, 66, 67, 80, 121, 12, 43, 249]
const MASKS = [0xffffff00, 0xfffffffe, 0xffffffff, 0xffff0000, 0, 0xff00ff00, 0x80000000, 0xfffffff0]
const TIMES = [0, 1, 0xffffffff, 0x80000000, 3600]
/** Header fields that the client looks at, by their offset. */
const LOOKED_AT = [0, 1, 2, 3, 4, 7, 28, 30, 33, 236, 239]

type Option = [code: number, data: Buffer]

/** Mostly for a lease that waits for an answer. */
function leaseOf(c: Choices): Lease {
    const waiting = c.world.leases.filter(l => l.state !== LeaseState.Idle && l.state !== LeaseState.Bound)
    return waiting.length > 0 && c.random.chance(0.75) ? c.random.one(waiting) : c.random.one(c.world.leases)
}

export function dhcpFrame(c: Choices): Buffer {
    const { random, world } = c
    const lease = leaseOf(c)
    const message = messageOf(c, lease)
    const source = c.rarely(15, () => c.address(), ROUTER)
    const holder = world.interfaces[lease.slot]
    const individual = random.chance(0.2)
    const destination = individual
        ? c.rarely(3, () => c.address(), holder.address || lease.address)
        : c.rarely(20, () => c.address(), 0xffffffff)
    const d = {
        source,
        destination,
        sourcePort: c.rarely(25, () => random.one([68, 0, 4000, 66, 323]), 67),
        port: c.rarely(40, () => random.one([67, 0, 69]), 68),
        data: message,
    }
    const check = random.way([
        [6, "none"],
        [3, "right"],
        [1, "wrong"],
    ] as const)
    const payload = udp({ ...d, check, lengthError: c.rarely(40, () => random.one([1, -1, -60, 300]), 0) })
    return c.packet({ source, destination, protocol: UDP, payload }, macOf(ROUTER), individual ? undefined : BROADCAST)
}

/** What such a lease waits for, or anything else. */
function typeFor(c: Choices, lease: Lease): number {
    const { random } = c
    if (random.chance(0.05)) return random.below(256)
    if (random.chance(0.1)) return NAK
    const seeks = lease.state === LeaseState.Selecting || lease.state === LeaseState.Reselecting
    return seeks && random.chance(0.7) ? OFFER : ACK
}

function addressFor(c: Choices, lease: Lease): number {
    const { random } = c
    return random.way([
        [5, () => lease.address || address(10, 77, 0, 170 + random.below(20))],
        [1, () => address(10, 77, 0, 170 + random.below(20))],
        [2, () => c.address()],
    ])()
}

function messageOf(c: Choices, lease: Lease): Buffer {
    const { random, world } = c
    const options: Option[] = [
        [53, Buffer.from([typeFor(c, lease)])],
        [54, word32(c.rarely(12, () => c.address(), lease.server || ROUTER))],
        [51, word32(86400)],
        [1, word32(0xffffff00)],
        [3, word32(ROUTER)],
    ]
    if (lease.state === LeaseState.Selecting && random.chance(0.5)) options.push([80, Buffer.alloc(0)])
    if (random.chance(0.3)) options.push([61, Buffer.from(identifierOf(world, lease), "hex")])
    const header = Buffer.alloc(FIXED)
    header.set([2, 1, 6])
    header.writeUInt32BE(
        c.rarely(10, () => random.one([0, random.word()]), lease.xid),
        4
    )
    header.writeUInt32BE(addressFor(c, lease), 16)
    Buffer.from(world.interfaces[lease.slot].mac, "hex").copy(header, 28)
    header.writeUInt32BE(0x63825363, 236)
    const faults = random.chance(0.15) ? 0 : 1 + random.below(3)
    const fields: [at: number, content: Buffer][] = []
    let length = 0
    for (let i = 0; i < faults; i++)
        random.way<() => void>([
            [9, () => alter(c, lease, options)],
            [1, () => (header[random.one(LOOKED_AT)] ^= 1 << random.below(8))],
            [1, () => random.bytes(192).copy(header, SNAME)],
            [1, () => (length = random.below(600))],
            [3, () => fields.push(overload(c, lease, options))],
            [1, () => flood(c, options)],
        ])()
    for (const [at, content] of fields) content.copy(header, at)
    const end = Buffer.from(random.chance(0.95) ? [255] : [])
    const message = Buffer.concat([header, encode(options), end])
    if (length === 0) length = Math.max(message.length, random.chance(0.5) ? 300 : 0)
    const whole = Buffer.alloc(Math.min(length, 1472))
    message.copy(whole)
    return whole
}

function encode(options: Option[]): Buffer {
    return Buffer.concat(options.map(([code, data]) => Buffer.concat([Buffer.from([code, data.length]), data])))
}

/** A value for an option that may be right. */
function valueOf(c: Choices, lease: Lease, code: number): Buffer {
    const { random } = c
    if (code === 1) return word32(random.chance(0.8) ? random.one(MASKS) : random.word())
    if (code === 51 || code === 58 || code === 59) return word32(random.chance(0.8) ? random.one(TIMES) : random.word())
    if (code === 28 || code === 54) return word32(c.address())
    if (code === 3 || code === 6 || code === 42)
        return Buffer.concat(Array.from({ length: 1 + random.below(3) }, () => word32(c.address())))
    if (code === 52) return Buffer.from([random.below(6)])
    if (code === 53) return Buffer.from([random.chance(0.7) ? random.one([OFFER, ACK, NAK]) : random.below(256)])
    if (code === 61) {
        const identifier = Buffer.from(identifierOf(c.world, lease), "hex")
        if (random.chance(0.6)) identifier[random.below(identifier.length)] ^= 1 << random.below(8)
        return identifier
    }
    if (code === 80) return Buffer.alloc(0)
    if (code === 121)
        return Buffer.concat(
            Array.from({ length: 1 + random.below(3) }, () => {
                const width = random.chance(0.4) ? 0 : random.below(34)
                return Buffer.concat([Buffer.from([width]), random.bytes(Math.ceil(width / 8)), word32(c.address())])
            })
        )
    return random.bytes(random.below(20))
}

/** An option more, less, of another value or length, twice, elsewhere, or in two parts. */
function alter(c: Choices, lease: Lease, options: Option[]): void {
    const { random } = c
    const code = random.chance(0.9) ? random.one(CODES) : 1 + random.below(254)
    const at = random.below(options.length + 1)
    const what = random.below(7)
    if (what === 0 || at === options.length) options.splice(at, 0, [code, valueOf(c, lease, code)])
    else if (what === 1) options.splice(at, 1)
    else if (what === 2) options[at] = [options[at][0], valueOf(c, lease, options[at][0])]
    else if (what === 3) options[at] = [options[at][0], random.bytes(random.below(9))]
    else if (what === 4) options.splice(random.below(options.length), 0, options[at])
    else if (what === 5) options.push(...options.splice(at, 1))
    else {
        const [known, data] = options[at]
        const cut = random.below(data.length + 1)
        options.splice(at, 1, [known, data.subarray(0, cut)], [known, data.subarray(cut)])
    }
}

/** Options in `file` or `sname`, said or not. @returns the field and its content */
function overload(c: Choices, lease: Lease, options: Option[]): [at: number, content: Buffer] {
    const { random } = c
    const moved: Option[] = []
    for (let n = random.below(4); n >= 0; n--) {
        if (options.length > 1 && random.chance(0.6)) moved.push(...options.splice(random.below(options.length), 1))
        else alter(c, lease, moved)
    }
    const inFile = random.chance(0.5)
    const said = random.chance(0.7) ? (inFile ? 1 : 2) : 3
    if (random.chance(0.8)) options.splice(random.below(options.length + 1), 0, [52, Buffer.from([said])])
    const content = Buffer.concat([encode(moved), Buffer.from(random.chance(0.9) ? [255] : [])])
    return inFile ? [FILE, content.subarray(0, 128)] : [SNAME, content.subarray(0, 64)]
}

/** As many options as fit. */
function flood(c: Choices, options: Option[]): void {
    const { random } = c
    const option: Option = random.one<Option>([
        [80, Buffer.alloc(0)],
        [12, Buffer.alloc(1)],
        [3, Buffer.alloc(3)],
        [121, Buffer.from([0])],
    ])
    options.splice(random.below(options.length + 1), 0, ...Array.from({ length: random.below(120) }, () => option))
}
