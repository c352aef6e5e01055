/** `npm run console`: the console of a phone on a board, over its serial line; see `--help`. */
import { Command } from "commander"
import { runProgram, type End } from "./program.js"
import { notice, prompt } from "./prompt.js"
import { run } from "./script.js"
import { Board } from "./serial/board.js"
import { choosePort, describe, isLikely, listPorts } from "./serial/ports.js"

interface Options {
    serial?: string
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

async function main(options: Options): Promise<void> {
    const ended: End[] = []
    const work = async (): Promise<boolean> => {
        if (options.list) return await showPorts(!!options.json)
        const path = options.serial ?? choosePort(await listPorts()).path
        notice(`looking for the phone on ${path} ...`)
        const board = await Board.open(path, opening => {
            ended.push(() => opening.stop())
            opening.on("notice", notice)
            if (options.verbose) opening.on("log", line => notice(`board: ${line}`))
        })
        if (options.exec !== undefined) return await run([board], options.exec)
        await Promise.race([prompt([board]), board.failed])
        return true
    }
    await runProgram(work, ended)
}

await new Command("npm run console --")
    .description("Opens the console of a phone on a board, over its USB serial line.")
    .option("--serial <device>", "the board's port; without it the only one that is on USB")
    .option("--list", "show the serial ports, and leave")
    .option("-j, --json", "with --list: as one line of JSON")
    .option("--exec <commands>", 'run these console commands ("cmd; cmd"), print their answers, and leave')
    .option("--verbose", "show what the board logs")
    .action(main)
    .parseAsync()
