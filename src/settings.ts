/** Settings: names and texts of flash made into values; what is wrong is said, and its default is in force. */
import * as ds from "@devicescript/core"
import { settings } from "@devicescript/settings"
import { DEFAULT_LAN, DEFAULT_POOL, DEFAULT_READY, INTERFACES } from "./base/config"
import { Acd, parseAcd } from "./link/acd"
import { Pool, parsePool } from "./address/pool"
import { parseLan } from "./phy/stream"
import { hostName } from "./dhcp/output"
import { account } from "./sip/account"
import { parseTuple } from "./socket/tuple"
import { Play, parsePlay } from "./voice/source"
import { parseCountry, setCountry } from "./voice/tones"
import { formatAddress, parseAddress, parseDecimal } from "./wire/address"

const ADDRESS = "ADDRESS"
/** A day, in seconds. */
const SECONDS = 86400

/**
 * What a board is told through `.env.defaults` and `.env.local`, and a program in the simulator by `--setting NAME=VALUE`.
 * @category Start
 */
export interface Settings {
    /** Of the Ethernet controller; none if the frames go over the stream. See `parsePhy`. */
    pins: any[]
    /** `tcp://HOST:PORT` or `tls://HOST:PORT` of the gateway that carries our frames. */
    lan: string
    /** The reserved addresses, `POOL`. */
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

/**
 * Read the settings. One that makes no sense is reported, and its default taken: a phone must not stay dark for that.
 * @param parsePins of `PHY`: a parameter, so that an image that has no pins has not its code
 */
export async function readSettingsWith(parsePins: (text: string) => any[]): Promise<Settings> {
    return {
        pins: await read("PHY", "auto", "stream", parsePins),
        lan: (await read("LAN", DEFAULT_LAN, DEFAULT_LAN, parseLan)).url,
        pool: await read("POOL", DEFAULT_POOL, DEFAULT_POOL, parsePool),
        tuple: await read("TUPLE", "dhcp", "dhcp", parsePolicy),
        ready: await read("READY", DEFAULT_READY, DEFAULT_READY, parseReady),
        acd: await read("ACD", "quick", "quick", parseAcd),
        address: parseAddress(await stored(ADDRESS)),
    }
}

/** Read who the phone is for others, into `account`. What is not set has its default. */
export async function readAccount(): Promise<void> {
    const a = account
    let uri = await stored("ACCOUNT")
    const at = uri.indexOf("@")
    if (at < 0) {
        if (uri) console.log(`settings: ACCOUNT is ${uri}: write it as sip:alice@example.com`)
        uri = ""
        a.user = hostName
        a.registrar = ""
    } else {
        a.user = uri.slice(uri.indexOf(":") + 1, at)
        a.registrar = (await stored("REGISTRAR")) || "sip:" + uri.slice(at + 1)
    }
    a.uri = uri
    a.proxy = await stored("PROXY")
    a.plan = await stored("DIALPLAN")
    a.username = (await stored("AUTHUSER")) || a.user
    a.password = await stored("PASSWORD")
    a.expires = await read("EXPIRES", "600", "600", parseSeconds)
    a.isHidden = (await stored("SIPADDR")) === "call"
    a.isClosed = (await stored("ONLYPROXY")) === "1"
    a.isQuiet = (await stored("DND")) === "1"
    a.answer = 1000 * (await read("AUTOANSWER", "", "", parseSeconds))
    a.play = await read("PLAY", "tone", "tone", parseSource)
    setCountry(await read("TONES", "eu", "eu", parseTones))
}

function parseSeconds(text: string): number {
    if (text === "") return Infinity
    const seconds = parseDecimal(text, SECONDS)
    if (seconds === undefined) throw new RangeError(`it must be a number of seconds up to ${SECONDS}`)
    return seconds
}

function parseSource(name: string): Play {
    const play = parsePlay(name)
    if (play === undefined) throw new RangeError("it must be tone, speech, echo or handset")
    return play
}

function parseTones(name: string): number {
    const country = parseCountry(name)
    if (country === undefined) throw new RangeError("it must be eu, us or uk")
    return country
}

/** Have the common address outlive a restart: as JSON, like every setting, `"10.77.0.50"`. */
export async function keepAddress(address: number): Promise<void> {
    await settings.set(ADDRESS, Buffer.from(`"${formatAddress(address)}"`))
}

/** Fibers that wait for a report of the settings service, by its name: the runtime's own table, which it wakes them from. */
type Role = typeof settings & { _reportHandlers: { get: ds.Fiber } }
const role = settings as Role

async function ask(key: string): Promise<void> {
    await settings.get(key)
}

/**
 * What `readSetting` of the package reads, as text. That one also checks its key, gives a default, and hears the report
 * through the library's events: 900 bytes of code.
 */
async function stored(key: string): Promise<string> {
    role._reportHandlers = { get: ds.Fiber.self() }
    // on another fiber: the report may be there at once, and this one must be suspended then
    ask.start(key)
    const report = await ds.suspend<ds.Packet>()
    const [, value] = report.decode()
    try {
        // the deployment tools write JSON, and make numbers of what looks like one
        return `${JSON.parse(value.toString())}`
    } catch {
        // it is absent, or empty
        return ""
    }
}

/**
 * @param missing the value if the setting is absent or empty
 * @param wrong the value if it makes no sense; that is logged
 */
async function read(key: string, missing: string, wrong: string, parse: (text: string) => any): Promise<any> {
    const text = (await stored(key)) || missing
    try {
        return parse(text)
    } catch (e) {
        console.log(`settings: ${key} is ${text}: ${(e as Error).message}`)
        return parse(wrong)
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
