/**
 * `npm test`: all tests that need Node.js alone. A folder is a class of tests, and CLASSES says how the files in it are run.
 * With words, only the files whose `folder/name` holds one of them. The tests in `interop/` have a script of their own.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { dirname, join, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { buildFirmware, type PhyKind, type Program } from "../sim/firmware.js"

const TESTS = fileURLToPath(new URL(".", import.meta.url))
const SIMULATED_TIME = pathToFileURL(join(TESTS, "support/time/clock.ts")).href
const SUFFIX = ".test.ts"
const AT_A_TIME = 2

/** How files are run. */
interface Way {
    /** For the log. */
    what: string
    phy: PhyKind
    simulated: boolean
    /** Milliseconds for a file, lest one that hangs does so for ever. */
    timeout: number
    /** How often a file may fail. If more than once, each file is a run of its own, and its output comes in one piece when it has ended. */
    attempts: number
}

const HOST: Way = { what: "", phy: "stream", simulated: false, timeout: 1_200_000, attempts: 1 }
/** With a phone. In simulated time, so that how they end does not depend on the machine. */
const OVER_STREAM: Way = { ...HOST, what: "over the PHY stream, in simulated time, ", simulated: true }
const OVER_W5500: Way = { ...OVER_STREAM, what: "over the PHY w5500, in simulated time, ", phy: "w5500" }
/**
 * With other programs, terminals or connections, which have no clock but the real one: a file takes three minutes at most, if nothing else runs.
 * A machine that stops for longer than a test or a frame can wait makes one fail: again then.
 */
const REAL_TIME: Way = { ...HOST, what: "in real time", timeout: 450_000, attempts: 3 }

/** In this order. */
const WAYS = [HOST, OVER_STREAM, OVER_W5500, REAL_TIME]
/** The folders, and every way in which the files of each are run. */
const CLASSES: Record<string, Way[]> = {
    // without a phone
    host: [HOST],
    vm: [HOST],
    "w5500-model": [HOST],
    // a phone on the embedded LAN
    e2e: [OVER_STREAM, OVER_W5500],
    // with an image, or a PHY, of their own
    "e2e-one-phy": [OVER_STREAM],
    // the embedded LAN over TCP
    "sim-lan": [REAL_TIME],
    // commands as their user has them
    terminal: [REAL_TIME],
    "real-time": [REAL_TIME],
}
const ELSEWHERE = "interop"

function fail(message: string): never {
    console.error(`error: ${message}`)
    process.exit(1)
}

const all = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
    .map(file => file.split(sep).join("/"))
    .filter(file => file.endsWith(SUFFIX) && dirname(file) !== ELSEWHERE)
    .map(file => file.slice(0, -SUFFIX.length))
    .sort()
const homeless = all.find(name => !Object.hasOwn(CLASSES, dirname(name)))
if (homeless) fail(`test/${homeless}${SUFFIX} is in no class of tests; their folders are ${Object.keys(CLASSES).join(" ")}`)
const words = process.argv.slice(2)
const unknown = words.find(word => !all.some(name => name.includes(word)))
if (unknown) fail(`no test file has ${unknown} in its name; there are ${all.join(" ")}`)
const wanted = all.filter(name => words.length === 0 || words.some(word => name.includes(word)))

const children = new Set<ChildProcess>()
let interrupted = false
for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
        interrupted = true
        for (const child of children) child.kill(signal)
    })

async function run(names: string[], { what, phy, simulated, timeout, attempts }: Way): Promise<boolean> {
    if (names.length === 0 || interrupted) return !interrupted
    /** Something else runs beside it. */
    const apart = attempts > 1
    console.log(`# ${what}${apart ? "" : `${AT_A_TIME} at a time`}: ${names.join(" ")}`)
    const imports = ["tsx", ...(simulated ? [SIMULATED_TIME] : [])].flatMap(name => ["--import", name])
    const files = names.map(name => join(TESTS, name + SUFFIX))
    const limits = [`--test-concurrency=${AT_A_TIME}`, `--test-timeout=${timeout}`]
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

async function attempt(name: string, way: Way): Promise<boolean> {
    for (let i = 1; i <= way.attempts; i++) {
        if (await run([name], way)) return true
        if (interrupted) break
        console.log(`# ${name} has failed ${way.what}, ${i} of ${way.attempts} times`)
    }
    return false
}

async function runApart(names: string[], way: Way): Promise<boolean> {
    const left = names.slice()
    const lane = async (): Promise<boolean> => {
        let passed = true
        for (let name = left.shift(); name; name = left.shift()) passed = (await attempt(name, way)) && passed
        return passed
    }
    return (await Promise.all(Array.from({ length: AT_A_TIME }, lane))).every(passed => passed)
}

// two files that find an image stale would build it at the same time
const PROGRAMS: Program[] = ["stream", "w5500", "streams", "streams-w5500", "stream-servers", "lives"]
for (const program of PROGRAMS) await buildFirmware(text => console.log(`# ${text} (${program})`), program)

let passed = true
for (const way of WAYS) {
    const names = wanted.filter(name => CLASSES[dirname(name)]!.includes(way))
    passed = (await (way.attempts > 1 ? runApart : run)(names, way)) && passed
}
process.exitCode = passed ? 0 : 1
