/**
 * A server of HTTP/1.1 (RFC 9112) on port 80 of an address of its own. It has one page: the sockets of the phone, as `netstat`
 * shows them. It serves one client after the other until Ctrl-C. Its clients are elsewhere on the LAN, so the LAN is started
 * first, by `npm run lan`. `http-client.ts` is a client.
 *
 *     npm run program -- examples/http-server.ts --lan tcp://127.0.0.1:4789
 */
import { millis } from "@devicescript/core"
import {
    AF_INET_TUPLE,
    SOCK_STREAM,
    SocketError,
    SocketOption,
    TUPLE_DHCP,
    bind,
    close,
    formatAddress,
    getpeername,
    listSockets,
    readSettings,
    recv,
    send,
    setsockopt,
    socket,
    startStack,
} from "tuplephone"
import { SHUT_WR, accept, listen, shutdown, startStreams } from "tuplephone/streams"

const PORT = 80
/** Clients that may wait while another one is served. */
const BACKLOG = 2
/** Octets of a request at most, the fields of its header included. */
const REQUEST_MAX = 2048
/** Milliseconds for a client to send its request, then to take the answer. */
const PATIENCE = 5000

const END_OF_LINE = "\r\n"
const END_OF_HEADER = "\r\n\r\n"
const OK = "200 OK"
const NOT_ALLOWED = "405 Method Not Allowed"

/**
 * Read a request as far as the blank line behind its header.
 * @returns what has come: less if it is too long, or the client has ended it
 * @throws SocketError `EAGAIN` if it does not come in time
 */
async function readRequest(client: number): Promise<string> {
    const until = millis() + PATIENCE
    let request = ""
    while (!request.includes(END_OF_HEADER) && request.byteLength < REQUEST_MAX) {
        // a stream has no boundaries: this may be a part of the request, or all of it
        const piece = await recv(client, until - millis())
        if (piece.length === 0) break
        request += piece.toString()
    }
    return request
}

/** What the answer to a request begins with (RFC 9110, 15). */
function statusOf(request: string): string {
    const lineEnd = request.indexOf(END_OF_LINE)
    if (!request.includes(END_OF_HEADER)) {
        if (request.byteLength < REQUEST_MAX) return "400 Bad Request"
        return lineEnd < 0 ? "414 URI Too Long" : "431 Request Header Fields Too Large"
    }
    const words = request.slice(0, lineEnd).split(" ")
    if (words.length !== 3 || !words[2].startsWith("HTTP/")) return "400 Bad Request"
    if (!words[2].startsWith("HTTP/1.")) return "505 HTTP Version Not Supported"
    // RFC 9112, 3.2
    if (words[2] !== "HTTP/1.0" && !request.toLowerCase().includes("\r\nhost:")) return "400 Bad Request"
    if (words[0] !== "GET" && words[0] !== "HEAD") return NOT_ALLOWED
    return words[1] === "/" ? OK : "404 Not Found"
}

function pad(text: string, width: number): string {
    while (text.length < width) text += " "
    return text
}

function page(): string {
    let text = "sd  type    local              remote               state\n"
    for (const s of listSockets())
        text += `${pad(`${s.sd}`, 4)}${pad(s.type, 8)}${pad(s.local || "-", 19)}${pad(s.remote || "-", 21)}${s.state || "-"}\n`
    return text
}

async function answer(client: number, status: string, withBody: boolean): Promise<void> {
    const body = status === OK ? page() : `${status}\n`
    let header = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${body.byteLength}\r\nConnection: close\r\n`
    if (status === NOT_ALLOWED) header += "Allow: GET, HEAD\r\n"
    await send(client, Buffer.from(header + END_OF_LINE + (withBody ? body : "")), PATIENCE)
}

/** Nothing more comes from us. Read on until the client has ended too: a reset could take the answer from it (RFC 9112, 9.6). */
async function hangUp(client: number): Promise<void> {
    shutdown(client, SHUT_WR)
    const until = millis() + PATIENCE
    while ((await recv(client, until - millis())).length > 0) {}
}

async function serve(client: number): Promise<void> {
    const { address, port } = getpeername(client)
    let status = "408 Request Timeout"
    try {
        let request = ""
        try {
            request = await readRequest(client)
            status = statusOf(request)
        } catch (e) {
            // a silent client is told so; whatever else is wrong ends the connection
            if (!(e instanceof SocketError && e.code === "EAGAIN")) throw e
        }
        await answer(client, status, !request.startsWith("HEAD "))
        await hangUp(client)
    } catch (e) {
        if (!(e instanceof SocketError)) throw e
        status += `, and then ${e.code}`
        // the client is gone, or does not hang up: reset the connection, instead of waiting for it
        setsockopt(client, SocketOption.SO_LINGER, 0)
    }
    console.log(`${formatAddress(address)}:${port}: ${status}`)
    await close(client)
}

startStack(await readSettings())
startStreams()
const server = await socket(AF_INET_TUPLE, SOCK_STREAM, 0, TUPLE_DHCP)
const { address } = await bind(server, { port: PORT })
listen(server, BACKLOG)
console.log(`http://${formatAddress(address)}/ shows the sockets of this phone`)
// the socket of each client has the server's address and port
while (true) await serve(await accept(server))
