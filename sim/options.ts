/** Options that the programs with a simulated phone share, and how they are read. */
import { InvalidArgumentError, type Command } from "commander"
import { IMAGES, type Image, type PhyKind } from "./firmware.js"
import { NAME_MAX } from "./flash.js"
import { fitted } from "./terminal/output.js"

/** What LAN there is, and how a phone reaches it. */
export interface NetworkOptions {
    /** `embedded`, or `tcp://HOST:PORT`. */
    lan: string
    phy: PhyKind
    /** A capture file of the embedded LAN. */
    pcap?: string
    /** Of the phones: names and values, as `.env.local` sets them for a board. One that begins with `@2:` is for the second phone alone. */
    setting?: Record<string, string>
    verbose?: boolean
}

export const PHONES_MAX = 16
const PORT_MAX = 65535
/** The settings of `src/settings.ts`, but for those that have an option. */
export const SETTINGS = [
    ...["POOL", "READY", "TUPLE", "ACD", "ADDRESS"],
    ...[
        "ACCOUNT",
        "REGISTRAR",
        "PROXY",
        "AUTHUSER",
        "PASSWORD",
        "EXPIRES",
        "SIPADDR",
        "ONLYPROXY",
        "DND",
        "DIALPLAN",
        "AUTOANSWER",
        "PLAY",
        "TONES",
    ],
]
/** What is in force instead of a setting that makes no sense, as `src/settings.ts` has it. */
export const DEFAULTS: Record<string, string> = {
    POOL: "10.77.0.200-10.77.0.207/24",
    READY: "2",
    TUPLE: "dhcp",
    ACD: "quick",
    EXPIRES: "600",
    AUTOANSWER: "",
    PLAY: "tone",
    TONES: "eu",
}
/** Of those of which the firmware takes anything else for the first one. */
const CHOICES: Record<string, string[]> = { SIPADDR: ["common", "call"], ONLYPROXY: ["0", "1"], DND: ["0", "1"] }
const OPTIONS: Record<string, string> = { LAN: "--lan", PHY: "--phy" }

export function phones(text: string): number {
    const n = Number(text)
    if (Number.isInteger(n) && n >= 1 && n <= PHONES_MAX) return n
    throw new InvalidArgumentError(`Give a number from 1 to ${PHONES_MAX}.`)
}

export function lan(text: string): string {
    if (text === "embedded") return text
    const [, host, port] = /^tcp:\/\/(.+):(\d+)$/.exec(text) ?? []
    if (!host || !port) throw new InvalidArgumentError("Give embedded, or tcp://HOST:PORT.")
    if (/[[\]:]/.test(host)) throw new InvalidArgumentError("Give its host as a name or an IPv4 address; the phone does not reach IPv6.")
    if (!/^[\w.-]+$/.test(host)) throw new InvalidArgumentError(`${host} is no host; give embedded, or tcp://HOST:PORT.`)
    if (Number(port) < 1 || Number(port) > PORT_MAX) throw new InvalidArgumentError(`Give a port from 1 to ${PORT_MAX}.`)
    return `tcp://${host}:${Number(port)}`
}

/** The name of a setting, and which phone it is for, if not for all. */
function partsOf(key: string): { name: string; number?: string } {
    const [, number, name] = /^@(\d+):(.*)$/s.exec(key) ?? []
    return name === undefined ? { name: key } : { name, number }
}

/**
 * One more setting. What it says of one that is wrong does not repeat the value, which may be a password.
 * @param known names, or `undefined` for a program that has one phone, and may have others
 */
export function setting(known?: string[]): (text: string, before?: Record<string, string>) => Record<string, string> {
    return (text, before = {}) => {
        const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
        if (!key || value === undefined) throw new InvalidArgumentError(known ? "Give NAME=VALUE, or @2:NAME=VALUE." : "Give NAME=VALUE.")
        const { name, number } = partsOf(key)
        if (number !== undefined && !known) throw new InvalidArgumentError(`There is one phone; leave @${number}: out.`)
        if (OPTIONS[name]) throw new InvalidArgumentError(`Use ${OPTIONS[name]} for that.`)
        if (known && !known.includes(name)) throw new InvalidArgumentError(`There is no setting ${name}; there are ${known.join(", ")}.`)
        const choices = known && Object.hasOwn(CHOICES, name) ? CHOICES[name]! : [value]
        if (!choices.includes(value)) throw new InvalidArgumentError(`${name} is ${choices.join(" or ")}.`)
        if (Buffer.byteLength(name) > NAME_MAX) throw new InvalidArgumentError(`The name of a setting has at most ${NAME_MAX} characters.`)
        return { ...before, [key]: value }
    }
}

/**
 * The settings of each phone: those for all, and its own, which win.
 * @throws if one is for a phone that is not there
 */
export function settingsOf(phones: number, setting: Record<string, string> = {}): Record<string, string>[] {
    const entries = Object.entries(setting).map(([key, value]) => ({ ...partsOf(key), key, value }))
    for (const { number, key } of entries)
        if (number !== undefined && !(Number(number) >= 1 && Number(number) <= phones))
            throw new Error(`there is no phone ${number} for --setting ${key}; there ${phones === 1 ? "is 1" : `are ${phones}`} (--phones)`)
    return Array.from({ length: phones }, (_, i) => {
        const all = entries.filter(({ number }) => number === undefined)
        const own = entries.filter(({ number }) => Number(number) === i + 1)
        return Object.fromEntries([...all, ...own].map(({ name, value }) => [name, value]))
    })
}

/** @param line of the firmware's log @returns what it says of a setting that makes no sense, and what is in force instead; `undefined` if it says nothing of that */
export function settingRemark(line: string): string | undefined {
    const [, name] = /^settings: (\w+) is /.exec(line) ?? []
    if (name === undefined) return undefined
    const value = DEFAULTS[name]
    if (value === undefined) return line
    return value === "" ? `${line}; the phone is as without ${name}` : `${line}; ${name}=${value} is in force`
}

export function phy(text: string): PhyKind {
    if (text === "stream" || text === "w5500") return text
    throw new InvalidArgumentError("Give stream or w5500.")
}

export function image(text: string): Image {
    const known = IMAGES.find(name => name === text)
    if (!known) throw new InvalidArgumentError(`Give ${IMAGES.join(" or ")}.`)
    return known
}

/** Characters that a column of help has at least; on a terminal that has not even that, its rows are not broken between words. */
export const HELP_COLUMN = 16

/** An error of commander's, without the value of the setting that it tells of. */
function withoutValue(text: string): string {
    return text.replace(/('--setting <[^>]*>' argument '[^=']*=).*(' is invalid)/s, "$1...$2")
}

/** Adds the options of `NetworkOptions`. @param settings that there are; any, if left out */
export function withNetworkOptions(command: Command, settings?: string[]): Command {
    return command
        .configureHelp({ minWidthToWrap: HELP_COLUMN })
        .configureOutput({ outputError: (text, write) => write(`${fitted(withoutValue(text).trimEnd(), process.stderr)}\n`) })
        .option("--lan <url>", "embedded, or tcp://HOST:PORT: an Ethernet carried as VDE frames", lan, "embedded")
        .option("--phy <kind>", "stream, or w5500: through a model of that Ethernet controller", phy, "stream")
        .option("--pcap <file>", "write every frame of the embedded LAN to a capture file")
        .option(
            "--setting <name=value>",
            `a setting of the phone${settings ? ", @2:name=value of the second alone" : ""}, see docs/boards.md#settings; can be repeated`,
            setting(settings)
        )
        .option("--verbose", "show what the firmware logs")
}
