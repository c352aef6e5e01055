import { macOf } from "../../src/boot"
import { parseLan } from "../../src/phy/stream"
import { w5500Phy } from "../../src/phy/w5500/driver"
import { startPhone } from "../../src/phone"
import { readSettingsWith } from "../../src/settings"
import { ModelSpi } from "./model"

// The firmware of a board with a W5500, in the simulator: the driver talks to a model of the chip (sim/w5500).
const settings = await readSettingsWith(() => [])
const mac = macOf()
await startPhone(settings, w5500Phy(new ModelSpi(parseLan(settings.lan)), mac.getAt(0, "i32"), mac.getAt(4, "u16")))
