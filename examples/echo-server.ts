/**
 * An echo server (RFC 862) with an address of its own: whatever comes to its port 7 goes back to where it came from.
 *
 * Its client is a device of the embedded LAN, which sends back what it gets as well. So one datagram, which the server
 * sends it to begin with, goes to and fro until the server has had enough. With `const ROUNDS = Infinity` it goes on
 * until Ctrl-C.
 *
 *     npm run program -- examples/echo-server.ts
 */
import {
    AF_INET_TUPLE,
    SOCK_DGRAM,
    type SocketAddress,
    TUPLE_DHCP,
    bind,
    close,
    formatAddress,
    parseAddress,
    readSettings,
    recvfrom,
    sendto,
    socket,
    startStack,
} from "tuplephone"

const ROUNDS = 5

const show = (a: SocketAddress) => `${formatAddress(a.address)}:${a.port}`

startStack(await readSettings())
const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
console.log(`${show(await bind(sd, { port: 7 }))} sends back what it gets`)

await sendto(sd, Buffer.from("ball"), { address: parseAddress("10.77.0.2"), port: 4000 })
for (let round = 1; round <= ROUNDS; round++) {
    // without a time-out: a server waits for ever. What it gets tells where it came from, and so where the answer goes.
    const datagram = await recvfrom(sd)
    console.log(`round ${round}: ${datagram.data.toString()} from ${show(datagram)}`)
    await sendto(sd, datagram.data, datagram)
}
await close(sd)
console.log("the server has closed, and its address is given back")
