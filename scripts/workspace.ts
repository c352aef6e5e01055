/** A copy of the project in a temporary folder, in which the DeviceScript compiler can build without leaving a trace here. */
import { spawn } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CLI, PROJECT } from "../sim/firmware.js"

const COPIED = ["src", "services", "devsconfig.json", "package.json", ".env.defaults"]

export class Workspace {
    readonly folder = mkdtempSync(join(tmpdir(), "tuplephone-build-"))
    private readonly aborted = new AbortController()

    /**
     * @param boards the folder of the board definitions
     * @param ids which of them: a broken one that nobody asked for would fail the others
     */
    constructor(boards: string, ids: string[]) {
        for (const name of COPIED) cpSync(join(PROJECT, name), join(this.folder, name), { recursive: true })
        mkdirSync(join(this.folder, "boards"))
        for (const id of ids) cpSync(join(boards, `${id}.board.json`), join(this.folder, "boards", `${id}.board.json`))
        // the compiler writes its own packages beside the others: those must be the copy's
        const modules = join(this.folder, "node_modules")
        mkdirSync(modules)
        for (const name of readdirSync(join(PROJECT, "node_modules")))
            if (!name.startsWith("@devicescript") && !name.startsWith("@dsboard") && !name.startsWith("."))
                symlinkSync(join(PROJECT, "node_modules", name), join(modules, name))
    }

    /** Runs the DeviceScript command line in the copy. @returns how it ended, and what it printed */
    async run(...args: string[]): Promise<{ code: number | null; output: string }> {
        const { signal } = this.aborted
        // without internet access: what it would fetch must be there, and if it is not the run fails at once
        const env = { ...process.env, NO_UPDATE_NOTIFIER: "1", CI: "1", NO_COLOR: "1" }
        const child = spawn(process.execPath, [CLI, "--no-colors", ...args], {
            cwd: this.folder,
            env,
            signal,
            stdio: ["ignore", "pipe", "pipe"],
        })
        let output = ""
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text))
        const code = await new Promise<number | null>((resolve, reject) => {
            child.on("error", reject)
            child.on("close", resolve)
        })
        signal.throwIfAborted()
        return { code, output: output.replace(/\x1b\[[0-9;]*m/g, "").trim() }
    }

    /** As `run`. @returns what it printed @throws with that, if it failed or printed an error or a warning */
    async devs(...args: string[]): Promise<string> {
        const { code, output } = await this.run(...args)
        if (code !== 0 || /\b(error|warning|fatal)\b/i.test(output)) throw new Error(`"devs ${args.join(" ")}" fails; it says:\n${output}`)
        return output
    }

    /** Ends what runs, and removes the copy. */
    remove(): void {
        this.aborted.abort()
        rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
    }
}
