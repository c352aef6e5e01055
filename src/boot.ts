/** Boot: the settings made into one PHY, the interfaces on it, and the sockets above. `main.ts` calls it first. */
import * as ds from "@devicescript/core"
import { setAcd } from "./link/acd"
import { startInterfaces } from "./address/link"
import { setHostName } from "./dhcp/output"
import { BoardSpi, parsePhy } from "./phy/w5500/board"
import { Phy } from "./phy/phy"
import { streamPhy } from "./phy/stream"
import { w5500Phy } from "./phy/w5500/driver"
import { Settings, keepAddress, readSettingsWith } from "./settings"
import { startSockets } from "./socket/api"

/** A locally administered unicast address (IEEE 802, 8.1), from the number that tells this board from all others. */
export function macOf(): Buffer {
    return Buffer.from("02" + ds.deviceIdentifier("self").slice(6, 16), "hex")
}

/**
 * Read the settings. One that makes no sense is reported, and its default taken: a phone must not stay dark for that.
 * @category Start
 */
export async function readSettings(): Promise<Settings> {
    return await readSettingsWith(parsePhy)
}

/** The PHY that the settings ask for. */
function choosePhy(settings: Settings): Phy {
    if (settings.pins.length > 0) return chipPhy(settings)
    return wirePhy(settings)
}

/** The Ethernet controller on the board's pins. */
export function chipPhy(settings: Settings): Phy {
    const mac = macOf()
    return w5500Phy(new BoardSpi(settings.pins), mac.getAt(0, "i32"), mac.getAt(4, "u16"))
}

/** The stream to the gateway that carries our frames. */
export function wirePhy(settings: Settings): Phy {
    const mac = macOf()
    return streamPhy(settings.lan, mac.getAt(0, "i32"), mac.getAt(4, "u16"))
}

/**
 * Start the stack: the one PHY, the interfaces on it, the socket layer. It asks for the board's common address by itself;
 * what needs that waits for it.
 * @param settings as `readSettings` gives them
 * @param phy instead of the one that the settings ask for
 * @category Start
 */
export function startStack(settings: Settings, phy = choosePhy(settings)): void {
    startStackOn(settings, phy)
}

/** The same in an image for one PHY, which has no code of another. */
export function startStackOn(settings: Settings, phy: Phy): void {
    setHostName(`tuplephone-${ds.deviceIdentifier("self").slice(12, 16)}`)
    setAcd(settings.acd)
    startInterfaces(phy, settings.pool, { address: settings.address, keep: keepAddress })
    startSockets(settings.tuple)
}
