/** What the model counts: what the chip refused and dropped, and what went over its bus and its wire. */

/** Why the chip refused what the host asked for. A correct driver causes none of them. */
export type Refusal =
    /** Fewer than three bytes and one of data. */
    | "shortTransaction"
    /** In a fixed length mode, with another number of bytes. */
    | "fixedLength"
    | "inReset"
    | "reservedBlock"
    /** Per byte that was written. */
    | "reservedAddress"
    /** Per byte that was written. */
    | "readOnly"
    /** A buffer of a socket whose buffer has no size. */
    | "noBuffer"
    /** Neither 0 nor a power of two up to 16. */
    | "bufferSize"
    /** It moves the buffers of all sockets above. */
    | "bufferSizeWhileOpen"
    /** OPEN, while the sizes of all sockets together exceed the memory. */
    | "bufferTotal"
    /** OPEN, with something else than MACRAW on socket 0. */
    | "protocol"
    | "protocolWhileOpen"
    /** None of OPEN, CLOSE, SEND and RECV. */
    | "command"
    /** SEND or RECV on a closed socket. */
    | "closed"
    | "sendEmpty"
    | "sendLong"
    /** SEND of more than the buffer holds: TX_WR has overtaken TX_RD. */
    | "sendOverrun"
    | "sendBusy"
    /** Per byte that was written into a frame which is being sent. */
    | "sendInFlight"
    /** RECV, with RX_RD beyond what was received. */
    | "receivePointer"

/** Why a frame from the wire did not get into the RX buffer. */
export type Drop = "linkDown" | "closed" | "tooLong" | "filtered" | "full"

interface Transfers {
    transactions: number
    /** Of data, without the three bytes before them. */
    bytes: number
}

export class Counts {
    refused: Partial<Record<Refusal, number>> = {}
    dropped: Partial<Record<Drop, number>> = {}
    /** Chip select periods and all bytes in them. */
    transactions = 0
    bytes = 0
    /** By block and direction, such as `socket0 read`. */
    byBlock: Record<string, Transfers> = {}
    /** Commands that were carried out, by name. */
    commands: Record<string, number> = {}
    framesIn = 0
    framesOut = 0

    refuse(reason: Refusal): void {
        this.refused[reason] = (this.refused[reason] ?? 0) + 1
    }

    drop(reason: Drop): void {
        this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
    }

    command(name: string): void {
        this.commands[name] = (this.commands[name] ?? 0) + 1
    }

    transfer(name: string, bytes: number): void {
        const transfers = (this.byBlock[name] ??= { transactions: 0, bytes: 0 })
        transfers.transactions++
        transfers.bytes += bytes
    }

    reset(): void {
        Object.assign(this, new Counts())
    }
}
