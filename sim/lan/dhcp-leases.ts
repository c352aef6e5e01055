/** The addresses of a DHCP server and who holds them. No messages and no network here. @see RFC 2131 2.1, 4.3.1 */

/** `free` slots remember their last client, so that it gets the same address again if it can. */
export type SlotState = "free" | "offered" | "bound" | "declined"

/** Who a client says it is. */
export interface DhcpClient {
    /** Client identifier (option 61) or hardware address, as one comparable string. */
    key: string
    /** Option 61 in hexadecimal; empty when the client sent none. */
    clientId: string
    mac: string
}

export interface Slot {
    readonly address: string
    state: SlotState
    client: DhcpClient | undefined
    /** Milliseconds since 1970; Infinity for a lease without end. */
    expiresAt: number
    freedAt: number
}

/** What is told outside of an address in use. */
export interface Lease {
    address: string
    mac: string
    /** Option 61 in hexadecimal; empty when the client sent none. */
    clientId: string
    state: "offered" | "bound"
    /** Milliseconds since 1970; Infinity for a lease without end. */
    expiresAt: number
}

/** The longest wait `setTimeout` can do. */
const MAX_TIMEOUT_MS = 0x7fffffff

export class LeaseTable {
    private readonly slots: Slot[]
    private timer: NodeJS.Timeout | undefined

    /** @param onExpired is told of each bound lease that came to its end */
    constructor(
        addresses: string[],
        private readonly onExpired: (slot: Slot) => void
    ) {
        this.slots = addresses.map(address => ({ address, state: "free", client: undefined, expiresAt: Infinity, freedAt: 0 }))
    }

    /** All slots, with those whose time is over set free. */
    all(): readonly Slot[] {
        this.expire()
        return this.slots
    }

    /** The slot that the client holds, or held last and nobody took since. */
    of(client: DhcpClient): Slot | undefined {
        return this.all().find(slot => slot.client?.key === client.key)
    }

    at(address: string): Slot | undefined {
        return this.all().find(slot => slot.address === address)
    }

    /**
     * The slot for a client that asks: its own, else the requested one, else one never used, else the one free for
     * longest (RFC 2131 4.3.1). `undefined` when none is free.
     */
    choose(client: DhcpClient, requested: string | undefined): Slot | undefined {
        const own = this.of(client)
        if (own) return own
        const free = this.slots.filter(slot => slot.state === "free")
        return free.find(slot => slot.address === requested) ?? free.sort((a, b) => a.freedAt - b.freedAt)[0]
    }

    /** Gives the slot to the client until `seconds` from now. */
    hold(slot: Slot, client: DhcpClient, state: "offered" | "bound", seconds: number): void {
        Object.assign(slot, { client, state, expiresAt: Date.now() + seconds * 1000 })
        this.schedule()
    }

    /** Sets the slot free; it stays reserved for nobody, but remembers its client. */
    free(slot: Slot): void {
        Object.assign(slot, { state: "free", expiresAt: Infinity, freedAt: Date.now() })
    }

    /** Takes the address out of use for a while: somebody else has it (RFC 2131 4.3.3). */
    setAside(slot: Slot, seconds: number): void {
        Object.assign(slot, { client: undefined, state: "declined", expiresAt: Date.now() + seconds * 1000 })
        this.schedule()
    }

    stop(): void {
        clearTimeout(this.timer)
    }

    private expire(): void {
        const now = Date.now()
        for (const slot of this.slots) {
            if (slot.expiresAt > now) continue
            const wasBound = slot.state === "bound"
            this.free(slot)
            if (wasBound) this.onExpired(slot)
        }
    }

    private schedule(): void {
        clearTimeout(this.timer)
        const next = Math.min(...this.slots.map(slot => slot.expiresAt))
        if (next === Infinity) return
        const wait = Math.min(Math.max(next - Date.now(), 1), MAX_TIMEOUT_MS)
        this.timer = setTimeout(() => {
            this.expire()
            this.schedule()
        }, wait)
        this.timer.unref()
    }
}

/** A slot that is offered or bound, as told outside. */
export function leaseOf(slot: Slot): Lease {
    const { address, expiresAt } = slot
    const state = slot.state === "offered" ? "offered" : "bound"
    return { address, mac: slot.client?.mac ?? "", clientId: slot.client?.clientId ?? "", state, expiresAt }
}
