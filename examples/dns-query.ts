/**
 * A client of DNS (RFC 1035) over a plain socket, which has the board's common address: it asks the router of the embedded
 * LAN for the addresses of two names, and of one that nobody has.
 *
 *     npm run program -- examples/dns-query.ts
 */
import {
    AF_INET,
    SOCK_DGRAM,
    SocketError,
    close,
    connect,
    formatAddress,
    parseAddress,
    readSettings,
    recv,
    send,
    socket,
    startStack,
} from "tuplephone"

const SERVER = { address: parseAddress("10.77.0.1"), port: 53 }
const TIMEOUT = 1000
const ATTEMPTS = 3

const HEADER = 12
const RECURSION_DESIRED = 1
const TYPE_A = 1
const CLASS_IN = 1
/** In the place of a label's length: the rest of the name is elsewhere (RFC 1035, 4.1.4). */
const POINTER = 0xc0

/** Numbers in packets are big-endian; `Buffer.getAt` is not. */
const u16 = (b: Buffer, at: number) => (b[at] << 8) | b[at + 1]

/** A query for the address of a name: one question (RFC 1035, 4.1). */
function buildQuery(id: number, name: string): Buffer {
    // each label behind its length, then the root's, which is empty
    const b = Buffer.alloc(HEADER + name.length + 2 + 4)
    b[0] = id >> 8
    b[1] = id
    b[2] = RECURSION_DESIRED
    b[5] = 1
    let at = HEADER
    for (const label of name.split(".")) {
        b[at++] = label.length
        for (let i = 0; i < label.length; i++) b[at++] = label.charCodeAt(i)
    }
    b[at + 2] = TYPE_A
    b[at + 4] = CLASS_IN
    return b
}

/** Where what follows a name begins. */
function afterName(b: Buffer, at: number): number {
    while (b[at] !== 0) {
        if (b[at] >= POINTER) return at + 2
        at += 1 + b[at]
    }
    return at + 1
}

/** The first address in an answer; `undefined` if it has none. */
function addressIn(b: Buffer): number {
    let at = HEADER
    for (let i = u16(b, 4); i > 0; i--) at = afterName(b, at) + 4
    for (let i = u16(b, 6); i > 0; i--) {
        // type, class, time to live, length of the data
        const record = afterName(b, at)
        if (u16(b, record) === TYPE_A) return b.getAt(record + 10, "i32")
        at = record + 10 + u16(b, record + 8)
    }
    return undefined
}

/** @throws SocketError `EAGAIN` if no answer comes */
async function resolve(sd: number, name: string): Promise<number> {
    const id = Math.randomInt(0xffff)
    const query = buildQuery(id, name)
    for (let attempt = 1; ; attempt++) {
        await send(sd, query)
        try {
            while (true) {
                const answer = await recv(sd, TIMEOUT)
                // one to an earlier question may come late
                if (answer.length >= HEADER && u16(answer, 0) === id) return addressIn(answer)
            }
        } catch (e) {
            // datagrams get lost: ask again
            if (!(e instanceof SocketError && e.code === "EAGAIN") || attempt === ATTEMPTS) throw e
        }
    }
}

startStack(await readSettings())
const sd = await socket(AF_INET, SOCK_DGRAM)
await connect(sd, SERVER)
for (const name of ["echo1.lan", "router.lan", "nobody.lan"]) {
    const address = await resolve(sd, name)
    console.log(address === undefined ? `${name} has no address` : `${name} is ${formatAddress(address)}`)
}
await close(sd)
