import { readSettings, startStack } from "../../src/boot"
import { Printer } from "../../src/console/command"
import { execute } from "../../src/console/commands"
import { startConsole, tellEnd } from "../../src/console/server"
import { addStreamCommand } from "../../src/console/streams"
import { commonReady } from "../../src/address/common"
import { keepReady } from "../../src/address/ready"
import { startStreams } from "../../src/socket/stream"
import { connections } from "../../src/transport/tcp/connection"
import { startTelephone } from "../../src/telephone/telephone"
import { watchUptime } from "../../src/telephone/uptime"
import { inTables } from "../support/tables"
import { figures, startServers } from "./servers"

/** The console, and `servers`: what became of their connections, and what is in the tables, as one line of JSON. */
async function run(line: string, out: Printer): Promise<boolean> {
    if (line !== "servers") return await execute(line, out)
    const { sockets, endpoints } = inTables()
    const { accepted, ended, discarded, error } = figures
    const taken = connections.filter(c => c.ifc !== undefined).length
    await out.print(JSON.stringify({ accepted, ended, discarded, error, sockets, endpoints, connections: taken }))
    return true
}

// The firmware with streams, and servers on its common address. `main-streams.ts` has none: a phone that nobody asked answers nobody.
const settings = await readSettings()
startStack(settings)
startTelephone(tellEnd)
startStreams()
await keepReady(settings.ready)
await commonReady(1000)
startConsole(run)
addStreamCommand()
watchUptime.start()
startServers()
