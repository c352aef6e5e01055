/**
 * A client of HTTP: it fetches one page, and prints its status and its body. As it stands that is the page of `http-server.ts`,
 * if that runs on the LAN of `npm run lan` and was the first to start there.
 *
 *     npm run program -- examples/http-client.ts --lan tcp://127.0.0.1:4789
 */
import { AF_INET, SOCK_STREAM, SocketError, close, connect, parseAddress, readSettings, recv, send, socket, startStack } from "tuplephone"
import { startStreams } from "tuplephone/streams"

const HOST = "10.77.0.51"
const PORT = 80
const PATH = "/"
/** Milliseconds for the server's next octets. */
const PATIENCE = 5000
/** Characters of a line at most: no answer is in memory as a whole, and a line without an end must not be either. */
const LINE_MAX = 1024

/** Show a line, and say what the next one is: in an answer the status is first, then the header, a blank line, and the body. */
function show(line: string, part: string): string {
    if (part === "status") {
        // behind the version and a blank
        console.log(`status: ${line.slice(line.indexOf(" ") + 1)}`)
        return "header"
    }
    if (part === "body") console.log(line)
    else if (line === "") return "body"
    return part
}

/** Read until the server ends the stream, as it does behind its answer to HTTP/1.0. */
async function readAnswer(sd: number): Promise<void> {
    let part = "status"
    // what has come of a line whose end has not
    let rest = ""
    while (true) {
        const piece = await recv(sd, PATIENCE)
        if (piece.length === 0) break
        // a stream has no boundaries: there may be many lines in a piece, and the last one may go on in the next
        const lines = (rest + piece.toString()).split("\n")
        rest = lines.pop()
        if (rest.length > LINE_MAX) {
            lines.push(rest)
            rest = ""
        }
        for (const line of lines) part = show(line.endsWith("\r") ? line.slice(0, -1) : line, part)
    }
    if (rest !== "") show(rest, part)
}

startStack(await readSettings())
startStreams()
const sd = await socket(AF_INET, SOCK_STREAM)
try {
    await connect(sd, { address: parseAddress(HOST), port: PORT })
    // HTTP/1.0 has neither chunks nor connections that stay; HTTP/1.1 servers answer it (RFC 9110, 2.5)
    await send(sd, Buffer.from(`GET ${PATH} HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`))
    await readAnswer(sd)
} catch (e) {
    // nobody is there, or nobody listens, or the server has stopped in the middle of its answer
    if (!(e instanceof SocketError)) throw e
    console.log(`${HOST}:${PORT}: ${e.code}, ${e.message}`)
}
await close(sd)
