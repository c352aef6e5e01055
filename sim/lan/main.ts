/** The embedded LAN on its own: `npm run lan`, for firmware that runs elsewhere, such as in the editor's simulator. */
import { Command, InvalidArgumentError } from "commander"
import { EmbeddedLan, LAN } from "./lan.js"

const DEFAULT_PORT = 4789

function wholeNumber(lowest: number, highest: number): (text: string) => number {
    return text => {
        const value = Number(text)
        if (/^\d+$/.test(text) && value >= lowest && value <= highest) return value
        throw new InvalidArgumentError(`Give a whole number from ${lowest} to ${highest}.`)
    }
}

interface Options {
    port: number
    pcap?: string
    leaseSeconds: number
}

async function run(options: Options): Promise<void> {
    const lan = await EmbeddedLan.start(options)
    console.log(`LAN ${LAN.network}/${LAN.prefix} at tcp://${lan.host}:${lan.port} (Ctrl-C ends it)`)
    lan.dhcp.on("lease", (event, { address, mac, clientId, expiresAt }) => {
        const until = event === "bound" || event === "renewed" ? ` until ${new Date(expiresAt).toLocaleTimeString()}` : ""
        console.log(`${address} ${event}${until}: ${mac}${clientId && `, client identifier ${clientId}`}`)
    })
    lan.dhcp.on("nak", ({ mac }, reason) => console.log(`refused: ${mac}, ${reason}`))
    lan.dhcp.on("empty", ({ mac }) => console.log(`no address left for ${mac}`))
    const stop = () => void lan.stop()
    process.once("SIGINT", stop)
    process.once("SIGTERM", stop)
}

const program = new Command("lan")
    .description("An Ethernet LAN with DHCP, DNS and echo devices, for Ethernet frames over TCP on this machine")
    .option("--port <number>", "TCP port to listen on; 0 takes a free one", wholeNumber(0, 65535), DEFAULT_PORT)
    .option("--pcap <file>", "write every frame to this capture file")
    .option("--lease-seconds <number>", "how long DHCP leases last", wholeNumber(1, 0xffffffff), 3600)
    .action(run)

program.parseAsync().catch((error: Error) => {
    console.error(`error: ${error.message}`)
    process.exitCode = 1
})
