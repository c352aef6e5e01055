/** The error of the socket API (`socket/api.ts` says which call throws which code), and what is no caller's fault. */
import { Counter, count, countOf } from "./counters"

/**
 * What the socket API throws. Catch it, and decide by its code. Anything else that is thrown is a defect.
 * @hideconstructor
 * @category Errors
 */
export class SocketError extends Error {
    constructor(
        /** The POSIX name of the error: `EADDRNOTAVAIL`, `ENETDOWN`, ... */
        public code: string,
        message: string
    ) {
        super(message)
        this.name = "SocketError"
    }
}

/** Throw a `SocketError`: to make one in place would take more code. */
export function fail(code: string, message: string): never {
    throw new SocketError(code, message)
}

/** Count an exception that a frame or a deadline caused: a defect, but nothing of the kind may stop the firmware. */
export function internalError(where: string, e: any): void {
    count(Counter.InternalErrors)
    // log the first alone: a line for each frame would hold up all other frames on a board
    if (countOf(Counter.InternalErrors) === 1) console.log(`internal error ${where}: ${(e as Error).message}`)
}
