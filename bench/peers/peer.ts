/** What a peer must do with the frames that the firmware gets and sends: see `micropython.ts` and `quickjs.ts`. */

/** Call of the peers: what `devs/bench/frame.ts` has set up, as the first frame that it sent shows it. */
export interface PeerCall {
    address: Uint8Array
    port: number
    remote: Uint8Array
    remotePort: number
    first: Uint8Array
}

export interface Plan {
    mac: Uint8Array
    calls: PeerCall[]
    speech: Uint8Array
}

/** Figures of a call, and the counters, as the firmware tells them. */
export interface Figures {
    counters: Record<string, number>
    calls: Record<string, number>[]
}

/** All times are microseconds of processor time for the whole block. */
export interface Peer {
    name: string
    /** A stack in its first state. */
    reset(plan: Plan): void
    /** One chunk arrives, at this time in milliseconds. */
    receive(chunk: Uint8Array, clock: number): void
    /** As many frames as that, by the calls in turn. @returns what it sent */
    send(frames: number): Uint8Array[]
    figures(): Figures
    /** With a UDP checksum on what is sent, or without. */
    check(on: boolean): void
    /** Keep chunks for `timeReceive`. */
    load(chunks: Uint8Array[]): void
    timeReceive(): number
    /** As `timeReceive`, with nobody who hears. */
    timeBareReceive(): number
    timeSend(turns: number): number
    /** As `timeSend`, but the frames are only handed to the PHY. */
    timeBareSend(turns: number): number
    stop(): void
}

/** Microseconds of processor time that `work` takes. */
export function processorTime(work: () => void): number {
    const began = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(began)
    return user + system
}
