import * as ds from "@devicescript/core"
import { startInterfaces } from "./iface/addresses"
import { setHostName } from "./iface/dhcp"
import { StreamPhy } from "./phy/stream"
import { Settings } from "./settings"
import { startSockets } from "./socket/socket"

/** Start the stack: the one PHY, the interfaces on it, the socket layer. */
export function startStack(settings: Settings): void {
    // a locally administered unicast address (IEEE 802, 8.1), from the number that tells this board from all others
    const id = ds.deviceIdentifier("self")
    const mac = Buffer.from("02" + id.slice(6, 16), "hex")
    setHostName(`tuplephone-${id.slice(12, 16)}`)
    startSockets(settings.tuple)
    startInterfaces(new StreamPhy(settings.lan, mac.getAt(0, "i32"), mac.getAt(4, "u16")), settings.pool)
}
