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
/** Octets of an answer at most: all of it is in memory. */
const ANSWER_MAX = 8192

const END_OF_LINE = "\r\n"
const END_OF_HEADER = "\r\n\r\n"

/** Read until the server ends the stream, as it does behind its answer to HTTP/1.0. */
async function readAnswer(sd: number): Promise<string> {
    let answer = ""
    while (answer.byteLength < ANSWER_MAX) {
        const piece = await recv(sd, PATIENCE)
        if (piece.length === 0) break
        answer += piece.toString()
    }
    return answer
}

async function get(sd: number): Promise<void> {
    await connect(sd, { address: parseAddress(HOST), port: PORT })
    // HTTP/1.0 has neither chunks nor connections that stay; HTTP/1.1 servers answer it (RFC 9110, 2.5)
    await send(sd, Buffer.from(`GET ${PATH} HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`))
    const answer = await readAnswer(sd)
    const bodyAt = answer.indexOf(END_OF_HEADER)
    if (bodyAt < 0) console.log("that was no answer of HTTP")
    else {
        // behind the version and a blank
        console.log(`status: ${answer.slice(answer.indexOf(" ") + 1, answer.indexOf(END_OF_LINE))}`)
        console.log(answer.slice(bodyAt + END_OF_HEADER.length).trim())
    }
}

startStack(await readSettings())
startStreams()
const sd = await socket(AF_INET, SOCK_STREAM)
try {
    await get(sd)
} catch (e) {
    // nobody is there, or nobody listens, or the server has stopped in the middle of its answer
    if (!(e instanceof SocketError)) throw e
    console.log(`${HOST}:${PORT}: ${e.code}, ${e.message}`)
}
await close(sd)
