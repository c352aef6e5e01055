import * as ds from "@devicescript/core"
import { startConsole } from "./console/server"
import { commonReady, startInterfaces } from "./iface/addresses"
import { setHostName } from "./iface/dhcp"
import { StreamPhy } from "./phy/stream"
import { readSettings } from "./settings"
import { startSockets } from "./socket/socket"
import { startTelephone } from "./telephone/telephone"

/** Milliseconds. */
const COMMON_WAIT = 1000

// Boot: settings -> phy -> stack -> telephone -> console.
const settings = await readSettings()

// a locally administered unicast address (IEEE 802, 8.1), from the number that tells this board from all others
const id = ds.deviceIdentifier("self")
const mac = Buffer.from("02" + id.slice(6, 16), "hex")
const phy = new StreamPhy(settings.lan, mac.getAt(0, "i32"), mac.getAt(4, "u16"))

setHostName(`tuplephone-${id.slice(12, 16)}`)
startSockets(settings.tuple)
startInterfaces(phy, settings.pool)
startTelephone()
// usually the common address is there at once; the console must not wait for a LAN that is not
await commonReady(COMMON_WAIT)
startConsole()
