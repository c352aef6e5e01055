import { actionReport } from "@devicescript/core"
import { settings } from "@devicescript/settings"
import { DEFAULT_LAN, DEFAULT_POOL, DEFAULT_READY, INTERFACES } from "./config"
import { Acd, parseAcd } from "./iface/acd"
import { Pool, parsePool } from "./iface/pool"
import { parsePhy } from "./phy/board"
import { parseLan } from "./phy/stream"
import { TUPLE_DHCP, parseTuple } from "./socket/socket"
import { formatAddress, parseAddress, parseDecimal } from "./wire/address"

const ADDRESS = "ADDRESS"

/** What a board is told through `.env.defaults` and `.env.local`. */
export interface Settings {
    /** Of the Ethernet controller; none if the frames go over the stream. See `parsePhy`. */
    pins: any[]
    /** `tcp://HOST:PORT` or `tls://HOST:PORT` of the gateway that carries our frames. */
    lan: string
    pool: Pool
    /** What `AF_INET_TUPLE` without a tuple means. */
    tuple: number
    /** Leases to keep ready for the next calls. */
    ready: number
    /** What is done about address conflicts. */
    acd: Acd
    /** The common address that the phone had last, if it had one: it writes this setting itself. */
    address: number
}

/** Read the settings. One that makes no sense is reported, and its default taken: a phone must not stay dark for that. */
export async function readSettings(): Promise<Settings> {
    const pins = await read("PHY", "auto", parsePhy)
    const lan = await read("LAN", DEFAULT_LAN, parseLan)
    const tuple = await read("TUPLE", "dhcp", parsePolicy)
    const ready = await read("READY", `${DEFAULT_READY}`, parseReady)
    const acd = await read("ACD", "quick", parseAcd)
    return {
        pins: pins || [],
        lan: lan ? lan.url : DEFAULT_LAN,
        pool: (await read("POOL", DEFAULT_POOL, parsePool)) || parsePool(DEFAULT_POOL),
        tuple: tuple === undefined ? TUPLE_DHCP : tuple,
        ready: ready === undefined ? DEFAULT_READY : ready,
        acd: acd === undefined ? Acd.Quick : acd,
        address: parseAddress(await stored(ADDRESS)),
    }
}

/** Have the common address outlive a restart: as JSON, like every setting, `"10.77.0.50"`. */
export async function keepAddress(address: number): Promise<void> {
    await settings.set(ADDRESS, Buffer.from(`"${formatAddress(address)}"`))
}

/** What `readSetting` of the package reads, as text: it also checks its key and gives a default, in 200 bytes of image. */
async function stored(key: string): Promise<string> {
    const report = await actionReport(
        settings,
        "get",
        async () => await settings.get(key),
        packet => packet.decode()[0] === key
    )
    const [, value] = report.decode()
    if (!value || value.length === 0) return ""
    try {
        // the deployment tools write JSON, and make numbers of what looks like one
        return `${JSON.parse(value.toString())}`
    } catch (e) {
        return ""
    }
}

/** @returns `undefined`, after a line that says why, if the setting makes no sense; an empty one is the default */
async function read(key: string, missing: string, parse: (text: string) => any): Promise<any> {
    const text = (await stored(key)) || missing
    try {
        return parse(text)
    } catch (e) {
        console.log(`settings: ${key} is ${text}: ${(e as Error).message}`)
        return undefined
    }
}

function parsePolicy(name: string): number {
    const tuple = parseTuple(name)
    if (tuple === undefined) throw new RangeError("it must be dhcp, static or common")
    return tuple
}

function parseReady(text: string): number {
    const count = parseDecimal(text, INTERFACES - 1)
    if (count === undefined) throw new RangeError(`it must be a number from 0 to ${INTERFACES - 1}`)
    return count
}
