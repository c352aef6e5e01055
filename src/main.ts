/** The phone over the stream, in the simulator and on boards with Wi-Fi, as a list of its parts. `main-w5500.ts` is for boards with a W5500. */
import "./base/names"
import { startStackOn, wirePhy } from "./boot"
import { startConsole, tell, tellEnd } from "./console/server"
import { addSignallingCommands } from "./console/signalling"
import { commonReady } from "./address/common"
import { keepReady } from "./address/ready"
import { startReassembly } from "./ip/reassembly"
import { readAccount, readSettings } from "./settings"
import { startSignalling } from "./telephone/line"
import { startTelephone } from "./telephone/telephone"
import { watchUptime } from "./telephone/uptime"

/** Milliseconds. Usually the common address is there at once; the console must not wait for a LAN that is not. */
const COMMON_WAIT = 1000

// Boot: settings -> phy -> stack -> telephone -> console.
const settings = await readSettings()
if (settings.pins.length > 0) console.log("settings: PHY is for src/main-w5500.ts; this image has the stream alone")
startStackOn(settings, wirePhy(settings))
startReassembly()
startTelephone(tellEnd)
await readAccount()
startSignalling(tell)
await keepReady(settings.ready)
await commonReady(COMMON_WAIT)
startConsole()
addSignallingCommands()
watchUptime.start()
