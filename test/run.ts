/**
 * `npm test`: all tests that need Node.js alone, the end-to-end tests over each PHY. Most files run several at a
 * time; those that hear every frame of many calls run alone. With words, only the files whose names hold one of them.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { buildFirmware, type PhyKind, type Program } from "../sim/firmware.js"

const TESTS = fileURLToPath(new URL(".", import.meta.url))
const ALONE = ["e2e-bad-input", "e2e-call", "e2e-eight", "e2e-many"]
/** Those of the others that are about what goes through the PHY. */
const OVER_EACH_PHY = ["e2e-bad-dhcp", "e2e-console", "e2e-ignoring-server", "e2e-lease"]
/** Milliseconds for a file: one that hangs ends, and says where. */
const TIMEOUT = 600_000
const PHYS: PhyKind[] = ["stream", "w5500"]

const words = process.argv.slice(2)
const wanted = (name: string) => words.length === 0 || words.some(word => name.includes(word))
const shared = readdirSync(TESTS)
    .filter(name => name.endsWith(".test.ts"))
    .map(name => name.slice(0, -".test.ts".length))
    .filter(name => !ALONE.includes(name))
    .sort()

let child: ChildProcess | undefined
let interrupted = false
for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
        interrupted = true
        child?.kill(signal)
    })

async function run(names: string[], phy: PhyKind, concurrency: number): Promise<boolean> {
    const files = names.filter(wanted).map(name => join(TESTS, `${name}.test.ts`))
    if (files.length === 0 || interrupted) return !interrupted
    console.log(`# over the PHY ${phy}, ${concurrency} at a time: ${names.filter(wanted).join(" ")}`)
    child = spawn(process.execPath, ["--import", "tsx", "--test", `--test-concurrency=${concurrency}`, `--test-timeout=${TIMEOUT}`, ...files], {
        env: { ...process.env, TUPLEPHONE_PHY: phy },
        stdio: "inherit",
    })
    return (await once(child, "close"))[0] === 0
}

// two files that find an image stale would build it at the same time
const PROGRAMS: Program[] = [...PHYS, "lives"]
for (const program of PROGRAMS) await buildFirmware(text => console.log(`# ${text} (${program})`), program)
/**
 * Over the simulated SPI bus each transfer is a round trip of milliseconds through two processes: where the machine stops
 * one of them for longer than the chip's buffers and the driver's queue last, frames are lost as on no bus. So there a
 * file that fails is run once more.
 */
async function runOverBus(name: string): Promise<boolean> {
    if ((await run([name], "w5500", 1)) || interrupted) return !interrupted
    console.log(`# ${name} has failed over the simulated SPI bus; once more`)
    return await run([name], "w5500", 1)
}

// those over the stream wait most of the time
let passed = await run(shared, "stream", 3)
passed = (await run(ALONE, "stream", 1)) && passed
for (const name of [...OVER_EACH_PHY, ...ALONE]) passed = (await runOverBus(name)) && passed
process.exitCode = passed ? 0 : 1
