/** The phone of a board with a W5500. Code is scarce: each image has one PHY. `main.ts` has the stream. */
import { chipPhy } from "./boot"
import { startPhone } from "./phone"
import { parsePhy } from "./phy/w5500/board"
import { readSettingsWith } from "./settings"

const settings = await readSettingsWith(parsePhy)
if (settings.pins.length === 0)
    console.log("settings: PHY names no W5500, and the board has no pin ETH_CS; build src/main.ts for the stream")
await startPhone(settings, chipPhy(settings))
