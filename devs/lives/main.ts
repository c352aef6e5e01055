import { readSettings, startStack } from "../../src/boot"
import { Printer } from "../../src/console/command"
import { execute } from "../../src/console/commands"
import { startConsole } from "../../src/console/server"
import { commonReady } from "../../src/address/common"
import { parseDecimal } from "../../src/wire/address"
import { live, makeSockets } from "./lives"

const LIVES = "lives "
const MAX = 1000000

/** The console, and `lives COUNT SEED`: let as many sockets live, and tell as one line of JSON what became of them. */
async function run(line: string, out: Printer): Promise<boolean> {
    if (!line.startsWith(LIVES)) return await execute(line, out)
    const [count, seed] = line
        .slice(LIVES.length)
        .split(" ")
        .map(word => parseDecimal(word, MAX))
    return await live(count, seed, out)
}

// The stack and the console of the firmware, without its telephone: the sockets are those of lives.ts alone.
const settings = await readSettings()
makeSockets()
startStack(settings)
await commonReady(1000)
startConsole(run)
