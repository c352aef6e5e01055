/** The phone, as a list of its parts. The images differ in the PHY alone: `main.ts` and `main-w5500.ts`, and in the simulator `devs/w5500/main.ts`. */
import { startStackOn } from "./boot"
import { serveHandset } from "./console/handset"
import { startConsole, tell, tellEnd } from "./console/server"
import { addSignallingCommands } from "./console/signalling"
import { commonReady } from "./address/common"
import { keepReady } from "./address/ready"
import { startReassembly } from "./ip/reassembly"
import { Phy } from "./phy/phy"
import { Settings, readAccount } from "./settings"
import { startSignalling } from "./telephone/line"
import { startLog } from "./telephone/log"
import { startTelephone } from "./telephone/telephone"
import { watchUptime } from "./telephone/uptime"

/** Milliseconds. Usually the common address is there at once; the console must not wait for a LAN that is not. */
const COMMON_WAIT = 1000

/** Boot: phy -> stack -> telephone -> console. */
export async function startPhone(settings: Settings, phy: Phy): Promise<void> {
    startStackOn(settings, phy)
    startReassembly()
    startTelephone(tellEnd)
    startLog()
    await readAccount()
    startSignalling(tell)
    await keepReady(settings.ready)
    await commonReady(COMMON_WAIT)
    startConsole()
    serveHandset()
    addSignallingCommands()
    watchUptime.start()
}
