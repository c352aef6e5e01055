import * as ds from "@devicescript/core"
import { setAcd } from "./iface/acd"
import { startInterfaces } from "./iface/addresses"
import { setHostName } from "./iface/dhcp-output"
import { BoardSpi } from "./phy/board"
import { Phy } from "./phy/phy"
import { StreamPhy } from "./phy/stream"
import { W5500Phy } from "./phy/w5500"
import { Settings, keepAddress } from "./settings"
import { startSockets } from "./socket/socket"

/** A locally administered unicast address (IEEE 802, 8.1), from the number that tells this board from all others. */
export function macOf(): Buffer {
    return Buffer.from("02" + ds.deviceIdentifier("self").slice(6, 16), "hex")
}

/** The PHY that the settings ask for. */
function choosePhy(settings: Settings): Phy {
    const mac = macOf()
    const macHigh = mac.getAt(0, "i32")
    const macLow = mac.getAt(4, "u16")
    if (settings.pins.length > 0) return new W5500Phy(new BoardSpi(settings.pins), macHigh, macLow)
    return new StreamPhy(settings.lan, macHigh, macLow)
}

/** Start the stack: the one PHY, the interfaces on it, the socket layer. */
export function startStack(settings: Settings, phy = choosePhy(settings)): void {
    setHostName(`tuplephone-${ds.deviceIdentifier("self").slice(12, 16)}`)
    setAcd(settings.acd)
    startInterfaces(phy, settings.pool, { address: settings.address, keep: keepAddress })
    startSockets(settings.tuple)
}
