/** A learning Ethernet switch (a MAC bridge with one address table). @see IEEE 802.1D-2004 7.7 to 7.9 */

/** Default ageing time of a learned address (IEEE 802.1D-2004 table 7-5). */
const AGEING_MS = 300_000
/** Like the table of a small real switch; when it is full, the oldest entry makes room. */
const MAX_ADDRESSES = 1024

/** One socket of the switch, with a device or a client plugged in. */
export interface SwitchPort {
    readonly name: string
    /** Hands a frame to what is plugged in; must not keep it waiting. */
    readonly deliver: (frame: Buffer) => void
}

export interface SwitchOptions {
    ageingMs?: number
    /** Sees each frame once, as it enters. */
    tap?: (frame: Buffer, portName: string) => void
}

export class EthernetSwitch {
    /** Frames that came in; sent to every other port; that stayed inside because their destination is on the ingress port. */
    readonly counters = { frames: 0, flooded: 0, filtered: 0 }
    private readonly ports = new Set<SwitchPort>()
    /** MAC address as a number -> where and when it was last seen; in order of age. */
    private readonly addresses = new Map<number, { port: SwitchPort; seenAt: number }>()
    private readonly queue: { frame: Buffer; port: SwitchPort }[] = []
    private forwarding = false

    constructor(private readonly options: SwitchOptions = {}) {}

    plug(name: string, deliver: (frame: Buffer) => void): SwitchPort {
        const port = { name, deliver }
        this.ports.add(port)
        return port
    }

    /** Forgets the port and the addresses learned on it. */
    unplug(port: SwitchPort): void {
        this.ports.delete(port)
        for (const [address, entry] of this.addresses) if (entry.port === port) this.addresses.delete(address)
    }

    /**
     * A frame of at least 14 bytes comes in at `port`. A device may answer while it is being served: the answer
     * queues up, so that all ports see frames in the same order and answers to answers cannot nest.
     */
    receive(frame: Buffer, port: SwitchPort): void {
        this.queue.push({ frame, port })
        if (this.forwarding) return
        this.forwarding = true
        try {
            for (let next = this.queue.shift(); next; next = this.queue.shift()) this.forward(next.frame, next.port)
        } finally {
            this.forwarding = false
        }
    }

    private forward(frame: Buffer, ingress: SwitchPort): void {
        this.counters.frames++
        this.options.tap?.(frame, ingress.name)
        this.learn(frame, ingress)
        const egress = this.lookup(frame.readUIntBE(0, 6))
        if (egress === ingress) this.counters.filtered++
        else if (egress) egress.deliver(frame)
        else {
            this.counters.flooded++
            for (const port of this.ports) if (port !== ingress) port.deliver(frame)
        }
    }

    private learn(frame: Buffer, port: SwitchPort): void {
        const isGroup = (frame[6] & 1) !== 0
        if (isGroup || !this.ports.has(port)) return
        const source = frame.readUIntBE(6, 6)
        this.addresses.delete(source)
        this.addresses.set(source, { port, seenAt: performance.now() })
        if (this.addresses.size > MAX_ADDRESSES) {
            const [oldest] = this.addresses.keys()
            this.addresses.delete(oldest)
        }
    }

    /** Where to send to; group addresses are never learned, so they have no place. */
    private lookup(destination: number): SwitchPort | undefined {
        const entry = this.addresses.get(destination)
        if (!entry) return undefined
        if (performance.now() - entry.seenAt <= (this.options.ageingMs ?? AGEING_MS)) return entry.port
        this.addresses.delete(destination)
        return undefined
    }
}
