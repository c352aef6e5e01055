/** The phone of a board with a W5500, as a list of its parts. Code is scarce: each image has one PHY. `main.ts` has the stream. */
import "./base/names"
import { chipPhy, startStackOn } from "./boot"
import { startConsole, tell, tellEnd } from "./console/server"
import { addSignallingCommands } from "./console/signalling"
import { commonReady } from "./address/common"
import { keepReady } from "./address/ready"
import { startReassembly } from "./ip/reassembly"
import { readAccount, readSettings } from "./settings"
import { startSignalling } from "./telephone/line"
import { startTelephone } from "./telephone/telephone"
import { watchUptime } from "./telephone/uptime"

/** Milliseconds, as in `main.ts`. */
const COMMON_WAIT = 1000

// Boot: settings -> phy -> stack -> telephone -> console.
const settings = await readSettings()
if (settings.pins.length === 0)
    console.log("settings: PHY names no W5500, and the board has no pin ETH_CS; build src/main.ts for the stream")
startStackOn(settings, chipPhy(settings))
startReassembly()
startTelephone(tellEnd)
await readAccount()
startSignalling(tell)
await keepReady(settings.ready)
await commonReady(COMMON_WAIT)
startConsole()
addSignallingCommands()
watchUptime.start()
