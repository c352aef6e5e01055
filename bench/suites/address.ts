/** How long a call waits for its address, beside a Linux host that does the same with one more interface. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { PROJECT } from "../../sim/firmware.js"
import type { Times } from "../lan/address.js"
import { rowAgainst, rowOf, type Options, type Row, type Suite } from "../suite.js"

const LAN = fileURLToPath(new URL("../lan/address.ts", import.meta.url))
/** Of the time of macvlan and udhcpc. */
const BUDGET = 0.5
/** Milliseconds for an address that was kept ready. */
const WARM_BUDGET = 2
/** In each run; their median is its figure. */
const TRIES = 5

async function run(command: string, args: string[], progress: (text: string) => void): Promise<string> {
    const child = spawn(command, args, { cwd: PROJECT, stdio: "pipe" })
    // unshare listens to no other signal; with it goes all that is in its namespaces
    const kill = () => child.kill("SIGKILL")
    process.once("exit", kill)
    let output = ""
    let last = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
    createInterface({ input: child.stderr }).on("line", line => progress((last = line)))
    try {
        const [code] = await once(child, "close")
        if (code !== 0) throw new Error(last || `${command} has ended (${code})`)
        return output
    } finally {
        process.off("exit", kill)
    }
}

/** @returns why it cannot be measured here, for people; `undefined` if it can */
async function hindrance(): Promise<string | undefined> {
    if (process.getuid?.() !== 0) return "run as root"
    try {
        await run("bash", [join(PROJECT, "test/interop/packages.sh")], () => {})
    } catch (error) {
        return (error as Error).message.replace(/^error: /, "")
    }
}

/** In namespaces of its own: no frame can leave, and nothing is left behind. */
async function measure({ runs, progress, quick }: Options): Promise<Times> {
    const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    const output = await run(
        "unshare",
        [...namespaces, process.execPath, "--import", "tsx", LAN, String(runs), quick ? "1" : String(TRIES)],
        progress
    )
    return JSON.parse(output) as Times
}

function rows(times: Times): Row[] {
    const against = "macvlan + udhcpc"
    const cold = rowAgainst("cold, one round trip (rapid commit)", "ms", times.rapid, against, times.udhcpc)
    const over = cold.ratio! - BUDGET
    cold.budget = {
        text: `at most ${BUDGET} of ${against}`,
        met: over <= 0,
        missedBy: over <= 0 ? undefined : `${over.toFixed(2)} of it`,
    }
    const warm = rowAgainst("warm, the mean of eight in a row", "ms", times.warm, against, times.udhcpc)
    warm.budget = {
        text: `under ${WARM_BUDGET} ms`,
        met: warm.value < WARM_BUDGET,
        missedBy: warm.value < WARM_BUDGET ? undefined : `${(warm.value - WARM_BUDGET).toFixed(2)} ms`,
    }
    const all = [
        cold,
        rowAgainst("cold, two round trips", "ms", times.plain, against, times.udhcpc),
        warm,
        rowOf(against, "ms", times.udhcpc),
        rowOf("udhcpc alone, macvlan made before", "ms", times.udhcpcAlone),
    ]
    if (times.dhclient.length > 0) all.push(rowOf("macvlan + dhclient", "ms", times.dhclient))
    return all
}

export const suite: Suite = {
    name: "address",
    title: "Milliseconds until a program's new address is bound",
    async run(options: Options): Promise<Row[]> {
        const why = await hindrance()
        if (why) return [{ name: `not measured: ${why}`, unit: "ms", value: NaN, runs: 0, least: NaN, greatest: NaN }]
        return rows(await measure(options))
    },
}
