/** The phone, as a list of its parts. */
import { startStack } from "./boot"
import { startConsole, tellEnd } from "./console/server"
import { commonReady } from "./address/common"
import { keepReady } from "./address/ready"
import { startReassembly } from "./ip/reassembly"
import { readSettings } from "./settings"
import { startTelephone } from "./telephone/telephone"
import { watchUptime } from "./telephone/uptime"

/** Milliseconds. Usually the common address is there at once; the console must not wait for a LAN that is not. */
const COMMON_WAIT = 1000

// Boot: settings -> phy -> stack -> telephone -> console.
const settings = await readSettings()
startStack(settings)
startReassembly()
startTelephone(tellEnd)
await keepReady(settings.ready)
await commonReady(COMMON_WAIT)
startConsole()
watchUptime.start()
