/** `npm run console` as a test starts it. */
import { spawn } from "node:child_process"
import { PROJECT } from "../../sim/firmware.js"

/** Milliseconds for the program to start on a busy machine, to find the phone, and to do its work. */
export const PATIENCE = 60_000

/** Milliseconds for which a program is stopped, as by Ctrl-Z: a bus gives a device up that it has not heard for three seconds. */
export const STOPPED = 4_500

/** `npm run console` at the end of pipes. */
export class Console {
    stdout = ""
    stderr = ""
    readonly ended: Promise<number | null>
    private readonly child

    constructor(...args: string[]) {
        this.child = spawn(process.execPath, ["--import", "tsx", "sim/console.ts", ...args], { cwd: PROJECT })
        this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text))
        this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text))
        this.ended = new Promise(resolve => this.child.on("close", resolve))
        const timer = setTimeout(() => this.signal("SIGKILL"), PATIENCE)
        void this.ended.then(() => clearTimeout(timer))
    }

    input(text: string): void {
        this.child.stdin.end(text)
    }

    signal(signal: NodeJS.Signals): void {
        this.child.kill(signal)
    }

    /** What it says beside the answers. */
    said(): string {
        return this.stderr.replace(/^looking for the phone on .* \.\.\.\n/, "")
    }
}
