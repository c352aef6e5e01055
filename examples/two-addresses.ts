/**
 * Two sockets on one PHY, each with an IP address of its own. Both are bound to the same port, and each talks to another
 * device of the embedded LAN, which sends back what it gets.
 *
 *     npm run program -- examples/two-addresses.ts
 */
import {
    AF_INET_TUPLE,
    SOCK_DGRAM,
    type SocketAddress,
    TUPLE_DHCP,
    bind,
    close,
    connect,
    formatAddress,
    getpeername,
    getsockname,
    parseAddress,
    readSettings,
    recv,
    send,
    socket,
    startStack,
} from "tuplephone"

const show = (a: SocketAddress) => `${formatAddress(a.address)}:${a.port}`

startStack(await readSettings())
const sockets: number[] = []
for (const host of ["10.77.0.2", "10.77.0.3"]) {
    // with TUPLE_DHCP the socket has a lease of its own when this returns ...
    const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
    // ... so that the second one may have the same port
    await bind(sd, { port: 5004 })
    await connect(sd, { address: parseAddress(host), port: 4000 })
    sockets.push(sd)
}
for (const sd of sockets) {
    await send(sd, Buffer.from("hello"))
    const echo = await recv(sd, 1000)
    console.log(`${show(getsockname(sd))} said to ${show(getpeername(sd))} and heard: ${echo.toString()}`)
}
// the last socket of an address gives it back to the DHCP server
for (const sd of sockets) await close(sd)
console.log("both addresses are given back")
