/** The phone with streams (TCP), as a list of its parts. */
import { readSettings, startStack } from "./boot"
import { startConsole, tellEnd } from "./console/server"
import { addStreamCommand } from "./console/streams"
import { commonReady } from "./address/common"
import { keepReady } from "./address/ready"
import { startReassembly } from "./ip/reassembly"
import { startStreams } from "./socket/stream"
import { startTelephone } from "./telephone/telephone"
import { watchUptime } from "./telephone/uptime"

/** Milliseconds, as in `main.ts`. */
const COMMON_WAIT = 1000

const settings = await readSettings()
startStack(settings)
startReassembly()
startTelephone(tellEnd)
startStreams()
await keepReady(settings.ready)
await commonReady(COMMON_WAIT)
startConsole()
addStreamCommand()
watchUptime.start()
