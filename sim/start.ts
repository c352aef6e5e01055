/** `npm start`: the LAN, the phones on it, and a console; see `--help`. */
import { Command, InvalidArgumentError } from "commander"
import { createHash } from "node:crypto"
import { connect } from "node:net"
import { demonstrate } from "./demo.js"
import { buildFirmware, PROJECT, type PhyKind } from "./firmware.js"
import { EmbeddedLan } from "./lan/lan.js"
import { Phone } from "./phone.js"
import { runProgram, type End } from "./program.js"
import { notice, prompt } from "./prompt.js"
import { run } from "./script.js"

interface Options {
    exec?: string
    lan: string
    phy: PhyKind
    pcap?: string
    phones: number
    verbose?: boolean
}

const PHONES_MAX = 16
const LAN_TIMEOUT = 3_000

function phones(text: string): number {
    const n = Number(text)
    if (Number.isInteger(n) && n >= 1 && n <= PHONES_MAX) return n
    throw new InvalidArgumentError(`Give a number from 1 to ${PHONES_MAX}.`)
}

function lan(text: string): string {
    if (text === "embedded" || /^tcp:\/\/[^:/]+:\d{1,5}$/.test(text)) return text
    throw new InvalidArgumentError("Give embedded, or tcp://HOST:PORT.")
}

function phy(text: string): PhyKind {
    if (text === "stream" || text === "w5500") return text
    throw new InvalidArgumentError("Give stream or w5500.")
}

/** The phone would try again and again, and its user would wonder. @throws if nothing listens there */
async function answers(address: string): Promise<void> {
    const colon = address.lastIndexOf(":")
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)), timeout: LAN_TIMEOUT })
    try {
        await new Promise<void>((resolve, reject) => {
            socket.once("connect", resolve)
            socket.once("error", reject)
            socket.once("timeout", () => reject(new Error("no answer")))
        })
    } catch (error) {
        throw new Error(`there is no LAN at ${address} (${(error as Error).message}); start it, or leave --lan out`)
    } finally {
        socket.destroy()
    }
}

/**
 * The same for the same phone of the same checkout, so that its leases are found again. Two copies on one external LAN
 * need two checkouts.
 */
function deviceId(index: number): string {
    return createHash("sha256").update(`${PROJECT} ${index}`).digest("hex").slice(0, 16)
}

async function main(options: Options): Promise<void> {
    const say = notice
    const ended: End[] = []
    const work = async (): Promise<boolean> => {
        const image = await buildFirmware(say, options.phy)
        let address = options.lan.replace("tcp://", "")
        if (options.lan === "embedded") {
            const embedded = await EmbeddedLan.start({ pcap: options.pcap })
            ended.push(() => embedded.stop())
            address = `${embedded.host}:${embedded.port}`
        } else {
            if (options.pcap) throw new Error("--pcap captures the embedded LAN; on another LAN use tcpdump or tshark")
            await answers(address)
        }
        say(`booting ${options.phones === 1 ? "the phone" : `${options.phones} phones`} ...`)
        const booting = Array.from({ length: options.phones }, async (_, i) => {
            const phone = await Phone.boot({ image, deviceId: deviceId(i), lan: address, phy: options.phy })
            ended.unshift(() => phone.stop())
            if (options.verbose) phone.on("log", line => say(`phone ${i + 1}: ${line}`))
            return phone
        })
        const results = await Promise.allSettled(booting)
        for (const result of results) if (result.status === "rejected") throw result.reason
        const booted = await Promise.all(booting)
        if (options.exec !== undefined) return await run(booted, options.exec)
        if (options.lan === "embedded") await demonstrate(booted[0]!)
        await Promise.race([prompt(booted), ...booted.map(phone => phone.failed)])
        return true
    }

    await runProgram(work, ended)
}

await new Command("npm start --")
    .description("Boots the firmware in the simulator on a LAN, places two demonstration calls and leaves a console prompt.")
    .option("--exec <commands>", 'instead: run these console commands ("cmd; cmd"), print their answers, and stop')
    .option("--lan <url>", "embedded, or tcp://HOST:PORT: an Ethernet carried as VDE frames", lan, "embedded")
    .option("--phy <kind>", "stream, or w5500: through a model of that Ethernet controller", phy, "stream")
    .option("--pcap <file>", "write every frame of the embedded LAN to a capture file")
    .option("--phones <number>", 'that many phones on one LAN; "@2 command" is for the second', phones, 1)
    .option("--verbose", "show what the firmware logs")
    .action(main)
    .parseAsync()
