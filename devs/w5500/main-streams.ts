import { macOf, readSettings, startStack } from "../../src/boot"
import { startConsole, tellEnd } from "../../src/console/server"
import { addStreamCommand } from "../../src/console/streams"
import { commonReady } from "../../src/address/common"
import { keepReady } from "../../src/address/ready"
import { startReassembly } from "../../src/ip/reassembly"
import { parseLan } from "../../src/phy/stream"
import { w5500Phy } from "../../src/phy/w5500/driver"
import { startStreams } from "../../src/socket/stream"
import { startTelephone } from "../../src/telephone/telephone"
import { watchUptime } from "../../src/telephone/uptime"
import { ModelSpi } from "./model"

// The firmware with streams of a board with a W5500, in the simulator: the driver talks to a model of the chip (sim/w5500).
const settings = await readSettings()
const mac = macOf()
startStack(settings, w5500Phy(new ModelSpi(parseLan(settings.lan)), mac.getAt(0, "i32"), mac.getAt(4, "u16")))
startReassembly()
startTelephone(tellEnd)
startStreams()
await keepReady(settings.ready)
await commonReady(1000)
startConsole()
addStreamCommand()
watchUptime.start()
