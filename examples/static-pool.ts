/**
 * Addresses without a DHCP server: `TUPLE_STATIC` takes them from a pool of reserved ones, the setting `POOL`. Without
 * that setting it is 10.77.0.200 to 10.77.0.207, which the embedded LAN leaves free. The program takes them all, shows the
 * error that comes next, and gives them back.
 *
 *     npm run program -- examples/static-pool.ts
 */
import {
    AF_INET_TUPLE,
    SOCK_DGRAM,
    SocketError,
    TUPLE_STATIC,
    bind,
    close,
    formatAddress,
    readSettings,
    socket,
    startStack,
} from "tuplephone"

startStack(await readSettings())
const sockets: number[] = []
try {
    while (true) {
        const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_STATIC)
        sockets.push(sd)
        const name = await bind(sd, { port: 5004 })
        console.log(`socket ${sd} has ${formatAddress(name.address)}`)
    }
} catch (e) {
    // every error of the socket API has a POSIX code
    if (!(e instanceof SocketError)) throw e
    console.log(`no more: ${e.code}, ${e.message}`)
}

// a free address can be had again
await close(sockets.pop())
const last = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_STATIC)
sockets.push(last)
console.log(`again: ${formatAddress((await bind(last, { port: 5004 })).address)}`)

for (const sd of sockets) await close(sd)
console.log(`${sockets.length} addresses are free again`)
