/**
 * One address for two sockets: a call has its voice (RTP) and its reports (RTCP, one port higher; RFC 3550, 11) on the
 * same address, and the address lives until the last of them is closed. Two devices of the embedded LAN play the other
 * side.
 *
 *     npm run program -- examples/shared-address.ts
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
    getsockname,
    parseAddress,
    readSettings,
    recv,
    send,
    socket,
    startStack,
    tupleOf,
} from "tuplephone"

const RTP_PORT = 5004

const show = (a: SocketAddress) => `${formatAddress(a.address)}:${a.port}`

async function exchange(sd: number, host: string, text: string) {
    await connect(sd, { address: parseAddress(host), port: 4000 })
    await send(sd, Buffer.from(text))
    console.log(`${show(getsockname(sd))} heard: ${(await recv(sd, 1000)).toString()}`)
}

startStack(await readSettings())
const rtp = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
await bind(rtp, { port: RTP_PORT })

// no second lease: this socket has the address that the other one has
const rtcp = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, tupleOf(rtp))
await bind(rtcp, { port: RTP_PORT + 1 })

await exchange(rtp, "10.77.0.2", "voice")
await exchange(rtcp, "10.77.0.3", "a report")

await close(rtp)
await exchange(rtcp, "10.77.0.3", "goodbye")
await close(rtcp)
console.log("the address is given back")
