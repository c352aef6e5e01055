/**
 * The unit tests of devs/test in the simulator VM, in simulated time. Each file is a program of its own, built in a directory
 * of its own: two builds in one directory would overwrite each other.
 */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"

const PROJECT = fileURLToPath(new URL("../..", import.meta.url))
const CLI = join(PROJECT, "node_modules/@devicescript/cli/devicescript")
const TESTS = join(PROJECT, "devs/test")
const SIMULATED_TIME = join(PROJECT, "test/support/time/vm.cjs")
/** Milliseconds of simulated time that the VM has for one file, and of real time that the compiler and the VM have. */
const VM_TIMEOUT = 120_000
const TIMEOUT = 600_000
/** With the model of the chip's memory, which takes half of the heap: a collection at each allocation leaves room for the other half. */
const LARGE = /^phy\/w5500/
const COLOURS = /\x1b\[[0-9;]*m/g

async function run(file: string): Promise<{ code: number | null; output: string }> {
    const directory = mkdtempSync(join(tmpdir(), "tuplephone-vm-"))
    // the compiler takes what is in no directory of ours from its own package
    const options = ["--ignore-missing-config", "--test", "--test-timeout", String(VM_TIMEOUT)]
    try {
        const child = spawn(process.execPath, ["--require", SIMULATED_TIME, CLI, "run", ...options, join(TESTS, file)], {
            cwd: directory,
            stdio: ["ignore", "pipe", "pipe"],
            env: { ...process.env, ...(LARGE.test(file) && { TUPLEPHONE_COLLECT: "1" }) },
            timeout: TIMEOUT,
            killSignal: "SIGKILL",
        })
        let output = ""
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text))
        const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve))
        return { code, output: output.replace(COLOURS, "").replace(/^WASM> /gm, "") }
    } finally {
        rmSync(directory, { recursive: true, force: true })
    }
}

describe("in the VM", { concurrency: 2 }, () => {
    for (const file of readdirSync(TESTS, { recursive: true, encoding: "utf8" })
        .filter(name => name.endsWith(".test.ts"))
        .sort())
        it(`${file} passes`, async t => {
            const { code, output } = await run(file)
            // the exit code alone says nothing: it is 0 too when no test ran
            const totals = /^tests: (\d+), pass: (\d+), error: (\d+)\s*$/m.exec(output)
            assert.ok(totals, `${file}: the VM ended (code ${code}) before its tests did\n${output}`)
            const [total, pass, error] = totals.slice(1).map(Number)
            assert.ok(total > 0, `${file}: no test ran\n${output}`)
            assert.ok(pass === total && error === 0 && code === 0, `${file}: ${pass} of ${total} passed (code ${code})\n${output}`)
            t.diagnostic(`${total} tests`)
        })
})
