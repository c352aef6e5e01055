/** An error of the socket API, with a POSIX code: `EADDRNOTAVAIL`, `ENETDOWN`, ... */
export class SocketError extends Error {
    constructor(
        public code: string,
        message: string
    ) {
        super(message)
        this.name = "SocketError"
    }
}
