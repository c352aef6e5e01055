/** The oracle for the DHCP client (RFC 2131, 3, 4.1 and 4.4; RFC 4039; RFC 6842). */
import { LeaseState, interfaceAt, isHostAddress, isHostPart, type Address, type Lease, type Verdict, type World } from "../world.js"
import { Options } from "./dhcp-options.js"
import { checksumHolds, type Packet } from "./packet.js"

export const CLIENT_PORT = 68
const SERVER_PORT = 67
const UDP_HEADER = 8
const FIXED = 240
const COOKIE = 0x63825363
const REPLY_ETHERNET = "020106"
const OFFER = 2
const ACK = 5
const NAK = 6
const DEFAULT_MASK = 0xffffff00

/** States in which a server may answer; a lease that was given up may still be answered. */
const ASKING = [
    LeaseState.Idle,
    LeaseState.Rebooting,
    LeaseState.Selecting,
    LeaseState.Requesting,
    LeaseState.Renewing,
    LeaseState.Rebinding,
    LeaseState.Reselecting,
]
/** Those in which one server was asked. */
const ASKING_ONE = [LeaseState.Requesting, LeaseState.Renewing]
const HOLDING = [LeaseState.Bound, LeaseState.Renewing, LeaseState.Rebinding, LeaseState.Reselecting]

/** An OFFER or ACK. */
interface Grant {
    type: number
    address: Address
    server: Address | undefined
    mask: number | undefined
    seconds: number | undefined
    rapid: boolean
}

export function judgeDhcp(world: World, packet: Packet, datagram: Buffer, verdict: Verdict): void {
    verdict.count("dhcpRx")
    const message = datagram.subarray(UDP_HEADER)
    if (datagram.readUInt16BE(0) !== SERVER_PORT || message.length < FIXED) return verdict.count("dhcpBad")
    const xid = message.readUInt32BE(4)
    const lease = world.leases.find(l => l.xid === xid && ASKING.includes(l.state))
    if (!lease) return verdict.count("dhcpForeign")
    if (!checksumHolds(packet, datagram)) return verdict.count("udpBadChecksum")
    const { mac } = world.interfaces[lease.slot]
    if (message.toString("hex", 0, 3) !== REPLY_ETHERNET || message.readUInt32BE(236) !== COOKIE || message.toString("hex", 28, 34) !== mac)
        return verdict.count("dhcpBad")
    const options = new Options(message)
    if (options.flaws > 0) verdict.count("dhcpBadOption", options.flaws)
    const type = options.octet(53)
    if (type === undefined) return verdict.count("dhcpBad")
    const grant: Grant = {
        type,
        address: message.readUInt32BE(16),
        server: options.word(54),
        mask: options.word(1),
        seconds: options.word(51),
        rapid: options.first(80) !== undefined,
    }
    if (lease.state === LeaseState.Idle) return judgeLateGrant(world, lease, grant, verdict)
    const identifier = options.first(61)
    // RFC 6842: an identifier that is echoed is the client's own
    if (identifier && identifier.toString("hex") !== identifierOf(world, lease)) return verdict.count("dhcpForeign")
    if (type === OFFER || type === ACK) judgeGrant(world, lease, grant, verdict)
    else if (type === NAK) judgeNak(lease, grant, verdict)
    else verdict.count("dhcpForeign")
}

/** RFC 4361, 6.1: 255, the IAID, which is the slot, and a DUID-LL of the device's own MAC address. */
export function identifierOf(world: World, lease: Lease): string {
    return `ff000000${lease.slot.toString(16).padStart(2, "0")}00030001${world.mac}`
}

/** What nobody waits for any more goes back, once. */
function judgeLateGrant(world: World, lease: Lease, grant: Grant, verdict: Verdict): void {
    if (grant.type !== ACK || lease.xid === 0 || grant.server === undefined || interfaceAt(world, grant.address))
        return verdict.count("dhcpForeign")
    verdict.count("dhcpTx")
    verdict.count("phyTx")
    verdict.effects.push(() => Object.assign(lease, { xid: 0, server: 0, address: grant.address }))
}

/** Whether the server was asked (RFC 2131, 4.4.1, 4.4.2, 4.4.5). */
function wasAsked(lease: Lease, { server }: Grant): boolean {
    return server !== undefined && (!ASKING_ONE.includes(lease.state) || server === lease.server)
}

function judgeNak(lease: Lease, grant: Grant, verdict: Verdict): void {
    if (!wasAsked(lease, grant) || lease.state === LeaseState.Selecting) return verdict.count("dhcpForeign")
    verdict.count("dhcpNak")
    verdict.ends = "a lease is refused"
}

function judgeGrant(world: World, lease: Lease, grant: Grant, verdict: Verdict): void {
    const ours = world.interfaces[lease.slot]
    const holder = interfaceAt(world, grant.address)
    const holds = HOLDING.includes(lease.state)
    if (holder && holder !== ours) {
        const held = world.leases[holder.slot]
        if (holds || !HOLDING.includes(held.state) || ours.mac !== world.mac || held.server !== grant.server)
            return verdict.count("dhcpBad")
        verdict.count("dhcpSameClient")
        verdict.ends = "a lease takes a MAC address of its own"
        return
    }
    if (!isSound(grant, holds ? ours.mask : DEFAULT_MASK)) return verdict.count("dhcpBad")
    if (lease.state === LeaseState.Selecting) {
        // what another lease is about to have is not taken, and no fault
        if (world.leases.some(l => l.state !== LeaseState.Idle && l.address === grant.address)) return
    }
    if (!wasAsked(lease, grant)) return verdict.count("dhcpForeign")
    if (grant.type === OFFER) return judgeOffer(lease, grant, verdict)
    // RFC 4039: an ACK to a DISCOVER says that it is one; RFC 2131, 4.4.5: a renewal is of the same address
    if (lease.state === LeaseState.Selecting ? !grant.rapid : holds && grant.address !== lease.address) return verdict.count("dhcpForeign")
    verdict.ends = "a lease is granted"
}

function judgeOffer(lease: Lease, { address, server }: Grant, verdict: Verdict): void {
    const again = lease.state === LeaseState.Reselecting
    if (lease.state !== LeaseState.Selecting && !again) return verdict.count("dhcpForeign")
    if (again && address !== lease.address) {
        verdict.ends = "a lease is lost to another network"
        return
    }
    // a REQUEST
    verdict.count("dhcpTx")
    verdict.count("phyTx")
    const state = again ? lease.state : LeaseState.Requesting
    verdict.effects.push(() => Object.assign(lease, { state, address, server }))
}

/** Whether the fields are such as a server may send. */
function isSound({ address, server, mask, seconds }: Grant, usual: number): boolean {
    if (!isHostAddress(address) || server === undefined || !isHostAddress(server) || !seconds) return false
    if (mask !== undefined && (mask === 0 || !isContiguous(mask))) return false
    return isHostPart(address, mask ?? usual)
}

function isContiguous(mask: number): boolean {
    const host = ~mask >>> 0
    return (host & (host + 1)) === 0
}
