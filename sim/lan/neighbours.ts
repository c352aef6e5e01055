/** The ARP cache of one device: resolves, remembers, and polls what it has not heard of for a while. @see RFC 1122 2.3.2 */

/** After this long a neighbour is asked again, while its address stays in use. */
const STALE_MS = 60_000
/** At most one request per second and destination (RFC 1122 2.3.2.1). */
const RETRY_MS = 1000
const MAX_REQUESTS = 3
const MAX_WAITING = 8

interface Neighbour {
    mac?: string
    staleAt: number
    /** Packets until the first answer; the newest are kept. */
    waiting: Buffer[]
    requests: number
    timer?: NodeJS.Timeout
}

export class Neighbours {
    private readonly table = new Map<string, Neighbour>()

    /**
     * @param ask sends an ARP request for an address, to one station if its MAC is given
     * @param transmit sends an IPv4 packet to a MAC address
     */
    constructor(
        private readonly ask: (address: string, mac?: string) => void,
        private readonly transmit: (mac: string, packet: Buffer) => void
    ) {}

    /** Sends `packet` to the neighbour, at once or as soon as it is known; gives up silently when it never answers. */
    send(address: string, packet: Buffer): void {
        let entry = this.table.get(address)
        if (!entry) this.table.set(address, (entry = { staleAt: 0, waiting: [], requests: 0 }))
        if (entry.mac) this.transmit(entry.mac, packet)
        else {
            entry.waiting.push(packet)
            if (entry.waiting.length > MAX_WAITING) entry.waiting.shift()
        }
        if (!entry.timer && (!entry.mac || performance.now() > entry.staleAt)) this.request(address, entry)
    }

    /** Takes over what an ARP packet says of its sender; a new entry only if `create` (RFC 826, packet reception). */
    learn(address: string, mac: string, create: boolean): void {
        let entry = this.table.get(address)
        if (!entry) {
            if (!create) return
            this.table.set(address, (entry = { staleAt: 0, waiting: [], requests: 0 }))
        }
        clearTimeout(entry.timer)
        const { waiting } = entry
        Object.assign(entry, { mac, staleAt: performance.now() + STALE_MS, waiting: [], requests: 0, timer: undefined })
        for (const packet of waiting) this.transmit(mac, packet)
    }

    stop(): void {
        for (const entry of this.table.values()) clearTimeout(entry.timer)
        this.table.clear()
    }

    private request(address: string, entry: Neighbour): void {
        if (entry.requests === MAX_REQUESTS) {
            this.table.delete(address)
            return
        }
        entry.requests++
        entry.timer = setTimeout(() => this.request(address, entry), RETRY_MS)
        entry.timer.unref()
        this.ask(address, entry.mac)
    }
}
