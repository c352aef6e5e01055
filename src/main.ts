/** The phone over the stream, in the simulator and on boards with Wi-Fi. `main-w5500.ts` is for boards with a W5500. */
import { wirePhy } from "./boot"
import { startPhone } from "./phone"
import { parsePhy } from "./phy/w5500/board"
import { readSettingsWith } from "./settings"

const settings = await readSettingsWith(parsePhy)
if (settings.pins.length > 0) console.log("settings: PHY is for src/main-w5500.ts; this image has the stream alone")
await startPhone(settings, wirePhy(settings))
