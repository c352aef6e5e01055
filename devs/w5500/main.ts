import "../../src/base/names"
import { macOf, startStackOn } from "../../src/boot"
import { startConsole, tell, tellEnd } from "../../src/console/server"
import { addSignallingCommands } from "../../src/console/signalling"
import { commonReady } from "../../src/address/common"
import { keepReady } from "../../src/address/ready"
import { startReassembly } from "../../src/ip/reassembly"
import { parseLan } from "../../src/phy/stream"
import { w5500Phy } from "../../src/phy/w5500/driver"
import { readAccount, readSettings } from "../../src/settings"
import { startSignalling } from "../../src/telephone/line"
import { startTelephone } from "../../src/telephone/telephone"
import { watchUptime } from "../../src/telephone/uptime"
import { ModelSpi } from "./model"

// The firmware of a board with a W5500, in the simulator: the driver talks to a model of the chip (sim/w5500).
const settings = await readSettings()
const lan = parseLan(settings.lan)
const mac = macOf()
startStackOn(settings, w5500Phy(new ModelSpi(lan.host, lan.port), mac.getAt(0, "i32"), mac.getAt(4, "u16")))
startReassembly()
startTelephone(tellEnd)
await readAccount()
startSignalling(tell)
await keepReady(settings.ready)
await commonReady(1000)
startConsole()
addSignallingCommands()
watchUptime.start()
