/**
 * `npm test`: all tests that need Node.js alone. The end-to-end tests run in simulated time, over each PHY, so that how they
 * end does not depend on the machine. With words, only the files whose names hold one of them.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { buildFirmware, type PhyKind, type Program } from "../sim/firmware.js"

const TESTS = fileURLToPath(new URL(".", import.meta.url))
const SIMULATED_TIME = pathToFileURL(join(TESTS, "support/time/clock.ts")).href
const PHYS: PhyKind[] = ["stream", "w5500"]
/** With other programs, terminals or connections, which have no clock but the real one. */
const REAL_TIME = ["bench", "bench-system", "boards", "e2e-console-serial", "e2e-program", "lan", "lan-dhcp", "prompt", "sample", "w5500-lan"]
/** With an image, or a PHY, of their own. */
const OVER_ONE_PHY = ["e2e-lives", "e2e-w5500"]
/** Milliseconds for a file, lest one that hangs does so for ever. */
const TIMEOUT = 1_200_000
/** For a file in real time, which takes less than one minute. */
const REAL_TIMEOUT = 300_000
const ATTEMPTS = 3
const AT_A_TIME = 2

const words = process.argv.slice(2)
const all = readdirSync(TESTS)
    .filter(name => name.endsWith(".test.ts"))
    .map(name => name.slice(0, -".test.ts".length))
    .sort()
const unknown = words.find(word => !all.some(name => name.includes(word)))
if (unknown) {
    console.error(`error: no test file has ${unknown} in its name; there are ${all.join(" ")}`)
    process.exit(1)
}
const endToEnd = all.filter(name => name.startsWith("e2e-") && !REAL_TIME.includes(name))
const others = all.filter(name => !endToEnd.includes(name) && !REAL_TIME.includes(name))

const children = new Set<ChildProcess>()
let interrupted = false
for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
        interrupted = true
        for (const child of children) child.kill(signal)
    })

interface How {
    phy?: PhyKind
    simulated?: boolean
    /** Whether something else runs beside it: its output comes in one piece then, when it has ended. */
    apart?: boolean
}

async function run(names: string[], { phy = "stream", simulated = false, apart = false }: How): Promise<boolean> {
    const wanted = names.filter(name => words.length === 0 || words.some(word => name.includes(word)))
    if (wanted.length === 0 || interrupted) return !interrupted
    const how = apart ? "in real time" : `${simulated ? `over the PHY ${phy}, in simulated time, ` : ""}${AT_A_TIME} at a time`
    console.log(`# ${how}: ${wanted.join(" ")}`)
    const imports = ["tsx", ...(simulated ? [SIMULATED_TIME] : [])].flatMap(name => ["--import", name])
    const files = wanted.map(name => join(TESTS, `${name}.test.ts`))
    const limits = [`--test-concurrency=${AT_A_TIME}`, `--test-timeout=${apart ? REAL_TIMEOUT : TIMEOUT}`]
    const child = spawn(process.execPath, [...imports, "--test", ...limits, ...files], {
        env: { ...process.env, TUPLEPHONE_PHY: phy },
        stdio: ["inherit", apart ? "pipe" : "inherit", "inherit"],
    })
    children.add(child)
    let output = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text))
    const [code] = await once(child, "close")
    children.delete(child)
    process.stdout.write(output)
    return code === 0
}

/** In real time a machine that stops for longer than a test or a frame can wait makes one fail: again then. */
async function attempt(name: string): Promise<boolean> {
    for (let i = 1; i <= ATTEMPTS; i++) {
        if (await run([name], { apart: true })) return true
        if (interrupted) break
        console.log(`# ${name} has failed in real time, ${i} of ${ATTEMPTS} times`)
    }
    return false
}

async function runInRealTime(names: string[]): Promise<boolean> {
    const left = names.slice()
    const lane = async (): Promise<boolean> => {
        let passed = true
        for (let name = left.shift(); name; name = left.shift()) passed = (await attempt(name)) && passed
        return passed
    }
    return (await Promise.all(Array.from({ length: AT_A_TIME }, lane))).every(passed => passed)
}

// two files that find an image stale would build it at the same time
const PROGRAMS: Program[] = [...PHYS, "lives"]
for (const program of PROGRAMS) await buildFirmware(text => console.log(`# ${text} (${program})`), program)

let passed = await run(others, {})
for (const phy of PHYS)
    passed = (await run(phy === "stream" ? endToEnd : endToEnd.filter(name => !OVER_ONE_PHY.includes(name)), { phy, simulated: true })) && passed
passed = (await runInRealTime(REAL_TIME)) && passed
process.exitCode = passed ? 0 : 1
