/** What the editor's launch list offers is what runs: checked by the extension's own rule, which test/interop tries. */
import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, test } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { builtFor, readEditorFile, readLaunchList, SIMULATOR } from "../support/launch-list.js"

/** The attributes that the extension's schema requires: its package.json, contributes.debuggers[0].configurationAttributes. */
const REQUIRED = ["program", "deviceId"]

interface Task {
    label: string
    command: string
}

const launches = readLaunchList()
const { tasks } = readEditorFile<{ tasks: Task[] }>("tasks.json")

describe("the launch list of Visual Studio Code", () => {
    for (const launch of launches) {
        const { name, program } = launch

        test(`"${name}" runs the program that it names`, () => {
            const relative = program.replace("${workspaceFolder}/", "")
            assert.ok(existsSync(join(PROJECT, relative)), relative)
            assert.equal(builtFor(program), relative)
        })

        test(`"${name}" has what the extension's schema requires`, () => {
            assert.deepEqual([launch.type, launch.request], ["devicescript", "launch"])
            for (const attribute of REQUIRED) assert.equal(typeof launch[attribute], "string", attribute)
        })
    }

    test("a program that is no src/main*.ts is not what runs: the reason for src/main-example.ts", () => {
        assert.equal(builtFor("${workspaceFolder}/examples/any.ts", ["src/main.ts"]), "src/main.ts")
        assert.equal(builtFor("${workspaceFolder}/examples/any.ts", ["src/main.ts", "src/main-example.ts"]), undefined)
    })

    test("src/main-example.ts names a program that is there, and does nothing else", () => {
        const lines = readFileSync(join(PROJECT, "src/main-example.ts"), "utf8")
            .split("\n")
            .filter(line => line && !line.startsWith("//"))
        assert.equal(lines.length, 1, lines.join("\n"))
        const [, path] = /^import "(\.\.\/.+)"$/.exec(lines[0]!) ?? []
        assert.ok(path && existsSync(join(PROJECT, "src", `${path}.ts`)), lines[0])
    })

    test("the simulator's programs have a LAN, by a task and a script that are there", () => {
        const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"))
        for (const { name, deviceId, preLaunchTask } of launches)
            assert.equal(preLaunchTask, deviceId === SIMULATOR ? "LAN" : undefined, name)
        for (const { label, command } of tasks) assert.ok((/^npm run ([\w:]+)/.exec(command)?.[1] ?? "") in scripts, label)
        assert.ok(tasks.some(({ label }) => label === "LAN"))
    })

    test("docs/vscode.md says of each entry what it does", () => {
        const text = readFileSync(join(PROJECT, "docs/vscode.md"), "utf8")
        for (const { name } of launches) assert.ok(text.includes(`*${name}*`), name)
    })
})
