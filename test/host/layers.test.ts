/**
 * The rules of .dependency-cruiser.cjs refuse what they must, and nothing else: a tree of small files, each with one import,
 * goes through them, and what they say of it is compared with what is expected. The project's own tree is for `npm run lint`.
 */
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { after, before, describe, it } from "node:test"
import { PROJECT } from "../../sim/firmware.js"

/** From the bottom to the top, written down here a second time on purpose. */
const LAYERS = "base wire phy link ip transport dhcp address socket dns voice rtp sip transfer telephone console".split(" ")
const CRUISER = join(PROJECT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs")

interface Violation {
    from: string
    to: string
    rule: { name: string }
}

let folder: string
let violations: Violation[]
const imports = new Map<string, string[]>()

/** A file of the tree that imports `target`; `how` is what stands before `from`. */
function file(path: string, target?: string, how = "import { x }"): void {
    const lines = imports.get(path) ?? ["export const x = 1", "export type T = 1"]
    if (target) lines.push(`${how} from "${"../".repeat(path.split("/").length - 1) || "./"}${target}"`)
    imports.set(path, lines)
}

const AS_TYPE = "import type { T }"

function describeTree(): void {
    for (const from of LAYERS) {
        file(`src/${from}/at.ts`)
        for (const to of LAYERS) if (from !== to) file(`src/${from}/${to}.ts`, `src/${to}/at`)
    }
    file("src/transport/endpoint.ts", "src/link/interface", AS_TYPE)
    file("src/link/interface.ts", "src/transport/endpoint", AS_TYPE)
    file("src/ip/by-type.ts", "src/transport/endpoint", AS_TYPE)
    file("src/ip/by-value.ts", "src/transport/endpoint")
    file("src/phy/by-type.ts", "src/transport/endpoint", AS_TYPE)
    file("src/link/other-by-type.ts", "src/transport/at", AS_TYPE)

    file("src/index.ts", "src/boot")
    file("src/main.ts", "src/console/at")
    file("src/main.ts", "src/phone")
    file("src/phone.ts", "src/boot")
    file("src/main-example.ts", "examples/one")
    file("src/boot.ts", "src/settings")
    file("src/settings.ts", "src/console/at")
    file("src/console/above.ts", "src/settings")
    file("src/base/above.ts", "src/boot", AS_TYPE)
    file("src/circle/first.ts", "src/wire/at")
    file("src/stray.ts", "src/wire/at")

    file("src/voice/first.ts", "src/voice/second")
    file("src/voice/second.ts", "src/voice/third", AS_TYPE)
    file("src/voice/third.ts", "src/voice/first")

    file("src/transport/endpoint.ts", "src/transport/around", AS_TYPE)
    file("src/transport/around.ts", "src/transport/endpoint")

    file("examples/one.ts")
    file("sim/start.ts", "sim/lan/host")
    file("sim/lan/host.ts")
    file("sim/lan/wire.ts", "src/wire/at")
    file("sim/lan/type.ts", "src/wire/at", AS_TYPE)
    file("sim/phone.ts", "src/wire/at")
    file("sim/tested.ts", "test/some")
    file("sim/measured.ts", "bench/some")
    file("scripts/tested.ts", "test/some")
    file("test/some.ts", "sim/start")
    file("bench/some.ts", "sim/start")
    file("src/wire/simulated.ts", "sim/start")
    file("src/main-other.ts", "examples/one")
    file("bench/vm.ts", "sim/start")
    file("fuzz/run.ts", "bench/vm")
    file("fuzz/oracle.ts", "src/wire/at", AS_TYPE)
    file("fuzz/frames.ts", "sim/lan/host")
    file("test/missing.ts", "sim/nowhere")
}

describe("the rules of who imports whom", () => {
    before(() => {
        folder = mkdtempSync(join(tmpdir(), "tuplephone-layers-"))
        describeTree()
        for (const [path, lines] of imports) {
            mkdirSync(dirname(join(folder, path)), { recursive: true })
            writeFileSync(join(folder, path), `${lines.join("\n")}\n`)
        }
        for (const name of ["tsconfig.json", ".dependency-cruiser.cjs"]) copyFileSync(join(PROJECT, name), join(folder, name))
        const folders = ["src", "sim", "test", "bench", "fuzz", "scripts", "examples"]
        const { stdout, stderr } = spawnSync(process.execPath, [CRUISER, "--output-type", "json", ...folders], {
            cwd: folder,
            encoding: "utf8",
        })
        assert.ok(stdout.startsWith("{"), stderr)
        violations = JSON.parse(stdout).summary.violations
    })
    after(() => rmSync(folder, { recursive: true, force: true }))

    /** What was said of the files whose path begins so: "rule: from -> to", without src/ and .ts. */
    const said = (...paths: string[]): string[] =>
        violations
            .filter(({ from }) => paths.some(path => from.startsWith(path)))
            .map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`.replaceAll("src/", "").replaceAll(".ts", ""))
            .sort()

    it("let a folder of src/ import from those below it, and from none above", () => {
        const upward = LAYERS.flatMap((from, i) => LAYERS.slice(i + 1).map(to => `layer-${from}: ${from}/${to} -> ${to}/at`))
        const pairs = LAYERS.flatMap(from => LAYERS.filter(to => to !== from).map(to => `src/${from}/${to}.ts`))
        assert.deepEqual(said(...pairs), upward.sort())
    })

    it("let link/ and ip/ know the endpoint's type, nobody else below transport/, and nothing more of it", () => {
        assert.deepEqual(said("src/transport/endpoint", "src/link/interface", "src/ip/by-type"), [])
        assert.deepEqual(said("src/ip/by-value"), ["contract-by-type-only: ip/by-value -> transport/endpoint"])
        assert.deepEqual(said("src/phy/by-type"), ["layer-phy: phy/by-type -> transport/endpoint"])
        assert.deepEqual(said("src/link/other"), ["layer-link: link/other-by-type -> transport/at"])
    })

    it("let the files of src/ itself import from the folders and from those before them", () => {
        assert.deepEqual(said("src/index", "src/main.ts", "src/phone", "src/boot", "src/settings"), [])
        assert.deepEqual(said("src/console/above"), ["layer-console: console/above -> settings"])
        assert.deepEqual(said("src/base/above"), ["layer-base: base/above -> boot"])
    })

    it("refuse a folder or a file of src/ that has no place in the order", () => {
        assert.deepEqual(said("src/circle", "src/stray"), ["no-stray-folder: circle/first -> wire/at", "no-stray-folder: stray -> wire/at"])
    })

    it("refuse a circle, also one that a type closes", () => {
        assert.deepEqual(said("src/voice/first", "src/voice/second", "src/voice/third"), ["no-circle: voice/first -> voice/second"])
        assert.deepEqual(said("src/transport/around"), ["contract-by-type-only: transport/around -> transport/endpoint"])
    })

    it("keep the embedded LAN apart from the firmware, and what a user runs apart from tests and benchmarks", () => {
        assert.deepEqual(said("sim/", "scripts/"), [
            "independent-oracle: sim/lan/type -> wire/at",
            "independent-oracle: sim/lan/wire -> wire/at",
            "sim-without-tests: scripts/tested -> test/some",
            "sim-without-tests: sim/measured -> bench/some",
            "sim-without-tests: sim/tested -> test/some",
        ])
    })

    it("keep what the fuzz program expects apart from the firmware, and from the embedded LAN", () => {
        assert.deepEqual(said("fuzz/"), ["independent-fuzz: fuzz/frames -> sim/lan/host", "independent-fuzz: fuzz/oracle -> wire/at"])
    })

    it("keep the firmware apart from what is beside it, except for the example that a program is", () => {
        assert.deepEqual(said("src/wire/simulated", "src/main-"), [
            "firmware-alone: main-other -> examples/one",
            "firmware-alone: wire/simulated -> sim/start",
        ])
    })

    it("refuse what does not exist", () => {
        assert.deepEqual(said("test/missing"), ["resolved: test/missing -> ../sim/nowhere"])
    })
})
