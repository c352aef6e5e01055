/**
 * For `bench/lan/address.ts`: how long a program waits for an address of its own. Each datagram to the control port asks
 * for one measurement, `cold` or `warm`; the answer is `MILLISECONDS ADDRESS`. A warm one takes less than the clock's step:
 * it is the mean of as many as can be kept ready, the sleep that moves the clock included.
 */
import * as ds from "@devicescript/core"
import { readSettings, startStack } from "../../src/boot"
import { INTERFACES } from "../../src/base/config"
import { keepReady } from "../../src/address/ready"
import { interfaces } from "../../src/link/interface"
import { AF_INET, AF_INET_TUPLE, SOCK_DGRAM, SocketAddress, bind, close, recvfrom, sendto, socket } from "../../src/socket/api"
import { TUPLE_DHCP } from "../../src/socket/tuple"
import { formatAddress } from "../../src/wire/address"

const CONTROL_PORT = 7000
const RTP_PORT = 5004

startStack(await readSettings())
const control = await socket(AF_INET, SOCK_DGRAM)
const { address } = await bind(control, { port: CONTROL_PORT })
console.log(`ready at ${formatAddress(address)}:${CONTROL_PORT}`)
while (true) {
    const asked = await recvfrom(control)
    const warm = asked.data.toString() === "warm"
    const count = warm ? INTERFACES - 1 : 1
    if (warm) {
        await keepReady(count)
        while (interfaces.filter(i => i.address !== 0).length < INTERFACES) await ds.sleep(20)
    }
    // the clock stands still until the fiber has slept
    await ds.sleep(1)
    const began = ds.millis()
    const sockets: number[] = []
    let local: SocketAddress
    for (let i = 0; i < count; i++) {
        const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
        local = await bind(sd, { port: RTP_PORT })
        sockets.push(sd)
    }
    if (warm) await ds.sleep(1)
    const took = (ds.millis() - began) / count
    await keepReady(0)
    for (const sd of sockets) await close(sd)
    await sendto(control, Buffer.from(`${took} ${formatAddress(local.address)}`), asked)
}
