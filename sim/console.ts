/** `npm run console`: the console of a phone on a board, over its serial line, or in the editor's simulator; see `--help`. */
import { Command, InvalidArgumentError, Option } from "commander"
import { BusPhone, DEVTOOLS, showAddress, type BusAddress } from "./bus-phone.js"
import { HELP_COLUMN } from "./options.js"
import { runProgram, type End } from "./program.js"
import { prompt } from "./prompt.js"
import { run } from "./script.js"
import { Board } from "./serial/board.js"
import { choosePort, describe, isLikely, listPorts } from "./serial/ports.js"
import { notice } from "./terminal/output.js"
import { tell } from "./terminal/session.js"

interface Options {
    serial?: string
    /** `true`: where it usually is. */
    bus?: BusAddress | true
    device?: string
    list?: boolean
    json?: boolean
    exec?: string
    verbose?: boolean
}

async function showPorts(json: boolean): Promise<boolean> {
    const ports = await listPorts()
    if (json) console.log(JSON.stringify(ports.map(port => ({ ...port, likely: isLikely(port) }))))
    else if (ports.length === 0) console.log("there is no serial port; plug the board in")
    else for (const port of ports) console.log(describe(port))
    return true
}

function busAddress(text: string): BusAddress {
    const [, host = DEVTOOLS.host, port] = /^(?:([^:/]+):)?(\d{1,5})$/.exec(text) ?? []
    if (port !== undefined && Number(port) > 0 && Number(port) < 65536) return { host, port: Number(port) }
    throw new InvalidArgumentError("Give PORT, or HOST:PORT.")
}

/** The phone of the editor's simulator. */
async function openBus({ bus, device }: Options, ended: End[]): Promise<BusPhone> {
    const address = bus === true ? DEVTOOLS : bus!
    notice(`looking for the phone on the bus at ${showAddress(address)} ...`)
    return await BusPhone.open(address, device, opening => {
        ended.push(() => opening.stop())
        opening.on("notice", notice)
        opening.on("event", text => tell(opening, text))
    })
}

/** The phone on a board. */
async function openBoard({ serial, verbose }: Options, ended: End[]): Promise<Board> {
    const path = serial ?? choosePort(await listPorts()).path
    notice(`looking for the phone on ${path} ...`)
    return await Board.open(path, opening => {
        ended.push(() => opening.stop())
        opening.on("notice", notice)
        opening.on("event", text => tell(opening, text))
        if (verbose) opening.on("log", line => notice(`board: ${line}`))
    })
}

async function main(options: Options): Promise<void> {
    const ended: End[] = []
    const work = async (): Promise<boolean> => {
        if (options.list) return await showPorts(!!options.json)
        if (options.device !== undefined && !options.bus) throw new Error("--device says which phone on a bus; add --bus")
        const phone = options.bus ? await openBus(options, ended) : await openBoard(options, ended)
        if (options.exec !== undefined) return await run([phone], options.exec)
        await Promise.race([prompt([phone]), phone.failed])
        return true
    }
    await runProgram(work, ended)
}

await new Command("npm run console --")
    .configureHelp({ minWidthToWrap: HELP_COLUMN })
    .description("Opens the console of a phone on a board, over its USB serial line, or in the editor's simulator.")
    .option("--serial <device>", "the board's port; without it the only one that is on USB")
    .addOption(
        new Option(
            "--bus [address]",
            `instead: PORT or HOST:PORT of the Jacdac bus of the editor or of devs devtools (${showAddress(DEVTOOLS)})`
        )
            .argParser(busAddress)
            .conflicts(["serial", "list", "verbose"])
    )
    .option("--device <id>", "with --bus: which phone, if there are several")
    .option("--list", "show the serial ports, and leave")
    .option("-j, --json", "with --list: as one line of JSON")
    .option(
        "--exec <commands>",
        'run these console commands ("cmd; cmd", or "cmd & cmd" for one that runs beside the next), print their answers, and leave'
    )
    .option("--verbose", "show what the board logs")
    .action(main)
    .parseAsync()
