/** Values for the fields of frames: mostly those with which something happens. */
import { BROADCAST, ethernet, ETHERTYPE_IPV4, ipv4, type Ethernet, type Ipv4 } from "../frames.js"
import type { Random } from "../random.js"
import { PEERS, ROUTER, macOf, peer } from "../site.js"
import { address, type Address, type Call, type Interface, type Mac, type World } from "../world.js"

const ODD_ADDRESSES = [
    address(0, 0, 0, 0),
    address(255, 255, 255, 255),
    address(127, 0, 0, 1),
    address(224, 0, 0, 1),
    address(239, 255, 255, 250),
    address(240, 0, 0, 1),
    address(10, 77, 0, 255),
    address(10, 77, 0, 0),
    address(0, 0, 0, 5),
    address(10, 78, 0, 1),
    address(192, 0, 2, 1),
]
const ODD_MACS = [BROADCAST, "000000000000", "01005e000001", "333300000001", "000000000102", "020000000000"]
/** Addresses on the link that nobody has, by the last octet. */
const STRANGERS = [200, 230]
const VERSIONS = [0, 5, 6, 15]

export class Choices {
    constructor(
        readonly random: Random,
        readonly world: World,
        /** Slot of a call whose peer says nothing. */
        private readonly silent?: number
    ) {}

    /** An interface with an address. */
    ours(): Interface {
        return this.random.one(this.world.interfaces.filter(i => i.address !== 0))
    }

    call(): Call | undefined {
        return this.world.calls.length > 0 ? this.random.one(this.world.calls) : undefined
    }

    /** A call whose peer speaks. */
    talking(): Call | undefined {
        const talking = this.world.calls.filter(call => call.slot !== this.silent)
        return talking.length > 0 ? this.random.one(talking) : undefined
    }

    stranger(): Address {
        return address(10, 77, 0, STRANGERS[0] + this.random.below(STRANGERS[1] - STRANGERS[0]))
    }

    /** Any address. */
    address(): Address {
        const { random } = this
        return random.way([
            [3, () => peer(random.one(PEERS))],
            [3, () => this.ours().address],
            [2, () => this.stranger()],
            [1, () => ROUTER],
            [3, () => random.one(ODD_ADDRESSES)],
            [1, () => random.word()],
        ])()
    }

    /** An address of somebody else, on the link or off it. */
    other(): Address {
        const { random } = this
        return random.way([
            [4, () => peer(random.one(PEERS))],
            [2, () => this.stranger()],
            [1, () => ROUTER],
            [1, () => address(192, 0, 2, 1 + random.below(9))],
        ])()
    }

    mac(): Mac {
        const { random } = this
        return random.way([
            [2, () => this.ours().mac],
            [3, () => macOf(this.other())],
            [2, () => random.one(ODD_MACS)],
            [1, () => random.bytes(6).toString("hex")],
        ])()
    }

    /** What lies behind a header. */
    bytes(most: number): Buffer {
        return this.random.bytes(this.random.below(this.random.chance(0.9) ? Math.min(most, 64) : most + 1))
    }

    /** One time in so many. */
    rarely<T>(n: number, value: () => T, usual: T): T {
        return this.random.below(n) === 0 ? value() : usual
    }

    /** Fields of an Ethernet header, one of them wrong now and then. */
    frame(usual: Ethernet): Buffer {
        const { random } = this
        const frame = { ...usual }
        if (random.chance(0.12)) {
            const what = random.below(4)
            if (what === 0) frame.to = this.mac()
            else if (what === 1) frame.from = this.mac()
            else if (what === 2) frame.type = random.one([0x0800, 0x0806, 0x8100, 0x86dd, 0x0600, 1500, 0x88cc, random.below(65536)])
            else frame.tags = this.tags()
        }
        return ethernet(frame)
    }

    /** Mostly one that says a priority, without a VLAN; seldom so many of them as fit. */
    private tags(): number[] {
        const { random } = this
        if (random.chance(0.05)) return Array.from({ length: 1 + random.below(350) }, () => 0)
        return [
            random.way([
                [4, () => random.below(16) << 12],
                [1, () => random.below(65536)],
                [1, () => 1 << random.below(12)],
            ])(),
        ]
    }

    /** A packet in a frame, fields of both headers wrong now and then. @param to the frame's destination, that of the interface by default */
    packet(usual: Ipv4, from: Mac, to?: Mac): Buffer {
        const { random, world } = this
        const p = { ...usual }
        const faults = random.chance(0.75) ? 0 : 1 + random.below(2)
        for (let i = 0; i < faults; i++)
            random.way<() => void>([
                [2, () => (p.source = this.address())],
                [2, () => (p.destination = this.address())],
                [2, () => (p.lengthError = random.one([-1, 1, -20, -8, 100, 40000, random.below(65536)]))],
                [2, () => (p.flags = random.one([0, 0x2000, 0x4000, 0x8000, 1, 0x1fff, random.below(65536)]))],
                [2, () => (p.check = random.one(["wrong", "none"]))],
                [2, () => (p.options = Buffer.alloc(4 * random.below(11), random.below(256)))],
                [1, () => (p.headerError = random.below(16))],
                [1, () => (p.version = random.one(VERSIONS))],
                [1, () => (p.ttl = random.below(256))],
                [1, () => (p.tos = random.below(256))],
                [1, () => (p.protocol = random.below(256))],
            ])()
        const owner = world.interfaces.find(i => i.address !== 0 && i.address === usual.destination)
        const frame = { to: to ?? owner?.mac ?? world.mac, from, type: ETHERTYPE_IPV4, payload: ipv4(p) }
        return this.frame(frame)
    }
}
