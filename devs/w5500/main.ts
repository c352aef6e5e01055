import { macOf, startStack } from "../../src/boot"
import { DEFAULT_LAN, DEFAULT_POOL, DEFAULT_READY } from "../../src/config"
import { startConsole } from "../../src/console/server"
import { Acd } from "../../src/iface/acd"
import { commonReady, keepReady } from "../../src/iface/addresses"
import { parsePool } from "../../src/iface/pool"
import { parseLan } from "../../src/phy/stream"
import { W5500Phy } from "../../src/phy/w5500"
import { TUPLE_DHCP } from "../../src/socket/socket"
import { startTelephone } from "../../src/telephone/telephone"
import { watchUptime } from "../../src/uptime"
import { ModelSpi } from "./spi"

// The firmware of a board with a W5500, in the simulator: the driver talks to a model of the chip (sim/w5500).
const lan = parseLan(DEFAULT_LAN)
const mac = macOf()
const phy = new W5500Phy(new ModelSpi(lan.host, lan.port), mac.getAt(0, "i32"), mac.getAt(4, "u16"))
startStack({ pins: [], lan: lan.url, pool: parsePool(DEFAULT_POOL), tuple: TUPLE_DHCP, ready: DEFAULT_READY, acd: Acd.Quick, address: undefined }, phy)
startTelephone()
await keepReady(DEFAULT_READY)
await commonReady(1000)
startConsole()
watchUptime.start()
