import { startStack } from "./boot"
import { startConsole } from "./console/server"
import { commonReady, keepReady } from "./iface/addresses"
import { readSettings } from "./settings"
import { startTelephone } from "./telephone/telephone"
import { watchUptime } from "./uptime"

/** Milliseconds. Usually the common address is there at once; the console must not wait for a LAN that is not. */
const COMMON_WAIT = 1000

// Boot: settings -> phy -> stack -> telephone -> console.
const settings = await readSettings()
startStack(settings)
startTelephone()
await keepReady(settings.ready)
await commonReady(COMMON_WAIT)
startConsole()
watchUptime.start()
