/** The sample programs do what they say. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { Bus } from "../sim/bus.js"
import { CLI, PROJECT } from "../sim/firmware.js"
import { EmbeddedLan } from "../sim/lan/lan.js"

const TIMEOUT = 120_000

test("two addresses", async () => {
    const lan = await EmbeddedLan.start()
    const bus = await Bus.open()
    const folder = mkdtempSync(join(tmpdir(), "tuplephone-sample-"))
    const program = join(PROJECT, "devs/samples/two-addresses.ts")
    const vm = spawn(
        process.execPath,
        ["--require", join(PROJECT, "sim/board.cjs"), CLI, "run", "--tcp", "--ignore-missing-config", program],
        {
            cwd: folder,
            env: { ...process.env, TUPLEPHONE_BUS: String(bus.port), TUPLEPHONE_LAN: `${lan.host}:${lan.port}` },
            stdio: ["ignore", "pipe", "pipe"],
        }
    )
    try {
        let output = ""
        await new Promise<void>((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`not within ${TIMEOUT / 1000} s:\n${output}`)), TIMEOUT)
            for (const stream of [vm.stdout, vm.stderr])
                stream.setEncoding("utf8").on("data", (text: string) => {
                    output += text
                    if (output.includes("both addresses are given back")) {
                        clearTimeout(timer)
                        resolve()
                    }
                })
        })
        const [first, second] = [...output.matchAll(/([\d.]+):5004 said to 10\.77\.0\.[23]:4000 and heard: hello/g)].map(m => m[1])
        assert.ok(first && second && first !== second, output)
        const held = lan.dhcp.leases().map(l => l.address)
        assert.deepEqual([held.length, held.includes(first), held.includes(second)], [1, false, false])
    } finally {
        const ended = new Promise(resolve => vm.once("exit", resolve))
        vm.kill()
        await ended
        await bus.close()
        await lan.stop()
        rmSync(folder, { recursive: true, force: true })
    }
})
