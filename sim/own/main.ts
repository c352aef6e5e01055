/** `npm run program`: builds a program of the reader's, and runs it on a LAN; see `--help`. */
import { Command, InvalidArgumentError } from "commander"
import { resolve } from "node:path"
import { Workspace } from "../../scripts/workspace.js"
import { PROJECT } from "../firmware.js"
import { takeIdentities } from "../identity.js"
import { openNetwork } from "../network.js"
import { withNetworkOptions, type NetworkOptions } from "../options.js"
import { runProgram, type End } from "../program.js"
import { notice } from "../terminal/output.js"
import { EXAMPLE, buildOwn, checkFile } from "./build.js"
import { runOwn } from "./run.js"

interface Options extends NetworkOptions {
    seconds?: number
}

/** Where the reader is: npm runs this in the checkout. */
const HERE = process.env.INIT_CWD ?? process.cwd()
/** The longest time that a timer takes. */
const SECONDS_MAX = 2_147_483

function seconds(text: string): number {
    const n = Number(text)
    if (text.trim() !== "" && n > 0 && n <= SECONDS_MAX) return n
    throw new InvalidArgumentError(`Give a number of seconds, up to ${SECONDS_MAX}.`)
}

async function main(file: string | undefined, options: Options): Promise<void> {
    const ended: End[] = []
    const work = async (): Promise<boolean> => {
        if (file === undefined) throw new Error(`which program? Give its path, such as ${EXAMPLE}; --help lists the options`)
        const path = resolve(HERE, file)
        checkFile(path, file)
        const pcap = options.pcap === undefined ? undefined : resolve(HERE, options.pcap)
        const address = await openNetwork({ ...options, pcap }, ended)
        notice(`building ${file} ...`)
        const workspace = new Workspace(resolve(PROJECT, "boards"), [])
        ended.push(async () => workspace.remove())
        const built = await buildOwn(workspace, path, file, options.phy)
        const [deviceId] = await takeIdentities(1)
        const { phy, setting: settings, verbose, seconds } = options
        const print = (line: string) => console.log(line)
        await runOwn(built, { lan: address, phy, deviceId: deviceId!, settings, verbose, seconds, print, say: notice }, ended)
        return true
    }
    await runProgram(work, ended)
}

const command = new Command("npm run program --")
    .description(
        'Builds a program of yours and runs it in the simulator on a LAN, until its last line and its fibers have ended. It imports the socket API from "tuplephone"; see docs/api.md.'
    )
    .argument("[file]", `the program, such as ${EXAMPLE}`)
await withNetworkOptions(command).option("--seconds <number>", "end it after that time", seconds).action(main).parseAsync()
