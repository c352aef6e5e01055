/**
 * For `bench/address-lan.ts`: how long a program waits for an address of its own. Each datagram to the control port asks
 * for one measurement, `cold` or `warm`; the answer is `MILLISECONDS ADDRESS`.
 */
import * as ds from "@devicescript/core"
import { startStack } from "../../src/boot"
import { keepReady } from "../../src/iface/addresses"
import { interfaces } from "../../src/iface/interface"
import { readSettings } from "../../src/settings"
import { AF_INET, AF_INET_TUPLE, SOCK_DGRAM, TUPLE_DHCP, bind, close, recvfrom, sendto, socket } from "../../src/socket/socket"
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
    if (warm) {
        await keepReady(1)
        while (!interfaces.find(i => !i.isCommon() && i.address !== 0)) await ds.sleep(20)
    }
    // the clock stands still until the fiber has slept
    await ds.sleep(1)
    const began = ds.millis()
    const sd = await socket(AF_INET_TUPLE, SOCK_DGRAM, 0, TUPLE_DHCP)
    const local = await bind(sd, { port: RTP_PORT })
    // what is there at once has not slept: its time is this millisecond more than it was
    if (warm) await ds.sleep(1)
    const took = ds.millis() - began
    await close(sd)
    await keepReady(0)
    await sendto(control, Buffer.from(`${took} ${formatAddress(local.address)}`), asked)
}
