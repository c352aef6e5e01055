/** The error of the socket API. `socket/api.ts` says which call throws which code. */

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
