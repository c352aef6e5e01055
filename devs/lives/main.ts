import * as ds from "@devicescript/core"
import { startStack } from "../../src/boot"
import { Printer } from "../../src/console/command"
import { execute } from "../../src/console/commands"
import { ReportPrinter } from "../../src/console/server"
import { serve } from "../../src/console/service"
import { commonReady } from "../../src/iface/addresses"
import { readSettings } from "../../src/settings"
import { parseDecimal } from "../../src/wire/address"
import { live, makeSockets } from "./lives"

const LIVES = "lives "
const MAX = 1000000

/** The console, and `lives COUNT SEED`: let as many sockets live, and tell as one line of JSON what became of them. */
async function run(line: string, out: Printer): Promise<boolean> {
    if (!line.startsWith(LIVES)) return await execute(line, out)
    const [count, seed] = line.slice(LIVES.length).split(" ").map(word => parseDecimal(word, MAX))
    return await live(count, seed, out)
}

// The stack and the console of the firmware, without its telephone: the sockets are those of lives.ts alone.
const settings = await readSettings()
makeSockets()
startStack(settings)
await commonReady(1000)
serve(ds.Console.spec, "execute", async (fields, send) => {
    const out = new ReportPrinter(fields[0], send)
    await out.end(await run(fields[1], out))
})
