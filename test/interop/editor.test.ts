/**
 * The editor's simulator without the editor: the real development server of the DeviceScript extension, asked for the
 * same things in the same order, and our console on its bus.
 */
import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { after, before, describe, it } from "node:test"
import { CLI, PROJECT } from "../../sim/firmware.js"
import { readLaunchList, SIMULATOR } from "../support/launch-list.js"
import { HostProcess, type Exit } from "./process.js"

/** Milliseconds for what compiles the firmware, on a busy machine. */
const BUILD_PATIENCE = 60_000
const TSX = ["--import", "tsx"]
const INPUT_FIRST = ["--require", "./test/interop/input-first.cjs"]
const deviceId = randomBytes(8).toString("hex")

describe("the editor's development server", () => {
    const started: HostProcess[] = []
    let server: HostProcess
    let extension: HostProcess
    let seq = 0

    function start(name: string, ...args: string[]): HostProcess {
        const program = new HostProcess(name, process.execPath, args, { cwd: PROJECT, env: { ...process.env, NO_COLOR: "1" } })
        started.push(program)
        return program
    }

    /** Asks the server for something, as the extension does. */
    async function ask(req: string, data: object): Promise<Record<string, unknown>> {
        const id = ++seq
        extension.write(`${JSON.stringify({ req, seq: id, data })}\n`)
        const answers = () =>
            extension.stdout
                .split("\n")
                .slice(0, -1)
                .map(line => JSON.parse(line) as Record<string, unknown>)
        return await extension.ready(`the answer to ${req}`, () => answers().find(answer => answer.seq === id), BUILD_PATIENCE)
    }

    /** Runs commands in the console on the server's bus. */
    async function exec(commands: string): Promise<{ exit: Exit; program: HostProcess }> {
        const program = start("console", ...TSX, "sim/console.ts", "--bus", "--exec", commands)
        return { exit: await program.ended(BUILD_PATIENCE), program }
    }

    before(async () => {
        const lan = start("LAN", ...TSX, "sim/lan/main.ts")
        await lan.ready("its port", () => lan.stdout.includes("at tcp://"))
        server = start("devs devtools", ...INPUT_FIRST, CLI, "devtools", "--vscode")
        extension = start("extension", ...TSX, "--experimental-websocket", "test/interop/extension.ts")
        // a source that is opened in the editor is built: the first build is the slow one
        assert.equal((await ask("build", { filename: "src/main.ts" })).success, true)
        // with no flash, so that the editor's own simulator in this folder keeps its own
        await ask("startVM", { deviceId, stateless: true })
        await server.ready("the simulator", () => server.stdout.includes("tcpclient: connected"))
    })
    after(async () => {
        for (const program of started.reverse()) await program.stop("SIGKILL")
    })

    it("says in the console that nothing has been started yet", async () => {
        const { exit, program } = await exec("help")
        assert.equal(exit.code, 1)
        assert.match(
            program.stderr,
            /^error: there is a DeviceScript device on the bus at 127\.0\.0\.1:8082, but no Tuplephone runs on it; press play in the editor$/m
        )
    })

    /** How each program shows that it is the one that runs. */
    const SHOWS: Record<string, () => Promise<unknown>> = {
        "src/main.ts": async () => {
            const { exit, program } = await exec("ifconfig; call 10.77.0.2:4000 --seconds 1; calls")
            assert.equal(exit.code, 0, program.output)
            assert.match(program.stdout, /^call 1 is up: 10\.77\.0\.\d+:5004 to 10\.77\.0\.2:4000/m)
        },
        "src/main-example.ts": async () =>
            await server.ready(
                "what the example writes",
                () => /said to 10\.77\.0\.3:4000 and heard: hello[^]+both addresses are given back/.test(server.stdout),
                BUILD_PATIENCE
            ),
    }

    for (const { name, program, deviceId: where } of readLaunchList()) {
        if (where !== SIMULATOR) continue
        it(`"${name}" of the launch list is what runs`, async () => {
            const filename = program.replace("${workspaceFolder}/", "")
            const { success, deployStatus, message } = await ask("build", { filename, deployTo: deviceId })
            assert.deepEqual([success, deployStatus, message], [true, "OK", undefined])
            assert.ok(filename in SHOWS, `this test knows how ${filename} shows that it runs`)
            await SHOWS[filename]!()
        })
    }
})
