/**
 * The DHCP server of the LAN. Leases belong to client identifiers, so one MAC may hold many, unless it is told to ignore them.
 * @see RFC 2131 4.3, RFC 4039 (rapid commit), RFC 4361 (identifiers), RFC 6842 (identifier echoed)
 */
import { EventEmitter } from "node:events"
import { LeaseTable, leaseOf, type DhcpClient, type Lease, type Slot } from "./dhcp-leases.js"
import { DHCP_SERVER_PORT, DhcpOption, DhcpType, addressOption, dhcpType } from "./dhcp-message.js"
import { numberOption, numberValue, parseDhcp, type DhcpMessage } from "./dhcp-message.js"
import { DhcpReplies } from "./dhcp-reply.js"
import type { Host, UdpDatagram } from "./host.js"
import { ANY_ADDRESS, addressToBytes } from "./ipv4.js"
import type { Subnet } from "./subnet.js"

const INFINITE_SECONDS = 0xffffffff
/** How long an offered address stays reserved: a few retransmissions of the client. */
const OFFER_SECONDS = 10
const DECLINE_SECONDS = 600

export interface DhcpServerOptions {
    host: Host
    subnet: Subnet
    /** The addresses to lease. */
    addresses: string[]
    domain: string
    leaseSeconds?: number
    rapidCommit?: boolean
    ignoreClientIdentifier?: boolean
}

export type LeaseEvent = "bound" | "renewed" | "released" | "declined" | "expired" | "revoked"

interface Events {
    /** Something happened to a lease that was given. */
    lease: [event: LeaseEvent, lease: Lease]
    /** A request was refused. */
    nak: [client: DhcpClient, reason: string]
    /** Somebody asked and no address was free. */
    empty: [client: DhcpClient]
}

export class DhcpServer extends EventEmitter<Events> {
    /** False makes the server deaf; leases run on. */
    enabled = true
    leaseSeconds: number
    rapidCommit: boolean
    /** Know clients by their hardware address alone, as BusyBox udhcpd does. */
    ignoreClientIdentifier: boolean
    offerSeconds = OFFER_SECONDS
    declineSeconds = DECLINE_SECONDS
    /** Share of the packets, to the server and from it, that are lost: 0 to 1. */
    loss = 0
    /** Tells which are: from 0 up to, not including, 1. */
    random = Math.random
    /** Test hook: takes the payload of each reply and of its request, returns the payloads really sent (none, one or more). */
    tamper?: (reply: Buffer, request: Buffer) => Buffer[]
    readonly counters = {
        discover: 0,
        offer: 0,
        request: 0,
        ack: 0,
        nak: 0,
        decline: 0,
        release: 0,
        inform: 0,
        rapidCommit: 0,
        poolEmpty: 0,
        ignored: 0,
        malformed: 0,
        lost: 0,
    }
    private readonly host: Host
    private readonly table: LeaseTable

    constructor(private readonly options: DhcpServerOptions) {
        super()
        this.host = options.host
        this.leaseSeconds = options.leaseSeconds ?? 3600
        this.rapidCommit = options.rapidCommit ?? true
        this.ignoreClientIdentifier = options.ignoreClientIdentifier ?? false
        this.table = new LeaseTable(options.addresses, slot => this.emit("lease", "expired", leaseOf(slot)))
        this.host.udp.set(DHCP_SERVER_PORT, datagram => this.receive(datagram))
    }

    stop(): void {
        this.host.udp.delete(DHCP_SERVER_PORT)
        this.table.stop()
    }

    /** Offered and bound addresses, in the order of the pool. */
    leases(): Lease[] {
        return this.table
            .all()
            .filter(slot => slot.state === "offered" || slot.state === "bound")
            .map(leaseOf)
    }

    /** Addresses set aside after a DECLINE. */
    declined(): string[] {
        return this.table
            .all()
            .filter(slot => slot.state === "declined")
            .map(slot => slot.address)
    }

    /** Ends a lease from the server's side, as an administrator can: its next renewal is refused. False when there is none. */
    revoke(address: string): boolean {
        const slot = this.table.at(address)
        if (slot?.state !== "bound") return false
        const lease = leaseOf(slot)
        this.table.free(slot)
        slot.client = undefined
        this.emit("lease", "revoked", lease)
        return true
    }

    private receive(datagram: UdpDatagram): void {
        if (!this.enabled || this.isLost()) return
        const message = parseDhcp(datagram.payload)
        const type = message && dhcpType(message)
        if (!message || message.isReply || type === undefined) {
            this.counters.malformed++
            return
        }
        const client = clientOf(message, this.ignoreClientIdentifier)
        const { tamper } = this
        const sent = (payload: Buffer) => (tamper ? tamper(payload, datagram.payload) : [payload]).filter(() => !this.isLost())
        const reply = new DhcpReplies(this.host, message, sent)
        if (type === DhcpType.DISCOVER) this.discover(message, client, reply)
        else if (type === DhcpType.REQUEST) this.request(message, client, reply, datagram.destination === this.host.address)
        else if (type === DhcpType.DECLINE) this.decline(message, client)
        else if (type === DhcpType.RELEASE) this.release(message, client)
        else if (type === DhcpType.INFORM) this.inform(message, reply)
        else this.counters.ignored++
    }

    private isLost(): boolean {
        const lost = this.loss > 0 && this.random() < this.loss
        if (lost) this.counters.lost++
        return lost
    }

    /** @see RFC 2131 4.3.1, RFC 4039 3.1 */
    private discover(message: DhcpMessage, client: DhcpClient, reply: DhcpReplies): void {
        this.counters.discover++
        const slot = this.table.choose(client, addressOption(message, DhcpOption.REQUESTED_ADDRESS))
        if (!slot) {
            this.counters.poolEmpty++
            this.emit("empty", client)
            return
        }
        if (this.rapidCommit && message.options.has(DhcpOption.RAPID_COMMIT)) {
            this.counters.rapidCommit++
            this.bind(slot, message, client, reply, new Map([[DhcpOption.RAPID_COMMIT, Buffer.alloc(0)]]))
            return
        }
        // a client that lost its memory is offered what it has; its lease stays what it is until it asks
        if (slot.state !== "bound") this.table.hold(slot, client, "offered", this.offerSeconds)
        this.counters.offer++
        reply.send(DhcpType.OFFER, { yiaddr: slot.address }, this.leaseOptions(message))
    }

    /** @see RFC 2131 4.3.2 */
    private request(message: DhcpMessage, client: DhcpClient, reply: DhcpReplies, unicast: boolean): void {
        this.counters.request++
        const serverId = addressOption(message, DhcpOption.SERVER_ID)
        const requested = addressOption(message, DhcpOption.REQUESTED_ADDRESS)
        const selecting = serverId !== undefined && requested !== undefined
        const address = requested ?? message.ciaddr
        const own = this.table.of(client)
        if (address === ANY_ADDRESS) this.counters.malformed++
        else if (selecting && serverId !== this.host.address) {
            // it took another server's offer
            if (own?.state === "offered") this.table.free(own)
            this.counters.ignored++
        } else if (own?.address === address) this.bind(own, message, client, reply)
        else if (!this.options.subnet.contains(address)) this.refuse(client, reply, `${address} is not on this network`)
        else if (own) this.refuse(client, reply, `this client's address is ${own.address}`)
        else if (this.isTaken(address)) this.refuse(client, reply, `${address} is in use`)
        // SELECTING and RENEWING are said to this server alone, so it knows best
        else if (selecting || (requested === undefined && unicast)) this.refuse(client, reply, `no lease of ${address}`)
        // INIT-REBOOT and REBINDING of an unknown client may concern another server
        else this.counters.ignored++
    }

    /** @see RFC 2131 4.3.3 */
    private decline(message: DhcpMessage, client: DhcpClient): void {
        this.counters.decline++
        this.giveBack(message, client, addressOption(message, DhcpOption.REQUESTED_ADDRESS), "declined")
    }

    /** @see RFC 2131 4.3.4 */
    private release(message: DhcpMessage, client: DhcpClient): void {
        this.counters.release++
        this.giveBack(message, client, message.ciaddr, "released")
    }

    private giveBack(message: DhcpMessage, client: DhcpClient, address: string | undefined, event: "declined" | "released"): void {
        const serverId = addressOption(message, DhcpOption.SERVER_ID)
        const slot = this.table.of(client)
        const isHeld = slot?.state === "bound" || (slot?.state === "offered" && event === "declined")
        if (!slot || !isHeld || slot.address !== address || (serverId && serverId !== this.host.address)) {
            this.counters.ignored++
            return
        }
        const lease = leaseOf(slot)
        if (event === "declined") this.table.setAside(slot, this.declineSeconds)
        else this.table.free(slot)
        this.emit("lease", event, lease)
    }

    /** @see RFC 2131 4.3.5 */
    private inform(message: DhcpMessage, reply: DhcpReplies): void {
        this.counters.inform++
        if (message.ciaddr === ANY_ADDRESS) this.counters.malformed++
        else reply.send(DhcpType.ACK, { ciaddr: message.ciaddr }, this.networkOptions())
    }

    private bind(slot: Slot, message: DhcpMessage, client: DhcpClient, reply: DhcpReplies, extra = new Map<number, Buffer>()): void {
        const event = slot.state === "bound" ? "renewed" : "bound"
        const seconds = this.secondsFor(message)
        this.table.hold(slot, client, "bound", seconds >= INFINITE_SECONDS ? Infinity : seconds)
        this.counters.ack++
        reply.send(DhcpType.ACK, { yiaddr: slot.address, ciaddr: message.ciaddr }, new Map([...this.leaseOptions(message), ...extra]))
        this.emit("lease", event, leaseOf(slot))
    }

    private refuse(client: DhcpClient, reply: DhcpReplies, reason: string): void {
        this.counters.nak++
        reply.send(DhcpType.NAK, {}, new Map([[DhcpOption.MESSAGE, Buffer.from(reason)]]))
        this.emit("nak", client, reason)
    }

    private isTaken(address: string): boolean {
        const slot = this.table.at(address)
        return slot !== undefined && slot.state !== "free"
    }

    /** A client may ask for a shorter lease than the usual one. */
    private secondsFor(message: DhcpMessage): number {
        const wanted = numberOption(message, DhcpOption.LEASE_TIME) ?? INFINITE_SECONDS
        return Math.max(1, Math.min(this.leaseSeconds, wanted, INFINITE_SECONDS))
    }

    /** T1 is half of the lease and T2 seven eighths (RFC 2131 4.4.5). */
    private leaseOptions(message: DhcpMessage): Map<number, Buffer> {
        const seconds = this.secondsFor(message)
        const options = new Map([[DhcpOption.LEASE_TIME as number, numberValue(seconds)]])
        if (seconds < INFINITE_SECONDS) {
            options.set(DhcpOption.RENEWAL_TIME, numberValue(Math.max(1, Math.floor(seconds / 2))))
            options.set(DhcpOption.REBINDING_TIME, numberValue(Math.max(1, Math.floor((seconds * 7) / 8))))
        }
        return new Map([...options, ...this.networkOptions()])
    }

    private networkOptions(): Map<number, Buffer> {
        const server = addressToBytes(this.host.address)
        return new Map<number, Buffer>([
            [DhcpOption.SUBNET_MASK, addressToBytes(this.options.subnet.mask)],
            [DhcpOption.ROUTER, server],
            [DhcpOption.DNS_SERVER, server],
            [DhcpOption.DOMAIN_NAME, Buffer.from(this.options.domain)],
        ])
    }
}

/** The identifier names the client if it sent one of at least two bytes (RFC 2132 9.14), else its hardware address does. */
function clientOf(message: DhcpMessage, ignoreIdentifier: boolean): DhcpClient {
    const id = ignoreIdentifier ? undefined : message.options.get(DhcpOption.CLIENT_ID)
    const clientId = id && id.length >= 2 ? id.toString("hex") : ""
    return { key: clientId ? `id ${clientId}` : `mac ${message.chaddr}`, clientId, mac: message.chaddr }
}
